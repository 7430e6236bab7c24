/* maillog.c - takes log lines apart and gives out whole messages */
#include "milter/maillog/maillog.h"

#include <stdlib.h>
#include <xxhash.h>

bool
ag_maillog_begin(struct ag_maillog *log, ag_mail_fn *done, void *arg)
{
	*log = (struct ag_maillog){ .done = done,
		.arg = arg,
		.max = AG_MAILS_OPEN };
	log->sessions = calloc(AG_SESSIONS, sizeof(*log->sessions));
	log->scratch = malloc(AG_LOGLINE_MAX);
	return log->sessions != NULL && log->scratch != NULL;
}

static void
clear_session(struct ag_logsession *session)
{
	free(session->login);
	free(session->mechanism);
	free(session->from);
	free(session->to);
	*session = (struct ag_logsession){ 0 };
}

void
ag_maillog_free(struct ag_maillog *log)
{
	ag_mails_free(&log->mails);
	ag_mails_free(&log->own);
	ag_strmap_free(&log->tls_seen);
	for (size_t i = 0; log->sessions != NULL && i < AG_SESSIONS; i++)
		clear_session(&log->sessions[i]);
	free(log->sessions);
	free(log->scratch);
	*log = (struct ag_maillog){ 0 };
}

void
ag_maillog_file(struct ag_maillog *log, int64_t end)
{
	ag_logclock_begin(&log->clock, end);
}

/* ---- sessions ---- */

static uint64_t
hash_of(struct ag_str text)
{
	return XXH3_64bits(text.ptr != NULL ? text.ptr : "", text.len);
}

struct ag_logsession *
ag_maillog_session(const struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_logsession *session = &log->sessions[line->pid % AG_SESSIONS];

	return session->pid == line->pid && line->pid > 0 &&
		session->host == hash_of(line->host) ?
	    session :
	    NULL;
}

struct ag_logsession *
ag_maillog_new_session(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_logsession *session = &log->sessions[line->pid % AG_SESSIONS];

	clear_session(session);
	session->host = hash_of(line->host);
	session->pid = line->pid;
	return session;
}

/* ---- messages ---- */

void
ag_maillog_set(struct ag_maillog *log, char **text, struct ag_str value)
{
	if (!ag_mail_set(text, value))
		log->failed = true;
}

/*
 * Of what the MTA told before, authgate tells once more; and Sendmail, that a
 * connection ended after it.
 */
static bool
has_begun(const struct ag_maillog *log, const struct ag_mail *mail)
{
	return mail->opened || mail->from != NULL || mail->way == AG_WAY_MADE ||
	    (mail->exact && !log->mta_seen);
}

void
ag_maillog_forget(struct ag_maillog *log, struct ag_mail *mail)
{
	log->begun--;
	ag_mails_take(&log->mails, mail);
	ag_mail_free(mail);
}

void
ag_maillog_done(struct ag_maillog *log, struct ag_mail *mail)
{
	if (!has_begun(log, mail)) {
		ag_maillog_forget(log, mail);
		return;
	}
	ag_mails_take(&log->mails, mail);
	ag_sendmail_settle(mail);
	log->done(log->arg, mail);
	ag_mail_free(mail);
}

void
ag_maillog_unfinished(struct ag_maillog *log, struct ag_mail *own)
{
	ag_mails_take(&log->own, own);
	if (!log->mta_seen) {
		log->begun++;
		own->fate = AG_FATE_UNFINISHED;
		log->done(log->arg, own);
	}
	ag_mail_free(own);
}

static void
make_room(struct ag_maillog *log)
{
	if (log->mails.n < log->max)
		return;
	log->given_up += log->mails.oldest->rcpts.n > 0;
	ag_maillog_done(log, log->mails.oldest);
}

struct ag_mail *
ag_maillog_open(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);

	if (mail != NULL)
		return mail;
	make_room(log);
	mail = ag_mails_add(&log->mails, line->host, id);
	if (mail == NULL) {
		log->failed = true;
		return NULL;
	}
	log->begun++;
	mail->time = line->time;
	return mail;
}

