/* Of readers.h, what Postfix logs: TAG is SYSLOG_NAME/PROGRAM. */
#include <stdio.h>

#include "milter/maillog/readers.h"

/* ---- where a line comes from ---- */

static struct ag_str
program_of(struct ag_str tag)
{
	return ag_str_skip(tag, ag_str_rfind(tag, '/') + 1);
}

/*
 * "postfix/submission/smtpd" gives "submission", where master.cf names the
 * service so; "postfix/smtpd" gives "smtp".
 */
static struct ag_str
listener_of(struct ag_str tag)
{
	struct ag_str name = ag_str_head(tag, ag_str_rfind(tag, '/'));
	size_t slash = ag_str_find(name, '/');

	if (slash < name.len)
		return ag_str_skip(name, slash + 1);
	return ag_str_eq(name, ag_str("postfix")) ? ag_str("smtp") : name;
}

static bool
is_wrapped(struct ag_str listener)
{
	return ag_str_eq(listener, ag_str("smtps")) ||
	    ag_str_eq(listener, ag_str("submissions"));
}

/* ---- before a message is queued ---- */

/* "...; from=<A> to=<B> proto=...", the last such: a subject may lie. */
static void
read_envelope(struct ag_str text, struct ag_str *from, struct ag_str *to)
{
	struct ag_str rest = text, last = text;
	size_t at;

	*from = *to = (struct ag_str){ NULL, 0 };
	while ((at = ag_logtext_search(rest, "; from=<")) < rest.len)
		last = rest = ag_str_skip(rest, at + 8);
	if (last.len == text.len)
		return;
	ag_logtext_between(last, "> to=<", "> proto=", to);
	at = ag_logtext_search(last, "> ");
	if (at < last.len)
		*from = ag_str_head(last, at);
}

/* What is said of a message; texts that are empty are not known. */
static void
tell(struct ag_maillog *log, struct ag_mail *mail, enum ag_mail_fate fate,
    struct ag_str from, struct ag_str to)
{
	mail->fate = fate;
	if (from.ptr != NULL)
		ag_maillog_set(log, &mail->told, from);
	if (to.len > 0 && !ag_mail_tell(mail, to))
		log->failed = true;
}

/* The same of the next message of a connection. */
static void
tell_later(struct ag_maillog *log, const struct ag_logline *line,
    enum ag_mail_fate fate, struct ag_str from, struct ag_str to)
{
	struct ag_logsession *session = ag_maillog_session(log, line);

	if (session == NULL || from.ptr == NULL)
		return;
	session->fate = fate;
	ag_maillog_set(log, &session->from, from);
	ag_maillog_set(log, &session->to, to);
}

static void
tell_what_was_said(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_mail *mail, struct ag_str id)
{
	struct ag_logsession *session = ag_maillog_session(log, line);

	if (session == NULL)
		return;
	snprintf(session->id, sizeof(session->id), "%.*s", AG_STR_ARG(id));
	if (session->fate != AG_FATE_NONE)
		tell(log, mail, session->fate, ag_str(session->from),
		    ag_str(session->to));
	session->fate = AG_FATE_NONE;
}

static enum ag_mail_fate
fate_of(struct ag_str text)
{
	if (ag_str_starts(text, "hold: ") ||
	    ag_str_starts(text, "milter-hold: "))
		return AG_FATE_HELD;
	if (ag_str_starts(text, "discard: ") ||
	    ag_str_starts(text, "milter-discard: "))
		return AG_FATE_DISCARDED;
	return AG_FATE_NONE;
}

/* A message may also be held that only a log before this one tells of. */
static void
read_fate(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text, enum ag_mail_fate fate)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);
	struct ag_str from, to;

	read_envelope(text, &from, &to);
	if (ag_str_eq(id, ag_str("NOQUEUE")))
		tell_later(log, line, fate, from, to);
	else if (mail != NULL)
		tell(log, mail, fate, from, to);
}

/* ---- smtpd ---- */

/* More names are nothing that a master.cf has. */
#define LISTENERS_MAX 1000

static void
note_tls(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_logsession *session = ag_maillog_session(log, line);

	if (session == NULL)
		session = ag_maillog_new_session(log, line);
	session->tls = true;
	if (log->tls_seen.n < LISTENERS_MAX)
		ag_strmap_put(&log->tls_seen, listener_of(line->tag));
}

/*
 * smtpd_tls_loglevel is 0 by default: that nothing is logged says something
 * only where TLS has been logged before.
 */
