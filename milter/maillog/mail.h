/*
 * mail.h - a message as a mail log tells of it
 *
 * Lines of several programs tell of one message.  They are put together by its
 * queue id, in a table of what is under way.
 */
#ifndef AG_MAIL_H
#define AG_MAIL_H

#include "policy/address/ip.h"
#include "policy/base/vec.h"

/* How a message came to the MTA. */
enum ag_mail_way {
	AG_WAY_UNKNOWN, /* before the log began */
	AG_WAY_SMTP,
	AG_WAY_LOCAL,   /* local submission, of which a milter is asked */
	AG_WAY_UNASKED, /* local submission, of which it is not */
	AG_WAY_FILTER,  /* back from a content filter */
	AG_WAY_PROXY,   /* to one before the queue, from which it comes again */
	AG_WAY_MADE,    /* by the MTA: bounces, what it forwards, notices */
	AG_WAY_COUNT
};

/* What became of a message before it was queued. */
enum ag_mail_fate {
	AG_FATE_NONE,
	AG_FATE_HELD,
	AG_FATE_DISCARDED,
	AG_FATE_REFUSED,    /* at DATA or later */
	AG_FATE_LOST,       /* the connection was, or it took too long */
	AG_FATE_UNFINISHED, /* it ended before its content */
	AG_FATE_COUNT
};

enum ag_mail_tls { AG_TLS_UNKNOWN, AG_TLS_NO, AG_TLS_YES };

struct ag_mail_rcpt {
	char *to;    /* as RCPT TO said it, as far as the log knows */
	char *addr;  /* what the MTA made of it; NULL: not known */
	bool local;  /* it went to a mailer "local" or "virtual" */
	bool logged; /* by authgate */
	bool told;   /* where the message was held or discarded */
	bool alias;  /* not what was typed, but what an alias made of it */
};

/* Texts are owned by the mail and NULL where they are not known. */
struct ag_mail {
	char *key;      /* host and queue id, or host and session */
	const char *id; /* the queue id; leads into key */
	int64_t time;   /* of its first line */
	bool opened;    /* the MTA said how it came */
	enum ag_mail_way way;
	enum ag_mail_fate fate;
	struct ag_ip client;
	char *listener;
	bool exact;    /* the listener is {daemon_name} */
	unsigned port; /* 0: not known */
	char *login;
	char *mechanism;
	bool no_login; /* there was one, which the log does not tell */
	enum ag_mail_tls tls;
	char *from;       /* as the MTA logs it */
	char *told;       /* where it was held or discarded */
	char *sent;       /* as authgate logged it */
	size_t announced; /* recipients that the MTA has counted; 0: unknown */
	size_t left_out;  /* recipients past the limit */
	struct ag_vec rcpts; /* struct ag_mail_rcpt */

	struct ag_mail *next; /* in its bucket */
	struct ag_mail *older, *newer;
};

/* More of one message are counted but not kept. */
#define AG_MAIL_RCPT_MAX 5000

void ag_mail_free(struct ag_mail *mail);

/* Puts a copy in place of a text; false when there is no memory. */
bool ag_mail_set(char **text, struct ag_str value);

/*
 * Adds a recipient unless it is there already; addr may be NULL.  The
 * recipient, or NULL: there is no memory, or there are too many.
 */
struct ag_mail_rcpt *ag_mail_add(struct ag_mail *mail, struct ag_str to,
    const struct ag_str *addr, bool logged);

/*
 * Adds one that is known only from where the message was held or discarded;
 * false when there is no memory.
 */
bool ag_mail_tell(struct ag_mail *mail, struct ag_str to);

/* Changes what is known of two messages, but not their keys. */
void ag_mail_swap(struct ag_mail *a, struct ag_mail *b);

/*
 * Messages under way, by key.  All zero bytes are an empty table.  A host and
 * an id have no NUL.
 */
struct ag_mails {
	struct ag_mail **buckets;
	struct ag_mail *oldest, *newest;
	size_t n;
};

/* NULL where it is not there. */
struct ag_mail *ag_mails_find(const struct ag_mails *mails, struct ag_str host,
    struct ag_str id);

/* A new one, which is not there yet; NULL when there is no memory. */
struct ag_mail *ag_mails_add(struct ag_mails *mails, struct ag_str host,
    struct ag_str id);

/* Takes it out; it is the caller's from then on. */
void ag_mails_take(struct ag_mails *mails, struct ag_mail *mail);

void ag_mails_free(struct ag_mails *mails);

/* Recipients that were typed, and not made of others by aliases. */
size_t ag_mail_count_typed(const struct ag_mail *mail);

/* Leaves out what aliases have made of recipients that are there. */
void ag_mail_settle(struct ag_mail *mail);

#endif
