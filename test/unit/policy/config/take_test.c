#include "findings.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compiled.h"
#include "policy/config/part.h"

static char folder[] = "/tmp/authgate-take.XXXXXX";

static void
path_of(const char *name, char path[static 200])
{
	snprintf(path, 200, "%s/%s", folder, name);
}

/* NULL: there is no such file. */
static void
put_file(const char *name, const char *text, size_t len)
{
	char path[200];
	FILE *out;

	path_of(name, path);
	/* else a file system with coarse times could show no change */
	unlink(path);
	rmdir(path);
	if (text == NULL)
		return;
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
}

static void
put(const char *name, const char *text)
{
	put_file(name, text, text != NULL ? strlen(text) : 0);
}

#define MAIN \
	"[lists]\nlocal_domains = domains.list\nkill = kill.list more.list\n" \
	"relay = relay.list\n[auth]\nrealm = a.example\n" \
	"sender_logins = senders.map\n" \
	"[relay]\nallow =\n"

/* All is well. */
static void
put_all(void)
{
	char path[200];

	path_of("domains", path);
	mkdir(path, 0755);
	put("authgate.ini", MAIN);
	put("domains/a.example.ini", "[domain]\naliases = b.example\n");
	put("domains/c.example.ini", "[relay]\nfile = c.relay\n");
	put("domains/d.example.ini", NULL);
	put("domains/c.relay", "192.0.2.77\n");
	put("domains.list", "l.example\nm.example\n");
	put("kill.list", "192.0.2.1\nlogin:mallory\n192.0.2.2\n");
	put("more.list", "192.0.2.3\n");
	put("relay.list", "198.51.100.1\n198.51.100.2\n");
	put("senders.map", "x@a.example alice\n@a.example root\n");
}

/* What a load goes on by, and what it does besides. */
struct going {
	const struct ag_policy *in_force;
	bool rereads;
	bool hangup;
	const char *accept;
};

static struct findings findings;

static enum ag_load_status
load_with(const struct going *going, const struct ag_policy **policy)
{
	char path[200];
	struct ag_loading loading = { .path = path,
		.diag = &findings.diag,
		.in_force = going->in_force,
		.keeps_texts = true,
		.rereads = going->rereads,
		.hangup = going->hangup,
		.accept = going->accept };

	path_of("authgate.ini", path);
	findings_begin(&findings);
	return ag_policy_load_with(&loading, policy);
}

static const struct ag_policy *
load_all_good(void)
{
	const struct ag_policy *policy;

	put_all();
	assert_int_equal(load_with(&(struct going){ .in_force = NULL },
			     &policy),
	    AG_LOAD_OK);
	assert_int_equal(findings.diag.errors, 0);
	return policy;
}

static const char *
local_by(const struct ag_policy *policy, const char *name)
{
	struct ag_domain domain =
	    ag_domains_find(&policy->domains, ag_str(name));

	if (!domain.local)
		return "-";
	return ag_policy_scope(policy, &domain)->file;
}

/* "kept: ..., then what is in force". */
static void
describe(const struct ag_policy *policy, struct ag_buf *out)
{
	static const char *const names[] = { "a.example", "b.example",
		"c.example", "d.example", "l.example" };
	struct ag_policy_sizes sizes = ag_policy_sizes(policy);
	const struct ag_kept *kept;
	size_t n = ag_policy_kept(policy, &kept);

	for (size_t i = 0; i < n; i++)
		ag_buf_printf(out, "%s%s:%u, ", kept[i].never ? "!" : "",
		    kept[i].shown, kept[i].at.line);
	ag_buf_printf(out, "kill %zu relay %zu map %zu", sizes.killed,
	    sizes.relays, sizes.senders);
	for (size_t i = 0; i < ROWS(names); i++)
		ag_buf_printf(out, " %s", local_by(policy, names[i]));
}

#define A " domains/a.example.ini"
#define C " domains/c.example.ini"
#define M " authgate.ini"
#define ALL "kill 4 relay 2 map 2" A A C " -" M

struct change {
	const char *name;
	const char *text; /* NULL: gone */
};

struct row {
	struct change change[3];
	const char *expected;
	const char *finding; /* a part of one */
};

/* Whether a finding begins with that, or its text has it. */
static bool
was_found(const char *part)
{
	for (size_t i = 0; i < findings.n; i++) {
		const struct finding *item = &findings.item[i];
		char text[1200];

		snprintf(text, sizeof(text), "%s %s: %s",
		    ag_severity_name(item->severity), item->where, item->text);
		if (strstr(text, part) != NULL)
			return true;
	}
	return false;
}

