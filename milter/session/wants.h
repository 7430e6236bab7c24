/*
 * wants.h - what a session asks of the MTA before it begins, and what it gets
 *
 * The only place that knows which steps, replies and macros authgate needs.
 * Both engines carry it out; the numbers are those of the milter protocol
 * (mfdef.h), which both speak.
 */
#ifndef AG_WANTS_H
#define AG_WANTS_H

#include <stdbool.h>
#include <stdint.h>

/* Steps that the MTA leaves out, and replies that it does not wait for. */
enum ag_step {
	AG_STEP_NO_HELO = 0x2,
	AG_STEP_NO_BODY = 0x10,
	AG_STEP_NO_HEADER = 0x20,
	AG_STEP_NO_END_OF_HEADER = 0x40,
	AG_STEP_SILENT_HEADER = 0x80,
	AG_STEP_NO_UNKNOWN = 0x100,
	AG_STEP_NO_DATA = 0x200,
	AG_STEP_SILENT_CONNECT = 0x1000,
	AG_STEP_SILENT_MAIL = 0x4000,
	AG_STEP_SPACE = 0x100000 /* the blank behind a field's colon is given */
};

/* Actions that the MTA has to allow. */
enum ag_action {
	AG_ACTION_ADD_HEADER = 0x1,
	AG_ACTION_CHANGE_HEADER = 0x10,
	AG_ACTION_MACROS = 0x100 /* lists of macros */
};

/* Stages for which macros are asked, by the protocol's numbers. */
enum ag_macro_stage {
	AG_MACROS_CONNECT,
	AG_MACROS_HELO,
	AG_MACROS_MAIL,
	AG_MACROS_RCPT,
	AG_MACROS_DATA,
	AG_MACROS_END,
	AG_MACROS_END_OF_HEADER,
	AG_MACRO_STAGES
};

/* Room for the names that are asked for at MAIL. */
#define AG_MAIL_MACROS_MAX 200

struct ag_wants {
	bool connect;      /* something may be said at CONNECT */
	bool mail;         /* and at MAIL */
	bool header;       /* header fields are judged or changed */
	bool content;      /* all of a message, for a copy */
	bool edits;        /* header fields are changed */
	bool certificates; /* client certificates can be logins */
	/* names in a row; NULL: the stage's are not needed */
	const char *macros[AG_MACRO_STAGES];
	char mail_macros[AG_MAIL_MACROS_MAX]; /* of them, those of MAIL */
};

/* What came of it. */
struct ag_agreed {
	bool silent_connect; /* the MTA waits for no reply there */
	bool silent_mail;
	bool silent_header;
	bool content;
	bool space; /* a field's value begins with the blank behind the colon */
	bool asked_edits;  /* for leave to change header fields */
	bool edits;        /* and got it */
	bool certificates; /* asked for all that is told of them */
};

/*
 * Fills in macros from the other members.  A list replaces the MTA's own of
 * that stage, and with Postfix the first list empties all others: every stage
 * that needs one has one.  So main.cf needs no milter_*_macros, and what stands
 * there does no harm.
 */
void ag_wants_name_macros(struct ag_wants *wants);

/* The steps to leave out, and the actions to be allowed. */
uint32_t ag_wants_steps(const struct ag_wants *wants);
uint32_t ag_wants_actions(const struct ag_wants *wants);

/* steps are those agreed on, actions those that the MTA offers. */
struct ag_agreed ag_wants_agree(const struct ag_wants *wants, uint32_t steps,
    uint32_t actions);

#endif
