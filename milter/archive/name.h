/*
 * name.h - what a copy of a message is called
 *
 *	SECONDS.MmicrosPprocessRrandomQnumber.HOST,S=SIZE,X=SUM
 *
 * is the name of a Maildir file: SIZE is that of the file, SUM its checksum
 * (XXH3 with 64 bits, hexadecimal), so that a copy can be verified by itself.
 * In tmp/ the name ends behind HOST; a mail reader may add ":2," and flags.
 */
#ifndef AG_COPYNAME_H
#define AG_COPYNAME_H

#include "policy/base/text.h"

#define AG_COPYNAME_MAX 256

/* "YYYY-MM-DD", UTC. */
#define AG_DAY_MAX 11

struct ag_copyname {
	int64_t seconds; /* since 1970: when the message began */
	uint64_t size;
	uint64_t sum;
	bool whole; /* has size and sum */
};

/* A name for tmp/ that no other message has, in any process. */
void ag_copyname_make(char name[static AG_COPYNAME_MAX],
    char day[static AG_DAY_MAX]);

/* Adds what is known at the end. */
void ag_copyname_finish(char name[static AG_COPYNAME_MAX], uint64_t size,
    uint64_t sum);

/* False when it is not such a name; those of other programs are not. */
bool ag_copyname_read(struct ag_str name, struct ag_copyname *out);

/* The first second of a day; false when it is not one. */
bool ag_day_read(struct ag_str day, int64_t *out);

#endif
