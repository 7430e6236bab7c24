/*
 * mta.h - what an MTA writes to a milter and reads from it, as Postfix does
 *
 * Packets are built and read here; there is no input or output.  What was
 * negotiated is honoured: commands and replies that the milter does not want,
 * and the macros it asked for.  The letters and bits are libmilter's.
 */
#ifndef BENCH_MTA_H
#define BENCH_MTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sample.h"

/* In the order of a session; a message is MTA_MAIL to MTA_END. */
enum mta_step {
	MTA_CONNECT,
	MTA_HELO,
	MTA_MAIL,
	MTA_RCPT,
	MTA_DATA,
	MTA_HEADER,
	MTA_END_OF_HEADER,
	MTA_BODY,
	MTA_END,
	MTA_STEPS
};

/* Stages that have macros of their own; their numbers are the protocol's. */
#define MTA_STAGES 7

/* What a milter wants; filled in by mta_read_negotiation(). */
struct mta_link {
	uint32_t steps;              /* SMFIP_ bits */
	uint64_t macros[MTA_STAGES]; /* bits of the macros that are sent */
};

/* Packets to be written; ptr is to be freed. */
struct mta_buf {
	char *ptr;
	size_t len;
	size_t room;
};

/* What a step says, beside the sample. */
struct mta_said {
	const struct sample *sample;
	const char *queue_id; /* or NULL, when there is none yet */
	unsigned number;      /* of the recipient, header field or body chunk */
	size_t chunk;         /* bytes of the body chunk */
};

/* The longest body chunk. */
#define MTA_CHUNK_MAX ((size_t)65535)

/* How many header fields a message has. */
unsigned mta_headers(void);

void mta_add_negotiation(struct mta_buf *buf);

/* Reads the reply, without its letter; false when it makes no sense. */
bool mta_read_negotiation(struct mta_link *link, const unsigned char *data,
    size_t len);

enum mta_sent { MTA_NOT_SENT, MTA_SENT_SILENTLY, MTA_SENT };

/*
 * Adds the macros of the step and, if the milter wants it, the command; says
 * whether a reply is to be waited for.
 */
enum mta_sent mta_add_step(struct mta_buf *buf, const struct mta_link *link,
    enum mta_step step, const struct mta_said *said);

/* The commands without data: abort and quit. */
void mta_add_abort(struct mta_buf *buf);
void mta_add_quit(struct mta_buf *buf);

/* What the letter of a reply comes to. */
enum mta_reply {
	MTA_CONTINUE,
	MTA_REFUSED,  /* for good or for now */
	MTA_ACCEPTED, /* nothing more of this message, or session */
	MTA_SKIP,     /* no more of the body */
	MTA_MORE,     /* the reply itself is still to come */
	MTA_NONSENSE
};

enum mta_reply mta_reply_of(enum mta_step step, char letter);

#endif
