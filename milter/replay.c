/*
 * "authgate replay": what a policy would have said to the mail that a log tells
 * of.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "../policy/number.h"
#include "command.h"
#include "judge.h"
#include "lines.h"
#include "maillog.h"
#include "tally.h"

/* Pairs of a rule that are shown without --all. */
#define SHOWN 10

/* --listener FROM=NAME:PORT; with no name the mail is left out. */
struct renamed {
	struct ag_str from;
	struct ag_str to;
	unsigned port;
};

struct options {
	const char *config;
	bool all;
	bool each;
	bool json;
	int64_t since;
	int64_t until; /* AG_NEVER: no end */
	struct ag_vec renamed;
};

struct counts {
	uint64_t messages;
	uint64_t recipients;
};

/* Why a message was not judged, beside the ways of it. */
enum {
	LEFT_BY_LOGIN = AG_WAY_COUNT, /* the log does not tell which */
	LEFT_BY_LISTENER,
	LEFT_BY_TIME,
	REASONS
};

struct replay {
	const struct ag_policy *policy;
	const struct options *options;
	struct ag_maillog log;
	struct ag_tally tally;
	struct counts judged, refused, would;
	uint64_t left[REASONS];
	uint64_t left_out; /* recipients */
	uint64_t tls_unknown;
	bool failed;
};

/* ---- judging ---- */

/* A message, while it is judged. */
struct running {
	struct replay *replay;
	const struct ag_mail *mail;
	const struct ag_session_input *input;
	const struct ag_session_rcpt *rcpt; /* NULL before RCPT */
	bool would_all;                     /* a monitored rule before RCPT */
	bool would;                         /* one at this stage */
	struct counts refused, warned;
};

static void
begin_stage(void *arg, const struct ag_request *request,
    const struct ag_session_rcpt *rcpt)
{
	struct running *running = arg;

	(void)request;
	running->rcpt = rcpt;
	running->would = false;
}

static void
note(struct running *running, const struct ag_objection *objection)
{
	struct replay *replay = running->replay;

	ag_tally_add(&replay->tally, objection, replay->judged.messages);
	if (replay->options->json)
		replay->failed |= !ag_objection_print_json(objection, stdout);
	else if (replay->options->each)
		ag_objection_print(objection, stdout);
}

/* What is said before RCPT is said to all recipients. */
static void
note_all(struct running *running, const struct ag_request *request,
    const struct ag_finding *finding, bool would)
{
	const struct ag_session_input *input = running->input;
	char login[AG_ADDRESS_MAX], text[AG_REPLY_TEXT_MAX];
	struct ag_buf say = AG_BUF(text);
	struct ag_objection o = { .time = input->now,
		.id = running->mail->id,
		.client = input->client,
		.listener = input->listener,
		.port = input->port,
		.sender = request->sender->sent,
		.would = would,
		.finding = finding };

	o.login = ag_policy_login(running->replay->policy, request, login);
	ag_policy_say(running->replay->policy, request, finding, &say);
	o.text = ag_buf_get(&say);
	for (size_t i = 0; i < input->nrcpt; i++) {
		if (running->rcpt != NULL && running->rcpt != &input->rcpt[i])
			continue;
		o.rcpt = input->rcpt[i].to;
		note(running, &o);
	}
}

static void
hear_rule(void *arg, const struct ag_request *request, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	struct running *running = arg;

	if (outcome != AG_WOULD_OBJECT)
		return;
	running->would = true;
	note_all(running, request, finding, true);
}

static void
hear_decision(void *arg, const struct ag_request *request,
    const struct ag_decision *decision)
{
	struct running *running = arg;
	bool over = decision->verdict != AG_CONTINUE;
	uint64_t n = running->rcpt != NULL ? 1 : running->input->nrcpt;

	if (over) {
		note_all(running, request, &decision->finding, false);
		running->refused.recipients += n;
	}
	if (running->rcpt == NULL)
		running->would_all = running->would_all || running->would;
	/* each recipient once: at its own stage, or where all ends */
	if ((running->would || running->would_all) &&
	    (running->rcpt != NULL || over))
		running->warned.recipients += n;
}

