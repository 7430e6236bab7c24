/*
 * macros.h - the macros of one connection, stage by stage
 *
 * Only those that were asked for are kept, by their number.  A later stage's
 * value goes before an earlier one's, as in libmilter.
 */
#ifndef AG_ENGINE_MACROS_H
#define AG_ENGINE_MACROS_H

#include "milter/engine/frame.h"
#include "milter/session/wants.h"

enum ag_macro {
	AG_MACRO_QUEUE_ID,    /* i */
	AG_MACRO_MTA_NAME,    /* j */
	AG_MACRO_MTA_VERSION, /* v */
	AG_MACRO_DAEMON_NAME, /* {daemon_name} and so on */
	AG_MACRO_DAEMON_PORT,
	AG_MACRO_AUTH_AUTHEN,
	AG_MACRO_AUTH_TYPE,
	AG_MACRO_MAIL_ADDR,
	AG_MACRO_MAIL_MAILER,
	AG_MACRO_TLS_VERSION,
	AG_MACRO_RCPT_ADDR,
	AG_MACRO_RCPT_MAILER,
	AG_MACRO_VERIFY,
	AG_MACRO_CERT_SUBJECT,
	AG_MACRO_CN_SUBJECT,
	AG_MACRO_CERT_FP,
	AG_MACRO_CERT_MD5,
	AG_MACRO_COUNT
};

/* One stage's values in a row; all zero bytes are none. */
struct ag_macro_values {
	char *text;
	uint32_t at[AG_MACRO_COUNT]; /* behind the value's place; 0: none */
};

struct ag_macro_table {
	struct ag_macro_values stage[AG_MACRO_STAGES];
};

/*
 * Keeps what was sent for a stage, in place of what was there.  False when
 * there is no memory.
 */
bool ag_macro_table_take(struct ag_macro_table *table, struct ag_macros *sent);

/* Forgets the stages from first on. */
void ag_macro_table_forget(struct ag_macro_table *table, unsigned first);

/* NULL where the MTA sent none; borrowed until the stage is forgotten. */
const char *ag_macro_table_get(const struct ag_macro_table *table,
    enum ag_macro macro);

#endif
