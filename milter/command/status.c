/* status.c - "authgate status" and "authgate reload" */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <jansson.h>

#include "policy/base/number.h"
#include "milter/base/ask.h"
#include "milter/base/count.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/status.h"

/* ---- what was said, member by member; absent ones are 0 or "-" ---- */

static long long
number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "-";
}

bool
ag_status_has_failed(const json_t *answer)
{
	return json_is_true(
	    json_object_get(json_object_get(answer, "last_load"), "failed"));
}

void
ag_status_print_findings(FILE *out, const json_t *answer)
{
	const json_t *load = json_object_get(answer, "last_load");
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(load, "findings"), i, finding)
	    ag_print_line(out, "%s: %s: %s", text(finding, "at"),
		text(finding, "severity"), text(finding, "text"));
	if (number(load, "findings_left_out") > 0)
		fprintf(out,
		    "... and %lld more; \"authgate check\" prints all\n",
		    number(load, "findings_left_out"));
}

/* ---- status ---- */

static void
print_uptime(const json_t *answer)
{
	long long up = number(answer, "uptime");

	printf("authgate %s, pid %lld, up %lld %s %02lld:%02lld:%02lld, "
	       "since %s\n",
	    text(answer, "version"), number(answer, "pid"), up / 86400,
	    ag_plural((uint64_t)up / 86400, "day", "days"), up / 3600 % 24,
	    up / 60 % 60, up % 60, text(answer, "started"));
}

/* In two lines. */
static void
print_sizes(const json_t *policy)
{
	static const struct {
		const char *key;
		const char *one;
		const char *many;
		const char *end;
	} part[] = {
		{ "domain_files", "domain file", "domain files", ", " },
		{ "local_domains", "name of local domains",
		    "names of local domains", ", " },
		{ "kill_entries", "kill entry", "kill entries",
		    ",\n          " },
		{ "relay_networks", "relay network", "relay networks", ", " },
		{ "sender_map_addresses", "address in the sender map",
		    "addresses in the sender map", "\n" },
	};

	printf("          ");
	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		long long n = number(policy, part[i].key);

		printf("%lld %s%s", n,
		    ag_plural((uint64_t)n, part[i].one, part[i].many),
		    part[i].end);
	}
}

static void
print_policy(const json_t *answer)
{
	const json_t *policy = json_object_get(answer, "policy");

	long long bad = number(policy, "bad_lines");

	printf("\npolicy    generation %lld, digest %s,\n"
	       "          in force since %s\n",
	    number(policy, "generation"), text(policy, "digest"),
	    text(policy, "since"));
	print_sizes(policy);
	if (bad > 0)
		printf("          %lld %s of lists passed over; \"authgate "
		       "check\" says which\n",
		    bad, ag_plural((uint64_t)bad, "bad line", "bad lines"));
}

static void
print_engine(const json_t *answer)
{
	const json_t *engine = json_object_get(answer, "engine");

	printf("engine    %s, ", text(engine, "name"));
	if (number(engine, "threads") > 0)
		printf("%lld %s, ", number(engine, "threads"),
		    ag_plural((uint64_t)number(engine, "threads"), "thread",
			"threads"));
	printf("%lld %s", number(engine, "connections"),
	    ag_plural((uint64_t)number(engine, "connections"), "connection",
		"connections"));
	if (number(engine, "bad_packets") > 0)
		printf(", %lld bad %s", number(engine, "bad_packets"),
		    ag_plural((uint64_t)number(engine, "bad_packets"), "packet",
			"packets"));
	putchar('\n');
}

static void
print_copies(const json_t *answer)
{
	const json_t *fault = json_object_get(answer, "copies");

	if (json_is_string(fault))
		ag_print_line(stdout,
		    "copies    of the files are not kept for a start: %s",
		    json_string_value(fault));
}

static void
print_counts(const json_t *answer)
{
	print_engine(answer);
	print_copies(answer);
	printf("reloads   %lld, %lld failed\n", number(answer, "reloads"),
	    number(answer, "reloads_failed"));
	printf("sessions  %lld open, %lld since the start\n",
	    number(answer, "sessions_open"), number(answer, "sessions"));
	printf("messages  %lld, recipients let through %lld\n",
	    number(answer, "messages"), number(answer, "recipients_accepted"));
	if (number(answer, "copies_kept") > 0 ||
	    number(answer, "copies_failed") > 0)
		printf("archive   %lld %s kept, %lld failed\n",
		    number(answer, "copies_kept"),
		    ag_plural((uint64_t)number(answer, "copies_kept"),
			"message", "messages"),
		    number(answer, "copies_failed"));
	printf("log       %lld %s waiting, %lld dropped and %lld lost since "
	       "the start\n",
	    number(answer, "log_lines_waiting"),
	    ag_plural((uint64_t)number(answer, "log_lines_waiting"), "line",
		"lines"),
	    number(answer, "log_lines_dropped"),
	    number(answer, "log_lines_lost"));
}

static bool
has_decided(const json_t *row)
{
	for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
		if (number(row, ag_count_name((enum ag_counted)i)) > 0)
			return true;
	return false;
}

/* As wide as its heading, and wide enough for millions. */
static int
width_of(enum ag_counted what)
{
	int len = (int)strlen(ag_count_name(what));

	return len > 8 ? len : 8;
}

static void
print_row(const json_t *row)
{
	printf("%-24s %-8s", text(row, "rule"), text(row, "stage"));
	for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
		printf("  %*lld", width_of((enum ag_counted)i),
		    number(row, ag_count_name((enum ag_counted)i)));
	putchar('\n');
}