/* Queue ids come again. */
static bool
is_over(const struct ag_mail *mail)
{
	return mail->opened || (mail->way == AG_WAY_MADE && mail->from != NULL);
}

struct ag_mail *
ag_maillog_begin_mail(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, enum ag_mail_way way)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);

	log->mta_seen = true;
	if (mail != NULL && is_over(mail))
		ag_maillog_done(log, mail);
	mail = ag_maillog_open(log, line, id);
	if (mail != NULL) {
		mail->opened = true;
		mail->way = way;
	}
	return mail;
}

void
ag_maillog_end(struct ag_maillog *log)
{
	while (log->mails.oldest != NULL)
		ag_maillog_done(log, log->mails.oldest);
	while (log->own.oldest != NULL)
		ag_maillog_unfinished(log, log->own.oldest);
	/* the MTA tells of them, too */
	if (!log->mta_seen)
		log->refused += log->own_refused;
	log->own_refused = 0;
}

/* ---- pieces of text ---- */

size_t
ag_str_search(struct ag_str s, const char *text)
{
	const char *at =
	    s.len > 0 ? memmem(s.ptr, s.len, text, strlen(text)) : NULL;

	return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

bool
ag_str_between(struct ag_str s, const char *before, const char *after,
    struct ag_str *found)
{
	size_t at = ag_str_search(s, before);

	if (at == s.len)
		return false;
	*found = ag_str_skip(s, at + strlen(before));
	*found = ag_str_head(*found, ag_str_search(*found, after));
	return true;
}

void
ag_read_client(struct ag_str text, struct ag_ip *client)
{
	struct ag_str address = ag_str_skip(text, ag_str_find(text, '[') + 1);

	ag_ip_parse(client, ag_str_head(address, ag_str_find(address, ']')));
}

static bool
is_alphanumeric(char c)
{
	return ag_is_digit(c) || (ag_lower(c) >= 'a' && ag_lower(c) <= 'z');
}

bool
ag_take_queue_id(struct ag_str *text, struct ag_str *id)
{
	size_t n = 0;

	while (n < text->len && is_alphanumeric(text->ptr[n]))
		n++;
	if (n < 5 || n > 32 || n + 2 > text->len || text->ptr[n] != ':' ||
	    text->ptr[n + 1] != ' ')
		return false;
	*id = ag_str_head(*text, n);
	*text = ag_str_skip(*text, n + 2);
	return true;
}

/* ---- lines ---- */

static void
note_undated(struct ag_maillog *log, struct ag_str text)
{
	struct ag_buf line;

	if (log->undated++ > 0)
		return;
	line = AG_BUF(log->undated_line);
	ag_buf_str(&line, text);
}

static void
note_time(struct ag_maillog *log, int64_t time)
{
	if (log->mail_lines == log->undated + 1)
		log->first = time;
	log->last = time;
	log->too_late += time > log->clock.end + AG_LOGTIME_SLACK;
}

/* A log that is cut while it is written begins with NUL bytes. */
static struct ag_str
read_as_text(struct ag_str text)
{
	while (text.len > 0 && text.ptr[0] == '\0')
		text = ag_str_skip(text, 1);
	return ag_str_trim(ag_str_head(text, ag_str_find(text, '\0')));
}

void
ag_maillog_line(struct ag_maillog *log, struct ag_str text)
{
	struct ag_logline line;
	enum ag_logline_kind kind;

	log->lines++;
	text = read_as_text(text);
	kind = ag_logline_read(&log->clock, text, log->scratch, &line);
	if (kind == AG_LOGLINE_OTHER) {
		log->other_lines++;
		return;
	}
	log->mail_lines++;
	if (kind == AG_LOGLINE_UNDATED) {
		note_undated(log, text);
		return;
	}
	note_time(log, line.time);
	if (kind == AG_LOGLINE_OWN)
		ag_own_line(log, &line);
	else if (kind == AG_LOGLINE_POSTFIX)
		ag_postfix_line(log, &line);
	else
		ag_sendmail_line(log, &line);
}
