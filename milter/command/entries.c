/*
 * "authgate kill" and "authgate relay": the entries of the two lists.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "policy/base/file.h"
#include "policy/base/number.h"
#include "policy/config/lists.h"
#include "milter/base/findings.h"
#include "milter/base/json.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/entryhint.h"
#include "milter/command/guard.h"
#include "milter/command/inforce.h"
#include "milter/command/listfile.h"

struct options {
	const char *command; /* "kill" or "relay" */
	const char *config;
	const char *entry;
	char until[AG_INSTANT_MAX]; /* as it is written; empty: for ever */
	const char *note;
	bool all;
	bool json;
	bool force; /* also what would cut off the host itself */
};

struct work {
	const struct options *options;
	const struct ag_policy *policy;
	struct ag_arena arena;
	int64_t now;
	struct ag_item wanted; /* of add and del */
	struct ag_str added;   /* the line that add writes */
	struct ag_str old;     /* the one in whose place, if any */
	unsigned changed;
	struct ag_vec
	    replaced;      /* char *: the files that were, of add and del */
	struct ag_buf out; /* the new text */
};

static bool
is_relay(const struct options *options)
{
	return strcmp(options->command, "relay") == 0;
}

/* ---- entries of a text ---- */

static struct ag_list
list_of(struct work *work, struct ag_str text, const char *shown,
    struct ag_diag *diag)
{
	return (struct ag_list){ .text = text,
		.at = { shown, 0 },
		.arena = &work->arena,
		.diag = diag,
		.form = ag_policy_login_form(work->policy),
		.relay = is_relay(work->options),
		.names = !is_relay(work->options) };
}

/* The entry that stands on a line, if a good one does. */
static bool
item_of_line(struct work *work, struct ag_str line, struct ag_item *item)
{
	struct ag_diag quiet = { 0 };
	struct ag_list list = list_of(work, line, NULL, &quiet);

	return ag_list_next(&list, item);
}

static bool
same_ip(const struct ag_ip *a, const struct ag_ip *b)
{
	return a->family == b->family && a->hi == b->hi && a->lo == b->lo;
}

static bool
same_item(const struct ag_item *a, const struct ag_item *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind != AG_ITEM_NETWORK)
		return strcmp(a->name, b->name) == 0;
	return a->except == b->except &&
	    same_ip(&a->range.first, &b->range.first) &&
	    same_ip(&a->range.last, &b->range.last);
}

/* ---- the files ---- */

static struct ag_str
files(const struct work *work)
{
	return ag_policy_text(work->policy,
	    is_relay(work->options) ? AG_KEY_RELAY : AG_KEY_KILL);
}

static const char *
path_of(struct work *work, struct ag_str name)
{
	return ag_file_beside(&work->arena, work->options->config, name);
}

static int
report_error(const char *path, int error)
{
	ag_print_line(stderr, "%s: %s", path, strerror(error));
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_IOERR;
}

/* Writes what becomes of a line to work->out. */
typedef void change_fn(struct work *work, struct ag_str line);

static void
keep_line(struct work *work, struct ag_str line)
{
	ag_buf_str(&work->out, line);
	ag_buf_char(&work->out, '\n');
}

/* A list of no bytes would look like one caught half written. */
static const char no_entries[] = "# no entries\n";

/*
 * Writes the new text to work->out, whose memory the caller frees.  There is
 * room for all that a change can write, so that no text can be cut.
 */
static int
rewrite(struct work *work, struct ag_str text, change_fn *change,
    change_fn *at_end)
{
	/* the last line may lack its end */
	size_t room = text.len + 1 + work->added.len + sizeof(no_entries) +
	    sizeof(" until=") + AG_INSTANT_MAX;
	char *memory = malloc(room);
	struct ag_str line;

	work->out.ptr = memory;
	if (memory == NULL)
		return ENOMEM;
	work->out = ag_buf(memory, room);
	while (ag_str_line(&text, &line))
		change(work, line);
	if (at_end != NULL)
		at_end(work, ag_str(NULL));
	if (work->out.len == 0)
		ag_buf_text(&work->out, no_entries);
	return work->out.cut ? ENOBUFS : 0;
}