static void
add_counts(struct counts *sum, const struct counts *of)
{
	sum->recipients += of->recipients;
	sum->messages += of->recipients > 0;
}

static void
judge_input(struct replay *replay, const struct ag_mail *mail,
    const struct ag_session_input *input)
{
	struct running running = { .replay = replay,
		.mail = mail,
		.input = input };
	struct ag_judge judge = { begin_stage, hear_rule, hear_decision,
		&running };
	bool too_long;

	replay->judged.messages++;
	replay->judged.recipients += input->nrcpt;
	ag_judge_session(replay->policy, input, &judge, &too_long);
	add_counts(&replay->refused, &running.refused);
	add_counts(&replay->would, &running.warned);
}

/* ---- from a message to what is judged ---- */

static bool
is_odd(const char *address)
{
	struct ag_path path;

	ag_path_read(&path, ag_str(address), NULL, NULL);
	return path.plainness == AG_PATH_ODD;
}

/*
 * How the MTA read a recipient, or NULL.  What an alias made of it says that
 * only where nothing else does; what only authgate logged was read somehow.
 */
static const char *
reading_of(const struct ag_mail_rcpt *rcpt)
{
	if (rcpt->addr != NULL && strcmp(rcpt->to, rcpt->addr) == 0)
		return rcpt->addr;
	if (!is_odd(rcpt->to))
		return NULL;
	return rcpt->addr != NULL ? rcpt->addr : rcpt->to;
}

static struct ag_session_rcpt
rcpt_of(const struct ag_mail_rcpt *rcpt)
{
	const char *reading = reading_of(rcpt);

	return (struct ag_session_rcpt){ .to = ag_str(rcpt->to),
		.has_addr = reading != NULL,
		.addr = ag_str(reading),
		.has_mailer = rcpt->local,
		.mailer = ag_str("local") };
}

/* Where authgate has logged the recipients, those; else the MTA's. */
static size_t
fill_rcpts(const struct ag_mail *mail, struct ag_session_rcpt *out)
{
	const struct ag_mail_rcpt *rcpt = mail->rcpts.items;
	bool logged = false;
	size_t n = 0;

	for (size_t i = 0; i < mail->rcpts.n; i++)
		logged = logged || rcpt[i].logged;
	for (size_t i = 0; i < mail->rcpts.n; i++)
		if (rcpt[i].logged == logged)
			out[n++] = rcpt_of(&rcpt[i]);
	return n;
}

static struct ag_session_rcpt
sender_of(const struct ag_mail *mail)
{
	return (struct ag_session_rcpt){
		.to = ag_str(mail->sent != NULL ? mail->sent : mail->from),
		.has_addr = true,
		.addr = ag_str(mail->from != NULL ? mail->from : mail->sent)
	};
}