static enum ag_mail_tls
tls_of(const struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str listener)
{
	const struct ag_logsession *session = ag_maillog_session(log, line);

	if (is_wrapped(listener) || (session != NULL && session->tls))
		return AG_TLS_YES;
	if (session == NULL ||
	    ag_strmap_find(&log->tls_seen, listener) == AG_NO_ID)
		return AG_TLS_UNKNOWN;
	return AG_TLS_NO;
}

/* "sasl_method=PLAIN, sasl_username=alice, sasl_sender=bob" */
static void
read_login(struct ag_maillog *log, struct ag_mail *mail, struct ag_str text)
{
	struct ag_str mechanism, login;

	if (!ag_logtext_between(text, ", sasl_method=", ", ", &mechanism) ||
	    !ag_logtext_between(text,
		", sasl_username=", ", sasl_sender=", &login))
		return;
	ag_maillog_set(log, &mail->mechanism, mechanism);
	ag_maillog_set(log, &mail->login, login);
}

static bool
is_from_filter(struct ag_str text)
{
	return ag_logtext_search(text, ", orig_queue_id=") < text.len ||
	    ag_logtext_search(text, ", orig_client=") < text.len;
}

/* "client=NAME[ADDRESS], sasl_method=..." */
static void
begin_by_smtp(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_str listener = listener_of(line->tag);
	bool filter = is_from_filter(text);
	struct ag_mail *mail = ag_maillog_begin_mail(log, line, id,
	    filter ? AG_WAY_FILTER : AG_WAY_SMTP);

	if (mail == NULL)
		return;
	tell_what_was_said(log, line, mail, id);
	mail->tls = tls_of(log, line, listener);
	if (mail->exact)
		return;
	ag_logtext_client(text, &mail->client);
	ag_maillog_set(log, &mail->listener, listener);
	read_login(log, mail, text);
}

/* What smtpd_proxy_filter is given comes again, and has an id then. */
static void
pass_to_proxy(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id)
{
	struct ag_mail *mail =
	    ag_maillog_begin_mail(log, line, id, AG_WAY_PROXY);

	if (mail != NULL)
		ag_maillog_done(log, mail);
}

/* "lost connection after DATA (5 bytes) from NAME[ADDRESS]" */
static void
lose(struct ag_maillog *log, const struct ag_logline *line)
{
	const struct ag_logsession *session = ag_maillog_session(log, line);
	struct ag_mail *mail = NULL;

	if (session != NULL)
		mail =
		    ag_mails_find(&log->mails, line->host, ag_str(session->id));
	if (mail != NULL && mail->fate == AG_FATE_NONE)
		mail->fate = AG_FATE_LOST;
}

static bool
is_loss(struct ag_str text)
{
	return ag_str_starts(text, "lost connection after ") ||
	    ag_str_starts(text, "timeout after ") ||
	    ag_str_starts(text, "too many errors after ");
}

static void
read_smtpd(struct ag_maillog *log, const struct ag_logline *line)
{
	if (ag_str_starts(line->text, "connect from "))
		ag_maillog_new_session(log, line);
	else if (ag_logtext_search(ag_str_head(line->text, 60),
		     "TLS connection established from ") <
	    ag_str_head(line->text, 60).len)
		note_tls(log, line);
	else if (is_loss(line->text))
		lose(log, line);
}

/* ---- all others ---- */

/* postsuper -r: the same message goes on under another id. */
static void
requeue(struct ag_maillog *log, const struct ag_logline *line, struct ag_str id,
    struct ag_str old_id)
{
	struct ag_mail *mail =
	    ag_maillog_begin_mail(log, line, id, AG_WAY_UNKNOWN);
	struct ag_mail *old = ag_mails_find(&log->mails, line->host, old_id);

	if (mail == NULL || old == NULL || old == mail)
		return;
	ag_mail_swap(mail, old);
	mail->opened = true;
	ag_maillog_forget(log, old);
}

/* "uid=0 from=<alice>": what came is not SMTP. */
static void
begin_by_pickup(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_str old_id;
	struct ag_mail *mail;

	if (ag_logtext_between(text, "> orig_id=", " ", &old_id)) {
		requeue(log, line, id, old_id);
		return;
	}
	mail = ag_maillog_begin_mail(log, line, id, AG_WAY_LOCAL);
	if (mail != NULL)
		ag_ip_parse(&mail->client, ag_str("127.0.0.1"));
}

/* "message-id=<x>": what did not come from outside the MTA has made. */
static void
begin_by_cleanup(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);

	if (mail != NULL)
		return;
	log->mta_seen = true;
	mail = ag_maillog_open(log, line, id);
	if (mail != NULL)
		mail->way = AG_WAY_MADE;
}