/* Whether there is anything to change; that is so where it cannot be told. */
static bool
has_change(struct work *work, struct ag_str text, change_fn *change)
{
	unsigned before = work->changed;
	bool has =
	    rewrite(work, text, change, NULL) != 0 || work->changed != before;

	free(work->out.ptr);
	work->changed = before;
	return has;
}

static int
note_replaced(struct work *work, const char *path)
{
	const char **noted = ag_vec_add(&work->replaced, sizeof(*noted));
	struct ag_str copy = ag_arena_str(&work->arena, ag_str(path));

	if (noted == NULL)
		return ENOMEM;
	*noted = copy.ptr;
	return copy.ptr != NULL ? 0 : ENOMEM;
}

/* Whether the daemon has taken what was changed. */
static int
ask_daemon(const struct work *work)
{
	const char *const *path = work->replaced.items;
	int status = EX_OK;

	for (size_t i = 0; i < work->replaced.n && status == EX_OK; i++)
		status = ag_inforce(work->options->command,
		    work->options->config, path[i]);
	return status;
}

static int
change_locked(struct work *work, struct ag_listfile *file, change_fn *change,
    change_fn *at_end)
{
	unsigned before = work->changed;
	int error = rewrite(work, file->text, change, at_end);

	if (error == 0 && work->changed != before)
		error = note_replaced(work, file->path);
	if (error == 0 && work->changed != before)
		error = ag_listfile_replace(file, ag_buf_get(&work->out));
	free(work->out.ptr);
	return error;
}

static int
report_holder(const char *path, const struct ag_listfile *file)
{
	char who[64] = "whoever has made";

	if (file->holder != 0)
		snprintf(who, sizeof(who), "process %ld, which holds",
		    (long)file->holder);
	ag_print_line(stderr, "%s: not changed; waited %d seconds for %s %s",
	    path, AG_LISTFILE_SECONDS, who, file->new_path);
	return EX_TEMPFAIL;
}

static int
change_opened(struct work *work, struct ag_listfile *file, const char *path,
    change_fn *change, change_fn *at_end)
{
	int error;

	/* what needs no change needs no permission for one */
	if (at_end == NULL && !has_change(work, file->text, change))
		return EX_OK;
	error = ag_listfile_lock(file);
	if (error == EBUSY)
		return report_holder(path, file);
	if (error == 0)
		error = change_locked(work, file, change, at_end);
	return error != 0 ? report_error(path, error) : EX_OK;
}

/*
 * Runs all lines of a file through change, and replaces it if that was any.
 * Only what has something to put at its end makes a file that is not there.
 */
static int
change_file(struct work *work, struct ag_str name, change_fn *change,
    change_fn *at_end)
{
	const char *path = path_of(work, name);
	struct ag_listfile file;
	int error, status;

	if (path == NULL)
		return report_error(work->options->config, ENOMEM);
	error = ag_listfile_open(&file, path,
	    at_end != NULL ? work->options->config : NULL);
	if (error == ENOENT && at_end == NULL)
		return EX_OK;
	if (error != 0)
		return report_error(path, error);
	status = change_opened(work, &file, path, change, at_end);
	ag_listfile_close(&file);
	return status;
}

static int
change_all(struct work *work, change_fn *change)
{
	struct ag_str rest = files(work), name;
	int status = EX_OK;

	while (status == EX_OK && ag_str_word(&rest, AG_WORD_SEPARATORS, &name))
		status = change_file(work, name, change, NULL);
	return status;
}

/* ---- add ---- */

/* The line of an entry; false when there is no memory for it. */
static bool
make_line(struct work *work, const char *until, const char *note)
{
	const struct options *o = work->options;
	size_t room = strlen(o->entry) + sizeof(" until=") + strlen(until) +
	    sizeof(" # ") + strlen(note) + sizeof("\n");
	char *line = ag_arena_alloc(&work->arena, room);
	struct ag_buf out;

	if (line == NULL)
		return false;
	out = ag_buf(line, room);
	ag_buf_text(&out, o->entry);
	if (until[0] != '\0')
		ag_buf_printf(&out, " until=%s", until);
	if (note[0] != '\0')
		ag_buf_printf(&out, " # %s", note);
	ag_buf_char(&out, '\n');
	work->added = ag_buf_get(&out);
	return true;
}

