/*
 * Lines read in one pass against the same lines read in the long way.
 *
 * A line that is nothing but settled words is read by a reader of its own.  A
 * "#" behind it changes nothing of what it says, but only the reader of every
 * form takes it then: random lists must come out the same with and without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config/lists.h"
#include "random.h"

#define LIST_MAX 4000
#define OUT_MAX 100000

static struct ag_domains domains;
static struct ag_login_form form;

/* What is said of a list, findings included. */
static char said[2][OUT_MAX];

static const char *
any_of(const char *const *text, unsigned n)
{
	return text[random_below(n)];
}

#define ANY_OF(texts) any_of((texts), sizeof(texts) / sizeof(*(texts)))

/* ---- the lists ---- */

/* Two lists: with a "#" at the end of each line, and without. */
struct pair {
	char plain[LIST_MAX];
	char marked[LIST_MAX];
};

static void
make_pair(struct pair *pair, void (*make_line)(struct ag_buf *line))
{
	struct ag_buf plain = AG_BUF(pair->plain);
	struct ag_buf marked = AG_BUF(pair->marked);

	for (unsigned n = 1 + random_below(12); n > 0; n--) {
		char text[300];
		struct ag_buf line = AG_BUF(text);
		const char *end = n > 1 || random_below(2) == 0 ? "\n" : "";

		make_line(&line);
		ag_buf_printf(&plain, "%s%s", text, end);
		ag_buf_printf(&marked, "%s#%s", text, end);
	}
}

static void
make_map_line(struct ag_buf *line)
{
	static const char *const separators[] = { " ", " ", " ", ",", ", ",
		"\t", "  ", " \r" };
	static const char *const words[] = { "a@b.c", "b@b.c", "c@b.c",
		"a@alias.d", "b@x.y", "a@b.c", "x", "@b.c", "*", "a+b@b.c",
		"A@b.c", "a@b..c", "a@.c", "a@b.c.", "a@", "a@b+c", "a@b@c",
		"\"a\"@b.c", "a%b@b.c", "a@b.c#", "\001", "until=2020-01-01",
		"a\xc3\xa4@b.c", "*@b.c", "a*", ".b.c", "=", "b.com", "a;b",
		"a//b", "" };

	if (random_below(6) == 0)
		ag_buf_text(line, ANY_OF(separators));
	for (unsigned n = random_below(5); n > 0; n--) {
		/* mostly one of the settled words at the front */
		ag_buf_text(line,
		    random_below(3) > 0 ? words[random_below(6)] :
					  ANY_OF(words));
		if (n > 1 || random_below(6) == 0)
			ag_buf_text(line, ANY_OF(separators));
	}
}

static void
make_kill_line(struct ag_buf *line)
{
	static const char *const entries[] = { "10.0.0.1", "10.0.0.0/8",
		"!10.1.0.0/16", "2001:db8::/32", "::1", "login:a@b.c",
		"sender:@b.c", "10.0.0.1-10.0.0.9", "10.0.0", "x", "!", "\002",
		"[::1]/128", "login:*", "login:@b.c", "sender:*@b.c", "/",
		"10.0.0.1\177", "" };
	static const char *const ends[] = { " ", "\t", "\r", "  \r",
		" until=2099-01-01", " until=x", " x" };

	if (random_below(6) == 0)
		ag_buf_char(line, ' ');
	ag_buf_text(line, ANY_OF(entries));
	if (random_below(4) == 0)
		ag_buf_text(line, ANY_OF(ends));
}

/* ---- what they say ---- */

static void
write_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	ag_buf_printf(arg, "%s %u: %s\n", ag_severity_name(severity),
	    where->line, text);
}

static void
write_owner(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	ag_buf_printf(arg, "%.*s=%.*s:%u\n", AG_STR_ARG(left),
	    AG_STR_ARG(login), origin->line);
}

static void
read_map(struct ag_list *list, struct ag_buf *out)
{
	static const char *const logins[] = { "a@b.c", "b@b.c", "c@b.c",
		"a@x.y", "b@x.y", "x@b.c", "x", "A@b.c", "\"a\"@b.c", "a+b@b.c",
		"a@r.s", "b@r.s" };
	struct ag_senders *senders = ag_senders_new();

	if (senders == NULL || !ag_list_senders(list, senders) ||
	    !ag_senders_finish(senders, list->diag))
		exit(1);
	ag_buf_printf(out, "%zu\n", ag_senders_size(senders));
	for (size_t i = 0; i < sizeof(logins) / sizeof(*logins); i++)
		ag_senders_of_login(senders, ag_str(logins[i]), write_owner,
		    out);
	ag_senders_free(senders);
}

static void
read_kill(struct ag_list *list, struct ag_buf *out)
{
	struct ag_item item;

	list->names = true;
	while (ag_list_next(list, &item)) {
		char ip[AG_IP_TEXT_MAX];

		ag_buf_printf(out, "%u %.*s %lld %s:%u", item.kind,
		    AG_STR_ARG(item.entry), (long long)item.about.until,
		    item.about.note != NULL ? item.about.note : "",
		    item.about.origin.line);
		if (item.kind == AG_ITEM_NETWORK)
			ag_buf_printf(out, " %d %s", item.except,
			    ag_ip_write(&item.range.last, ip));
		else
			ag_buf_printf(out, " %s", item.name);
		ag_buf_char(out, '\n');
	}
}

typedef void read_fn(struct ag_list *list, struct ag_buf *out);

static void
describe(const char *text, read_fn *read, struct ag_buf out)
{
	struct ag_arena arena = { 0 };
	struct ag_diag diag = { .emit = write_finding, .arg = &out };
	struct ag_list list = { .text = ag_str(text),
		.at = { "x.list", 0 },
		.arena = &arena,
		.diag = &diag,
		.form = &form };

	read(&list, &out);
	ag_arena_free(&arena);
	if (out.cut) {
		printf("failed: no room for what is said\n");
		exit(1);
	}
}

static void
compare(const struct pair *pair, read_fn *read)
{
	describe(pair->plain, read, AG_BUF(said[0]));
	describe(pair->marked, read, AG_BUF(said[1]));
	if (strcmp(said[0], said[1]) == 0)
		return;
	printf("failed:\n|%s|\nsays\n%s\nwith marks\n%s", pair->plain, said[0],
	    said[1]);
	exit(1);
}

/* ---- a run ---- */

static void
make_form(void)
{
	static const struct ag_origin at = { "x.ini", 1 };
	struct ag_diag diag = { .emit = NULL };

	strcpy(form.realm, "r.s");
	form.domains = &domains;
	if (!ag_domains_add_file(&domains, ag_str("x.y"), 0, false, &at,
		&diag) ||
	    !ag_domains_add_alias(&domains, ag_str("alias.d"), ag_str("x.y"),
		&at, &diag))
		exit(1);
}

int
main(int argc, char **argv)
{
	static struct pair pair;
	unsigned rounds = 0;

	random_begin(argc, argv);
	make_form();
	for (; random_goes_on(20000); rounds++) {
		form.realm_replaces = random_below(4) == 0;
		make_pair(&pair, make_map_line);
		compare(&pair, read_map);
		make_pair(&pair, make_kill_line);
		compare(&pair, read_kill);
	}
	printf("%u lists of each kind\n", rounds);
	ag_domains_free(&domains);
	return rounds == 0;
}
