/*
 * book.h - what a log has told so far: messages under way, and what processes
 * of the MTA have said; the readers of lines write into it
 */
#ifndef AG_BOOK_H
#define AG_BOOK_H

#include "policy/table/strmap.h"
#include "milter/maillog/line.h"
#include "milter/maillog/mail.h"

/* So many are under way at most; then the oldest is given out. */
#define AG_MAILS_OPEN 50000

/* What a process of the MTA has said of the connection it has. */
struct ag_logsession {
	uint64_t host; /* a hash */
	uint64_t pid;  /* 0: free */
	bool tls;
	char *login;
	char *mechanism;
	char id[33]; /* the queue id of its last message */
	/* what shall become of the next message, said before it has an id */
	enum ag_mail_fate fate;
	char *from;
	char *to;
};

#define AG_SESSIONS 8192

typedef void ag_mail_fn(void *arg, const struct ag_mail *mail);

struct ag_maillog {
	ag_mail_fn *done; /* told of each message */
	void *arg;
	size_t max; /* messages under way; AG_MAILS_OPEN */

	struct ag_logclock clock;
	struct ag_mails mails;          /* by queue id */
	struct ag_mails own;            /* by authgate's own id */
	struct ag_logsession *sessions; /* by process, the last ones */
	struct ag_strmap tls_seen;      /* listeners that log TLS */
	bool mta_seen;                  /* a line of an MTA has come */
	char *scratch;                  /* of AG_LOGLINE_MAX */

	uint64_t lines;        /* all: of mail, and others */
	uint64_t mail_lines;   /* of a mail program */
	uint64_t other_lines;  /* of none */
	uint64_t undated;      /* of a mail program, without a time stamp */
	char undated_line[60]; /* how the first of them begins */
	uint64_t too_late;     /* later than the file */
	uint64_t begun;        /* messages; each is given out */
	uint64_t refused;      /* what the MTA said no to */
	uint64_t own_refused;  /* what authgate said no to */
	uint64_t given_up;     /* messages given out because of max */
	int64_t first;         /* time of the first and the last mail line */
	int64_t last;
	bool failed; /* there was no memory */
};

/* The message with that queue id, made if it is not there; NULL: no memory. */
struct ag_mail *ag_maillog_open(struct ag_maillog *log,
    const struct ag_logline *line, struct ag_str id);

/* One that the MTA begins now, by the way given; what had its id is over. */
struct ag_mail *ag_maillog_begin_mail(struct ag_maillog *log,
    const struct ag_logline *line, struct ag_str id, enum ag_mail_way way);

/* Gives it out; it is gone then. */
void ag_maillog_done(struct ag_maillog *log, struct ag_mail *mail);

/* Nothing more comes of it, and another has what is known of it. */
void ag_maillog_forget(struct ag_maillog *log, struct ag_mail *mail);

/*
 * Of authgate's own messages, one that never got a queue id: gives it out,
 * unless an MTA has told of it.
 */
void ag_maillog_unfinished(struct ag_maillog *log, struct ag_mail *own);

/* Sets a text of a mail. */
void ag_maillog_set(struct ag_maillog *log, char **text, struct ag_str value);

/* The session of the line's process, NULL where nothing is known. */
struct ag_logsession *ag_maillog_session(const struct ag_maillog *log,
    const struct ag_logline *line);

/* Nothing of it is left. */
void ag_logsession_clear(struct ag_logsession *session);

/* A new one in its place. */
struct ag_logsession *ag_maillog_new_session(struct ag_maillog *log,
    const struct ag_logline *line);

/* Takes "ID: " off the front of *text; an id is letters and digits. */
bool ag_logtext_queue_id(struct ag_str *text, struct ag_str *id);

/* The position of a text in s, or s.len. */
size_t ag_logtext_search(struct ag_str s, const char *text);

/* What stands between before, which must be there, and after, or the end. */
bool ag_logtext_between(struct ag_str s, const char *before, const char *after,
    struct ag_str *found);

/*
 * Reads "NAME[ADDRESS]..." or "NAME [ADDRESS]...".  An address that is none
 * gives AG_IP_UNKNOWN.
 */
void ag_logtext_client(struct ag_str text, struct ag_ip *client);

#endif