/* What is not given stays as the entry has it that is there; may be NULL. */
static bool
make_merged_line(struct work *work, const struct ag_item *there)
{
	const struct options *o = work->options;
	const char *note = o->note != NULL ? o->note : "";
	char until[AG_INSTANT_MAX];

	snprintf(until, sizeof(until), "%s", o->until);
	if (there != NULL && until[0] == '\0' && there->about.until != AG_NEVER)
		ag_number_write_instant(there->about.until, until);
	if (there != NULL && o->note == NULL && there->about.note != NULL)
		note = there->about.note;
	return make_line(work, until, note);
}

static void
write_entry(struct work *work)
{
	ag_buf_str(&work->out, work->added);
	work->changed++;
}

/* In the place of its like, which is told. */
static void
replace_entry(struct work *work, struct ag_str line,
    const struct ag_item *there)
{
	if (!make_merged_line(work, there))
		return;
	work->old = ag_arena_str(&work->arena, ag_str_trim(line));
	write_entry(work);
}

/* Whether there is a change that is worth two lines. */
static void
tell_change(const struct work *work)
{
	/* without its newline */
	struct ag_str now =
	    ag_str_head(work->added, ag_str_find(work->added, '\n'));

	if (work->old.len == 0 || ag_str_eq(work->old, now))
		return;
	printf("was: ");
	ag_print_safely(stdout, work->old);
	printf("\nnow: ");
	ag_print_safely(stdout, now);
	printf("\n");
}

/* The entry comes in the place of its like, of which there may be several. */
static void
put_entry(struct work *work, struct ag_str line)
{
	struct ag_item item;

	if (!item_of_line(work, line, &item) ||
	    !same_item(&item, &work->wanted))
		keep_line(work, line);
	else if (work->changed == 0)
		replace_entry(work, line, &item);
}

static void
put_entry_at_end(struct work *work, struct ag_str line)
{
	(void)line;
	if (work->changed == 0)
		write_entry(work);
}

/* After a line that says why. */
static bool
is_refused(struct work *work)
{
	const struct ag_guard guard = { work->options->config, work->policy,
		&work->arena, work->now };
	struct ag_item item = work->wanted;
	char text[600];
	struct ag_buf why = AG_BUF(text);

	if (work->options->until[0] != '\0')
		ag_number_until(ag_str(work->options->until),
		    &item.about.until);
	if (!ag_guard_objects(&guard, &item, &why))
		return false;
	ag_print_line(stderr,
	    "authgate kill: %s is not added: %s; --force adds it",
	    work->options->entry, text);
	return true;
}

static int
add(struct work *work)
{
	struct ag_str rest = files(work), name;
	int status;

	if (!ag_str_word(&rest, AG_WORD_SEPARATORS, &name)) {
		fprintf(stderr, "authgate %s: [lists] %s names no file\n",
		    work->options->command, work->options->command);
		return EX_CONFIG;
	}
	if (!make_merged_line(work, NULL))
		return report_error(work->options->entry, ENOMEM);
	if (!is_relay(work->options) && !work->options->force &&
	    is_refused(work))
		return EX_USAGE;
	status = change_file(work, name, put_entry, put_entry_at_end);
	if (status != EX_OK)
		return status;
	tell_change(work);
	return ask_daemon(work);
}

/* ---- del and purge ---- */

static void
drop_like(struct work *work, struct ag_str line)
{
	struct ag_item item;

	if (item_of_line(work, line, &item) && same_item(&item, &work->wanted))
		work->changed++;
	else
		keep_line(work, line);
}

static int
del(struct work *work)
{
	int status = change_all(work, drop_like);

	if (status == EX_OK && work->changed == 0) {
		ag_print_line(stderr, "authgate %s: %s is not in the list",
		    work->options->command, work->options->entry);
		return 1;
	}
	return status == EX_OK ? ask_daemon(work) : status;
}

