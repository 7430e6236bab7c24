/* Of readers.h, what Sendmail logs. */
#include <stdlib.h>

#include "policy/base/number.h"
#include "milter/maillog/readers.h"

/* ---- a line's pairs: "from=<alice>, size=23, proto=ESMTP" ---- */

static bool
pair(struct ag_str text, const char *before, struct ag_str *value)
{
	return ag_logtext_between(text, before, ", ", value);
}

static size_t
number_of(struct ag_str text, const char *before)
{
	struct ag_str value;
	uint64_t n = 0;

	if (pair(text, before, &value))
		ag_number_parse(value, UINT32_MAX, &n);
	return (size_t)n;
}

/* "<a@b>" without its brackets; whether it had them. */
static bool
take_brackets(struct ag_str *address)
{
	if (address->len < 2 || address->ptr[0] != '<' ||
	    address->ptr[address->len - 1] != '>')
		return false;
	*address = ag_str_head(ag_str_skip(*address, 1), address->len - 2);
	return true;
}

/* ---- logins ---- */

/* "AUTH=server, relay=NAME [ADDRESS], authid=alice, mech=PLAIN, bits=0" */
static void
note_login(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_str login, mechanism = { NULL, 0 };
	struct ag_logsession *session;

	if (!ag_logtext_between(line->text, ", authid=", ", mech=", &login))
		return;
	pair(line->text, ", mech=", &mechanism);
	session = ag_maillog_new_session(log, line);
	ag_maillog_set(log, &session->login, login);
	ag_maillog_set(log, &session->mechanism, mechanism);
}

/* Sendmail says that there is a login in proto=, and which one by AUTH=. */
static void
find_login(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_mail *mail)
{
	const struct ag_logsession *session = ag_maillog_session(log, line);

	if (session == NULL || session->login == NULL) {
		mail->no_login = true;
		return;
	}
	ag_maillog_set(log, &mail->login, ag_str(session->login));
	ag_maillog_set(log, &mail->mechanism, ag_str(session->mechanism));
}

/* ---- from= ---- */

/* proto= ends in S for TLS and A for a login (RFC 3848). */
static void
read_session(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_mail *mail, struct ag_str proto)
{
	struct ag_str relay, daemon;
	bool login = proto.len > 0 && proto.ptr[proto.len - 1] == 'A';
	struct ag_str rest = ag_str_head(proto, proto.len - login);

	mail->tls = ag_str_eq(rest, ag_str("ESMTPS")) ? AG_TLS_YES : AG_TLS_NO;
	if (mail->exact || !pair(line->text, ", daemon=", &daemon))
		return;
	ag_maillog_set(log, &mail->listener, daemon);
	if (ag_logtext_between(line->text, ", relay=", "]", &relay))
		ag_logtext_client(relay, &mail->client);
	if (login)
		find_login(log, line, mail);
}

/*
 * What has no daemon= came from this host: by "sendmail -bs", which asks the
 * milter and says proto=, or from its command line.
 */
static enum ag_mail_way
way_of(struct ag_str text, struct ag_str proto)
{
	struct ag_str daemon;

	if (pair(text, ", daemon=", &daemon))
		return AG_WAY_SMTP;
	return proto.len > 0 ? AG_WAY_LOCAL : AG_WAY_UNASKED;
}

/* Sendmail says from= of what ended before its content, too. */
static bool
is_whole(struct ag_str text)
{
	return number_of(text, ", size=") > 0 ||
	    ag_logtext_search(text, ", msgid=") < text.len;
}

static void
end_early(struct ag_maillog *log, struct ag_mail *mail)
{
	if (mail->fate == AG_FATE_NONE)
		mail->fate = AG_FATE_UNFINISHED;
	ag_maillog_done(log, mail);
}

static void
read_sender(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_mail *mail, struct ag_str from, struct ag_str proto)
{
	take_brackets(&from);
	ag_maillog_set(log, &mail->from, from);
	mail->announced = number_of(line->text, ", nrcpts=");
	read_session(log, line, mail, proto);
}

static void
read_from(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	struct ag_str from, proto = { NULL, 0 };
	struct ag_mail *mail;

	pair(text, ", proto=", &proto);
	mail = ag_maillog_begin_mail(log, line, id, way_of(text, proto));
	if (mail != NULL && !is_whole(text))
		end_early(log, mail);
	else if (mail != NULL &&
	    ag_logtext_between(text, "from=", ", size=", &from))
		read_sender(log, line, mail, from, proto);
}

/* ---- to= ---- */

/* Takes an address off "<a@b>,<c@d>": a comma may be in brackets. */
static struct ag_str
take_address(struct ag_str *list)
{
	size_t n = 0;
	struct ag_str address;

	if (list->len > 0 && list->ptr[0] == '<')
		n = ag_str_find(*list, '>');
	n += ag_str_find(ag_str_skip(*list, n), ',');
	address = ag_str_head(*list, n);
	*list = ag_str_skip(*list, n + 1);
	return address;
}

/*
 * What the client typed stands in brackets.  What does not is an account that
 * an alias stands for, and only the account's name is known of the alias.
 */
