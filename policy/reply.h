/*
 * reply.h - SMTP replies: checked once, filled in without allocation
 *
 * "CODE STATUS TEXT" as RFC 5321 and RFC 3463 have them, with %{...} in the
 * text.  The classes of both codes agree, and the text is one line of printable
 * ASCII, so that no MTA refuses or garbles it.
 */
#ifndef AG_REPLY_H
#define AG_REPLY_H

#include "policy/rules.h"

struct ag_reply {
	char code[4];    /* "550" */
	char status[12]; /* "5.7.1" */
	struct ag_str text;
};

/* What stands behind %{...}. */
struct ag_reply_values {
	struct ag_str client;
	struct ag_str login;
	struct ag_str sender;
	struct ag_str rcpt;
	struct ag_str domain;
	struct ag_str rule;
	struct ag_str listener;
	struct ag_str address; /* in From: */
	struct ag_str why;     /* From: is no good */
};

/* Room for a filled-in text that fits an SMTP reply line, with terminator. */
#define AG_REPLY_TEXT_MAX 500

/*
 * Reads a reply for a rule.  The text is borrowed.  When false, why says what
 * is wrong.
 */
bool ag_reply_parse(struct ag_reply *reply, struct ag_str text,
    enum ag_rule rule, struct ag_buf *why);

/* Whether it is a 4xx reply. */
bool ag_reply_is_temporary(const struct ag_reply *reply);

/*
 * Writes the text with the values filled in; each is made printable and cut,
 * and so is the whole.
 */
void ag_reply_fill(const struct ag_reply *reply,
    const struct ag_reply_values *values, struct ag_buf *out);

#endif
