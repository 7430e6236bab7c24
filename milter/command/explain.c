/* explain.c - "authgate explain": what would be said, rule by rule */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "policy/base/number.h"
#include "policy/judge.h"
#include "milter/command/batch.h"
#include "milter/command/command.h"
#include "milter/command/wrap.h"

struct options {
	const char *config;
	bool batch;
	bool has_session;
	bool has_from;
	struct ag_session_input input;
	struct ag_session_rcpt *rcpt; /* room for every argument */
	struct ag_str *header;        /* likewise */
};

/* ---- what is printed ---- */

struct printer {
	const struct ag_policy *policy;
	const struct options *options;
	unsigned would;   /* objections of monitored rules */
	size_t refused;   /* stages; of RCPT each recipient */
	bool headers;     /* From: has been judged */
	enum ag_stage at; /* where the refusal is that counts, and by what */
	struct ag_decision decision;
};

static void
print_header(const struct ag_session_input *input, struct ag_wrap *line)
{
	if (input->has_from_header) {
		ag_wrap_printf(line, "From: ");
		ag_wrap_text(line, input->from_header);
	}
	for (size_t i = 0; i < input->nheader; i++) {
		if (i > 0 || input->has_from_header)
			ag_wrap_end(line);
		ag_wrap_text(line, input->header[i]);
	}
}

static void
print_stage(void *arg, const struct ag_request *request,
    const struct ag_session_rcpt *rcpt)
{
	struct printer *printer = arg;
	const struct ag_session_input *input = &printer->options->input;
	struct ag_wrap line = { .out = stdout, .indent = 4 };
	char text[AG_ADDRESS_MAX];
	struct ag_str login;

	switch (request->stage) {
	case AG_STAGE_CONNECT:
		ag_wrap_printf(&line, "CONNECT from %s",
		    ag_ip_write(&input->client, text));
		break;
	case AG_STAGE_MAIL:
		ag_wrap_end(&line);
		ag_wrap_printf(&line, "MAIL FROM:<");
		ag_wrap_text(&line, request->sender->sent);
		login = ag_policy_login(printer->policy, request, text);
		ag_wrap_printf(&line, "> login ");
		ag_wrap_text(&line, login.len > 0 ? login : ag_str("-"));
		break;
	case AG_STAGE_HEADER:
		printer->headers = true;
		ag_wrap_end(&line);
		print_header(input, &line);
		break;
	case AG_STAGE_RCPT:
		ag_wrap_end(&line);
		ag_wrap_printf(&line, "RCPT TO:<");
		ag_wrap_text(&line, request->rcpt->sent);
		ag_wrap_printf(&line, ">");
		break;
	}
	(void)rcpt;
	ag_wrap_end(&line);
}

static const char *
outcome_name(enum ag_outcome outcome)
{
	static const char *const name[] = { "off", "passes", "would refuse",
		"refuses" };

	return name[outcome];
}

static void
print_reply(const struct printer *printer, const struct ag_request *request,
    const struct ag_finding *finding, struct ag_wrap *line)
{
	char text[AG_REPLY_TEXT_MAX];
	struct ag_buf say = AG_BUF(text);

	ag_policy_say(printer->policy, request, finding, &say);
	ag_wrap_printf(line, "%s %s %s", finding->reply->code,
	    finding->reply->status, text);
	ag_wrap_end(line);
}

/* "(kill.list:7: the reason that stands there)". */
static void
print_place(const struct ag_finding *finding, struct ag_wrap *line)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	ag_origin_write(&finding->at, &place);
	ag_wrap_printf(line, "(%s", at);
	if (finding->note != NULL)
		ag_wrap_printf(line, ": %s", finding->note);
	ag_wrap_printf(line, ")");
}

/* Why, and which address in From: it is about, or what is wrong with it. */
static void
print_why(const struct ag_finding *finding, struct ag_wrap *line)
{
	char text[AG_FAULT_MAX];
	struct ag_buf fault = AG_BUF(text);

	ag_policy_write_fault(finding, &fault);
	if (fault.len > 0)
		ag_wrap_printf(line, "From: %s ", text);
	else if (finding->address.len > 0)
		ag_wrap_printf(line, "%s <%.*s> ", finding->why,
		    AG_STR_ARG(finding->address));
	else
		ag_wrap_printf(line, "%s ", finding->why);
}

static void
print_rule(void *arg, const struct ag_request *request, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	struct printer *printer = arg;
	struct ag_wrap line = { .out = stdout, .indent = 40 };

	ag_wrap_printf(&line, "  %-22s  %-12s  ", ag_rule_name(finding->rule),
	    outcome_name(outcome));
	if (outcome != AG_SWITCHED_OFF)
		print_why(finding, &line);
	print_place(finding, &line);
	ag_wrap_end(&line);
	if (outcome != AG_WOULD_OBJECT)
		return;
	printer->would++;
	ag_wrap_printf(&line, "  %-22s  would say ", "");
	print_reply(printer, request, finding, &line);
}