static void
add_recipient(struct ag_mail *mail, struct ag_str address, bool local)
{
	bool typed = take_brackets(&address) || mail->way != AG_WAY_SMTP;
	struct ag_str known =
	    typed ? address : ag_str_head(address, ag_str_find(address, '@'));
	struct ag_mail_rcpt *rcpt;

	if (known.len == 0)
		return;
	rcpt = ag_mail_add(mail, known, typed ? &address : NULL, false);
	if (rcpt == NULL)
		return;
	rcpt->local = rcpt->local || (typed && local);
	if (rcpt->addr == NULL)
		rcpt->alias = true;
}

static void
read_to(struct ag_maillog *log, const struct ag_logline *line, struct ag_str id,
    struct ag_str text)
{
	struct ag_mail *mail = ag_mails_find(&log->mails, line->host, id);
	struct ag_str list = ag_str_skip(text, 3), mailer = { NULL, 0 };
	size_t end = ag_logtext_search(list, ", delay=");

	/* a line may have been cut */
	if (mail == NULL || !mail->opened || end == list.len)
		return;
	list = ag_str_head(list, end);
	end = ag_logtext_search(list, ", ctladdr=");
	pair(text, ", mailer=", &mailer);
	list = ag_str_head(list, end);
	while (list.len > 0)
		add_recipient(mail, take_address(&list),
		    ag_str_eq(mailer, ag_str("local")));
	if (mail->announced > 0 && ag_mail_count_typed(mail) >= mail->announced)
		ag_maillog_done(log, mail);
}

/* ---- what becomes of a message ---- */

static bool
starts_with_one(struct ag_str text, const char *const *beginnings)
{
	for (; *beginnings != NULL; beginnings++)
		if (ag_str_starts(text, *beginnings))
			return true;
	return false;
}

/* "ruleset=check_rcpt, ...", "Milter: data, ...", "milter=NAME, action=..." */
static bool
is_answer(struct ag_str text)
{
	static const char *const answers[] = { "ruleset=", "Milter: ",
		"milter=", NULL };

	return starts_with_one(text, answers);
}

static bool
is_refusal(struct ag_str text)
{
	return is_answer(text) &&
	    ag_logtext_search(text, ", reject=") < text.len;
}

/* One recipient or command is refused, and the message may go on. */
static bool
is_before_content(struct ag_str text)
{
	static const char *const early[] = { "Milter: to=", "Milter: from=",
		"Milter: helo", "Milter: connect", "ruleset=check_rcpt",
		"ruleset=check_mail", "ruleset=check_relay",
		"ruleset=check_vrfy", "ruleset=check_expn",
		"ruleset=check_etrn", NULL };

	return starts_with_one(text, early);
}

static enum ag_mail_fate
fate_of(struct ag_str text)
{
	static const char *const losses[] = { "lost input channel from ",
		"collect: premature EOM", "collect: unexpected close",
		"timeout waiting for input", NULL };
	struct ag_str reason;

	if (starts_with_one(text, losses))
		return AG_FATE_LOST;
	if (!is_answer(text))
		return AG_FATE_NONE;
	if (is_refusal(text))
		return is_before_content(text) ? AG_FATE_NONE : AG_FATE_REFUSED;
	if (ag_logtext_between(text, ", quarantine=", ",", &reason))
		return AG_FATE_HELD;
	return text.len > 9 &&
		ag_str_eq(ag_str_skip(text, text.len - 9),
		    ag_str(", discard")) ?
	    AG_FATE_DISCARDED :
	    AG_FATE_NONE;
}

/* It is said before from=. */
static void
note_fate(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, enum ag_mail_fate fate)
{
	struct ag_mail *mail = NULL;

	if (fate != AG_FATE_NONE && !ag_str_eq(id, ag_str("NOQUEUE")))
		mail = ag_maillog_open(log, line, id);
	if (mail != NULL)
		mail->fate = fate;
}

/*
 * "OLD: NEW: DSN: User unknown", "NEW: clone: owner=bob": mail that Sendmail
 * itself makes.
 */
static bool
read_made(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	static const char *const notices[] = { "DSN: ", "return to sender: ",
		"sender notify: ", "postmaster notify: ", NULL };
	struct ag_mail *mail;

	if (!ag_str_starts(text, "clone") &&
	    !(ag_logtext_queue_id(&text, &id) &&
		starts_with_one(text, notices)))
		return false;
	mail = ag_maillog_begin_mail(log, line, id, AG_WAY_MADE);
	if (mail != NULL)
		ag_maillog_done(log, mail);
	return true;
}

/* ---- lines ---- */

static void
read_queued(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str id, struct ag_str text)
{
	if (ag_str_starts(text, "from=")) {
		read_from(log, line, id, text);
	} else if (ag_str_starts(text, "to=")) {
		read_to(log, line, id, text);
	} else if (!read_made(log, line, id, text)) {
		log->refused += is_refusal(text);
		note_fate(log, line, id, fate_of(text));
	}
}

void
ag_sendmail_line(struct ag_maillog *log, const struct ag_logline *line)
{
	struct ag_str id, text = line->text;

	if (ag_str_starts(text, "AUTH=server, "))
		note_login(log, line);
	else if (ag_logtext_queue_id(&text, &id))
		read_queued(log, line, id, text);
}
