/* book.c - messages under way, and what the MTA's processes have said */
#include "milter/maillog/book.h"

#include <stdlib.h>
#include <xxhash.h>

/* ---- sessions ---- */

void
ag_logsession_clear(struct ag_logsession *session)
{
	free(session->login);
	free(session->mechanism);
	free(session->from);
	free(session->to);
	*session = (struct ag_logsession){ 0 };
}

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

	ag_logsession_clear(session);
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
	ag_mail_settle(mail);
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

/* ---- pieces of text ---- */

size_t
ag_logtext_search(struct ag_str s, const char *text)
{
	const char *at =
	    s.len > 0 ? memmem(s.ptr, s.len, text, strlen(text)) : NULL;

	return at != NULL ? (size_t)(at - s.ptr) : s.len;
}

bool
ag_logtext_between(struct ag_str s, const char *before, const char *after,
    struct ag_str *found)
{
	size_t at = ag_logtext_search(s, before);

	if (at == s.len)
		return false;
	*found = ag_str_skip(s, at + strlen(before));
	*found = ag_str_head(*found, ag_logtext_search(*found, after));
	return true;
}

void
ag_logtext_client(struct ag_str text, struct ag_ip *client)
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
ag_logtext_queue_id(struct ag_str *text, struct ag_str *id)
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