/* "from=<A>, size=1, nrcpt=1 (queue active)" */
static void
read_from(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_mail *mail;
	struct ag_str from;

	/* a line may have been cut */
	if (!ag_logtext_between(text, "from=<", ">, ", &from) ||
	    6 + from.len == text.len)
		return;
	mail = ag_maillog_open(log, line, id);
	if (mail == NULL)
		return;
	mail->fate = AG_FATE_NONE;
	if (mail->from == NULL)
		ag_maillog_set(log, &mail->from, from);
}

static bool
went_to_local(struct ag_str text)
{
	struct ag_str relay;

	return ag_logtext_between(text, ">, relay=", ", ", &relay) &&
	    (ag_str_eq(relay, ag_str("local")) ||
		ag_str_eq(relay, ag_str("virtual")));
}

static struct ag_str
domain_of(struct ag_str address)
{
	return ag_str_skip(address, ag_str_rfind(address, '@') + 1);
}

/*
 * "to=<A>, orig_to=<B>, relay=..."; B is what RCPT TO said, and may have become
 * any number of A.  Where A went says something of B only while they are of one
 * domain.
 */
static void
read_to(struct ag_maillog *log, const struct ag_logline *line, struct ag_str id,
    struct ag_str text)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);
	struct ag_str to, typed;
	struct ag_mail_rcpt *rcpt;

	if (mail == NULL || !ag_logtext_between(text, "to=<", ">, ", &to) ||
	    4 + to.len == text.len)
		return;
	if (!ag_str_starts(ag_str_skip(text, 4 + to.len), ">, orig_to=<") ||
	    !ag_logtext_between(text, ">, orig_to=<", ">, ", &typed))
		typed = to;
	rcpt = ag_mail_add(mail, typed, &to, false);
	if (rcpt != NULL && went_to_local(text) &&
	    ag_str_ieq(domain_of(typed), domain_of(to)))
		rcpt->local = true;
}

static bool
is_refusal(struct ag_str text)
{
	return ag_str_starts(text, "reject: ") ||
	    ag_str_starts(text, "milter-reject: ") ||
	    ag_str_starts(text, "proxy-reject: ");
}

/*
 * "reject: RCPT from ..." is no end of the message, "reject: DATA ...",
 * "reject: END-OF-MESSAGE ..." and cleanup's "reject: header ..." are one.
 */
static bool
ends_message(struct ag_str text)
{
	struct ag_str at = ag_str_skip(text, ag_str_find(text, ' ') + 1);

	return ag_str_starts(at, "DATA") || ag_str_starts(at, "BDAT") ||
	    ag_str_starts(at, "END-OF-") ||
	    (at.len > 0 && ag_lower(at.ptr[0]) == at.ptr[0]);
}

static void
read_refusal(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_mail *mail;

	log->refused++;
	mail = ends_message(text) ? ag_mails_find(&log->mails, line->host, id) :
				    NULL;
	if (mail != NULL)
		mail->fate = AG_FATE_REFUSED;
}

static void
read_queued(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	enum ag_mail_fate fate = fate_of(text);
	struct ag_mail *mail;

	if (fate != AG_FATE_NONE) {
		read_fate(log, line, id, text, fate);
	} else if (is_refusal(text)) {
		read_refusal(log, line, id, text);
	} else if (ag_str_starts(text, "client=")) {
		if (ag_str_eq(id, ag_str("NOQUEUE")))
			pass_to_proxy(log, line, id);
		else
			begin_by_smtp(log, line, id, text);
	} else if (ag_str_starts(text, "uid=")) {
		begin_by_pickup(log, line, id, text);
	} else if (ag_str_starts(text, "message-id=") ||
	    ag_str_starts(text, "resent-message-id=")) {
		begin_by_cleanup(log, line, id);
	} else if (ag_str_starts(text, "from=<")) {
		read_from(log, line, id, text);
	} else if (ag_str_starts(text, "to=<")) {
		read_to(log, line, id, text);
	} else if (ag_str_eq(text, ag_str("removed")) ||
	    ag_str_eq(text, ag_str("removed (canceled)"))) {
		mail = ag_mails_find(&log->mails, line->host, id);
		if (mail != NULL)
			ag_maillog_done(log, mail);
	}
}

void
ag_postfix_line(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_str id, text = line->text;

	if (ag_logtext_queue_id(&text, &id))
		read_queued(log, line, id, text);
	else if (ag_str_eq(program_of(line->tag), ag_str("smtpd")))
		read_smtpd(log, line);
}
