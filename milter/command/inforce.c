/* inforce.c - asks the daemon whether it has taken a change */
#include "milter/command/inforce.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "policy/base/file.h"
#include "milter/base/ask.h"
#include "milter/base/clock.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/status.h"

/* Before it is asked again, where others change the file at the same time. */
#define PAUSE_MS 20

struct change {
	const char *command;
	const char *config;
	const char *path;
	char words[64];       /* that make the daemon look */
	char fingerprint[17]; /* of what the file holds */
};

/* What the file is now; false when it cannot be read. */
static bool
describe(struct change *change)
{
	struct stat st;
	struct ag_str text;

	if (stat(change->path, &st) != 0 ||
	    ag_file_read(change->path, &text) != 0)
		return false;
	snprintf(change->words, sizeof(change->words), "look %llu %llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	snprintf(change->fingerprint, sizeof(change->fingerprint), "%016llx",
	    (unsigned long long)ag_file_fingerprint(0, text));
	free((char *)text.ptr);
	return true;
}

static const char *
member(const json_t *answer, const char *key)
{
	const char *value = json_string_value(json_object_get(answer, key));

	return value != NULL ? value : "";
}

/* Whether the daemon could not take the file, or nothing at all. */
static bool
has_failed(const json_t *answer)
{
	const json_t *load = json_object_get(answer, "last_load");

	if (json_array_size(json_object_get(load, "kept")) > 0)
		return json_is_true(json_object_get(answer, "file_kept"));
	return ag_status_has_failed(answer);
}

static bool
is_taken(const struct change *change, const json_t *answer)
{
	return !has_failed(answer) &&
	    strcmp(member(answer, "file"), change->fingerprint) == 0;
}

/* Whether others have changed the file since it was described, or read. */
static bool
is_overtaken(const struct change *change, const json_t *answer)
{
	struct change now = *change;

	if (is_taken(change, answer) || has_failed(answer))
		return false;
	/* a file system gives a number that became free to the next file */
	return json_object_get(answer, "file") != NULL || !describe(&now) ||
	    strcmp(now.words, change->words) != 0 ||
	    strcmp(now.fingerprint, change->fingerprint) != 0;
}

static int
say_what_came_of_it(const struct change *change, const json_t *answer)
{
	const json_t *policy = json_object_get(answer, "policy");

	if (is_taken(change, answer)) {
		printf("the change is in force: generation %lld\n",
		    (long long)json_integer_value(
			json_object_get(policy, "generation")));
		return EX_OK;
	}
	if (has_failed(answer)) {
		ag_print_line(stderr,
		    "authgate %s: the change is not in force: the daemon "
		    "cannot use its files:",
		    change->command);
		ag_status_print_findings(stderr, answer);
	} else {
		ag_print_line(stderr,
		    "authgate %s: the change is not in force: the daemon, "
		    "whose main file is %s, does not read %s",
		    change->command, member(answer, "config"), change->path);
	}
	return EX_TEMPFAIL;
}

/* NULL: no daemon, or no answer, after a message; *status says which. */
static json_t *
ask(struct change *change, int *status)
{
	const struct ag_question question = { change->command, change->words,
		change->config, AG_ASK_SECONDS, true };
	json_t *answer = NULL;
	char *text = NULL;

	if (!describe(change) || ag_ask(&question, &text) != EX_OK) {
		ag_print_line(stderr,
		    "authgate %s: it is not known whether the change is in "
		    "force",
		    change->command);
		*status = EX_TEMPFAIL;
	} else if (text == NULL) {
		printf("no daemon is running; the next one takes the change\n");
		*status = EX_OK;
	} else {
		answer = json_loads(text, 0, NULL);
		*status = EX_TEMPFAIL;
		if (answer == NULL)
			ag_print_line(stderr,
			    "authgate %s: the daemon's answer cannot be read",
			    change->command);
	}
	free(text);
	return answer;
}

int
ag_inforce(const char *command, const char *config, const char *path)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int64_t end = ag_clock_now() + AG_ASK_SECONDS * INT64_C(1000);
	struct change change = { .command = command,
		.config = config,
		.path = path };
	json_t *answer;
	int status;

	while ((answer = ask(&change, &status)) != NULL &&
	    is_overtaken(&change, answer) && ag_clock_now() < end) {
		json_decref(answer);
		nanosleep(&pause, NULL);
	}
	if (answer != NULL)
		status = say_what_came_of_it(&change, answer);
	json_decref(answer);
	return status;
}
