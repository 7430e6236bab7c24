/*
 * "authgate replay": its files and its options.
 */
#include <errno.h>
#include <getopt.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/number.h"
#include "milter/base/lines.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/replay/replay.h"

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
		ag_print_line(stderr,
		    "authgate replay: %s is compressed; use: %s %s | authgate "
		    "replay -",
		    name, packer, name);
	else if (mail_lines == 0 && !empty)
		ag_print_line(stderr,
		    "authgate replay: %s: no line of Postfix, Sendmail or "
		    "authgate in it",
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
read_stream(struct ag_replay *replay, const char *name, FILE *in)
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
		ag_print_line(stderr, "authgate replay: %s: %s", name,
		    strerror(errno));
		return EX_NOINPUT;
	}
	return check_found(name, packer, replay->log.mail_lines - before,
		   begin.len == 0) ?
	    EX_OK :
	    EX_DATAERR;
}

static int
read_file(struct ag_replay *replay, const char *name)
{
	FILE *in;
	int status;

	if (strcmp(name, "-") == 0)
		return read_stream(replay, "standard input", stdin);
	in = fopen(name, "re");
	if (in == NULL) {
		ag_print_line(stderr, "authgate replay: %s: %s", name,
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
			ag_print_line(stderr, "authgate replay: %s: %s", *names,
			    strerror(errno));
			return EX_NOINPUT;
		}
	return EX_OK;
}

/* That nothing would be refused must not be said of what was not judged. */
static int
sum_up(const struct ag_replay *replay)
{
	if (replay->refused.recipients > 0)
		return 1;
	if (replay->judged.messages == 0)
		fprintf(stderr, "authgate replay: no message was judged\n");
	else if (replay->log.undated > 0)
		fprintf(stderr,
		    "authgate replay: some lines have no time stamp that can "
		    "be read\n");
	return replay->judged.messages == 0 || replay->log.undated > 0 ?
	    EX_DATAERR :
	    EX_OK;
}

static int
replay_files(struct ag_replay *replay, char **names)
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
		replay->failed |= !ag_replay_print_json(replay);
	else
		ag_replay_print(replay);
	if (replay->failed || replay->log.failed || replay->tally.failed) {
		fprintf(stderr, "authgate replay: %s\n", strerror(ENOMEM));
		return EX_OSERR;
	}
	return status != EX_OK ? status : sum_up(replay);
}

/* ---- the command line ---- */

enum {
	OPT_ALL = 256,
	OPT_EACH,
	OPT_JSON,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_LISTENER,
	OPT_MTA_LOCAL,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, OPT_ALL },
	{ "each", no_argument, NULL, OPT_EACH },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "since", required_argument, NULL, OPT_SINCE },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "listener", required_argument, NULL, OPT_LISTENER },
	{ "mta-local", required_argument, NULL, OPT_MTA_LOCAL },
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
parse_listener(struct ag_replay_options *options, struct ag_str text)
{
	size_t equals = ag_str_find(text, '=');
	struct ag_str to = ag_str_skip(text, equals + 1);
	size_t colon = ag_str_rfind(to, ':');
	struct ag_renamed *renamed;
	uint64_t port = 0;

	if (equals == 0 || equals == text.len)
		return false;
	if (colon < to.len &&
	    !ag_number_parse(ag_str_skip(to, colon + 1), 65535, &port))
		return false;
	renamed = ag_vec_add(&options->renamed, sizeof(*renamed));
	if (renamed == NULL)
		return false;
	*renamed = (struct ag_renamed){ ag_str_head(text, equals),
		ag_str_head(to, colon), (unsigned)port };
	return true;
}

static bool
add_mta_local(struct ag_replay_options *options, struct ag_str domain)
{
	struct ag_str *added = ag_vec_add(&options->mta_local, sizeof(*added));

	if (added == NULL || domain.len == 0)
		return false;
	*added = domain;
	return true;
}

static const char not_a_time[] =
    "is not a time such as 2026-12-31 or 2026-12-31T18:00:00Z";

/* NULL, or what is wrong with the option's argument. */
static const char *
take_option(struct ag_replay_options *options, int option, const char *arg)
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
	case OPT_MTA_LOCAL:
		return add_mta_local(options, ag_str(arg)) ? NULL :
							     "is no domain";
	default:
		options->config = arg;
		return NULL;
	}
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(struct ag_replay_options *options, int argc, char **argv)
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
replay(const struct ag_replay_options *options, char **names)
{
	struct ag_replay replay = { .options = options };
	int status = ag_command_load(options->config, &replay.policy);

	if (status != EX_OK)
		return status;
	status = EX_OSERR;
	if (ag_maillog_begin(&replay.log, ag_replay_mail, &replay))
		status = replay_files(&replay, names);
	ag_maillog_free(&replay.log);
	ag_strmap_free(&replay.listeners);
	ag_vec_free(&replay.met);
	ag_tally_free(&replay.tally);
	ag_policy_unref(replay.policy);
	return status;
}

int
ag_replay_command(int argc, char **argv)
{
	struct ag_replay_options options = { .config = AG_DEFAULT_CONFIG,
		.since = INT64_MIN,
		.until = AG_NEVER };
	int status = parse_options(&options, argc, argv);

	if (status < 0)
		status = replay(&options, argv + optind);
	ag_vec_free(&options.renamed);
	ag_vec_free(&options.mta_local);
	return status;
}
