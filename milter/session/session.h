/*
 * session.h - one connection of the MTA and the message on it
 *
 * Takes what the MTA says at each stage, lets the policy judge it, logs, and
 * says what to answer.  It knows nothing of libmilter.  A session is used by
 * one thread at a time.  Calls may come in any order: a recipient without a
 * sender, an end without a message, an abort twice.
 *
 * Whatever cannot be decided follows [milter] on_error and is logged.  Nothing
 * of one message is there when the next begins.
 */
#ifndef AG_SESSION_H
#define AG_SESSION_H

#include "policy/policy.h"
#include "milter/base/limits.h"
#include "milter/session/wants.h"

struct ag_session;

/* What to tell the MTA; code, status and text are empty with AG_CONTINUE. */
struct ag_answer {
	enum ag_verdict verdict;
	char code[4];
	char status[12];
	char text[AG_REPLY_TEXT_MAX];
};

/* All strings are NULL where the MTA sent nothing. */
struct ag_connect {
	const char *name;
	struct ag_ip client;
	bool is_unreadable;      /* there is an address that cannot be read */
	unsigned client_port;    /* of the socket; 0: none */
	const char *daemon_name; /* {daemon_name} */
	const char *daemon_port; /* {daemon_port} */
};

struct ag_mail {
	const char *argument;
	const char *authen;      /* {auth_authen} */
	const char *type;        /* {auth_type} */
	const char *addr;        /* {mail_addr} */
	const char *mailer;      /* {mail_mailer} */
	const char *tls_version; /* {tls_version} */
	const char *queue_id;    /* i */
	const char *mta_name;    /* j */
	const char *mta_version; /* v */
	/* of a client certificate: {verify} and so on */
	const char *verify;
	const char *cert_subject;
	const char *cn_subject;
	const char *cert_fp;
	const char *cert_md5;
};

struct ag_rcpt {
	const char *argument;
	const char *addr;   /* {rcpt_addr} */
	const char *mailer; /* {rcpt_mailer} */
	const char *queue_id;
};

/* NULL: no memory. */
struct ag_session *ag_session_new(void);
void ag_session_free(struct ag_session *session);

/*
 * Whether there was room for it when it began; without, its connection takes a
 * descriptor that is needed elsewhere, and it is not to be judged.
 */
bool ag_session_has_room(const struct ag_session *session);

/*
 * The session begins with a negotiation, by the policy that is in force now:
 * what it wants of the MTA, and what it gets.  The policy is held on to where
 * CONNECT is to be judged, until then.
 *
 * One that does not begin so is a further one on a connection of which it is
 * not known what was negotiated; in it nothing is refused before RCPT.
 */
void ag_session_negotiate(struct ag_session *session, struct ag_wants *wants);
void ag_session_agree(struct ag_session *session,
    const struct ag_agreed *agreed);

/* All false where nothing was negotiated. */
const struct ag_agreed *ag_session_agreed(const struct ag_session *session);

void ag_session_connect(struct ag_session *session,
    const struct ag_connect *connect, struct ag_answer *answer);
void ag_session_mail(struct ag_session *session, const struct ag_mail *mail,
    struct ag_answer *answer);
void ag_session_rcpt(struct ag_session *session, const struct ag_rcpt *rcpt,
    struct ag_answer *answer);

/*
 * Whether a copy is kept: then what comes behind the recipients is pending
 * until the disk has taken it, and those calls may wait for that.  Who cannot
 * wait lets another thread call them.
 */
bool ag_session_is_pending(const struct ag_session *session);

/*
 * The disk cannot be had: the copy is dropped, and [archive] on_error decides
 * at the end.  why is borrowed for good.
 */
void ag_session_lose_copy(struct ag_session *session, const char *why);

/* Whether a copy begins with what comes next; then tell the queue id first. */
bool ag_session_begins_copy(const struct ag_session *session);
void ag_session_set_queue_id(struct ag_session *session, const char *queue_id);

/* A header field, and the end of the header; value is not terminated by CRLF.
 */
void ag_session_header(struct ag_session *session, const char *name,
    const char *value);
void ag_session_end_of_header(struct ag_session *session,
    struct ag_answer *answer);

/* A piece of the body, as long as it may be. */
void ag_session_body(struct ag_session *session, const unsigned char *bytes,
    size_t count);
/*
 * How the fields Authentication-Results of a message are changed.  Each returns
 * false when the MTA does not take it.
 */
struct ag_editor {
	bool (
	    *remove)(void *arg, unsigned number); /* of those fields, from 1 */
	bool (*insert)(void *arg, const char *value); /* above all others */
	void *arg;
};

/* End of message. */
void ag_session_end(struct ag_session *session, const char *queue_id,
    const struct ag_editor *editor, struct ag_answer *answer);

/* Drops the message, if there is one. */
void ag_session_reset(struct ag_session *session);

/* What to answer where there can be no session: on_error decides. */
void ag_session_not_judged(enum ag_shortage shortage, struct ag_answer *answer);

#endif