static void
drop_dead(struct work *work, struct ag_str line)
{
	struct ag_item item;

	if (item_of_line(work, line, &item) &&
	    !ag_entry_is_live(&item.about, work->now))
		work->changed++;
	else
		keep_line(work, line);
}

static int
purge(struct work *work)
{
	int status = change_all(work, drop_dead);

	if (status == EX_OK)
		printf("%u dropped\n", work->changed);
	return status;
}

/* ---- list ---- */

static void
print_json(const struct ag_item *item, const char *until, struct ag_str at)
{
	json_t *object = json_object();

	json_object_set_new(object, "entry", ag_json_text(item->entry));
	if (until[0] != '\0')
		json_object_set_new(object, "until", json_string(until));
	if (item->about.note != NULL)
		json_object_set_new(object, "note",
		    ag_json_text(ag_str(item->about.note)));
	json_object_set_new(object, "at", ag_json_text(at));
	json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	printf("\n");
	json_decref(object);
}

static void
print_item(const struct work *work, const struct ag_item *item)
{
	char until[AG_INSTANT_MAX] = "", at[AG_ORIGIN_MAX];
	struct ag_buf place = AG_BUF(at);

	if (!work->options->all && !ag_entry_is_live(&item->about, work->now))
		return;
	if (item->about.until != AG_NEVER)
		ag_number_write_instant(item->about.until, until);
	ag_origin_write(&item->about.origin, &place);
	if (work->options->json) {
		print_json(item, until, ag_buf_get(&place));
		return;
	}
	ag_print_column(stdout, item->entry, 42);
	printf("  %-20s  ", until[0] != '\0' ? until : "-");
	ag_print_column(stdout, ag_buf_get(&place), 20);
	printf("  ");
	ag_print_safely(stdout, ag_str(item->about.note));
	printf("\n");
}

static int
print_file(struct work *work, struct ag_str name)
{
	const char *path = path_of(work, name);
	const char *shown = ag_arena_str(&work->arena, name).ptr;
	struct ag_printer printer = { stderr, work->options->config };
	struct ag_diag diag = { .emit = ag_print_finding, .arg = &printer };
	struct ag_list list;
	struct ag_item item;
	struct ag_str text;
	char *memory;
	int error;

	if (path == NULL || shown == NULL)
		return report_error(work->options->config, ENOMEM);
	error = ag_file_read(path, &text);
	memory = (char *)text.ptr;
	if (error != 0)
		return error == ENOENT ? EX_OK : report_error(path, error);
	ag_str_drop_mark(&text);
	for (list = list_of(work, text, shown, &diag);
	    ag_list_next(&list, &item);)
		print_item(work, &item);
	free(memory);
	return EX_OK;
}

static int
list(struct work *work)
{
	struct ag_str rest = files(work), name;
	int status = EX_OK;

	while (status == EX_OK && ag_str_word(&rest, AG_WORD_SEPARATORS, &name))
		status = print_file(work, name);
	return status;
}

/* ---- the command line ---- */

static const struct action {
	const char *name;
	int (*run)(struct work *);
	bool takes_entry;
} actions[] = { { "list", list, false }, { "add", add, true },
	{ "del", del, true }, { "purge", purge, false } };

static const struct action *
find_action(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "for", required_argument, NULL, 'f' },
	{ "until", required_argument, NULL, 'u' },
	{ "note", required_argument, NULL, 'n' },
	{ "force", no_argument, NULL, 'F' },
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
set_for(struct options *options, const char *text)
{
	int64_t seconds;

	if (!ag_number_time(ag_str(text), &seconds))
		return false;
	ag_number_write_instant(time(NULL) + seconds, options->until);
	return true;
}

static bool
set_until(struct options *options, const char *text)
{
	int64_t until;

	if (!ag_number_until(ag_str(text), &until))
		return false;
	snprintf(options->until, sizeof(options->until), "%s", text);
	return true;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (ag_is_control(*text))
			return true;
	return false;
}