static void
print_verdict(void *arg, const struct ag_request *request,
    const struct ag_decision *decision)
{
	struct printer *printer = arg;
	struct ag_wrap line = { .out = stdout, .indent = 5 };

	ag_wrap_printf(&line, "  -> ");
	if (decision->verdict == AG_CONTINUE) {
		ag_wrap_printf(&line, "goes on");
		ag_wrap_end(&line);
		return;
	}
	print_reply(printer, request, &decision->finding, &line);
	if (printer->refused++ == 0 || request->stage == AG_STAGE_HEADER) {
		printer->at = request->stage;
		printer->decision = *decision;
	}
}

/* ---- the last line: what comes of the session ---- */

static const char *
stage_words(enum ag_stage stage)
{
	switch (stage) {
	case AG_STAGE_CONNECT:
		return "CONNECT";
	case AG_STAGE_MAIL:
		return "MAIL";
	case AG_STAGE_RCPT:
		return "RCPT";
	case AG_STAGE_HEADER:
		break;
	}
	return "the end of the header";
}

static void
sum_up_refusal(const struct printer *printer, struct ag_wrap *line)
{
	const struct ag_finding *finding = &printer->decision.finding;
	size_t nrcpt = printer->options->input.nrcpt;

	ag_wrap_printf(line, "=> refused%s at %s by %s ",
	    printer->decision.verdict == AG_TEMPFAIL ? " for now" : "",
	    stage_words(printer->at), ag_rule_name(finding->rule));
	print_place(finding, line);
	if (printer->at == AG_STAGE_RCPT && nrcpt > 1)
		ag_wrap_printf(line, ": %zu of %zu recipients",
		    printer->refused, nrcpt);
}

/* Some rule looks at From:, in the main file or a domain's. */
static bool
asks_for_header(const struct ag_policy *policy)
{
	return ag_policy_mode(policy, AG_RULE_FROM_HEADER_MATCH) != AG_OFF ||
	    ag_policy_mode(policy, AG_RULE_FROM_HEADER_LOCAL_AUTH) != AG_OFF;
}

static void
sum_up_passage(const struct printer *printer, struct ag_wrap *line)
{
	ag_wrap_printf(line, "=> let through");
	if (printer->options->input.nrcpt == 0)
		ag_wrap_printf(line,
		    " up to MAIL; without --to the rules of RCPT were not "
		    "asked");
	else if (!printer->headers && asks_for_header(printer->policy))
		ag_wrap_printf(line,
		    " up to RCPT; without --from-header the rules on From: "
		    "were not asked");
	if (printer->would > 0)
		ag_wrap_printf(line, "; monitored rules would refuse it");
}

static void
sum_up(const struct printer *printer)
{
	struct ag_wrap line = { .out = stdout, .indent = 3 };

	ag_wrap_end(&line);
	if (printer->refused > 0)
		sum_up_refusal(printer, &line);
	else
		sum_up_passage(printer, &line);
	ag_wrap_end(&line);
}

/* ---- the command line ---- */

enum {
	OPT_CLIENT = 256,
	OPT_NAME,
	OPT_LISTENER,
	OPT_PORT,
	OPT_LOGIN,
	OPT_MECH,
	OPT_CERT_SUBJECT,
	OPT_CERT_FINGERPRINT,
	OPT_TLS,
	OPT_FROM,
	OPT_TO,
	OPT_MAIL_ADDR,
	OPT_FROM_HEADER,
	OPT_HEADER,
	OPT_MTA_NAME,
	OPT_MTA_COMPLETES,
	OPT_AT,
	OPT_LOCAL,
	OPT_BATCH,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "client", required_argument, NULL, OPT_CLIENT },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "login", required_argument, NULL, OPT_LOGIN },
	{ "mech", required_argument, NULL, OPT_MECH },
	{ "cert-subject", required_argument, NULL, OPT_CERT_SUBJECT },
	{ "cert-fingerprint", required_argument, NULL, OPT_CERT_FINGERPRINT },
	{ "tls", no_argument, NULL, OPT_TLS },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "mail-addr", required_argument, NULL, OPT_MAIL_ADDR },
	{ "from-header", required_argument, NULL, OPT_FROM_HEADER },
	{ "header", required_argument, NULL, OPT_HEADER },
	{ "mta-name", required_argument, NULL, OPT_MTA_NAME },
	{ "mta-completes", no_argument, NULL, OPT_MTA_COMPLETES },
	{ "at", required_argument, NULL, OPT_AT },
	{ "local", no_argument, NULL, OPT_LOCAL },
	{ "batch", no_argument, NULL, OPT_BATCH },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static void
add_rcpt(struct options *options, const char *to)
{
	options->rcpt[options->input.nrcpt++].to = ag_str(to);
}

static bool
parse_client(struct options *options, const char *text)
{
	return strcmp(text, "unknown") == 0 ||
	    ag_ip_parse(&options->input.client, ag_str(text));
}

