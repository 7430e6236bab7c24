/* Of maillog.h, what Postfix logs: TAG is SYSLOG_NAME/PROGRAM. */
#include "maillog.h"

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

	if (!ag_str_between(text, ", sasl_method=", ", ", &mechanism) ||
	    !ag_str_between(text, ", sasl_username=", ", sasl_sender=", &login))
		return;
	ag_maillog_set(log, &mail->mechanism, mechanism);
	ag_maillog_set(log, &mail->login, login);
}

static bool
is_from_filter(struct ag_str text)
{
	return ag_str_search(text, ", orig_queue_id=") < text.len ||
	    ag_str_search(text, ", orig_client=") < text.len;
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
	mail->tls = tls_of(log, line, listener);
	if (mail->exact)
		return;
	ag_read_client(text, &mail->client);
	ag_maillog_set(log, &mail->listener, listener);
	read_login(log, mail, text);
}

static void
read_smtpd(struct ag_maillog *log, const struct ag_logline *line)
{
	if (ag_str_starts(line->text, "connect from "))
		ag_maillog_new_session(log, line);
	else if (ag_str_search(ag_str_head(line->text, 60),
		     "TLS connection established from ") <
	    ag_str_head(line->text, 60).len)
		note_tls(log, line);
}

/* ---- all others ---- */

/* "uid=0 from=<alice>": what came is not SMTP. */
static void
begin_by_pickup(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id)
{
	struct ag_mail *mail =
	    ag_maillog_begin_mail(log, line, id, AG_WAY_LOCAL);

	if (mail != NULL)
		ag_ip_parse(&mail->client, ag_str("127.0.0.1"));
}

/* "from=<A>, size=1, nrcpt=1 (queue active)" */
static void
read_from(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_mail *mail;
	struct ag_str from;

	/* a line may have been cut */
	if (!ag_str_between(text, "from=<", ">, ", &from) ||
	    6 + from.len == text.len)
		return;
	mail = ag_maillog_open(log, line, id);
	if (mail != NULL && mail->from == NULL)
		ag_maillog_set(log, &mail->from, from);
}

static bool
went_to_local(struct ag_str text)
{
	struct ag_str relay;

	return ag_str_between(text, ">, relay=", ", ", &relay) &&
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

	if (mail == NULL || !ag_str_between(text, "to=<", ">, ", &to) ||
	    4 + to.len == text.len)
		return;
	if (!ag_str_starts(ag_str_skip(text, 4 + to.len), ">, orig_to=<") ||
	    !ag_str_between(text, ">, orig_to=<", ">, ", &typed))
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

static void
read_queued(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_mail *mail;

	if (is_refusal(text)) {
		log->refused++;
	} else if (ag_str_starts(text, "client=")) {
		if (!ag_str_eq(id, ag_str("NOQUEUE")))
			begin_by_smtp(log, line, id, text);
	} else if (ag_str_starts(text, "uid=")) {
		begin_by_pickup(log, line, id);
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

bool
ag_postfix_line(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_str id, text = line->text;

	if (!ag_str_has(line->tag, '/'))
		return false;
	if (ag_take_queue_id(&text, &id))
		read_queued(log, line, id, text);
	else if (ag_str_eq(program_of(line->tag), ag_str("smtpd")))
		read_smtpd(log, line);
	return true;
}