/* The ports that go with the usual names. */
static unsigned
port_of(struct ag_str listener)
{
	static const struct {
		const char *name;
		unsigned port;
	} known[] = { { "smtp", 25 }, { "submission", 587 }, { "smtps", 465 },
		{ "submissions", 465 }, { "MTA", 25 }, { "MSA", 587 },
		{ "MTA-v4", 25 }, { "MTA-v6", 25 }, { "MSP-v4", 587 },
		{ "MSP-v6", 587 }, { "TLSMTA", 465 }, { "MTA-SSL", 465 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ag_str_ieq(listener, ag_str(known[i].name)))
			return known[i].port;
	return 0;
}

/* False where mail of this listener is left out. */
static bool
fill_listener(const struct options *options, const struct ag_mail *mail,
    struct ag_session_input *input)
{
	const struct renamed *renamed = options->renamed.items;

	input->listener = ag_str(mail->listener);
	input->port = mail->exact ? mail->port : port_of(input->listener);
	for (size_t i = 0; i < options->renamed.n; i++)
		if (ag_str_ieq(ag_str(mail->listener), renamed[i].from)) {
			input->listener = renamed[i].to;
			input->port = renamed[i].port > 0 ?
			    renamed[i].port :
			    port_of(renamed[i].to);
			return renamed[i].to.len > 0;
		}
	return true;
}

static struct ag_session_input
input_of(const struct ag_mail *mail)
{
	return (struct ag_session_input){ .now = mail->time,
		.client = mail->client,
		.local_submission = mail->way == AG_WAY_LOCAL,
		.login = ag_str(mail->login),
		.mechanism = ag_str(mail->mechanism),
		.tls = mail->tls != AG_TLS_NO,
		.from = sender_of(mail) };
}

static void
judge_mail(struct replay *replay, const struct ag_mail *mail)
{
	struct ag_session_input input = input_of(mail);
	struct ag_session_rcpt *rcpt;

	if (!fill_listener(replay->options, mail, &input)) {
		replay->left[LEFT_BY_LISTENER]++;
		return;
	}
	rcpt = calloc(mail->rcpts.n, sizeof(*rcpt));
	if (rcpt == NULL) {
		replay->failed = true;
		return;
	}
	input.rcpt = rcpt;
	input.nrcpt = fill_rcpts(mail, rcpt);
	replay->tls_unknown +=
	    input.login.len > 0 && mail->tls == AG_TLS_UNKNOWN;
	replay->left_out += mail->left_out;
	judge_input(replay, mail, &input);
	free(rcpt);
}

/* Of what never came to its content nothing is known but its beginning. */
static bool
is_whole(const struct ag_mail *mail)
{
	return mail->rcpts.n > 0 && (mail->from != NULL || mail->sent != NULL);
}

static void
take_mail(void *arg, const struct ag_mail *mail)
{
	struct replay *replay = arg;
	const struct options *options = replay->options;

	if (!is_whole(mail))
		return;
	if (mail->time < options->since || mail->time >= options->until)
		replay->left[LEFT_BY_TIME]++;
	else if (mail->no_login)
		replay->left[LEFT_BY_LOGIN]++;
	else if (mail->way == AG_WAY_SMTP || mail->way == AG_WAY_LOCAL)
		judge_mail(replay, mail);
	else
		replay->left[mail->way]++;
}

/* ---- the summary ---- */

static const char *const reasons[REASONS] = {
	[AG_WAY_UNKNOWN] =
	    "messages whose beginning is not in the log, or that "
	    "the MTA made",
	[AG_WAY_UNASKED] = "messages of this host, of which no milter is asked",
	[AG_WAY_FILTER] = "messages that came back from a content filter",
	[LEFT_BY_LOGIN] = "messages of a login that the log does not tell",
	[LEFT_BY_LISTENER] = "messages of a listener that was left out",
	[LEFT_BY_TIME] = "messages before --since or after --until",
};

/* For JSON. */
static const char *const reason_keys[REASONS] = {
	[AG_WAY_UNKNOWN] = "unknown_origin",
	[AG_WAY_UNASKED] = "no_milter",
	[AG_WAY_FILTER] = "content_filter",
	[LEFT_BY_LOGIN] = "unknown_login",
	[LEFT_BY_LISTENER] = "listener",
	[LEFT_BY_TIME] = "time",
};

static struct counts
passed(const struct replay *replay)
{
	return (
	    struct counts){ replay->judged.messages - replay->refused.messages,
		replay->judged.recipients - replay->refused.recipients };
}

static void
print_counts(const char *what, struct counts counts)
{
	printf("%-24s %11llu %11llu\n", what,
	    (unsigned long long)counts.messages,
	    (unsigned long long)counts.recipients);
}

static void
print_number(uint64_t n, const char *what)
{
	if (n > 0)
		printf("  %9llu  %s\n", (unsigned long long)n, what);
}

static void
print_read(const struct ag_maillog *log)
{
	char first[AG_INSTANT_MAX], last[AG_INSTANT_MAX];

	printf("Read %llu lines, %llu of them of mail",
	    (unsigned long long)log->lines,
	    (unsigned long long)log->mail_lines);
	if (log->mail_lines > 0)
		printf(", %s to %s", ag_number_write_instant(log->first, first),
		    ag_number_write_instant(log->last, last));
	printf(".\n\n");
}

static bool
is_on(const struct replay *replay, enum ag_rule rule)
{
	return ag_policy_mode(replay->policy, rule) != AG_OFF;
}

static void
print_left(const struct replay *replay)
{
	uint64_t sum = replay->left_out + replay->log.refused;

	for (int i = 0; i < REASONS; i++)
		sum += replay->left[i];
	if (sum > 0)
		printf("\nNot judged:\n");
	for (int i = 0; i < REASONS; i++)
		if (reasons[i] != NULL)
			print_number(replay->left[i], reasons[i]);
	print_number(replay->left_out, "recipients of very long lists");
	print_number(replay->log.refused, "refusals of that time");
}

/* What could make the numbers other than they would have been. */
static void
print_doubts(const struct replay *replay)
{
	if (replay->tls_unknown > 0 && is_on(replay, AG_RULE_AUTH_TLS))
		printf("\nauth_tls: of %llu messages of a login the log does "
		       "not tell whether the session was\nencrypted; it was "
		       "taken to be.\n",
		    (unsigned long long)replay->tls_unknown);
	if (is_on(replay, AG_RULE_FROM_HEADER_MATCH) ||
	    is_on(replay, AG_RULE_FROM_HEADER_LOCAL_AUTH))
		printf("\nfrom_header_match and from_header_local_auth were "
		       "not judged: a log has no From:.\n");
	if (replay->log.given_up > 0)
		printf("\n%llu messages were judged before the MTA was done "
		       "with them, because too many were\nunder way: with the "
		       "recipients known by then.\n",
		    (unsigned long long)replay->log.given_up);
}

/* The file in which the administrator gives senders to logins. */
static struct ag_str
map_of(const struct ag_policy *policy)
{
	struct ag_str files = ag_policy_text(policy, AG_KEY_SENDER_LOGINS);
	struct ag_str first;

	return ag_str_word(&files, AG_BLANKS, &first) ? first :
							ag_str("senders.map");
}

static void
print_summary(const struct replay *replay)
{
	print_read(&replay->log);
	printf("%-24s %11s %11s\n", "", "messages", "recipients");
	print_counts("Judged", replay->judged);
	print_counts("  let through", passed(replay));
	print_counts("  refused", replay->refused);
	print_counts("  objected to by monitor", replay->would);
	print_left(replay);
	print_doubts(replay);
	ag_tally_print(&replay->tally, replay->options->all ? SIZE_MAX : SHOWN,
	    map_of(replay->policy), stdout);
}

static json_t *
json_counts(uint64_t messages, uint64_t recipients)
{
	return json_pack("{s:I,s:I}", "messages", (json_int_t)messages,
	    "recipients", (json_int_t)recipients);
}

static json_t *
json_left(const struct replay *replay)
{
	json_t *left = json_object();

	for (int i = 0; i < REASONS; i++)
		if (reason_keys[i] != NULL)
			json_object_set_new(left, reason_keys[i],
			    json_integer((json_int_t)replay->left[i]));
	json_object_set_new(left, "recipients_past_limit",
	    json_integer((json_int_t)replay->left_out));
	json_object_set_new(left, "refused_then",
	    json_integer((json_int_t)replay->log.refused));
	return left;
}

static json_t *
json_rules(const struct replay *replay, bool would)
{
	json_t *rules = json_object();

	for (int i = 0; i < AG_RULE_COUNT; i++) {
		const struct ag_tally_count *count =
		    &replay->tally.rule[would][i];
		const char *name = ag_rule_name((enum ag_rule)i);

		if (count->recipients > 0)
			json_object_set_new(rules, name,
			    json_counts(count->messages, count->recipients));
	}
	return rules;
}

static bool
print_json_summary(const struct replay *replay)
{
	struct counts let_through = passed(replay);
	json_t *summary = json_object();
	json_t *line = json_pack("{s:o}", "summary", summary);
	bool good;

	json_object_set_new(summary, "lines",
	    json_integer((json_int_t)replay->log.lines));
	json_object_set_new(summary, "judged",
	    json_counts(replay->judged.messages, replay->judged.recipients));
	json_object_set_new(summary, "passed",
	    json_counts(let_through.messages, let_through.recipients));
	json_object_set_new(summary, "refused",
	    json_counts(replay->refused.messages, replay->refused.recipients));
	json_object_set_new(summary, "monitored",
	    json_counts(replay->would.messages, replay->would.recipients));
	json_object_set_new(summary, "refused_by", json_rules(replay, false));
	json_object_set_new(summary, "monitored_by", json_rules(replay, true));
	json_object_set_new(summary, "not_judged", json_left(replay));
	json_object_set_new(summary, "tls_unknown",
	    json_integer((json_int_t)replay->tls_unknown));
	good = json_dumpf(line, stdout, JSON_COMPACT) == 0;
	fputc('\n', stdout);
	json_decref(line);
	return good;
}

/* ---- reading ---- */

#define PROGRESS_LINES (UINT64_C(1) << 18)

static void
show_progress(const struct ag_maillog *log)
{
	if (log->lines % PROGRESS_LINES == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%llu lines", (unsigned long long)log->lines);
}

static void
end_progress(const struct ag_maillog *log)
{
	if (log->lines >= PROGRESS_LINES && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%*s\r", 40, "");
}

/* The program that unpacks it, or NULL. */
static const char *
packed_by(struct ag_str begin)
{
	if (ag_str_starts(begin, "\x1f\x8b"))
		return "zcat";
	if (ag_str_starts(begin,
		"\xfd"
		"7zXZ"))
		return "xzcat";
	if (ag_str_starts(begin, "\x28\xb5\x2f\xfd"))
		return "zstdcat";
	return ag_str_starts(begin, "BZh") ? "bzcat" : NULL;
}

/* Whether there was a mail log in it, or nothing at all; says so. */
static bool
check_found(const char *name, const char *packer, uint64_t mail_lines,
    bool empty)
{
	if (packer != NULL)
		fprintf(stderr,
		    "authgate replay: %s is compressed; use: %s %s | authgate "
		    "replay -\n",
		    name, packer, name);
	else if (mail_lines == 0 && !empty)
		fprintf(stderr,
		    "authgate replay: %s: no line of Postfix, Sendmail or "
		    "authgate in it\n",
		    name);
	return packer == NULL && (mail_lines > 0 || empty);
}

static int64_t
end_of(FILE *in)
{
	struct stat st;

	if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode))
		return st.st_mtime;
	return time(NULL);
}

static int
read_stream(struct replay *replay, const char *name, FILE *in)
{
	static struct ag_lines lines;
	uint64_t before = replay->log.mail_lines;
	struct ag_str begin, line;
	const char *packer;

	ag_lines_begin(&lines, in);
	ag_maillog_file(&replay->log, end_of(in));
	begin = ag_lines_peek(&lines);
	packer = packed_by(begin);
	while (packer == NULL && ag_lines_next(&lines, &line)) {
		ag_maillog_line(&replay->log, line);
		show_progress(&replay->log);
	}
	end_progress(&replay->log);
	if (ferror(in)) {
		fprintf(stderr, "authgate replay: %s: %s\n", name,
		    strerror(errno));
		return EX_NOINPUT;
	}
	return check_found(name, packer, replay->log.mail_lines - before,
		   begin.len == 0) ?
	    EX_OK :
	    EX_DATAERR;
}

static int
read_file(struct replay *replay, const char *name)
{
	FILE *in;
	int status;

	if (strcmp(name, "-") == 0)
		return read_stream(replay, "standard input", stdin);
	in = fopen(name, "re");
	if (in == NULL) {
		fprintf(stderr, "authgate replay: %s: %s\n", name,
		    strerror(errno));
		return EX_NOINPUT;
	}
	status = read_stream(replay, name, in);
	fclose(in);
	return status;
}

/* A name that is wrong is told before hours have been spent on the others. */
static int
check_files(char **names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, "-") != 0 && access(*names, R_OK) != 0) {
			fprintf(stderr, "authgate replay: %s: %s\n", *names,
			    strerror(errno));
			return EX_NOINPUT;
		}
	return EX_OK;
}

