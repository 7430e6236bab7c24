/*
 * front.h - the lines that authgate puts in front of a copy
 *
 *	Return-Path: <alice@example.com>
 *	X-Authgate-Recipients: bob@example.com, carol@example.net
 *	X-Authgate-Client: 192.0.2.1
 *	X-Authgate-Login: alice@example.com
 *	X-Authgate-Queue-Id: 4XYZ
 *
 * always these five, in this order; what is empty is "-".  Where the sender has
 * to be read as the MTA does, what it comes to stands behind the first of them:
 *
 *	Return-Path: <alice%example.com@localhost>
 *	X-Authgate-Sender: alice@example.com
 *
 * Control bytes become "?", long lines are folded.  What a message brings of
 * the same names comes behind them and means nothing.
 */
#ifndef AG_FRONT_H
#define AG_FRONT_H

#include <stdio.h>

#include "policy/base/text.h"

struct ag_front {
	struct ag_str sender; /* empty: the null sender */
	struct ag_str judged; /* empty: the sender as it stands */
	char *const *rcpt;
	size_t nrcpt;
	struct ag_str client;
	struct ag_str login;
	struct ag_str queue_id;
};

/* The lines, terminated, to be freed; NULL: no memory for all of them. */
char *ag_front_write(const struct ag_front *front, size_t *len);

/* What was read: each a text to be freed, "" for what is empty. */
struct ag_front_text {
	char *sender;
	char *judged; /* NULL: there is no such line */
	char *rcpts;  /* as in the line, unfolded */
	char *client;
	char *login;
	char *queue_id;
};

/* Reads the lines; false when they are not there.  Free the text either way. */
bool ag_front_read(FILE *in, struct ag_front_text *text);
void ag_front_free(struct ag_front_text *text);

/* Takes the next recipient off the front of *rest; false at the end. */
bool ag_front_rcpt(struct ag_str *rest, struct ag_str *rcpt);

#endif