/* NULL, or what is wrong with the option's argument. */
static const char *
take_option(struct options *options, int option, const char *arg)
{
	switch (option) {
	case 'c':
		options->config = arg;
		return NULL;
	case 'f':
		return set_for(options, arg) ? NULL :
					       "is not a time such as 2h";
	case 'u':
		return set_until(options, arg) ?
		    NULL :
		    "is not a date such as 2026-12-31 or "
		    "2026-12-31T18:00:00Z";
	case 'n':
		options->note = arg;
		return has_control(arg) ? "has a control byte" : NULL;
	case 'F':
		options->force = true;
		return NULL;
	case 'a':
		options->all = true;
		return NULL;
	case 'j':
		options->json = true;
		return NULL;
	default:
		return NULL;
	}
}

/* What is wrong with the entry, in words. */
struct reason {
	char text[1024];
};

static void
take_reason(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	struct reason *reason = arg;

	(void)where;
	if (severity >= AG_BAD_LINE && reason->text[0] == '\0')
		snprintf(reason->text, sizeof(reason->text), "%s", text);
}

/* Whether the entry is one. */
static bool
read_wanted(struct work *work, struct reason *reason)
{
	struct ag_diag diag = { .emit = take_reason, .arg = reason };
	struct ag_str entry = ag_str(work->options->entry);
	struct ag_list wanted = list_of(work, entry, "ENTRY", &diag);

	return ag_list_next(&wanted, &work->wanted) &&
	    ag_str_eq(work->wanted.entry, entry);
}

static int
report_entry(const struct options *options, const struct reason *reason)
{
	char text[1024];
	struct ag_buf hint = AG_BUF(text);

	ag_entry_hint(ag_str(options->entry), is_relay(options), &hint);
	if (hint.len == 0)
		ag_buf_text(&hint, reason->text);
	return ag_command_usage(options->command,
	    "\"%s\" is not an entry of this list%s%s", options->entry,
	    hint.len > 0 ? ": " : "", text);
}

/* What else is broken does not keep an entry from the list. */
static int
load_form(const struct options *options, const struct ag_policy **policy)
{
	struct ag_diag diag = { 0 };
	int status = ag_findings_exit_status(
	    ag_policy_load_form(options->config, &diag, policy));

	if (status != EX_OK)
		return ag_command_load(options->config, policy);
	if (diag.errors > 0)
		ag_print_line(stderr,
		    "authgate %s: the configuration has errors, which "
		    "\"authgate check\" prints; the list is read all the same",
		    options->command);
	return EX_OK;
}

static int
run_action(const struct options *options, const struct action *action)
{
	struct work work = { .options = options, .now = time(NULL) };
	struct reason reason = { "" };
	int status = load_form(options, &work.policy);

	if (status != EX_OK)
		return status;
	if (action->takes_entry && !read_wanted(&work, &reason))
		status = report_entry(options, &reason);
	else
		status = action->run(&work);
	ag_vec_free(&work.replaced);
	ag_arena_free(&work.arena);
	ag_policy_unref(work.policy);
	return status;
}

static int
run_command(const char *command, int argc, char **argv)
{
	struct options options = { .command = command,
		.config = AG_DEFAULT_CONFIG };
	const struct action *action;
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		const char *wrong;

		if (option == 'h')
			return ag_command_help(command);
		if (option == '?')
			return ag_command_usage(command, NULL);
		wrong = take_option(&options, option, optarg);
		if (wrong != NULL)
			return ag_command_usage(command, "\"%s\" %s", optarg,
			    wrong);
	}
	action = optind < argc ? find_action(argv[optind++]) : NULL;
	if (action == NULL)
		return ag_command_usage(command,
		    "say list, add ENTRY, del ENTRY or purge");
	if (action->takes_entry && optind < argc)
		options.entry = argv[optind++];
	if (optind < argc || (action->takes_entry && options.entry == NULL))
		return ag_command_usage(command, "%s takes %s", action->name,
		    action->takes_entry ? "one entry" : "no entry");
	return run_action(&options, action);
}

int
ag_kill_command(int argc, char **argv)
{
	return run_command("kill", argc, argv);
}

int
ag_relay_command(int argc, char **argv)
{
	return run_command("relay", argc, argv);
}