static bool
parse_port(struct options *options, const char *text)
{
	uint64_t port;

	if (!ag_number_parse(ag_str(text), 65535, &port))
		return false;
	options->input.port = (unsigned)port;
	return true;
}

/* NULL, or what is wrong with the option's argument. */
static const char *
take_option(struct options *options, int option, const char *arg)
{
	struct ag_session_input *input = &options->input;

	options->has_session = options->has_session ||
	    (option >= OPT_CLIENT && option < OPT_BATCH);
	switch (option) {
	case OPT_CLIENT:
		return parse_client(options, arg) ? NULL :
						    "is not an IP address";
	case OPT_NAME:
		input->name = ag_str(arg);
		return NULL;
	case OPT_LISTENER:
		input->listener = ag_str(arg);
		return NULL;
	case OPT_PORT:
		return parse_port(options, arg) ? NULL : "is not a port";
	case OPT_LOGIN:
		input->login = ag_str(arg);
		return NULL;
	case OPT_MECH:
		input->mechanism = ag_str(arg);
		return ag_judge_takes_mechanism(input->mechanism) ?
		    NULL :
		    "is not a SASL mechanism such as PLAIN";
	case OPT_CERT_SUBJECT:
		ag_certificate_set_subject(&input->certificate, ag_str(arg));
		return NULL;
	case OPT_CERT_FINGERPRINT:
		input->certificate.fingerprint = ag_str(arg);
		return NULL;
	case OPT_TLS:
		input->tls = true;
		return NULL;
	case OPT_FROM:
		input->from.to = ag_str(arg);
		options->has_from = true;
		return NULL;
	case OPT_TO:
		add_rcpt(options, arg);
		return NULL;
	case OPT_MAIL_ADDR:
		input->from.addr = ag_str(arg);
		input->from.has_addr = true;
		return NULL;
	case OPT_FROM_HEADER:
		input->from_header = ag_str(arg);
		input->has_from_header = true;
		return NULL;
	case OPT_HEADER:
		input->has_header = true;
		options->header[input->nheader++] = ag_str(arg);
		return ag_judge_takes_field(ag_str(arg)) ?
		    NULL :
		    "is not a field such as \"Sender: a@b\"";
	case OPT_MTA_NAME:
		input->mta_name = ag_str(arg);
		return NULL;
	case OPT_MTA_COMPLETES:
		input->mta_completes = true;
		return NULL;
	case OPT_AT:
		return ag_number_instant(ag_str(arg), &input->now) ?
		    NULL :
		    "is not a time such as 2026-12-31T18:00:00Z";
	case OPT_LOCAL:
		input->local_submission = true;
		return NULL;
	case OPT_BATCH:
		options->batch = true;
		return NULL;
	case 'c':
		options->config = arg;
		return NULL;
	default:
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
			return ag_command_help("explain");
		if (option == '?')
			return ag_command_usage("explain", NULL);
		wrong = take_option(options, option, optarg);
		if (wrong != NULL)
			return ag_command_usage("explain", "%s %s", optarg,
			    wrong);
	}
	/* --to a b c */
	for (int i = optind; i < argc && options->input.nrcpt > 0;
	    i++, optind++)
		add_rcpt(options, argv[i]);
	if (optind < argc)
		return ag_command_unexpected("explain", argv[optind]);
	if (options->batch && options->has_session)
		return ag_command_usage("explain",
		    "--batch takes its sessions from standard input");
	if (!options->batch && !options->has_from)
		return ag_command_usage("explain", "--from is missing");
	return -1;
}

static int
explain_session(const struct ag_policy *policy, const struct options *options)
{
	struct printer printer = { .policy = policy, .options = options };
	struct ag_judge judge = { print_stage, print_rule, print_verdict,
		&printer };
	bool too_long, passed;

	passed = ag_judge_session(policy, &options->input, &judge, &too_long);
	if (too_long)
		return ag_command_usage("explain", "the login is too long");
	sum_up(&printer);
	return passed ? 0 : 1;
}

static int
explain(const struct options *options)
{
	const struct ag_policy *policy;
	int status = ag_command_load(options->config, &policy);

	if (status != EX_OK)
		return status;
	if (options->batch)
		status = ag_batch(policy, stdin, stdout);
	else
		status = explain_session(policy, options);
	ag_policy_unref(policy);
	return status;
}

int
ag_explain_command(int argc, char **argv)
{
	struct options options = { .config = AG_DEFAULT_CONFIG };
	int status;

	options.rcpt = calloc((size_t)argc + 1, sizeof(*options.rcpt));
	options.header = calloc((size_t)argc + 1, sizeof(*options.header));
	if (options.rcpt == NULL || options.header == NULL) {
		free(options.header);
		free(options.rcpt);
		return EX_OSERR;
	}
	options.input.rcpt = options.rcpt;
	options.input.header = options.header;
	options.input.now = time(NULL);
	status = parse_options(&options, argc, argv);
	if (status < 0)
		status = explain(&options);
	free(options.header);
	free(options.rcpt);
	return status;
}