static void
expect_row(const struct row *row, const struct going *going)
{
	const struct ag_policy *before = load_all_good(), *after;
	struct going with = *going;
	char got[400];
	struct ag_buf out = AG_BUF(got);

	for (size_t i = 0; i < 3 && row->change[i].name != NULL; i++)
		put(row->change[i].name, row->change[i].text);
	with.in_force = before;
	assert_int_equal(load_with(&with, &after), AG_LOAD_OK);
	describe(after, &out);
	expect_text(row->change[0].name, got, row->expected);
	if (row->finding != NULL && !was_found(row->finding))
		expect_text(row->change[0].name, "no such finding",
		    row->finding);
	ag_policy_unref(before);
	ag_policy_unref(after);
}

/* Each part stays as it was, and the others are followed. */
static void
test_what_is_broken_stays(void **state)
{
	static const struct row rows[] = {
		{ { { "authgate.ini", "[lists]\nkil = x\n" },
		      { "more.list", "::1\n::2\n" } },
		    "authgate.ini:2, kill 5 relay 2 map 2" A A C " -" M,
		    "error authgate.ini:2: [lists] has no key kil" },
		{ { { "authgate.ini", NULL } }, "authgate.ini:0, " ALL,
		    "error authgate.ini: the file cannot be read" },
		{ { { "authgate.ini", "" } }, "authgate.ini:0, " ALL, NULL },
		{ { { "authgate.ini", "[milter]\ntimeout = 0\n" } },
		    "authgate.ini:2, " ALL, "timeout = 0 would end" },
		/* a list is named that is not there */
		{ { { "authgate.ini", MAIN "[auth]\nx = y\n" } },
		    "authgate.ini:11, " ALL, NULL },
		{ { { "authgate.ini", "[lists]\nkill = no.list\n" } },
		    "authgate.ini:2, " ALL,
		    "error authgate.ini:2: no.list cannot be read" },
		{ { { "authgate.ini", MAIN "file = no.relay\n" },
		      { "more.list", "::1\n::2\n" } },
		    "authgate.ini:10, kill 5 relay 2 map 2" A A C " -" M,
		    NULL },
		{ { { "authgate.ini", "[relay]\nallow = 10.1\n" } },
		    "authgate.ini:2, " ALL, NULL },
		/* files of domains */
		{ { { "domains/a.example.ini", "[domain]\nalias = b\n" } },
		    "domains/a.example.ini:2, " ALL,
		    "error domains/a.example.ini:2: " },
		{ { { "domains/a.example.ini", "" } },
		    "domains/a.example.ini:0, " ALL, NULL },
		{ { { "domains/c.example.ini", "[relay]\nfile = no\n" } },
		    "domains/c.example.ini:2, " ALL, NULL },
		/* to remove one is meant */
		{ { { "domains/c.example.ini", NULL } },
		    "kill 4 relay 2 map 2" A A " - -" M, NULL },
		/* two claim a name: the new one steps back */
		{ { { "domains/d.example.ini",
		      "[domain]\naliases = "
		      "b.example\n" } },
		    "!domains/d.example.ini:2, kill 4 relay 2 map 2" A A C M M,
		    "is claimed by" },
		{ { { "domains/c.example.ini",
		      "[domain]\naliases = "
		      "b.example\n" } },
		    "domains/c.example.ini:2, " ALL, "is claimed by" },
		/* one that was never good */
		{ { { "domains/d.example.ini", "[domain\n" } },
		    "!domains/d.example.ini:1, kill 4 relay 2 map 2" A A C M M,
		    "no good version of this file is known" },
		/* lists */
		{ { { "kill.list", "" } }, "kill.list:0, " ALL,
		    "error kill.list: the file has no bytes; its last good "
		    "version stays in force" },
		{ { { "kill.list", NULL } }, "kill.list:3, " ALL,
		    "error authgate.ini:3: kill.list cannot be read" },
		{ { { "kill.list", "<html>\n" } }, "kill.list:0, " ALL,
		    "it begins like a web page" },
		{ { { "kill.list", "\n {\"a\":1}\n" } }, "kill.list:0, " ALL,
		    "it begins like JSON" },
		{ { { "kill.list", "\x1f\x8b\x08" } }, "kill.list:0, " ALL,
		    "it is packed with gzip" },
		{ { { "kill.list", "192.0.2.1\nx\ny\n" } }, "kill.list:0, " ALL,
		    "more of its lines are bad" },
		{ { { "kill.list", "192.0.2.1\nlogin:mal" } },
		    "kill.list:0, " ALL, "it ends within a line" },
		{ { { "relay.list", "198.51.100.1\n!10.1\n" } },
		    "relay.list:2, " ALL, "error relay.list:2" },
		{ { { "relay.list", "<!DOCTYPE html>\n" },
		      { "kill.list", "192.0.2.9\n" } },
		    "relay.list:0, kill 2 relay 2 map 2" A A C " -" M, NULL },
		{ { { "domains/c.relay", NULL } }, "domains/c.relay:2, " ALL,
		    NULL },
		{ { { "senders.map", "<html>\n" } }, "senders.map:0, " ALL,
		    NULL },
		{ { { "domains.list", "<html><head>\n<title>x</title>\n" } },
		    "domains.list:0, " ALL, NULL },
		/* and what is meant */
		{ { { "kill.list", "# none\n" } },
		    "kill 1 relay 2 map 2" A A C " -" M, NULL },
		{ { { "kill.list", "192.0.2.1\nx\n" } },
		    "kill 2 relay 2 map 2" A A C " -" M, "bad line" },
		{ { { "domains/c.example.ini", NULL },
		      { "domains/d.example.ini", "" } },
		    "kill 4 relay 2 map 2" A A " - domains/d.example.ini" M,
		    NULL },
		{ { { "authgate.ini", "[lists]\nkill =\nrelay =\n" } },
		    "kill 0 relay 2 map 0" A A C " - -", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		expect_row(&rows[i], &(struct going){ .in_force = NULL });
}

/* What looks wrong is taken where it is said that it is meant. */
static void
test_what_is_meant(void **state)
{
	static const struct row empty = { { { "kill.list", "" } },
		"kill 1 relay 2 map 2" A A C " -" M, NULL };
	static const struct row bad = { { { "kill.list",
					    "192.0.2.1\nx\ny\n" } },
		"kill 2 relay 2 map 2" A A C " -" M, "bad line" };
	static const struct row other = { { { "kill.list",
					      "192.0.2.1\nx\ny\n" } },
		"kill.list:0, " ALL, NULL };

	(void)state;
	expect_row(&empty, &(struct going){ .hangup = true });
	expect_row(&bad, &(struct going){ .accept = "kill.list" });
	expect_row(&other, &(struct going){ .hangup = true });
	expect_row(&other, &(struct going){ .accept = "more.list" });
}

/* The part that a file is in; NULL: none. */
static const struct ag_part *
part_of(const struct ag_policy *policy, const char *shown)
{
	const struct ag_part *const *part = policy->parts.items;

	for (size_t i = 0; i < policy->parts.n; i++)
		if (part[i]->nfiles > 0 &&
		    strcmp(part[i]->file[0].shown, shown) == 0)
			return part[i];
	return NULL;
}

/* What did not change is the same in memory; logins follow the realm. */
static void
test_sharing(void **state)
{
	static const char *const files[] = { "authgate.ini",
		"domains/a.example.ini", "domains/c.example.ini",
		"domains/c.relay", "domains.list", "kill.list", "more.list",
		"relay.list", "senders.map" };
	static const struct {
		struct change change;
		bool rereads;
		const char *fresh; /* one letter a file */
	} table[] = {
		{ { "kill.list", "::1\n" }, false, ".....x..." },
		{ { "kill.list", "::1\n" }, true, ".....x..." },
		{ { "domains.list", "l.example\n" }, false, "....x...." },
		{ { "domains/c.example.ini", "; none\n" }, false, "..xx....." },
		/* with another alias logins are other ones */
		{ { "domains/c.example.ini",
		      "[domain]\naliases = z.example\n"
		      "[relay]\nfile = c.relay\n" },
		    false, "..xx.xxxx" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		const struct ag_policy *before = load_all_good(), *after;
		char got[ROWS(files) + 1] = "";

		put(table[i].change.name, table[i].change.text);
		assert_int_equal(load_with(&(struct going){ .in_force = before,
					       .rereads = table[i].rereads },
				     &after),
		    AG_LOAD_OK);
		for (size_t k = 0; k < ROWS(files); k++)
			got[k] = part_of(before, files[k]) ==
				part_of(after, files[k]) ?
			    '.' :
			    'x';
		expect_text(table[i].change.name, got, table[i].fresh);
		assert_true(
		    ag_policy_digest(before) != ag_policy_digest(after));
		ag_policy_unref(before);
		ag_policy_unref(after);
	}
}

/* A finding of a file that is not read again is told all the same. */
static void
test_findings_again(void **state)
{
	const struct ag_policy *before, *after;

	(void)state;
	put_all();
	put("kill.list", "192.0.2.1\n192.0.2.2\nnonsense\n");
	assert_int_equal(load_with(&(struct going){ .in_force = NULL },
			     &before),
	    AG_LOAD_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(findings.diag.bad_lines, 1);
		assert_int_equal(load_with(&(struct going){ .in_force =
								before },
				     &after),
		    AG_LOAD_OK);
		assert_true(
		    ag_policy_digest(before) == ag_policy_digest(after));
		ag_policy_unref(before);
		before = after;
	}
	assert_int_equal(findings.diag.bad_lines, 1);
	ag_policy_unref(before);
}

/* A list stays as it was last good, whatever the settings become meanwhile. */
static void
test_kept_beside_other_settings(void **state)
{
	const struct ag_policy *before = load_all_good(), *after;
	const struct ag_policy *mended;

	(void)state;
	put("kill.list", "");
	put("authgate.ini",
	    "[lists]\nkill = kill.list\n[auth]\n"
	    "realm = other.example\n");
	assert_int_equal(load_with(&(struct going){ .in_force = before },
			     &after),
	    AG_LOAD_OK);
	assert_non_null(ag_names_row_find(&after->kill_logins,
	    ag_str("mallory@other.example"), 0));
	put("kill.list", "::1\n");
	assert_int_equal(load_with(&(struct going){ .in_force = after },
			     &mended),
	    AG_LOAD_OK);
	assert_int_equal(ag_policy_sizes(mended).killed, 1);
	ag_policy_unref(before);
	ag_policy_unref(after);
	ag_policy_unref(mended);
}

/* domains/ is gone: what was in it stays. */
static void
test_no_folder(void **state)
{
	const struct ag_policy *before = load_all_good(), *after;
	char path[200], away[200], got[400];
	struct ag_buf out = AG_BUF(got);

	(void)state;
	path_of("domains", path);
	path_of("away", away);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(load_with(&(struct going){ .in_force = before },
			     &after),
	    AG_LOAD_OK);
	describe(after, &out);
	expect_text("no folder", got,
	    "domains/a.example.ini:0, domains/c.example.ini:0, "
	    "domains/c.relay:2, " ALL);
	assert_int_equal(rename(away, path), 0);
	ag_policy_unref(before);
	ag_policy_unref(after);
}

static bool
good_text(void *arg, const char *shown, struct ag_str *text)
{
	const struct change *change = arg;

	for (; change->name != NULL; change++)
		if (strcmp(change->name, shown) == 0) {
			*text = (struct ag_str){ strdup(change->text),
				strlen(change->text) };
			return true;
		}
	return false;
}

/* A start goes on by what somebody else has kept. */
static void
test_start_by_copies(void **state)
{
	static const struct change copies[] = { { "kill.list", "192.0.2.1\n" },
		{ "domains/a.example.ini", "[domain]\naliases = b.example\n" },
		{ NULL, NULL } };
	struct ag_good good = { good_text, (void *)copies };
	const struct ag_policy *policy;
	char path[200], got[400];
	struct ag_buf out = AG_BUF(got);
	struct ag_loading loading = { .path = path,
		.diag = &findings.diag,
		.good = &good,
		.keeps_texts = true };

	(void)state;
	put_all();
	path_of("authgate.ini", path);
	put("kill.list", NULL);
	put("domains/a.example.ini", "[nonsense]\n");
	findings_begin(&findings);
	assert_int_equal(ag_policy_load_with(&loading, &policy), AG_LOAD_OK);
	describe(policy, &out);
	expect_text("start", got,
	    "domains/a.example.ini:1, kill.list:3, kill 2 relay 2 map 2" A A C
	    " -" M);
	ag_policy_unref(policy);
	/* nothing good is known of this one */
	put("relay.list", "!10.1\n");
	assert_int_equal(ag_policy_load_with(&loading, &policy),
	    AG_LOAD_UNUSABLE);
}

static int
remove_entry(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int
remove_folder(void **state)
{
	(void)state;
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_broken_stays),
		cmocka_unit_test(test_what_is_meant),
		cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_findings_again),
		cmocka_unit_test(test_kept_beside_other_settings),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_start_by_copies),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
