/* maillog.c - takes log lines apart and gives out whole messages */
#include "milter/maillog/maillog.h"

#include <stdlib.h>

#include "milter/maillog/readers.h"

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

void
ag_maillog_free(struct ag_maillog *log)
{
	ag_mails_free(&log->mails);
	ag_mails_free(&log->own);
	ag_strmap_free(&log->tls_seen);
	for (size_t i = 0; log->sessions != NULL && i < AG_SESSIONS; i++)
		ag_logsession_clear(&log->sessions[i]);
	free(log->sessions);
	free(log->scratch);
	*log = (struct ag_maillog){ 0 };
}

void
ag_maillog_file(struct ag_maillog *log, int64_t end)
{
	ag_logclock_begin(&log->clock, end);
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
