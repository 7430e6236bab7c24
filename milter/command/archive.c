/*
 * "authgate archive": what is kept, and whether it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <xxhash.h>

#include "policy/base/number.h"
#include "milter/archive/dir.h"
#include "milter/archive/front.h"
#include "milter/base/json.h"
#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/command/wrap.h"

#define CHUNK ((size_t)256 * 1024)

struct options {
	const char *config;
	const char *from;
	const char *to;
	const char *login;
	int64_t since;
	int64_t until;
	bool json;
};

/* What the file of a copy is called. */
struct entry {
	char *name;
	const char *sub; /* "new" or "cur" */
};

struct work {
	const struct options *options;
	/* is told of each copy, opened; the descriptor is closed afterwards */
	void (*copy)(struct work *work, int fd, const char *path,
	    const struct ag_copyname *name);
	struct ag_str delimiters; /* of tags */
	const char *dir;
	const char *day;
	unsigned long seen;
	unsigned long damaged;
	int status;
	char *chunk;
};

static void
report(struct work *work, const char *path, int error)
{
	ag_print_line(stderr, "%s: %s", path, strerror(error));
	work->status = error == EACCES || error == EPERM ? EX_NOPERM : EX_IOERR;
}

/* ---- which copies are asked for ---- */

static bool
is_in_domain(struct ag_str domain, const struct ag_mailbox *read)
{
	char name[AG_DOMAIN_MAX + 1];

	return ag_domain_parse(domain, name) == AG_DOMAIN_OK &&
	    ag_str_eq(ag_mailbox_domain(read), ag_str(name));
}

/* Whether it is the same without its tag, unless that is asked for. */
static bool
is_mailbox(const struct ag_mailbox *wanted, struct ag_mailbox *read,
    struct ag_str delimiters)
{
	if (ag_mailbox_eq(wanted, read))
		return true;
	read->local_len = ag_local_base(ag_mailbox_local(read), delimiters);
	read->local[read->local_len] = '\0';
	return ag_mailbox_eq(wanted, read);
}

/*
 * Whether what was sent, however it was spelt, is the address that is asked
 * for, or in the domain, where "@DOMAIN" is; "" is the null sender.
 */
static bool
is_address(const struct work *work, const char *wanted, struct ag_str sent)
{
	struct ag_path path, asked;

	ag_path_read(&path, sent, NULL, NULL);
	if (path.plainness == AG_PATH_NULL)
		return wanted[0] == '\0';
	if (path.plainness == AG_PATH_PLAIN && wanted[0] == '@')
		return is_in_domain(ag_str(wanted + 1), &path.ours);
	ag_path_read(&asked, ag_str(wanted), NULL, NULL);
	return path.plainness == AG_PATH_PLAIN &&
		asked.plainness == AG_PATH_PLAIN ?
	    is_mailbox(&asked.ours, &path.ours, work->delimiters) :
	    ag_str_ieq(ag_str(wanted), sent);
}

static bool
has_sender(const struct work *work, const char *wanted,
    const struct ag_front_text *front)
{
	return is_address(work, wanted, ag_str(front->sender)) ||
	    (front->judged != NULL &&
		is_address(work, wanted, ag_str(front->judged)));
}

static bool
has_rcpt(const struct work *work, const char *wanted, const char *rcpts)
{
	struct ag_str rest = ag_str(rcpts), rcpt;

	while (ag_front_rcpt(&rest, &rcpt))
		if (is_address(work, wanted, rcpt))
			return true;
	return false;
}

static bool
is_wanted(const struct work *work, const struct ag_front_text *front)
{
	const struct options *o = work->options;

	return (o->from == NULL || has_sender(work, o->from, front)) &&
	    (o->to == NULL || has_rcpt(work, o->to, front->rcpts)) &&
	    (o->login == NULL ||
		ag_str_ieq(ag_str(o->login), ag_str(front->login)));
}

/* ---- list ---- */

static json_t *
json_rcpts(const char *rcpts)
{
	struct ag_str rest = ag_str(rcpts), rcpt;
	json_t *array = json_array();

	while (ag_front_rcpt(&rest, &rcpt))
		json_array_append_new(array, ag_json_text(rcpt));
	return array;
}

static void
print_json(const struct ag_front_text *front, const char *when,
    const struct ag_copyname *name, const char *path)
{
	json_t *object = json_object();

	json_object_set_new(object, "time", json_string(when));
	json_object_set_new(object, "size",
	    json_integer((json_int_t)name->size));
	json_object_set_new(object, "from",
	    ag_json_text(ag_str(front->sender)));
	json_object_set_new(object, "to", json_rcpts(front->rcpts));
	json_object_set_new(object, "client",
	    ag_json_text(ag_str(front->client)));
	json_object_set_new(object, "login",
	    ag_json_text(ag_str(front->login)));
	json_object_set_new(object, "queue_id",
	    ag_json_text(ag_str(front->queue_id)));
	json_object_set_new(object, "path", ag_json_text(ag_str(path)));
	json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	printf("\n");
	json_decref(object);
}