static int
replay_files(struct replay *replay, char **names)
{
	int status = check_files(names);

	for (; *names != NULL && (status == EX_OK || status == EX_DATAERR);
	     names++) {
		int next = read_file(replay, *names);

		status = next != EX_OK ? next : status;
	}
	if (status != EX_OK && status != EX_DATAERR)
		return status;
	ag_maillog_end(&replay->log);
	if (replay->options->json)
		replay->failed |= !print_json_summary(replay);
	else
		print_summary(replay);
	if (replay->failed || replay->log.failed || replay->tally.failed) {
		fprintf(stderr, "authgate replay: %s\n", strerror(ENOMEM));
		return EX_OSERR;
	}
	return status;
}

/* ---- the command line ---- */

enum {
	OPT_ALL = 256,
	OPT_EACH,
	OPT_JSON,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_LISTENER,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	{ "each", no_argument, NULL, OPT_EACH },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* A day begins with its first second. */
static bool
parse_since(struct ag_str text, int64_t *since)
{
	if (ag_number_instant(text, since))
		return true;
	if (!ag_number_until(text, since))
		return false;
	*since -= 24 * 3600;
	return true;
}

/* "FROM=NAME", "FROM=NAME:PORT" or "FROM=" */
static bool
parse_listener(struct options *options, struct ag_str text)
{
	size_t equals = ag_str_find(text, '=');
	struct ag_str to = ag_str_skip(text, equals + 1);
	size_t colon = ag_str_rfind(to, ':');
	struct renamed *renamed;
	uint64_t port = 0;

	if (equals == 0 || equals == text.len)
		return false;
	if (colon < to.len &&
	    !ag_number_parse(ag_str_skip(to, colon + 1), 65535, &port))
		return false;
	renamed = ag_vec_add(&options->renamed, sizeof(*renamed));
	if (renamed == NULL)
		return false;
	*renamed = (struct renamed){ ag_str_head(text, equals),
		ag_str_head(to, colon), (unsigned)port };
	return true;
}

static const char not_a_time[] =
    "is not a time such as 2026-12-31 or 2026-12-31T18:00:00Z";

/* NULL, or what is wrong with the option's argument. */
static const char *
take_option(struct options *options, int option, const char *arg)
{
	switch (option) {
	case OPT_ALL:
		options->all = true;
		return NULL;
	case OPT_EACH:
		options->each = true;
		return NULL;
	case OPT_JSON:
		options->json = true;
		return NULL;
	case OPT_SINCE:
		return parse_since(ag_str(arg), &options->since) ? NULL :
								   not_a_time;
	case OPT_UNTIL:
		return ag_number_until(ag_str(arg), &options->until) ?
		    NULL :
		    not_a_time;
	case OPT_LISTENER:
		return parse_listener(options, ag_str(arg)) ?
		    NULL :
		    "is not FROM=NAME, FROM=NAME:PORT or FROM=";
	default:
		options->config = arg;
		return NULL;
	}
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		const char *wrong;

		if (option == OPT_HELP)
			return ag_command_help("replay");
		if (option == '?')
			return ag_command_usage("replay", NULL);
		wrong = take_option(options, option, optarg);
		if (wrong != NULL)
			return ag_command_usage("replay", "%s %s", optarg,
			    wrong);
	}
	if (options->each && options->json)
		return ag_command_usage("replay",
		    "--json names each recipient by itself, without --each");
	if (optind == argc)
		return ag_command_usage("replay",
		    "name a mail log, or - for standard input");
	return -1;
}

static int
replay(const struct options *options, char **names)
{
	struct replay replay = { .options = options };
	int status = ag_command_load(options->config, &replay.policy);

	if (status != EX_OK)
		return status;
	status = EX_OSERR;
	if (ag_maillog_begin(&replay.log, take_mail, &replay))
		status = replay_files(&replay, names);
	if (status == EX_OK && replay.refused.recipients > 0)
		status = 1;
	ag_maillog_free(&replay.log);
	ag_tally_free(&replay.tally);
	ag_policy_unref(replay.policy);
	return status;
}

int
ag_replay_command(int argc, char **argv)
{
	struct options options = { .config = AG_DEFAULT_CONFIG,
		.since = INT64_MIN,
		.until = AG_NEVER };
	int status = parse_options(&options, argc, argv);

	if (status < 0)
		status = replay(&options, argv + optind);
	ag_vec_free(&options.renamed);
	return status;
}
