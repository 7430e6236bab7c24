#include "maillog.h"

#include <stdlib.h>
#include <xxhash.h>

#include "../policy/number.h"

bool
ag_maillog_begin(struct ag_maillog *log, ag_mail_fn *done, void *arg)
{
	*log = (struct ag_maillog){ .done = done,
		.arg = arg,
		.max = AG_MAILS_OPEN };
	log->sessions = calloc(AG_SESSIONS, sizeof(*log->sessions));
	return log->sessions != NULL;
}

static void
clear_session(struct ag_logsession *session)
{
	free(session->login);
	free(session->mechanism);
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

void
ag_maillog_done(struct ag_maillog *log, struct ag_mail *mail)
{
	ag_mails_take(&log->mails, mail);
	ag_sendmail_settle(mail);
	/* of what the MTA told before, authgate tells once more */
	if (mail->opened || mail->from != NULL || !log->mta_seen)
		log->done(log->arg, mail);
	ag_mail_free(mail);
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
	if (mail != NULL)
		mail->time = line->time;
	else
		log->failed = true;
	return mail;
}

struct ag_mail *
ag_maillog_begin_mail(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, enum ag_mail_way way)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);

	log->mta_seen = true;
	/* queue ids come again */
	if (mail != NULL && mail->opened)
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

/* Takes "TAG[PID]: " or "TAG: ". */
static bool
take_tag(struct ag_str *rest, struct ag_logline *line)
{
	struct ag_str tag = ag_str_head(*rest, ag_str_search(*rest, ": "));
	size_t bracket = ag_str_find(tag, '[');
	struct ag_str pid = ag_str_skip(tag, bracket + 1);

	if (tag.len == 0 || tag.len == rest->len || ag_str_has(tag, ' '))
		return false;
	line->pid = 0;
	ag_number_parse(ag_str_head(pid, ag_str_find(pid, ']')), UINT32_MAX,
	    &line->pid);
	line->tag = ag_str_head(tag, bracket);
	*rest = ag_str_skip(*rest, tag.len + 2);
	return true;
}

static bool
read_line(struct ag_maillog *log, struct ag_str text, struct ag_logline *line)
{
	if (!ag_logtime_take(&log->clock, &text, &line->time))
		return false;
	line->host = ag_str_head(text, ag_str_find(text, ' '));
	text = ag_str_skip(text, line->host.len + 1);
	if (line->host.len == 0 || !take_tag(&text, line))
		return false;
	line->text = text;
	return true;
}

void
ag_maillog_line(struct ag_maillog *log, struct ag_str text)
{
	struct ag_logline line;

	log->lines++;
	text = ag_str_trim(text);
	/* not text */
	if (ag_str_has(text, '\0') || !read_line(log, text, &line))
		return;
	if (!ag_own_line(log, &line) && !ag_postfix_line(log, &line) &&
	    !ag_sendmail_line(log, &line))
		return;
	if (log->mail_lines++ == 0)
		log->first = line.time;
	log->last = line.time;
}
