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
 * The session begins with a negotiation, by the policy that is in force now.
 * One that does not is a further one on a connection of which it is not known
 * what was negotiated; in it nothing is refused before RCPT.
 */
void ag_session_negotiate(struct ag_session *session);

/* While it is negotiated: whether nothing can be refused at CONNECT. */
bool ag_session_takes_everyone(const struct ag_session *session);

/*
 * The negotiation is over, and the session told of it: what was silenced, and
 * what will be given.  The policy is held on to where CONNECT is to be judged,
 * until then.
 */
void ag_session_negotiated(struct ag_session *session);

/*
 * The MTA waits for no reply at CONNECT, MAIL or header fields: nothing can be
 * said there.
 */
void ag_session_set_silent(struct ag_session *session, enum ag_stage stage);
bool ag_session_is_silent(const struct ag_session *session,
    enum ag_stage stage);

void ag_session_connect(struct ag_session *session,
    const struct ag_connect *connect, struct ag_answer *answer);
void ag_session_mail(struct ag_session *session, const struct ag_mail *mail,
    struct ag_answer *answer);
void ag_session_rcpt(struct ag_session *session, const struct ag_rcpt *rcpt,
    struct ag_answer *answer);

/* While it is negotiated: whether header fields are judged. */
bool ag_session_needs_header(const struct ag_session *session);

/* While it is negotiated: whether copies are kept, which takes all of it. */
bool ag_session_needs_content(const struct ag_session *session);

/*
 * Header, end of header and body of each message will be given.  With space, a
 * header field's value begins with the blank that stands behind the colon.
 */
void ag_session_set_content(struct ag_session *session, bool space);

/* Whether a copy begins with what comes next; then tell the queue id first. */
bool ag_session_begins_copy(const struct ag_session *session);
void ag_session_set_queue_id(struct ag_session *session, const char *queue_id);

/*
 * While it is negotiated: whether header fields are changed, [auth]
 * results_header.  What was asked of the MTA, and whether it allows it, is said
 * to the session.
 */
bool ag_session_needs_edits(const struct ag_session *session);
void ag_session_set_edits(struct ag_session *session, bool asked, bool allowed);

/*
 * While it is negotiated: whether client certificates are asked for.  In a
 * connection that did not ask for all that is told of them they are no logins.
 */
bool ag_session_needs_certificates(struct ag_session *session);

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
