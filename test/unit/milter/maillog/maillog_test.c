#include "findings.h"

#include <stdio.h>
#include <stdlib.h>

#include "milter/maillog/maillog.h"

/* ---- messages as text ---- */

static const char *const ways[] = { "unknown", "smtp", "local", "unasked",
	"filter", "proxy", "made" };
static const char *const fates[] = { "", " held", " discarded", " refused",
	" lost", " unfinished" };
static const char *const tls[] = { "tls?", "plain", "tls" };

static const char *
shown(const char *text)
{
	return text == NULL ? "-" : text[0] == '\0' ? "<>" : text;
}

static void
write_rcpts(struct ag_buf *out, const struct ag_mail *mail)
{
	const struct ag_mail_rcpt *rcpt = mail->rcpts.items;

	for (size_t i = 0; i < mail->rcpts.n; i++) {
		ag_buf_printf(out, " >%s", rcpt[i].to);
		if (rcpt[i].addr == NULL)
			ag_buf_text(out, "=?");
		else if (strcmp(rcpt[i].to, rcpt[i].addr) != 0)
			ag_buf_printf(out, "=%s", rcpt[i].addr);
		ag_buf_printf(out, "%s%s%s%s", rcpt[i].local ? ",local" : "",
		    rcpt[i].logged ? ",logged" : "",
		    rcpt[i].alias ? ",alias" : "", rcpt[i].told ? ",told" : "");
	}
}

/* "ID WAY CLIENT LISTENER:PORT LOGIN/MECHANISM TLS FROM(SENT) >TO... FATE" */
static void
write_mail(void *arg, const struct ag_mail *mail)
{
	struct ag_buf *out = arg;
	char client[AG_IP_TEXT_MAX];

	ag_buf_printf(out, "%s%s %s %s %s:%u %s/%s%s %s %s", mail->id,
	    mail->exact ? "!" : "", ways[mail->way],
	    ag_ip_write(&mail->client, client), shown(mail->listener),
	    mail->port, shown(mail->login), shown(mail->mechanism),
	    mail->no_login ? "?" : "", tls[mail->tls], shown(mail->from));
	if (mail->sent != NULL)
		ag_buf_printf(out, "(%s)", shown(mail->sent));
	if (mail->told != NULL)
		ag_buf_printf(out, "[%s]", shown(mail->told));
	write_rcpts(out, mail);
	ag_buf_printf(out, "%s\n", fates[mail->fate]);
}

/* Each line gets a time and a host in front. */
static void
read_lines(struct ag_maillog *log, const char *text)
{
	struct ag_str rest = ag_str(text), line;

	ag_maillog_file(log, 1800000000);
	while (ag_str_line(&rest, &line)) {
		char whole[8192];
		struct ag_buf buf = AG_BUF(whole);

		ag_buf_text(&buf, "2026-11-21T12:00:00Z mx ");
		ag_buf_str(&buf, line);
		ag_maillog_line(log, ag_buf_get(&buf));
	}
	ag_maillog_end(log);
	assert_false(log->failed);
}

#define expect_mails(text, expected) \
	expect_mails_at((text), (expected), __FILE__, __LINE__)

static void
expect_mails_at(const char *text, const char *expected, const char *file,
    int line)
{
	char got[8192];
	struct ag_buf out = AG_BUF(got);
	struct ag_maillog log;

	assert_true(ag_maillog_begin(&log, write_mail, &out));
	read_lines(&log, text);
	ag_maillog_free(&log);
	expect_text_at(text, got, expected, file, line);
}

/* ---- Postfix ---- */

#define CLIENT "postfix/smtpd[9]: 4XYZ1: client=h.example[192.0.2.1]"
#define FROM \
	"postfix/qmgr[2]: 4XYZ1: from=<a@remote.example>, size=3, nrcpt=1\n"
#define TO "postfix/smtp[3]: 4XYZ1: to=<bob@example.com>, relay=x, delay=1\n"
#define SENT "postfix/qmgr[2]: 4XYZ1: removed\n"
#define PLAIN_MAIL \
	"4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? a@remote.example " \
	">bob@example.com\n"