/* What is empty is said, too. */
static void
print_word(struct ag_wrap *line, const char *text)
{
	ag_wrap_text(line, ag_str("  "));
	ag_wrap_text(line, ag_str(*text != '\0' ? text : "-"));
}

/* Three lines; the last is the file alone, so that it can be copied. */
static void
print_row(const struct ag_front_text *front, const char *when,
    const struct ag_copyname *name, const char *path)
{
	struct ag_wrap line = { .out = stdout, .indent = 4 };

	ag_wrap_printf(&line, "%s  %9llu", when,
	    (unsigned long long)name->size);
	print_word(&line, front->queue_id);
	print_word(&line, front->client);
	print_word(&line, front->login);
	ag_wrap_end(&line);
	ag_wrap_printf(&line, "    <%s> -> ", front->sender);
	ag_wrap_text(&line,
	    ag_str(front->rcpts[0] != '\0' ? front->rcpts : "-"));
	ag_wrap_end(&line);
	ag_print_safely(stdout, ag_str("    "));
	ag_print_safely(stdout, ag_str(path));
	printf("\n");
}

static void
print_copy(struct work *work, const struct ag_front_text *front,
    const struct ag_copyname *name, const char *path)
{
	char when[AG_INSTANT_MAX];

	ag_number_write_instant(name->seconds, when);
	if (work->options->json)
		print_json(front, when, name, path);
	else
		print_row(front, when, name, path);
}

static void
list_copy(struct work *work, int fd, const char *path,
    const struct ag_copyname *name)
{
	struct ag_front_text front;
	int own = dup(fd);
	FILE *in = own >= 0 ? fdopen(own, "r") : NULL;

	if (in == NULL) {
		report(work, path, errno);
		if (own >= 0)
			close(own);
		return;
	}
	if (!ag_front_read(in, &front)) {
		ag_print_line(stderr, "%s: its first lines are damaged", path);
		work->damaged++;
	} else if (is_wanted(work, &front)) {
		print_copy(work, &front, name, path);
	}
	ag_front_free(&front);
	fclose(in);
}

static void
print_heading(const struct options *options)
{
	if (!options->json)
		printf("%-20s  %9s  QUEUE-ID  CLIENT  LOGIN\n"
		       "    FROM -> TO\n    FILE\n",
		    "TIME", "SIZE");
}

/* ---- verify ---- */

static void
complain(struct work *work, const char *path, const char *what)
{
	work->damaged++;
	ag_print_safely(stdout, ag_str(path));
	printf(": %s\n", what);
}

static void
verify_copy(struct work *work, int fd, const char *path,
    const struct ag_copyname *name)
{
	XXH3_state_t *sum = XXH3_createState();
	uint64_t size = 0;
	ssize_t n = -1;

	errno = ENOMEM;
	if (sum != NULL) {
		XXH3_64bits_reset(sum);
		while ((n = read(fd, work->chunk, CHUNK)) > 0) {
			XXH3_64bits_update(sum, work->chunk, (size_t)n);
			size += (uint64_t)n;
		}
	}
	if (n < 0)
		complain(work, path, strerror(errno));
	else if (size < name->size)
		complain(work, path, "bytes are missing");
	else if (size > name->size)
		complain(work, path, "there are more bytes than were written");
	else if (XXH3_64bits_digest(sum) != name->sum)
		complain(work, path, "its content is not what was written");
	XXH3_freeState(sum);
}

/* ---- all copies ---- */

static void
add_entry(struct ag_vec *entries, const char *name, const char *sub)
{
	struct entry *entry = ag_vec_add(entries, sizeof(*entry));

	if (entry == NULL)
		return;
	entry->name = strdup(name);
	entry->sub = sub;
}

static void
add_new(void *arg, int at, const char *name)
{
	(void)at;
	add_entry(arg, name, "new");
}

static void
add_cur(void *arg, int at, const char *name)
{
	(void)at;
	add_entry(arg, name, "cur");
}

