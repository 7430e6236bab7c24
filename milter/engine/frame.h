/*
 * frame.h - the packets of the milter protocol: bytes to fields, and back
 *
 * A packet is a length of four bytes (big-endian, not counting itself), a
 * command of one byte, and what belongs to it.  Numbers are big-endian, texts
 * end with a NUL.  There is no memory here, no descriptor, no order of commands
 * and no opinion: what is read borrows from the bytes that were given, and what
 * is not well-formed has a reason.  Any thread may call it.
 *
 * The protocol is that of libmilter 8.17 and Postfix (mfdef.h names its
 * numbers); Postfix' and Sendmail's senders were recorded.
 */
#ifndef AG_FRAME_H
#define AG_FRAME_H

#include "policy/base/text.h"

/* The version that is spoken, and the oldest of an MTA. */
#define AG_FRAME_VERSION 6
#define AG_FRAME_OLDEST 2

/* Bytes behind the command at most, unless more was agreed on. */
#define AG_FRAME_DATA_MAX 65535

#define AG_FRAME_LENGTH 4 /* of the length itself */

enum ag_frame_command {
	AG_FRAME_ABORT = 'A',
	AG_FRAME_BODY = 'B',
	AG_FRAME_CONNECT = 'C',
	AG_FRAME_MACROS = 'D',
	AG_FRAME_END = 'E', /* of the message; may hold the rest of the body */
	AG_FRAME_HELO = 'H',
	AG_FRAME_QUIT_NEW =
	    'K', /* a further session follows on the connection */
	AG_FRAME_HEADER = 'L',
	AG_FRAME_MAIL = 'M',
	AG_FRAME_END_OF_HEADER = 'N',
	AG_FRAME_NEGOTIATE = 'O',
	AG_FRAME_QUIT = 'Q',
	AG_FRAME_RCPT = 'R',
	AG_FRAME_DATA = 'T',
	AG_FRAME_UNKNOWN = 'U' /* a command that the MTA does not know */
};

struct ag_frame {
	char command;       /* one of the above */
	struct ag_str data; /* behind it; borrowed */
};

enum ag_frame_status {
	AG_FRAME_PART, /* more bytes are needed */
	AG_FRAME_WHOLE,
	AG_FRAME_BAD /* nothing behind it can be trusted */
};

/*
 * Takes a packet off the front of *bytes, if a whole one is there.  max is how
 * many bytes may stand behind the command.  A bad one is seen as soon as its
 * length and its command are there, and *why says what is wrong with it.
 */
enum ag_frame_status ag_frame_take(struct ag_str *bytes, size_t max,
    struct ag_frame *frame, const char **why);

/*
 * The packet that begins here: how many bytes it has with its length, which may
 * be more than there are; 0 where that is not known yet.
 */
size_t ag_frame_size(struct ag_str bytes);

/*
 * What belongs to each command.  They return NULL, or what is wrong with it;
 * texts end with a NUL.
 */

/* What the MTA can do, in bits of mfdef.h. */
struct ag_offer {
	uint32_t version;
	uint32_t actions; /* SMFIF_* */
	uint32_t steps;   /* SMFIP_* */
};
const char *ag_frame_read_offer(struct ag_str data, struct ag_offer *offer);

struct ag_peer {
	const char *name;
	char family;         /* 'U', 'L', '4', '6' */
	unsigned port;       /* 0: none; always with 'U' */
	const char *address; /* as text, or a path; "" with 'U' */
};
const char *ag_frame_read_peer(struct ag_str data, struct ag_peer *peer);

/* HELO; and the first argument of MAIL and RCPT, behind which ESMTP's come. */
const char *ag_frame_read_text(struct ag_str data, const char **text);

const char *ag_frame_read_field(struct ag_str data, const char **name,
    const char **value);

/* Names and values in turn, for the command that they belong to. */
struct ag_macros {
	char command;
	struct ag_str rest;
};
const char *ag_frame_read_macros(struct ag_str data, struct ag_macros *macros);

/* False when there are no more. */
bool ag_macros_next(struct ag_macros *macros, const char **name,
    const char **value);

/*
 * Replies, written at the end of out.  One that does not fit is left out as a
 * whole, and out is marked as cut.
 */

/* One that has nothing behind it: 'c', 'r', 't', 'a', 'p'. */
void ag_frame_write(struct ag_buf *out, char reply);

/* "CODE STATUS TEXT", text as it is to be said. */
void ag_frame_write_reply(struct ag_buf *out, const char *code,
    const char *status, const char *text);

/* Lists of macros, each for the stage of its number (SMFIM_*); NULL: none. */
#define AG_FRAME_STAGES 7
void ag_frame_write_offer(struct ag_buf *out, const struct ag_offer *offer,
    const char *const list[AG_FRAME_STAGES]);

/* number counts the fields of that name, from 1. */
void ag_frame_write_removal(struct ag_buf *out, uint32_t number,
    const char *name);

/* Above all other fields. */
void ag_frame_write_insertion(struct ag_buf *out, const char *name,
    const char *value);

#endif