static void
print_kinds(void)
{
	printf("\n%-24s %-8s", "rule", "stage");
	for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
		printf("  %*s", width_of((enum ag_counted)i),
		    ag_count_name((enum ag_counted)i));
	putchar('\n');
}

/* Those rules that have decided anything. */
static void
print_decisions(const json_t *answer)
{
	bool any = false;
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "decisions"), i, row)
	{
		if (!has_decided(row))
			continue;
		if (!any)
			print_kinds();
		any = true;
		print_row(row);
	}
	if (!any)
		printf("\nNo rule has objected so far.\n");
}

static const json_t *
kept_of(const json_t *answer)
{
	return json_object_get(json_object_get(answer, "last_load"), "kept");
}

static bool
has_kept(const json_t *answer)
{
	return json_array_size(kept_of(answer)) > 0;
}

/* "kept  domains/example.net.ini  since 20:11  line 2: no key alias" */
static void
print_kept(const json_t *answer)
{
	const json_t *file;
	size_t i;

	if (has_kept(answer))
		putchar('\n');
	json_array_foreach(kept_of(answer), i, file)
	{
		char line[24] = "";

		if (number(file, "line") > 0)
			snprintf(line, sizeof(line),
			    "line %lld: ", number(file, "line"));
		ag_print_line(stdout, "kept  %s  since %s  %s%s",
		    text(file, "file"), text(file, "since"), line,
		    text(file, "text"));
	}
}

static void
print_status(const json_t *answer)
{
	print_uptime(answer);
	print_policy(answer);
	print_counts(answer);
	print_decisions(answer);
	if (!ag_status_has_failed(answer))
		return;
	print_kept(answer);
	printf("\nThe last reload, at %s, failed; %s not in force:\n",
	    text(json_object_get(answer, "last_load"), "at"),
	    has_kept(answer) ? "these files are" : "the files are");
	ag_status_print_findings(stdout, answer);
}

/* ---- reload ---- */

static void
print_reload(const json_t *answer)
{
	const json_t *policy = json_object_get(answer, "policy");

	ag_status_print_findings(stdout, answer);
	print_kept(answer);
	printf("%s: generation %lld, digest %s\n",
	    has_kept(answer) ?
		"what is kept stays as last good, all else is in force" :
		ag_status_has_failed(answer) ? "the old policy stays in force" :
					       "the new policy is in force",
	    number(policy, "generation"), text(policy, "digest"));
}

/* ---- both ---- */

struct asking {
	const char *command;
	void (*print)(const json_t *answer);
	int failed; /* the exit status when the last reload failed */
};

static int
report(const struct asking *asking, const char *answer_text, bool json)
{
	json_t *answer = json_loads(answer_text, 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	int status = ag_status_has_failed(answer) ? asking->failed : EX_OK;

	if (error != NULL || answer == NULL) {
		ag_print_line(stderr, "authgate %s: %s", asking->command,
		    error != NULL ? error : "the answer cannot be read");
		status = error != NULL ? EX_NOPERM : EX_PROTOCOL;
	} else if (json) {
		printf("%s\n", answer_text);
	} else {
		asking->print(answer);
	}
	json_decref(answer);
	return status;
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "accept", required_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
set_timeout(struct ag_question *question, const char *text)
{
	int64_t seconds;

	if (!ag_number_time(ag_str(text), &seconds) || seconds < 1 ||
	    seconds > 86400)
		return false;
	question->seconds = (int)seconds;
	return true;
}

/* The daemon is told which list to take as it is. */
static bool
set_accept(struct ag_question *question, const char *file)
{
	static char words[4200];
	struct ag_buf out = AG_BUF(words);

	if (strcmp(question->command, "reload") != 0 || file[0] == '\0' ||
	    strchr(file, '\n') != NULL)
		return false;
	ag_buf_printf(&out, "reload accept %s", file);
	question->words = words;
	return !out.cut;
}

/* Returns -1 to go on, or an exit status. */
static int
parse_options(struct ag_question *question, bool *json, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help(question->command);
		if (option == '?')
			return ag_command_usage(question->command, NULL);
		if (option == 'a' && !set_accept(question, optarg))
			return ag_command_usage(question->command,
			    "--accept is for reload, and takes the name of a "
			    "file");
		if (option == 'c')
			question->config = optarg;
		else if (option == 'j')
			*json = true;
		else if (option == 't' && !set_timeout(question, optarg))
			return ag_command_usage(question->command,
			    "\"%s\" is not a time such as 30s", optarg);
	}
	return optind < argc ?
	    ag_command_unexpected(question->command, argv[optind]) :
	    -1;
}

static int
ask(const struct asking *asking, int argc, char **argv)
{
	struct ag_question question = { asking->command, asking->command,
		AG_DEFAULT_CONFIG, AG_ASK_SECONDS, false };
	bool json = false;
	char *answer;
	int status = parse_options(&question, &json, argc, argv);

	if (status >= 0)
		return status;
	status = ag_ask(&question, &answer);
	if (status == EX_OK)
		status = report(asking, answer, json);
	free(answer);
	return status;
}

int
ag_status_command(int argc, char **argv)
{
	static const struct asking asking = { "status", print_status, 1 };

	return ask(&asking, argc, argv);
}

int
ag_reload_command(int argc, char **argv)
{
	static const struct asking asking = { "reload", print_reload,
		EX_CONFIG };

	return ask(&asking, argc, argv);
}