/* The same copy may be met twice, as a mail reader moves it: flags last. */
static int
compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void
look_at(struct work *work, const struct entry *entry)
{
	const struct options *o = work->options;
	struct ag_copyname name;
	char path[PATH_MAX];
	int fd;

	if (entry->name == NULL ||
	    !ag_copyname_read(ag_str(entry->name), &name) || !name.whole ||
	    name.seconds < o->since || name.seconds >= o->until)
		return;
	snprintf(path, sizeof(path), "%s/%s/%s/%s", work->dir, work->day,
	    entry->sub, entry->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* a mail reader has moved it, or its time was over */
	if (fd < 0 && errno == ENOENT)
		return;
	work->seen++;
	if (fd < 0) {
		report(work, path, errno);
		return;
	}
	work->copy(work, fd, path, &name);
	close(fd);
}

static void
look_at_all(struct work *work, struct ag_vec *entries)
{
	struct entry *entry = entries->items;

	if (entries->n > 0)
		qsort(entry, entries->n, sizeof(*entry), compare_entries);
	for (size_t i = 0; i < entries->n; i++) {
		look_at(work, &entry[i]);
		free(entry[i].name);
	}
	ag_vec_free(entries);
}

/* new/ is read before cur/, where what is moved meanwhile comes up again. */
static void
walk_day(struct work *work, const char *day)
{
	struct ag_vec entries = { 0 };
	char path[PATH_MAX];
	int error;

	work->day = day;
	error = ag_archivedir_each(work->dir, day, "new", add_new, &entries);
	if (error == 0)
		error = ag_archivedir_each(work->dir, day, "cur", add_cur,
		    &entries);
	if (error != 0) {
		snprintf(path, sizeof(path), "%s/%s", work->dir, day);
		report(work, path, error);
	}
	look_at_all(work, &entries);
}

/* Whether copies of that day can be among those that are asked for. */
static bool
is_day_wanted(const struct options *o, const char *day)
{
	int64_t start = 0;

	ag_day_read(ag_str(day), &start);
	return start < o->until && start + 86400 > o->since;
}

static void
walk_directory(struct work *work, const struct ag_archive *archive)
{
	struct ag_vec days = { 0 };
	const struct ag_archivedir_day *day;
	int error = ag_archivedir_days(archive->dir, &days);

	if (error != 0 && (archive->kept || error != ENOENT))
		report(work, archive->dir, error);
	work->dir = archive->dir;
	day = days.items;
	for (size_t i = 0; i < days.n; i++)
		if (is_day_wanted(work->options, day[i].day))
			walk_day(work, day[i].day);
	ag_vec_free(&days);
}

static int
walk(struct work *work)
{
	const struct ag_policy *policy;
	const struct ag_archive *archive;
	int status = ag_command_load(work->options->config, &policy);
	struct ag_vec seen = { 0 };
	const char *same;
	size_t n;

	if (status != EX_OK)
		return status;
	archive = ag_archives(policy, &n);
	work->delimiters = ag_policy_text(policy, AG_KEY_RECIPIENT_DELIMITER);
	for (size_t i = 0; i < n; i++) {
		/* what cannot be seen is reported by the walk */
		ag_archivedir_see(&seen, archive[i].dir, &same);
		if (same == NULL)
			walk_directory(work, &archive[i]);
	}
	ag_vec_free(&seen);
	ag_policy_unref(policy);
	return work->status != EX_OK ? work->status : work->damaged > 0;
}

static int
list(struct work *work)
{
	work->copy = list_copy;
	print_heading(work->options);
	return walk(work);
}

static int
verify(struct work *work)
{
	int status;

	work->copy = verify_copy;
	work->chunk = malloc(CHUNK);
	if (work->chunk == NULL)
		return EX_OSERR;
	status = walk(work);
	free(work->chunk);
	if (status == EX_OK || work->seen > 0)
		printf("%lu %s, %lu damaged\n", work->seen,
		    ag_plural(work->seen, "copy", "copies"), work->damaged);
	return status;
}

/* ---- the command line ---- */

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "from", required_argument, NULL, 'f' },
	{ "to", required_argument, NULL, 't' },
	{ "login", required_argument, NULL, 'l' },
	{ "since", required_argument, NULL, 's' },
	{ "until", required_argument, NULL, 'u' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* A day counts from its first second. */
static bool
read_since(const char *text, int64_t *out)
{
	return ag_day_read(ag_str(text), out) ||
	    ag_number_instant(ag_str(text), out);
}

static const char *
without_brackets(const char *address)
{
	return strcmp(address, "<>") == 0 ? "" : address;
}

/* Whether the option's argument is good. */
static bool
take_option(struct options *options, int option, const char *arg)
{
	switch (option) {
	case 'c':
		options->config = arg;
		return true;
	case 'f':
		options->from = without_brackets(arg);
		return true;
	case 't':
		options->to = arg;
		return true;
	case 'l':
		options->login = arg;
		return true;
	case 's':
		return read_since(arg, &options->since);
	case 'u':
		return ag_number_until(ag_str(arg), &options->until);
	default:
		options->json = true;
		return true;
	}
}

int
ag_archive_command(int argc, char **argv)
{
	struct options options = { .config = AG_DEFAULT_CONFIG,
		.until = INT64_MAX };
	struct work work = { .options = &options };
	const char *action;
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help("archive");
		if (option == '?')
			return ag_command_usage("archive", NULL);
		if (!take_option(&options, option, optarg))
			return ag_command_usage("archive",
			    "\"%s\" is not a time such as 2026-12-31 or "
			    "2026-12-31T18:00:00Z",
			    optarg);
	}
	action = optind + 1 == argc ? argv[optind] : "";
	if (strcmp(action, "list") == 0)
		return list(&work);
	if (strcmp(action, "verify") != 0)
		return ag_command_usage("archive", "say list or verify");
	if (options.from != NULL || options.to != NULL ||
	    options.login != NULL || options.json)
		return ag_command_usage("archive",
		    "verify takes no option but --since and --until");
	return verify(&work);
}