static void
test_postfix_message(void **state)
{
	(void)state;
	expect_mails(CLIENT "\n" FROM TO SENT, PLAIN_MAIL);
	expect_mails(CLIENT "\n" FROM TO, PLAIN_MAIL);
	expect_mails(CLIENT "\n" TO FROM SENT, PLAIN_MAIL);
	expect_mails(CLIENT "\n" FROM TO FROM TO SENT SENT TO, PLAIN_MAIL);
	/* the client gave it up, as Postfix 3.10 says */
	expect_mails(CLIENT
	    "\npostfix/cleanup[2]: 4XYZ1: removed (canceled)\n" TO,
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? -\n");
	/* the queue id comes again */
	expect_mails(CLIENT "\n" CLIENT "\n" FROM TO SENT,
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? -\n" PLAIN_MAIL);
	expect_mails("postfix/smtpd[9]: connect from h.example[192.0.2.1]\n"
		     "postfix/anvil[9]: statistics: max connection rate 1\n",
	    "");
}

static void
test_postfix_beginnings(void **state)
{
	(void)state;
	expect_mails(
	    "postfix/submission/smtpd[9]: 4XYZ1: client=h[2001:db8::9], "
	    "sasl_method=PLAIN, sasl_username=alice@example.com\n",
	    "4XYZ1 smtp 2001:db8::9 submission:0 alice@example.com/PLAIN tls? "
	    "-\n");
	expect_mails("mymail/smtps/smtpd[9]: 4XYZ1: client=unknown[unknown], "
		     "sasl_method=LOGIN, sasl_username=a, b, "
		     "sasl_sender=x@y\n",
	    "4XYZ1 smtp unknown smtps:0 a, b/LOGIN tls -\n");
	expect_mails("postfix-out/smtpd[9]: 4XYZ1: client=h[192.0.2.1]:4711\n",
	    "4XYZ1 smtp 192.0.2.1 postfix-out:0 -/- tls? -\n");
	expect_mails("postfix/smtpd[9]: 4XYZ1: client=l[127.0.0.1], "
		     "orig_queue_id=4AAA1, orig_client=h[192.0.2.1]\n",
	    "4XYZ1 filter 127.0.0.1 smtp:0 -/- tls? -\n");
	expect_mails("postfix/pickup[9]: 4XYZ1: uid=0 from=<root>\n" FROM,
	    "4XYZ1 local 127.0.0.1 -:0 -/- tls? a@remote.example\n");
	expect_mails(FROM TO,
	    "4XYZ1 unknown unknown -:0 -/- tls? a@remote.example "
	    ">bob@example.com\n");
	expect_mails("postfix/smtpd[9]: NOQUEUE: client=h[192.0.2.1]\n",
	    "NOQUEUE proxy unknown -:0 -/- tls? -\n");
	expect_mails("postfix/cleanup[9]: 4XYZ1: message-id=<x@y>\n" FROM TO,
	    "4XYZ1 made unknown -:0 -/- tls? a@remote.example "
	    ">bob@example.com\n");
	expect_mails(CLIENT
	    "\npostfix/cleanup[9]: 4XYZ1: message-id=<x@y>\n" FROM TO SENT,
	    PLAIN_MAIL);
}

#define NEW_CLIENT "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? "
#define CONNECT "postfix/smtpd[9]: connect from h.example[192.0.2.1]\n"
#define CLEANUP "postfix/cleanup[8]: 4XYZ1: "
#define ENVELOPE \
	" from h.example[192.0.2.1]; from=<a@remote.example> " \
	"to=<bob@example.com> proto=ESMTP helo=<c>"

/* What never comes to the queue, and why. */
static void
test_postfix_fates(void **state)
{
	static const struct {
		const char *lines;
		const char *expected;
	} rows[] = {
		{ CLIENT "\n", "-" },
		{ CLIENT "\n" CLEANUP "milter-discard: END-OF-MESSAGE" ENVELOPE,
		    "-[a@remote.example] >bob@example.com,told discarded" },
		{ CLIENT "\n" CLEANUP "hold: header Subject: x; from=<x@y> "
			 "to=<z@y> proto=z" ENVELOPE ": no",
		    "-[a@remote.example] >bob@example.com,told held" },
		{ CLIENT "\n" CLEANUP "milter-hold: END-OF-MESSAGE from "
			 "h[192.0.2.1]: x; from=<> proto=ESMTP helo=<c>",
		    "-[<>] held" },
		{ CLIENT "\n" CLEANUP "hold: x", "- held" },
		{ CLIENT "\n" CLEANUP "milter-hold: END-OF-MESSAGE" ENVELOPE
			 "\n" FROM TO SENT,
		    "a@remote.example[a@remote.example] >bob@example.com" },
		/* before there is an id */
		{ CONNECT "postfix/smtpd[9]: NOQUEUE: discard: RCPT" ENVELOPE
			  "\n" CLIENT,
		    "-[a@remote.example] >bob@example.com,told discarded" },
		{ "postfix/smtpd[9]: NOQUEUE: discard: RCPT" ENVELOPE
		  "\n" CLIENT,
		    "-" },
		{ CONNECT "postfix/smtpd[9]: NOQUEUE: hold: x\n" CLIENT, "-" },
		{ CONNECT "postfix/smtpd[9]: NOQUEUE: hold: RCPT" ENVELOPE
			  "\n" CONNECT CLIENT,
		    "-" },
		/* refusals that end a message, and others */
		{ CLIENT "\n" CLEANUP "milter-reject: END-OF-MESSAGE" ENVELOPE,
		    "- refused" },
		{ CLIENT "\n" CLEANUP "reject: header Subject: x" ENVELOPE,
		    "- refused" },
		{ CLIENT "\n" CLEANUP "reject: mime-error x" ENVELOPE,
		    "- refused" },
		{ CLIENT "\npostfix/smtpd[9]: 4XYZ1: reject: DATA" ENVELOPE,
		    "- refused" },
		{ CLIENT "\npostfix/smtpd[9]: 4XYZ1: reject: RCPT" ENVELOPE,
		    "-" },
		{ CLIENT "\npostfix/smtpd[9]: 4XYZ1: reject_warning: DATA x",
		    "-" },
		{ CLIENT "\npostfix/smtpd[9]: 4XYZ1: reject: DATA x\n" FROM TO,
		    "a@remote.example >bob@example.com" },
		/* the connection */
		{ CONNECT CLIENT
		    "\npostfix/smtpd[9]: lost connection after DATA "
		    "(5 bytes) from h[192.0.2.1]",
		    "- lost" },
		{ CONNECT CLIENT
		    "\npostfix/smtpd[9]: timeout after RCPT from x",
		    "- lost" },
		{ CONNECT CLIENT "\n" FROM TO
				 "postfix/smtpd[9]: lost connection after "
				 "END-OF-MESSAGE from h[192.0.2.1]",
		    "a@remote.example >bob@example.com lost" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char expected[1000];

		snprintf(expected, sizeof(expected), NEW_CLIENT "%s\n",
		    rows[i].expected);
		expect_mails(rows[i].lines, expected);
	}
}

/* postsuper -r: one message, which has two ids. */
static void
test_postfix_requeued(void **state)
{
	static const char again[] =
	    "postfix/pickup[5]: 5XYZ2: uid=0 from=<a@remote.example> "
	    "orig_id=4XYZ1\n";
	char text[1000];

	(void)state;
	snprintf(text, sizeof(text),
	    "%s\n%s%spostfix/x[1]: 5XYZ2: to=<c@d>, "
	    "relay=x, delay=1\n",
	    CLIENT, FROM, again);
	expect_mails(text,
	    "5XYZ2 smtp 192.0.2.1 smtp:0 -/- tls? a@remote.example >c@d\n");
	expect_mails(again, "5XYZ2 unknown unknown -:0 -/- tls? -\n");
}

/* That nothing is logged says something only where TLS is logged. */
static void
test_postfix_tls(void **state)
{
	static const char connect[] =
	    "postfix/smtpd[9]: connect from h.example[192.0.2.1]\n";
	static const char with_tls[] =
	    "postfix/smtpd[9]: Anonymous TLS connection established from "
	    "h.example[192.0.2.1]: TLSv1.3\n";
	char text[1000];

	(void)state;
	snprintf(text, sizeof(text),
	    "%s%s\n%s%s%s\n%s%s\n"
	    "postfix/other/smtpd[8]: connect from x\n"
	    "postfix/other/smtpd[8]: 5XYZ1: "
	    "client=h[192.0.2.1]\n",
	    connect, CLIENT, connect, with_tls, CLIENT, connect, CLIENT);
	expect_mails(text,
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? -\n"
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls -\n"
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- plain -\n"
	    "5XYZ1 smtp 192.0.2.1 other:0 -/- tls? -\n");
}

static void
test_postfix_recipients(void **state)
{
	static const struct {
		const char *line;
		const char *expected;
	} rows[] = {
		{ "to=<b@example.com>, relay=local, delay=1",
		    " >b@example.com,local" },
		{ "to=<b@example.com>, orig_to=<list@example.com>, relay=local, "
		  "delay=1",
		    " >list@example.com=b@example.com,local" },
		{ "to=<b@example.com>, orig_to=<list@x.example>, relay=local, "
		  "delay=1",
		    " >list@x.example=b@example.com" },
		{ "to=<b@example.com>, orig_to=<b>, relay=virtual, delay=1",
		    " >b=b@example.com" },
		{ "to=<\"a >, b\"@example.com>, relay=none, delay=1",
		    " >\"a " },
		{ "to=<>, relay=none", " >" },
		{ "to=<b@example.com", "" },
		{ "to=<b@example.com>", "" },
		{ "to=<", "" },
		{ "to=b@example.com, relay=none", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[1000], expected[1000];

		snprintf(text, sizeof(text), "%s\npostfix/x[1]: 4XYZ1: %s\n",
		    CLIENT, rows[i].line);
		snprintf(expected, sizeof(expected),
		    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? -%s\n",
		    rows[i].expected);
		expect_mails(text, expected);
	}
}

/* ---- Sendmail ---- */

#define SM "sendmail[7]: 6AM3eKnL028654: "
#define AUTH \
	"sendmail[7]: AUTH=server, relay=h [192.0.2.1], authid=alice, " \
	"mech=PLAIN, bits=0\n"

static void
test_sendmail(void **state)
{
	(void)state;
	expect_mails(SM "from=<a@b>, size=23, class=0, nrcpts=2, msgid=<x>, "
			"proto=ESMTP, daemon=MTA, relay=h.example [192.0.2.1] "
			"(may be forged)\n" SM
			"to=<b@example.com>,<\"c,d\"@example.com>, "
			"delay=00:00:00, mailer=local, pri=1, stat=Sent\n",
	    "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/- plain a@b "
	    ">b@example.com,local >\"c,d\"@example.com,local\n");
	expect_mails(AUTH SM "from=<>, size=23, nrcpts=1, msgid=<x>, "
			     "proto=ESMTPSA, daemon=MSA, "
			     "relay=[IPv6:2001:db8:0:0:0:0:0:9]\n",
	    "6AM3eKnL028654 smtp 2001:db8::9 MSA:0 alice/PLAIN tls <>\n");
	/* another process said AUTH=, or none did */
	expect_mails(
	    "sendmail[8]: AUTH=server, relay=h, authid=bob, mech=X\n" SM
	    "from=<a@b>, size=23, nrcpts=1, msgid=<x>, proto=ESMTPA, "
	    "daemon=MTA, relay=[192.0.2.1]\n",
	    "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/-? plain a@b\n");
	/* a later session of the same process number has no login */
	expect_mails(AUTH SM "from=<a@b>, size=23, nrcpts=1, msgid=<x>, "
			     "proto=ESMTPS, daemon=MTA, relay=[192.0.2.1]\n",
	    "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/- tls a@b\n");
	/* ended before its content */
	expect_mails(SM "from=<a@b>, size=0, class=0, nrcpts=1, proto=ESMTP, "
			"daemon=MTA, relay=[192.0.2.1]\n",
	    "6AM3eKnL028654 smtp unknown -:0 -/- tls? - unfinished\n");
}

#define SM_WHOLE \
	"from=<a@b>, size=2, nrcpts=1, msgid=<x>, proto=ESMTP, daemon=MTA, " \
	"relay=[192.0.2.1]\n"
#define SM_EMPTY \
	"from=<a@b>, size=0, nrcpts=1, proto=ESMTP, daemon=MTA, " \
	"relay=[192.0.2.1]\n"
#define SM_MAIL "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/- plain a@b"
#define SM_NONE "6AM3eKnL028654 smtp unknown -:0 -/- tls? -"

static void
test_sendmail_fates(void **state)
{
	static const struct {
		const char *lines;
		const char *expected;
	} rows[] = {
		{ SM "Milter: data, discard\n" SM SM_WHOLE,
		    SM_MAIL " discarded\n" },
		{ SM "Milter: from=<a@b>, discard\n" SM SM_WHOLE,
		    SM_MAIL " discarded\n" },
		{ SM "milter=x, action=mail, discard\n" SM SM_WHOLE,
		    SM_MAIL " discarded\n" },
		{ SM SM_WHOLE SM "milter=x, quarantine=virus\n",
		    SM_MAIL " held\n" },
		{ SM SM_WHOLE SM "Milter: data, reject=554 5.7.1 no\n",
		    SM_MAIL " refused\n" },
		{ SM "Milter: to=<x@y>, reject=550 no\n" SM SM_WHOLE,
		    SM_MAIL "\n" },
		{ SM
		    "ruleset=check_rcpt, arg1=<x>, reject=550 no\n" SM SM_WHOLE,
		    SM_MAIL "\n" },
		{ SM SM_WHOLE SM
		    "ruleset=CheckSubject, arg1=x, reject=553 no\n",
		    SM_MAIL " refused\n" },
		{ SM
		    "lost input channel from h [192.0.2.1] to MTA after rcpt\n" SM
			SM_EMPTY,
		    SM_NONE " lost\n" },
		{ SM "collect: premature EOM: Connection reset by h\n" SM
			SM_EMPTY,
		    SM_NONE " lost\n" },
		/* which ends nothing that has begun */
		{ SM
		    "lost input channel from h [192.0.2.1] to MTA after data\n",
		    "" },
		{ "sendmail[7]: NOQUEUE: lost input channel from h\n", "" },
		{ "sendmail[7]: NOQUEUE: h [192.0.2.1] did not issue "
		  "MAIL/EXPN/VRFY/ETRN during connection to MTA\n",
		    "" },
		/* what it makes itself */
		{ SM SM_WHOLE SM "6AM3eKnM028654: DSN: User unknown\n",
		    "6AM3eKnM028654 made unknown -:0 -/- tls? -\n" SM_MAIL
		    "\n" },
		{ SM SM_WHOLE "sendmail[7]: 6AM3eKnM028654: clone: owner=x\n",
		    "6AM3eKnM028654 made unknown -:0 -/- tls? -\n" SM_MAIL
		    "\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_mails(rows[i].lines, rows[i].expected);
}

static void
test_sendmail_on_this_host(void **state)
{
	(void)state;
	expect_mails("sm-mta[7]: 6AM3eKnL028654: from=<a@b>, size=15, "
		     "nrcpts=1, msgid=<x>, proto=ESMTP, relay=root@localhost\n",
	    "6AM3eKnL028654 local unknown -:0 -/- plain a@b\n");
	expect_mails(SM "from=a@b, size=15, nrcpts=1, msgid=<x>, "
			"relay=root@localhost\n" SM
			"to=c@d, ctladdr=a@b (0/0), delay=00:00:00, "
			"mailer=esmtp, stat=Sent\n",
	    "6AM3eKnL028654 unasked unknown -:0 -/- plain a@b >c@d\n");
}

/* What has no brackets is what an alias has become. */
static void
test_sendmail_aliases(void **state)
{
	static const char from[] =
	    SM "from=<a@b>, size=23, nrcpts=%s, msgid=<x>, proto=ESMTP, "
	       "daemon=MTA, relay=[192.0.2.1]\n" SM
	       "to=bob, delay=1, mailer=local, stat=Sent\n" SM
	       "to=kim@remote.example, delay=1, mailer=esmtp, stat=Sent\n" SM
	       "to=<c@example.com>, delay=1, mailer=local, stat=Sent\n";
	static const struct {
		const char *announced;
		const char *expected;
	} rows[] = {
		{ "1", " >c@example.com,local" },
		{ "2", " >bob=?,alias >c@example.com,local" },
		{ "3", " >bob=?,alias >kim=?,alias >c@example.com,local" },
		{ "9", " >bob=?,alias >kim=?,alias >c@example.com,local" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[1000], expected[1000];
		size_t at = (size_t)(strstr(from, "%s") - from);

		snprintf(text, sizeof(text), "%.*s%s%s", (int)at, from,
		    rows[i].announced, from + at + 2);
		snprintf(expected, sizeof(expected),
		    "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/- plain a@b%s\n",
		    rows[i].expected);
		expect_mails(text, expected);
	}
}

/* ---- authgate ---- */

#define OWN(queue_id, to) \
	"authgate[1]: verdict=accept rule=- stage=rcpt s=5f3a1c02-1 q=" queue_id \
	" client=192.0.2.1 name=h listener=submission:587 " \
	"login=alice@example.com mech=PLAIN from=alice@example.com to=" to \
	" domain=- at=- reply=- gen=1\n"
#define OWN_END "authgate[1]: s=5f3a1c02-1 q=4XYZ1\n"
#define OWN_FACTS "smtp 192.0.2.1 submission:587 alice@example.com/PLAIN tls?"

static void
test_own_lines(void **state)
{
	(void)state;
	expect_mails(OWN("-", "bob@example.com") OWN("4XYZ1", "x") OWN_END,
	    "4XYZ1! " OWN_FACTS " -(alice@example.com) "
	    ">bob@example.com=?,logged >x=?,logged\n");
	/* never came to its end */
	expect_mails(OWN("-", "bob@example.com"),
	    "5f3a1c02-1! " OWN_FACTS
	    " -(alice@example.com) >bob@example.com=?,logged unfinished\n");
	/* nothing was logged as accepted */
	expect_mails(OWN_END, "");
	expect_mails("authgate[1]: verdict=would-reject rule=outgoing_auth "
		     "stage=rcpt s=5f3a1c02-1 q=4XYZ1 client=192.0.2.1 to=x\n",
	    "");
	expect_mails("authgate[1]: verdict=accept stage=rcpt s=1-1 q=4XYZ1 "
		     "client=127.0.0.1 listener=mx.example.com login=- "
		     "from=\"\\\"a b\\\"@\\x41\\\\x\" to=\"-\"\n",
	    "4XYZ1! local 127.0.0.1 mx.example.com:0 -/- tls? "
	    "-(\"a b\"@A\\x) >-=?,logged\n");
}

/* With an MTA's lines it is one message, in whatever order they come. */
static void
test_own_lines_beside_those_of_postfix(void **state)
{
	static const char both[] =
	    "4XYZ1! " OWN_FACTS " a@remote.example(alice@example.com) "
	    ">bob@example.com,logged\n";
	static const char other[] =
	    "4XYZ1! " OWN_FACTS " a@remote.example(alice@example.com) "
	    ">bob@example.com >B=?,logged\n";

	(void)state;
	expect_mails(OWN("-", "bob@example.com") CLIENT
	    "\n" OWN_END FROM TO SENT,
	    both);
	expect_mails(CLIENT "\n" FROM OWN("4XYZ1", "bob@example.com")
			 TO SENT OWN_END,
	    both);
	expect_mails(OWN("4XYZ1", "bob@example.com") CLIENT "\n" FROM TO SENT,
	    both);
	expect_mails(CLIENT "\n" FROM TO OWN("4XYZ1", "B") SENT, other);
	/* what the MTA said of its way holds */
	expect_mails("postfix/smtpd[9]: 4XYZ1: client=l[127.0.0.1], "
		     "orig_queue_id=4AAA1\n" OWN("4XYZ1", "x"),
	    "4XYZ1! filter 192.0.2.1 submission:587 alice@example.com/PLAIN "
	    "tls? -(alice@example.com) >x=?,logged\n");
	/* a login that Sendmail did not tell */
	expect_mails(SM
	    "from=<a@b>, size=2, nrcpts=2, proto=ESMTPA, "
	    "daemon=MTA, relay=[192.0.2.1]\n" OWN("6AM3eKnL028654", "x"),
	    "6AM3eKnL028654! smtp 192.0.2.1 submission:587 "
	    "alice@example.com/PLAIN plain a@b(alice@example.com) "
	    ">x=?,logged\n");
	/* too late: what Postfix said counts, and counts once */
	expect_mails(OWN("-", "bob@example.com") CLIENT
	    "\n" FROM TO SENT OWN_END,
	    PLAIN_MAIL);
}

/* ---- what is no mail log ---- */

static void
count_rcpts(void *arg, const struct ag_mail *mail)
{
	size_t *sizes = arg;

	sizes[0] = mail->rcpts.n;
	sizes[1] = mail->left_out;
}

static void
test_anything_else(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"x",
		"kernel: eth0: link up",
		"sshd[1]: Failed password for root from 192.0.2.1",
		"postfix/smtpd[9]:",
		"postfix/smtpd[9]: ",
		"postfix/smtpd[9]: 4XYZ1: ",
		"postfix/smtpd[9]: 4XYZ1",
		"postfix/smtpd[99999999999999999999]: connect from x",
		"postfix/smtpd: TLS connection established from x",
		"/[: 4XYZ1: from=<",
		"sendmail[1]: AUTH=server, authid=",
		"sendmail[1]: 6AM3eKnL028654: to=<,,,<, delay=",
		"authgate: verdict=",
		"authgate: s=\"\\x",
		"authgate: s= q= = ==",
		"authgate: s=\"\\",
		"authgate: verdict=accept stage=rcpt s=a/b q=4XYZ1 to=x",
		"authgate: verdict=accept stage=rcpt q=4XYZ1 to=x",
		"authgate: verdict=accept stage=rcpt to=x q=4XYZ1 s=0123456789012345678901234567890123456789012345678901234567890",
	};

	(void)state;
	for (size_t i = 0; i < ROWS(lines); i++)
		expect_mails(lines[i], "");
}

/* Process numbers and queue ids are those of one host. */
static void
test_hosts_are_apart(void **state)
{
	static const char *const lines[] = {
		"2026-11-21T12:00:00Z a sendmail[7]: AUTH=server, relay=h, "
		"authid=alice, mech=PLAIN, bits=0",
		"2026-11-21T12:00:00Z b " SM "from=<a@b>, size=2, nrcpts=1, "
		"proto=ESMTPA, daemon=MTA, relay=[192.0.2.1]",
		"2026-11-21T12:00:00Z a " CLIENT,
		"2026-11-21T12:00:00Z b postfix/x[1]: 4XYZ1: removed",
		"2026-11-21T12:00:00Z b postfix/x[1]: 4XYZ1: to=<x@y>, relay=z",
	};
	char got[1000];
	struct ag_buf out = AG_BUF(got);
	struct ag_maillog log;

	(void)state;
	assert_true(ag_maillog_begin(&log, write_mail, &out));
	ag_maillog_file(&log, 1800000000);
	for (size_t i = 0; i < ROWS(lines); i++)
		ag_maillog_line(&log, ag_str(lines[i]));
	ag_maillog_end(&log);
	expect_text("two hosts", got,
	    "6AM3eKnL028654 smtp 192.0.2.1 MTA:0 -/-? plain a@b\n"
	    "4XYZ1 smtp 192.0.2.1 smtp:0 -/- tls? -\n");
	ag_maillog_free(&log);
}

/* Sendmail says nothing when it is done: all recipients have been told of. */
static void
test_sendmail_is_done(void **state)
{
	static const char *const lines[] = {
		"2026-11-21T12:00:00Z a " SM "from=<a@b>, size=2, nrcpts=2, "
		"proto=ESMTP, daemon=MTA, relay=[192.0.2.1]",
		"2026-11-21T12:00:00Z a " SM "to=<c@d>, delay=1, stat=Sent",
		"2026-11-21T12:00:00Z a " SM "to=<c@d>, delay=1, stat=Deferred",
		"2026-11-21T12:00:00Z a " SM "to=<e@f>, delay=1, stat=queued",
	};
	size_t sizes[2] = { 0, 0 };
	struct ag_maillog log;

	(void)state;
	assert_true(ag_maillog_begin(&log, count_rcpts, sizes));
	ag_maillog_file(&log, 1800000000);
	for (size_t i = 0; i < ROWS(lines); i++) {
		assert_int_equal(sizes[0], 0);
		ag_maillog_line(&log, ag_str(lines[i]));
	}
	assert_int_equal(sizes[0], 2);
	ag_maillog_free(&log);
}

static void
test_lines_are_counted(void **state)
{
	char got[1000];
	struct ag_buf out = AG_BUF(got);
	struct ag_maillog log;

	(void)state;
	assert_true(ag_maillog_begin(&log, write_mail, &out));
	read_lines(&log,
	    "kernel: x\n" CLIENT "\n"
	    "postfix/smtpd[9]: NOQUEUE: reject: RCPT from x\n"
	    "postfix/smtpd[9]: 4XYZ1: milter-reject: RCPT from x\n"
	    "postfix/smtpd[9]: NOQUEUE: proxy-reject: END-OF-MESSAGE: 550\n" SM
	    "ruleset=check_rcpt, arg1=<x>, relay=x, reject=550 no\n" SM
	    "Milter: to=<x>, reject=501 no\n");
	assert_int_equal(log.lines, 7);
	assert_int_equal(log.mail_lines, 6);
	assert_int_equal(log.refused, 5);
	ag_maillog_line(&log, (struct ag_str)AG_STR("a\0b"));
	assert_int_equal(log.mail_lines, 6);
	assert_int_equal(log.other_lines, 2);
	ag_maillog_line(&log,
	    (struct ag_str)AG_STR(
		"\0\0\0002026-11-21T12:00:00Z mx postfix/x[1]: \0y"));
	assert_int_equal(log.mail_lines, 7);
	ag_maillog_line(&log, ag_str("maj 21 12:00:00 mx postfix/smtpd[1]: x"));
	ag_maillog_line(&log, ag_str("postfix/smtpd[1]: y"));
	assert_int_equal(log.mail_lines, 9);
	assert_int_equal(log.undated, 2);
	expect_text("undated", ag_str(log.undated_line).ptr,
	    "maj 21 12:00:00 mx postfix/smtpd[1]: x");
	ag_maillog_free(&log);
}

/* The oldest goes when there are too many. */
static void
test_under_way_is_bounded(void **state)
{
	char got[2000];
	struct ag_buf out = AG_BUF(got);
	struct ag_maillog log;

	(void)state;
	assert_true(ag_maillog_begin(&log, write_mail, &out));
	log.max = 2;
	read_lines(&log,
	    "postfix/smtpd[9]: AAAAA: client=h[192.0.2.1]\n"
	    "postfix/smtp[9]: AAAAA: to=<x>, relay=y\n"
	    "postfix/smtpd[9]: BBBBB: client=h[192.0.2.1]\n"
	    "postfix/smtpd[9]: CCCCC: client=h[192.0.2.1]\n"
	    "postfix/smtp[9]: AAAAA: to=<y>, relay=y\n"
	    "postfix/smtpd[9]: DDDDD: client=h[192.0.2.1]\n");
	assert_int_equal(log.given_up, 1);
	expect_text("four", got,
	    "AAAAA smtp 192.0.2.1 smtp:0 -/- tls? - >x\n"
	    "BBBBB smtp 192.0.2.1 smtp:0 -/- tls? -\n"
	    "CCCCC smtp 192.0.2.1 smtp:0 -/- tls? -\n"
	    "DDDDD smtp 192.0.2.1 smtp:0 -/- tls? -\n");
	ag_maillog_free(&log);
}

static void
test_recipients_are_bounded(void **state)
{
	struct ag_maillog log;
	size_t sizes[2] = { 0, 0 };
	char text[200];

	(void)state;
	assert_true(ag_maillog_begin(&log, count_rcpts, sizes));
	for (int i = 0; i < AG_MAIL_RCPT_MAX + 7; i++) {
		snprintf(text, sizeof(text),
		    "2026-11-21T12:00:00Z mx postfix/smtp[9]: 4XYZ1: to=<%d@x>, "
		    "relay=y",
		    i);
		if (i == 0)
			ag_maillog_line(&log,
			    ag_str("2026-11-21T12:00:00Z mx " CLIENT));
		ag_maillog_line(&log, ag_str(text));
	}
	ag_maillog_end(&log);
	assert_int_equal(sizes[0], AG_MAIL_RCPT_MAX);
	assert_int_equal(sizes[1], 7);
	ag_maillog_free(&log);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix_message),
		cmocka_unit_test(test_postfix_beginnings),
		cmocka_unit_test(test_postfix_fates),
		cmocka_unit_test(test_postfix_requeued),
		cmocka_unit_test(test_postfix_tls),
		cmocka_unit_test(test_postfix_recipients),
		cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_sendmail_fates),
		cmocka_unit_test(test_sendmail_on_this_host),
		cmocka_unit_test(test_sendmail_aliases),
		cmocka_unit_test(test_own_lines),
		cmocka_unit_test(test_own_lines_beside_those_of_postfix),
		cmocka_unit_test(test_anything_else),
		cmocka_unit_test(test_hosts_are_apart),
		cmocka_unit_test(test_sendmail_is_done),
		cmocka_unit_test(test_lines_are_counted),
		cmocka_unit_test(test_under_way_is_bounded),
		cmocka_unit_test(test_recipients_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
