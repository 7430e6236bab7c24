#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "../policy/number.h"
#include "batch.h"
#include "command.h"
#include "judge.h"

struct options {
	const char *config;
	bool batch;
	bool has_session;
	bool has_from;
	struct ag_session_input input;
	struct ag_session_rcpt *rcpt; /* room for every argument */
};

/* ---- what is printed ---- */

struct printer {
	const struct ag_policy *policy;
	const struct options *options;
};

static void
print_stage(void *arg, const struct ag_request *request,
    const struct ag_session_rcpt *rcpt)
{
	const struct printer *printer = arg;
	const struct ag_session_input *input = &printer->options->input;
	char text[AG_ADDRESS_MAX];
	struct ag_str login;

	switch (request->stage) {
	case AG_STAGE_CONNECT:
		printf("CONNECT from %s", ag_ip_write(&input->client, text));
		break;
	case AG_STAGE_MAIL:
		printf("\nMAIL FROM:<");
		ag_print_safely(stdout, request->sender->sent);
		printf("> login ");
		login = ag_policy_login(printer->policy, request, text);
		ag_print_safely(stdout, login.len > 0 ? login : ag_str("-"));
		break;
	case AG_STAGE_HEADER:
		printf("\nFrom: ");
		ag_print_safely(stdout, input->from_header);
		break;
	case AG_STAGE_RCPT:
		printf("\nRCPT TO:<");
		ag_print_safely(stdout, request->rcpt->sent);
		printf(">");
		break;
	}
	(void)rcpt;
	printf("\n");
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
    const struct ag_finding *finding)
{
	char text[AG_REPLY_TEXT_MAX];
	struct ag_buf say = AG_BUF(text);

	ag_policy_say(printer->policy, request, finding, &say);
	printf("%s %s %s", finding->reply->code, finding->reply->status, text);
}

static void
print_rule(void *arg, const struct ag_request *request, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	char at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	ag_origin_write(&finding->at, &place);
	printf("  %-22s  %-12s  %-28s  %s", ag_rule_name(finding->rule),
	    outcome_name(outcome), at, finding->why);
	if (finding->note != NULL)
		printf(" (%s)", finding->note);
	printf("\n");
	if (outcome == AG_WOULD_OBJECT) {
		printf("  %-22s  would say ", "");
		print_reply(arg, request, finding);
		printf("\n");
	}
}

static void
print_verdict(void *arg, const struct ag_request *request,
    const struct ag_decision *decision)
{
	printf("  -> ");
	if (decision->verdict == AG_CONTINUE)
		printf("goes on");
	else
		print_reply(arg, request, &decision->finding);
	printf("\n");
}

/* ---- the command line ---- */

enum {
	OPT_CLIENT = 256,
	OPT_NAME,
	OPT_LISTENER,
	OPT_PORT,
	OPT_LOGIN,
	OPT_MECH,
	OPT_TLS,
	OPT_FROM,
	OPT_TO,
	OPT_MAIL_ADDR,
	OPT_FROM_HEADER,
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
	{ "tls", no_argument, NULL, OPT_TLS },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "to", required_argument, NULL, OPT_TO },
	{ "mail-addr", required_argument, NULL, OPT_MAIL_ADDR },
	{ "from-header", required_argument, NULL, OPT_FROM_HEADER },
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
		return ag_command_usage("explain", "what is \"%s\"?",
		    argv[optind]);
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
	struct printer printer = { policy, options };
	struct ag_judge judge = { print_stage, print_rule, print_verdict,
		&printer };
	bool too_long, passed;

	passed = ag_judge_session(policy, &options->input, &judge, &too_long);
	if (too_long)
		return ag_command_usage("explain", "the login is too long");
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
	if (options.rcpt == NULL)
		return EX_OSERR;
	options.input.rcpt = options.rcpt;
	options.input.now = time(NULL);
	status = parse_options(&options, argc, argv);
	if (status < 0)
		status = explain(&options);
	free(options.rcpt);
	return status;
}
