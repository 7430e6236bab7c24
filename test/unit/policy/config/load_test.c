#include "findings.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compiled.h"
#include "policy/base/file.h"
#include "policy/policy.h"

#define FILES_MAX 8

/* A file of the folder; a text of NULL makes it a folder. */
struct file {
	const char *name;
	const char *text;
};

/* A folder with authgate.ini and more, and what is said of it. */
struct setup {
	struct file files[FILES_MAX];
	const char *findings;
};

static char folder[] = "/tmp/authgate-load-test-XXXXXX";
static struct findings findings;

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level > 0 ? remove(path) : 0;
}

static void
empty_folder(void)
{
	assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
	(void)state;
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return rmdir(folder);
}

static void
path_in_folder(const char *name, char path[static 200])
{
	snprintf(path, 200, "%s/%s", folder, name);
}

static void
write_file(const struct file *file)
{
	char path[200];
	FILE *out;

	path_in_folder(file->name, path);
	if (file->text == NULL) {
		assert_int_equal(mkdir(path, 0700), 0);
		return;
	}
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(file->text, out);
	assert_int_equal(fclose(out), 0);
}

static void
write_files(const struct file *file)
{
	char path[200];

	empty_folder();
	path_in_folder("domains", path);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < FILES_MAX && file[i].name != NULL; i++)
		write_file(&file[i]);
}

#define NO_DOMAIN \
	"no domain is local, so that no rule on local addresses holds; put a " \
	"file for each domain into domains/, or name a list of them with " \
	"[lists] local_domains"

/* Most folders here have no domain, and are not about that. */
static void
forget_no_domain(void)
{
	for (size_t i = 0; i < findings.n; i++) {
		if (strcmp(findings.item[i].text, NO_DOMAIN) != 0)
			continue;
		findings.n--;
		findings.diag.warnings--;
		memmove(&findings.item[i], &findings.item[i + 1],
		    (findings.n - i) * sizeof(findings.item[0]));
	}
}

static enum ag_load_status
load(const struct ag_policy **policy)
{
	char path[200];

	enum ag_load_status status;

	path_in_folder("authgate.ini", path);
	findings_begin(&findings);
	status = ag_policy_load(path, &findings.diag, policy);
	forget_no_domain();
	return status;
}

/* What the row is called where it fails. */
static const char *
first_text(const struct setup *setup)
{
	return setup->files[0].text != NULL ? setup->files[0].text : "";
}

/* A policy, with these findings; the caller unrefs it. */
static const struct ag_policy *
load_good(const struct setup *setup)
{
	const struct ag_policy *policy = NULL;
	enum ag_load_status status;

	write_files(setup->files);
	status = load(&policy);
	expect_findings(first_text(setup), &findings, setup->findings);
	expect_number(first_text(setup), status, AG_LOAD_OK);
	assert_non_null(policy);
	return policy;
}

static void
expect_good(const struct setup *setup, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ag_policy_unref(load_good(&setup[i]));
}

static void
expect_unusable(const struct setup *setup, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct ag_policy *policy = NULL;
		enum ag_load_status status;

		write_files(setup[i].files);
		status = load(&policy);
		expect_findings(first_text(&setup[i]), &findings,
		    setup[i].findings);
		expect_number(first_text(&setup[i]), status, AG_LOAD_UNUSABLE);
		assert_null(policy);
	}
}

static void
test_no_main_file(void **state)
{
	static const struct file none[FILES_MAX] = { { NULL, NULL } };
	const struct ag_policy *policy;

	(void)state;
	write_files(none);
	assert_int_equal(load(&policy), AG_LOAD_NO_FILE);
	assert_null(policy);
	expect_findings("no file", &findings,
	    "error authgate.ini: there is no such file\n");
}

static void
test_main_file_is_a_folder(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", NULL } },
		    "error authgate.ini: the file cannot be read: not a regular "
		    "file\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

/* Every key may be left out, and the default lists may be absent. */
static void
test_empty_main_file(void **state)
{
	static const struct setup setup = { { { "authgate.ini", "" } }, "" };
	const struct ag_policy *policy = load_good(&setup);
	struct ag_policy_sizes sizes = ag_policy_sizes(policy);

	(void)state;
	assert_int_equal(sizes.domain_files, 0);
	assert_int_equal(sizes.local_domains, 0);
	assert_int_equal(sizes.killed, 0);
	assert_int_equal(sizes.relays, 2); /* 127.0.0.0/8 and ::1 */
	assert_int_equal(sizes.senders, 0);
	assert_false(ag_policy_has_killed_networks(policy));
	assert_int_equal(ag_policy_time(policy, AG_KEY_TIMEOUT), 7200);
	assert_true(ag_policy_yes(policy, AG_KEY_DELAY_REJECT));
	assert_int_equal(ag_policy_mode(policy, AG_RULE_KILL_CLIENT),
	    AG_ENFORCE);
	assert_int_equal(ag_policy_mode(policy, AG_RULE_AUTH_TLS), AG_OFF);
	ag_policy_unref(policy);
	ag_policy_unref(NULL);
}

/* A folder "domains" may be absent too. */
static void
test_no_folder_of_domains(void **state)
{
	static const struct file files[FILES_MAX] = { { "authgate.ini", "" } };
	const struct ag_policy *policy;
	char path[200];

	(void)state;
	write_files(files);
	path_in_folder("domains", path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(load(&policy), AG_LOAD_OK);
	expect_findings("no folder", &findings, "");
	ag_policy_unref(policy);
	write_file(&(struct file){ "domains", "a file" });
	assert_int_equal(load(&policy), AG_LOAD_UNUSABLE);
	expect_findings("a file", &findings,
	    "error domains: the folder cannot be read: Not a directory\n");
}

static void
test_default_lists_are_read(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini", "" },
		    { "kill.list", "192.0.2.1\nlogin:a@b\nsender:@c.d\n" },
		    { "relay.list", "198.51.100.0/24\n" } },
		"",
	};
	const struct ag_policy *policy = load_good(&setup);

	(void)state;
	assert_int_equal(ag_policy_sizes(policy).killed, 3);
	assert_int_equal(ag_policy_sizes(policy).relays, 3);
	assert_true(ag_policy_has_killed_networks(policy));
	ag_policy_unref(policy);
}

#define NOT_THERE "cannot be read: No such file or directory\n"

static void
test_missing_files(void **state)
{
	static const struct setup setups[] = {
		/* what is named must be there, the default name as well */
		{ { { "authgate.ini", "[lists]\nkill = kill.list\n" } },
		    "error authgate.ini:2: kill.list " NOT_THERE },
		{ { { "authgate.ini", "[lists]\nrelay = a.list b.list\n" } },
		    "error authgate.ini:2: a.list " NOT_THERE
		    "error authgate.ini:2: b.list " NOT_THERE },
		{ { { "authgate.ini",
		      "[lists]\nlocal_domains = d.list\n[auth]\n"
		      "sender_logins = s.map\n[relay]\nfile = r.list\n" } },
		    "error authgate.ini:2: d.list " NOT_THERE
		    "error authgate.ini:4: s.map " NOT_THERE
		    "error authgate.ini:6: r.list " NOT_THERE },
		{ { { "authgate.ini",
		      "[rules]\nfrom_header_exempt = x.list\n" } },
		    "error authgate.ini:2: x.list " NOT_THERE },
		{ { { "authgate.ini",
		      "[lists]\nkill = /nowhere/kill.list\n" } },
		    "error authgate.ini:2: /nowhere/kill.list " NOT_THERE },
		/* relative to the file that names them */
		{ { { "authgate.ini", "" }, { "accounts", "alice\n" },
		      { "domains/example.com.ini",
			  "[domain]\naccounts = accounts\n[relay]\n"
			  "file = relay\n" } },
		    "error domains/example.com.ini:4: domains/relay " NOT_THERE
		    "error domains/example.com.ini:2: domains/accounts " NOT_THERE },
		{ { { "authgate.ini", "[lists]\nkill = domains\n" } },
		    "error authgate.ini:2: domains cannot be read: not a regular "
		    "file\n" },
		/* absent is not the same as unreadable */
		{ { { "authgate.ini", "" }, { "kill.list", NULL } },
		    "error kill.list: kill.list cannot be read: not a regular "
		    "file\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

static void
test_files_are_found(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "[lists]\nkill =\nrelay =\n" } }, "" },
		{ { { "authgate.ini", "[lists]\nkill = a.list, b.list\n" },
		      { "a.list", "192.0.2.1\n" },
		      { "b.list", "192.0.2.2\n" } },
		    "" },
		{ { { "authgate.ini", "" },
		      { "domains/example.com.ini",
			  "[domain]\naccounts = x.acc\n[relay]\n"
			  "file = ../shared.list\n" },
		      { "domains/x.acc", "alice\nbob@example.com\n" },
		      { "shared.list", "192.0.2.1\n" } },
		    "" },
		/* what is no file of a domain is passed over */
		{ { { "authgate.ini", "" },
		      { "domains/example.com.ini.sample", "[nonsense\n" },
		      { "domains/.example.com.ini", "[nonsense\n" },
		      { "domains/README", "[nonsense\n" },
		      { "domains/.ini", "[nonsense\n" },
		      { "domains/.example.com.INI", "[nonsense\n" } },
		    "" },
		/* nor are the lists that stand beside the files warned of */
		{ { { "authgate.ini", "" },
		      { "domains/example.com.ini",
			  "[domain]\naccounts = example.com.accounts\n"
			  "[relay]\nfile = example.com.relay\n" },
		      { "domains/example.com.accounts", "alice\n" },
		      { "domains/example.com.relay", "192.0.2.1\n" },
		      { "domains/example.com.ini.orig", "[nonsense\n" },
		      { "domains/ini", "[nonsense\n" } },
		    "" },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

#define CLAIMED(by) " is claimed by " by " already; a domain has one file\n"

static void
test_domains_claimed_twice(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "" }, { "domains/EXAMPLE.com.ini", "" },
		      { "domains/example.com.ini", "" } },
		    "error domains/example.com.ini: example.com" CLAIMED(
			"domains/EXAMPLE.com.ini") },
		{ { { "authgate.ini", "" },
		      { "domains/a.example.ini",
			  "[domain]\naliases = c.example\n" },
		      { "domains/b.example.ini",
			  "; b\n[domain]\naliases = x.example C.example.\n" } },
		    "error domains/b.example.ini:3: c.example" CLAIMED(
			"domains/a.example.ini:2") },
		/* an alias that has a file of its own */
		{ { { "authgate.ini", "" },
		      { "domains/a.example.ini",
			  "[domain]\naliases = b.example\n" },
		      { "domains/b.example.ini", "" } },
		    "error domains/a.example.ini:2: b.example" CLAIMED(
			"domains/b.example.ini") },
		/* both spellings of one name */
		{ { { "authgate.ini", "" },
		      { "domains/ex\xc3\xa4mple.com.ini", "" },
		      { "domains/xn--exmple-cua.com.ini", "" } },
		    "error domains/xn--exmple-cua.com.ini: xn--exmple-cua.com" CLAIMED(
			"domains/ex\xc3\xa4mple.com.ini") },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

static void
test_bad_names_of_files(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "" }, { "domains/a b.ini", "" } },
		    "error domains/a b.ini: a b is not a domain name; the file's "
		    "name is the domain\n" },
		{ { { "authgate.ini", "" }, { "domains/a..b.ini", "x\n" } },
		    "error domains/a..b.ini:1: the line stands in front of the "
		    "first [section]\n"
		    "error domains/a..b.ini: a..b is not a domain name; the "
		    "file's name is the domain\n" },
		{ { { "authgate.ini", "" },
		      { "domains/example.com.ini", NULL } },
		    "error domains/example.com.ini: the file cannot be read: not "
		    "a regular file\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

static void
expect_described(const struct ag_policy *policy, const char *domain,
    const char *expected)
{
	char got[400];
	struct ag_buf out = AG_BUF(got);

	ag_policy_describe_domain(policy, ag_str(domain), &out);
	expect_text(domain, got, expected);
}

/* "FILE:LINE TEXT" of what holds for a domain. */
static void
expect_holds(const struct ag_policy *policy, const char *domain,
    enum ag_key key, const char *expected)
{
	const struct ag_value *value =
	    ag_policy_value(policy, ag_str(domain), key);
	char got[400];
	struct ag_buf out = AG_BUF(got);

	ag_origin_write(&value->origin, &out);
	ag_buf_printf(&out, " %.*s", AG_STR_ARG(value->text));
	expect_text(domain, got, expected);
}

static const struct setup whole = {
	{ { "authgate.ini",
	      "[lists]\nlocal_domains = domains.list\n"
	      "[auth]\nrealm = example.com\nsender_logins = senders.map\n"
	      "[rules]\nrole_senders = abuse\nlocal_sender_auth = monitor\n" },
	    { "domains.list", "listed.example\n" },
	    { "senders.map", "info@example.org alice\n" },
	    { "kill.list", "login:mallory@example.org # out\n" },
	    { "domains/example.com.ini",
		"[domain]\naliases = example.org\nsubdomains = yes\n"
		"accounts = example.com.acc\n"
		"[rules]\nlocal_sender_auth = enforce\n" },
	    { "domains/example.com.acc", "alice@example.org\n" },
	    { "domains/ex\xc3\xa4mple.net.ini", "" } },
	"",
};

static void
test_what_holds_for_a_domain(void **state)
{
	const struct ag_policy *policy = load_good(&whole);

	(void)state;
	expect_described(policy, "example.com",
	    "example.com has a file of its own, domains/example.com.ini");
	expect_described(policy, "example.org",
	    "example.org is an alias in domains/example.com.ini");
	expect_described(policy, "a.example.com",
	    "a.example.com is a subdomain that domains/example.com.ini takes");
	expect_described(policy, "xn--exmple-cua.net",
	    "xn--exmple-cua.net has a file of its own, "
	    "domains/ex\xc3\xa4mple.net.ini");
	expect_described(policy, "listed.example",
	    "listed.example is in a list of local domains; the main file holds");
	expect_described(policy, "elsewhere.example",
	    "elsewhere.example is not a local domain; the main file holds");
	/* its own value, the server's, the default */
	expect_holds(policy, "example.org", AG_KEY_MODE_LOCAL_SENDER_AUTH,
	    "domains/example.com.ini:6 enforce");
	expect_holds(policy, "xn--exmple-cua.net",
	    AG_KEY_MODE_LOCAL_SENDER_AUTH, "authgate.ini:8 monitor");
	expect_holds(policy, "a.example.com", AG_KEY_ROLE_SENDERS,
	    "authgate.ini:7 abuse");
	expect_holds(policy, "example.com", AG_KEY_MODE_OUTGOING_AUTH,
	    "default off");
	expect_holds(policy, "", AG_KEY_REALM, "authgate.ini:4 example.com");
	assert_int_equal(ag_policy_mode(policy, AG_RULE_LOCAL_SENDER_AUTH),
	    AG_ENFORCE);
	ag_policy_unref(policy);
}

static void
test_what_lists_become(void **state)
{
	const struct ag_policy *policy = load_good(&whole);
	const struct ag_entry *entry;
	struct ag_domain domain;

	(void)state;
	/* a login of an alias domain is that of the domain */
	entry = ag_names_row_find(&policy->kill_logins,
	    ag_str("mallory@example.com"), 0);
	assert_non_null(entry);
	expect_text("note", entry->note, "out");
	expect_text("file", entry->origin.file, "kill.list");
	domain = ag_domains_find(&policy->domains, ag_str("example.com"));
	assert_true(ag_policy_scope(policy, &domain)->accounts != NULL);
	assert_non_null(
	    ag_names_find(ag_policy_scope(policy, &domain)->accounts,
		ag_str("alice"), 0));
	domain = ag_domains_find(&policy->domains, ag_str("listed.example"));
	assert_true(ag_policy_scope(policy, &domain) == &policy->server);
	ag_policy_unref(policy);
}

static void
write_found(void *arg, struct ag_str left, struct ag_str login,
    const struct ag_origin *origin)
{
	ag_buf_printf(arg, "%.*s=%.*s%s ", AG_STR_ARG(left), AG_STR_ARG(login),
	    origin != NULL ? " by the map" : "");
}

static void
test_who_may_send(void **state)
{
	const struct ag_policy *policy = load_good(&whole);
	char got[400];
	struct ag_buf out = AG_BUF(got);

	(void)state;
	ag_policy_of_login(policy, ag_str("Alice"), write_found, &out);
	expect_text("Alice", got,
	    "alice@example.com=alice@example.com "
	    "info@example.com=alice@example.com by the map ");
	out = AG_BUF(got);
	ag_policy_of_address(policy, ag_str("info+x@example.org"), write_found,
	    &out);
	expect_text("info+x", got,
	    "info@example.com=info@example.com "
	    "info@example.com=alice@example.com by the map ");
	ag_policy_unref(policy);
}

static void
test_shares(void **state)
{
	static const struct setup setup = { { { "authgate.ini", "" } }, "" };
	const struct ag_policy *policy = load_good(&setup);

	(void)state;
	assert_true(ag_policy_ref(policy) == policy);
	assert_null(ag_policy_ref(NULL));
	ag_policy_unref(policy);
	/* the second share keeps it */
	assert_int_equal(ag_policy_time(policy, AG_KEY_TIMEOUT), 7200);
	ag_policy_unref(policy);
}

#define CONTROL " has a control byte; is this a text file?\n"

/* A bad line is skipped, and the policy can be used. */
#define NO_CERTIFICATE "names no certificate; write CERTIFICATE, LOGIN\n"
#define NO_LOGIN "names no login; a certificate is one login\n"
#define NOT_ONE_LOGIN "has something behind the comma that is not one login\n"
#define OPEN_QUOTE \
	"has a quote that is not closed in front of the comma; write " \
	"\"CERTIFICATE\", LOGIN\n"
#define NO_FINGERPRINT \
	"is no fingerprint; write pairs of digits and colons between them, " \
	"32 pairs of SHA-256\n"

static void
test_bad_lines(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "" }, { "kill.list", "10\n192.0.2.1\n" },
		      { "relay.list", "192.0.2.5/24\n" } },
		    "bad line kill.list:1: 10 is not an IPv4 or IPv6 address or "
		    "network\n"
		    "bad line relay.list:1: 192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
		{ { { "authgate.ini", "[auth]\nsender_logins = s.map\n" },
		      { "s.map", "a@b.example @c.example\n" } },
		    "bad line s.map:1: @c.example is not a login; a domain may "
		    "stand on the left only\n" },
		{ { { "authgate.ini",
			"[auth]\nsender_logins = s.map\n[lists]\n"
			"local_domains = d.list\n" },
		      { "kill.list",
			  "login:\x01"
			  "alice\n192.0.2.1\n" },
		      { "relay.list", "192.0.2.1\x7f\n" },
		      { "s.map",
			  "a@b.example \x01"
			  "c\nd@b.example until=1\n" },
		      { "d.list", "\x01.example\n" },
		      { "domains/a.example.ini", "[domain]\naccounts = acc\n" },
		      { "domains/acc",
			  "bo\x01"
			  "b\n" } },
		    "bad line d.list:1: \\x01.example is not a domain name; write "
		    "example.com or .example.com\n"
		    "bad line s.map:1: \\x01c" CONTROL
		    "bad line s.map:2: until=1 is not for this list, whose lines "
		    "have no end date\n"
		    "bad line kill.list:1: login:\\x01alice" CONTROL
		    "bad line relay.list:1: 192.0.2.1\\x7f" CONTROL
		    "bad line domains/acc:1: bo\\x01b" CONTROL },
		{ { { "authgate.ini", "[auth]\nsender_logins = s.map\n" },
		      { "kill.list", "sender:a@\xf0\x9f\x98\x80.example\n" },
		      { "s.map", "a@\xf0\x9f\x98\x80.example bob\n" } },
		    "bad line s.map:1: a@\xf0\x9f\x98\x80.example is not an "
		    "address; write user@example.com, @example.com, user or "
		    "*\n"
		    "bad line kill.list:1: sender:a@\xf0\x9f\x98\x80.example "
		    "names no sender; write sender:user@example.net, "
		    "sender:@example.net or sender:.example.net\n" },
		{ { { "authgate.ini", "[auth]\ncertificates = c.list\n" },
		      { "c.list",
			  "# CERTIFICATE, LOGIN\n"
			  "alice, alice@a.example\n"
			  "alice alice@a.example\n"
			  ", alice@a.example\n"
			  "bob,\n"
			  "bob, bob carl\n"
			  "bob, @a.example\n"
			  "bob, *\n"
			  "\"bob, bob@a.example\n" } },
		    "bad line c.list:3: \"alice alice@a.example\" names no "
		    "login; write CERTIFICATE, LOGIN\n"
		    "bad line c.list:4: \"\" " NO_CERTIFICATE
		    "bad line c.list:5: \"bob\" names no login; write "
		    "CERTIFICATE, LOGIN\n"
		    "bad line c.list:6: \"bob\" " NOT_ONE_LOGIN
		    "bad line c.list:7: \"bob\" " NO_LOGIN
		    "bad line c.list:8: \"bob\" " NO_LOGIN
		    "bad line c.list:9: \"bob, bob@a.example\" " OPEN_QUOTE },
		{ { { "authgate.ini", "[auth]\ncertificates = c.list\n" },
		      { "c.list",
			  "alice, alice@a.example\n"
			  "\"bob\" bob@a.example\n"
			  "bob, \"bob@a.example\"\n"
			  "bob, bob@a.example until=2030-01-01\n"
			  "CN=bob,O=Test, bob\n"
			  "AB:CD:EF:01, bob\n"
			  "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:8, bob\n"
			  "b\x01ob, bob\n"
			  "alice, ALICE@a.example\n"
			  "alice, bob@a.example\n" } },
		    "bad line c.list:2: \"bob\" " OPEN_QUOTE
		    "bad line c.list:3: \"bob\" " NOT_ONE_LOGIN
		    "bad line c.list:4: \"bob\" " NOT_ONE_LOGIN
		    "bad line c.list:5: \"CN=bob,O=Test\" is no subject as an "
		    "MTA tells it; write the CN alone (Postfix), or "
		    "/O=Example/CN=Alice (Sendmail)\n"
		    "bad line c.list:6: \"AB:CD:EF:01\" " NO_FINGERPRINT
		    "bad line c.list:7: "
		    "\"AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:4\" " NO_FINGERPRINT
		    "bad line c.list:8: \"b\\x01ob\"" CONTROL
		    "warning c.list:9: \"alice\" is there twice, see c.list:1\n"
		    "bad line c.list:10: \"alice\" is another login already, "
		    "see c.list:1\n" },
		/* an exception in the kill list closes something, if any */
		{ { { "authgate.ini", "" },
		      { "kill.list", "!192.0.2.5/24\n" } },
		    "bad line kill.list:1: !192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

/* A line with NUL gives the address to nobody, not to any login. */
static void
test_nul_in_a_sender_map(void **state)
{
	static const struct file files[FILES_MAX] = {
		{ "authgate.ini", "[auth]\nsender_logins = s.map\n" },
		{ "domains/example.com.ini", "" },
	};
	static const struct ag_str map =
	    AG_STR("info@example.com \0bob\n"
		   "desk@example.com bob@example.com\n");
	const struct ag_policy *policy;
	char path[200], got[400];
	struct ag_buf out = AG_BUF(got);
	FILE *file;

	(void)state;
	write_files(files);
	path_in_folder("s.map", path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(map.ptr, 1, map.len, file), map.len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(load(&policy), AG_LOAD_OK);
	expect_findings("NUL", &findings, "bad line s.map:1: \\x00bob" CONTROL);
	ag_policy_of_login(policy, ag_str("bob@example.com"), write_found,
	    &out);
	ag_policy_of_login(policy, ag_str("mallory@remote.example"),
	    write_found, &out);
	ag_policy_of_address(policy, ag_str("info@example.com"), write_found,
	    &out);
	expect_text("NUL", got,
	    "bob@example.com=bob@example.com "
	    "desk@example.com=bob@example.com by the map "
	    "mallory@remote.example=mallory@remote.example "
	    "info@example.com=info@example.com ");
	ag_policy_unref(policy);
}

static void
test_bad_exceptions_in_relay_lists(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "" },
		      { "relay.list", "!192.0.2.5/24\n" } },
		    "error relay.list:1: !192.0.2.5/24 has host bits set; the "
		    "network is 192.0.2.0/24\n" },
		{ { { "authgate.ini", "" },
		      { "domains/example.com.ini", "[relay]\nfile = r\n" },
		      { "domains/r", "\n!10\n" } },
		    "error domains/r:2: !10 is not an IPv4 or IPv6 address or "
		    "network\n" },
		{ { { "authgate.ini", "" },
		      { "relay.list", "!192.0.2.1\x01\n" } },
		    "error relay.list:1: !192.0.2.1\\x01" CONTROL },
		/* all that is bad in a value is an error */
		{ { { "authgate.ini", "[relay]\nallow = 10 !10.1\n" } },
		    "error authgate.ini:2: 10 is not an IPv4 or IPv6 address or "
		    "network\n"
		    "error authgate.ini:2: !10.1 is not an IPv4 or IPv6 address "
		    "or network\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

/* The lists of one scope are one list, the server's and a domain's are two. */
static void
test_relay_lists_of_one_scope(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini",
		      "[lists]\nrelay = a\n[relay]\nallow = 192.0.2.0/24\n"
		      "file = b\n" },
		    { "a", "!192.0.2.1\n192.0.2.9\n" },
		    { "b", "192.0.2.0/24 until=2030-01-01\n\n192.0.2.9\n" },
		    { "domains/example.com.ini", "[relay]\nfile = ../a\n" },
		    { "domains/example.net.ini", "" } },
		/* by file and line */
		"warning b:1: 192.0.2.0/24 is there twice, see authgate.ini:4; "
		"the longer-lived counts\n"
		"warning a:2: 192.0.2.9/32 is there twice, see b:3; the "
		"longer-lived counts\n",
	};
	const struct ag_policy *policy = load_good(&setup);
	struct ag_ip ip;

	(void)state;
	assert_int_equal(ag_nets_row_size(&policy->server.relay), 5);
	ag_ip_parse(&ip, ag_str("192.0.2.1"));
	assert_false(ag_nets_row_hold(&policy->server.relay, &ip, 0, NULL));
	ag_ip_parse(&ip, ag_str("192.0.2.2"));
	assert_true(ag_nets_row_hold(&policy->server.relay, &ip, 0, NULL));
	/* for ever is longer than until 2030 */
	assert_true(ag_nets_row_hold(&policy->server.relay, &ip,
	    INT64_C(4000000000), NULL));
	/* a domain has what its own file says, not the server's */
	assert_int_equal(ag_nets_row_size(&policy->files[0]->relay), 2);
	assert_int_equal(ag_nets_row_size(&policy->files[1]->relay), 0);
	ag_policy_unref(policy);
}

/* One run says everything. */
static void
test_all_errors_in_one_run(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini",
			"[milter]\nsokcet = x\n[lists]\nkill = no.list\n"
			"[relay]\nallow = 10\n[log]\nident = a\nident = b\n" },
		      { "relay.list", "!x\n10\n" },
		      { "domains/a.example.ini",
			  "[rules]\nkill_client = off\n"
			  "local_sender_auth = on\n" },
		      { "domains/b.example.ini",
			  "[domain]\naliases = a.example\n" } },
		    "error authgate.ini:2: [milter] has no key sokcet; did you "
		    "mean [milter] socket?\n"
		    "error authgate.ini:9: ident is there twice, see line 8\n"
		    "error domains/a.example.ini:2: kill_client is the server's; "
		    "set it in authgate.ini\n"
		    "error domains/a.example.ini:3: local_sender_auth = on: must "
		    "be off, monitor or enforce\n"
		    "error domains/b.example.ini:2: a.example" CLAIMED(
			"domains/a.example.ini") "error authgate.ini:4: no.list " NOT_THERE
						 "error authgate.ini:6: 10 is not an IPv4 or IPv6 address or "
						 "network\n"
						 "error relay.list:1: !x is not an IPv4 or IPv6 address or "
						 "network\n"
						 "bad line relay.list:2: 10 is not an IPv4 or IPv6 address or "
						 "network\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

#define ALONE \
	"sender_login_match is enforced and local_sender_auth is not: who does " \
	"not log in may still send as any local address\n"
#define OPEN(listen) \
	"[metrics] listen = " listen \
	": whoever reaches this address reads the numbers, for there is no " \
	"password; 127.0.0.1 and [::1] are for this host alone\n"
#define LOOSER(mode, server) \
	"outgoing_auth = " mode " is looser than authgate.ini's " server \
	", which holds: a domain can only make it stricter\n"

#define MISNAMED " is not read: the name of a domain's file ends in .ini\n"

static void
test_warnings(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini",
		      "[rules]\nsender_login_match = enforce\n" } },
		    "warning authgate.ini:2: " ALONE },
		{ { { "authgate.ini",
		      "[rules]\nsender_login_match = enforce\n"
		      "local_sender_auth = monitor\n" } },
		    "warning authgate.ini:2: " ALONE },
		{ { { "authgate.ini",
		      "[rules]\nsender_login_match = enforce\n"
		      "local_sender_auth = enforce\n" } },
		    "" },
		{ { { "authgate.ini",
		      "[rules]\nsender_login_match = monitor\n" } },
		    "" },
		/* a domain that has one of the two */
		{ { { "authgate.ini", "" },
		      { "domains/a.example.ini",
			  "[rules]\nsender_login_match = enforce\n" } },
		    "warning domains/a.example.ini:2: " ALONE },
		{ { { "authgate.ini",
			"[rules]\nsender_login_match = enforce\n"
			"local_sender_auth = enforce\n" },
		      { "domains/a.example.ini",
			  "[rules]\nlocal_sender_auth = off\n" },
		      { "domains/b.example.ini", "" } },
		    "warning domains/a.example.ini:2: " ALONE },
		/* what a domain inherits is said once */
		{ { { "authgate.ini",
			"[rules]\nsender_login_match = enforce\n" },
		      { "domains/a.example.ini", "" } },
		    "warning authgate.ini:2: " ALONE },
		{ { { "authgate.ini", "[rules]\noutgoing_auth = enforce\n" },
		      { "domains/a.example.ini",
			  "[rules]\noutgoing_auth = monitor\n" },
		      { "domains/b.example.ini",
			  "[rules]\noutgoing_auth = off\n" },
		      { "domains/c.example.ini",
			  "[rules]\noutgoing_auth = enforce\n" },
		      { "domains/d.example.ini", "" } },
		    "warning domains/a.example.ini:2: " LOOSER("monitor",
			"enforce") "warning domains/b.example.ini:2: " LOOSER("off",
			"enforce") },
		{ { { "authgate.ini", "" },
		      { "domains/a.example.ini",
			  "[rules]\noutgoing_auth = enforce\n" } },
		    "" },
		{ { { "authgate.ini",
		      "[metrics]\nlisten = 192.0.2.1:9909\n" } },
		    "warning authgate.ini:2: " OPEN("192.0.2.1:9909") },
		{ { { "authgate.ini", "[metrics]\nlisten = 0.0.0.0:9909\n" } },
		    "warning authgate.ini:2: " OPEN("0.0.0.0:9909") },
		{ { { "authgate.ini", "[metrics]\nlisten = [::]:9909\n" } },
		    "warning authgate.ini:2: " OPEN("[::]:9909") },
		{ { { "authgate.ini", "[metrics]\nlisten = [::1]:9909\n" } },
		    "" },
		{ { { "authgate.ini",
		      "[metrics]\nlisten = 127.0.0.2:9909\n" } },
		    "" },
		{ { { "authgate.ini", "[metrics]\nlisten =\n" } }, "" },
		{ { { "authgate.ini", "[auth]\nrealm_replaces = yes\n" } },
		    "warning authgate.ini:2: realm_replaces does nothing without "
		    "a realm\n" },
		{ { { "authgate.ini", "[auth]\nwindows_domains = EXAMPLE\n" } },
		    "warning authgate.ini:2: windows_domains makes logins "
		    "without @, which own nothing but what the map gives them; "
		    "set a realm\n" },
		{ { { "authgate.ini",
			"[auth]\nwindows_domains = A B\nrealm = a.example\n" },
		      { "domains/a.example.ini", "" } },
		    "" },
		{ { { "authgate.ini",
			"[auth]\nrealm_replaces = yes\nrealm = a.example\n" },
		      { "domains/a.example.ini", "" } },
		    "" },
		{ { { "authgate.ini",
		      "[rules]\nforeign_sender_listed_only = yes\n" } },
		    "warning authgate.ini:2: foreign_sender_listed_only leaves "
		    "foreign_sender_match nothing to refuse: there is no sender "
		    "map; name one in [auth] sender_logins\n" },
		{ { { "authgate.ini",
			"[auth]\nsender_logins = s.map\n"
			"[rules]\nforeign_sender_listed_only = yes\n" },
		      { "s.map", "a@b.c d@e.f\n* root\n" } },
		    "warning authgate.ini:4: foreign_sender_listed_only does "
		    "nothing: the sender map has * on the left, which is every "
		    "address\n" },
		{ { { "authgate.ini",
			"[auth]\nsender_logins = s.map\n"
			"[rules]\nforeign_sender_listed_only = yes\n" },
		      { "s.map", "a@b.c d@e.f\n@b.c root\n" } },
		    "" },
		{ { { "authgate.ini", "[auth]\nsender_logins = s.map\n" },
		      { "s.map", "a@b.c d@e.f\nd@e.f a@b.c\n" } },
		    "warning s.map:1: a@b.c leads in a circle back to itself\n"
		    "warning s.map:2: d@e.f leads in a circle back to itself\n" },
		{ { { "authgate.ini", "" }, { "relay.list", "127.0.0.0/8\n" } },
		    "warning relay.list:1: 127.0.0.0/8 is there twice, see "
		    "default; the longer-lived counts\n" },
		/* the file of a domain, written so that it is not read */
		{ { { "authgate.ini", "" },
		      { "domains/a.example.INI", "[nonsense\n" },
		      { "domains/b.example.Ini", "" } },
		    "warning domains: a.example.INI" MISNAMED
		    "warning domains: b.example.Ini" MISNAMED },
		{ { { "authgate.ini", "" },
		      { "kill.list", "login:a@b.c\nlogin:A@B.C\n" } },
		    "warning kill.list:2: a@b.c is there twice, see kill.list:1; "
		    "the longer-lived counts\n" },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

#define THIS_HOST \
	", this host: what its programs and content filters send is refused\n"
#define COVERS " of a relay list (authgate.ini:2), whose clients are refused\n"

/* Networks of one's own that are refused, and those of nobody in particular. */
static void
test_doubtful_networks(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini",
			"[relay]\nallow = 127.0.0.0/8 ::1 192.168.1.0/24 "
			"10.0.0.0/8 2001:db8::/48 192.0.2.1 !198.51.100.1\n" },
		      { "kill.list",
			  "0.0.0.0/8\n10.0.0.0/9\n127.0.0.0/8\n"
			  "192.168.0.0/16\n224.0.0.0/3\n2001:db8::/32\n"
			  "192.168.1.7\n198.51.100.0/24\n" } },
		    "warning kill.list:3: 127.0.0.0/8 holds 127.0.0.1" THIS_HOST
		    "warning kill.list:4: 192.168.0.0/16 covers "
		    "192.168.1.0/24" COVERS
		    "warning kill.list:6: 2001:db8::/32 covers "
		    "2001:db8::/48" COVERS },
		/* an exception in the kill list, and in the relay list */
		{ { { "authgate.ini",
			"[relay]\nallow = 192.168.1.0/24 192.168.2.0/24\n" },
		      { "kill.list", "192.168.0.0/16\n!192.168.1.0/24\n" } },
		    "warning kill.list:1: 192.168.0.0/16 covers "
		    "192.168.2.0/24" COVERS },
		{ { { "authgate.ini", "" },
		      { "kill.list", "::/0\n127.0.0.0-127.0.0.9\n" } },
		    "warning kill.list:2: 127.0.0.0/29 holds 127.0.0.1" THIS_HOST
		    "warning kill.list:1: ::/0 holds ::1" THIS_HOST },
		/* a range is one entry, with one finding */
		{ { { "authgate.ini",
			"[relay]\nallow = 192.0.2.1-192.0.2.9 192.0.2.20\n" },
		      { "kill.list", "192.0.2.0/24\n" } },
		    "warning kill.list:1: 192.0.2.0/24 covers "
		    "192.0.2.1/32" COVERS },
		{ { { "authgate.ini",
			"[rules]\nkill_client = off\n[relay]\nallow = "
			"192.0.2.1\n" },
		      { "kill.list", "192.0.2.0/24\n127.0.0.1\n" } },
		    "" },
		/* a domain's own list */
		{ { { "authgate.ini", "" }, { "kill.list", "192.0.2.0/24\n" },
		      { "domains/a.example.ini", "[relay]\nfile = r\n" },
		      { "domains/r", "\n192.0.2.7\n" } },
		    "warning kill.list:1: 192.0.2.0/24 covers 192.0.2.7/32 of "
		    "a relay list (domains/r:2), whose clients are refused\n" },
		{ { { "authgate.ini",
			"[relay]\nallow = 0.0.0.0/0\n[rules]\n"
			"from_header_exempt = e\n" },
		      { "relay.list", "::/0\n10.0.0.0/8\n128.0.0.0/1\n" },
		      { "domains/a.example.ini",
			  "[relay]\nallow = 2.0.0.0/7\n" },
		      { "e", "0.0.0.0/0\nfc00::/7\nfe00::/7\n!0.0.0.0/1\n" } },
		    "warning authgate.ini:2: 0.0.0.0/0 trusts every IPv4 "
		    "client there is\n"
		    "warning relay.list:3: 128.0.0.0/1 trusts one in 2 of all "
		    "IPv4 clients there are\n"
		    "warning relay.list:1: ::/0 trusts every IPv6 client there "
		    "is\n"
		    "warning e:1: 0.0.0.0/0 exempts every IPv4 client there "
		    "is\n"
		    "warning e:3: fe00::/7 exempts one in 128 of all IPv6 "
		    "clients there are\n"
		    "warning domains/a.example.ini:2: 2.0.0.0/7 trusts one in "
		    "128 of all IPv4 clients there are\n" },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

/* More of a kind than anybody reads are not said. */
static void
test_many_doubtful_networks(void **state)
{
	char allow[900] = "";
	struct ag_buf text = AG_BUF(allow);
	struct file files[FILES_MAX] = { { "authgate.ini", "" },
		{ "kill.list", "192.0.0.0/8\n" }, { "relay.list", allow } };
	const struct ag_policy *policy;

	(void)state;
	for (int i = 0; i < 50; i++)
		ag_buf_printf(&text, "192.0.2.%d\n", i);
	write_files(files);
	assert_int_equal(load(&policy), AG_LOAD_OK);
	assert_int_equal(findings.n, 8);
	ag_policy_unref(policy);
}

#define REACHES(socket) \
	"socket = " socket \
	": whoever reaches this address speaks to authgate " \
	"as if it were the MTA; 127.0.0.1 and ::1 are for this host alone\n"
#define EVERY_USER(mode) \
	"socket_mode = " mode ": every user of this host speaks to authgate " \
	"as if it were the MTA; write 0660 and give the socket to the MTA's " \
	"group with socket_group\n"
#define MX(word) \
	"auth_only has " word ", where other servers bring mail, which never " \
	"log in: they all are refused\n"

static void
test_doubtful_values(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini",
		      "[milter]\nsocket = inet:8891@0.0.0.0\n" } },
		    "warning authgate.ini:2: " REACHES("inet:8891@0.0.0.0") },
		{ { { "authgate.ini",
		      "[milter]\nsocket = inet6:8891@2001:db8::1\n" } },
		    "warning authgate.ini:2: " REACHES(
			"inet6:8891@2001:db8::1") },
		{ { { "authgate.ini",
		      "[milter]\nsocket = inet:8891@mx.example\n" } },
		    "warning authgate.ini:2: " REACHES(
			"inet:8891@mx.example") },
		{ { { "authgate.ini",
		      "[milter]\nsocket = inet:8891@127.0.0.2\n"
		      "socket_mode = 0666\n" } },
		    "" },
		{ { { "authgate.ini", "[milter]\nsocket = inet6:1@::1\n" } },
		    "" },
		{ { { "authgate.ini",
		      "[milter]\nsocket = inet:1@LocalHost\n" } },
		    "" },
		{ { { "authgate.ini", "[milter]\nsocket_mode = 0666\n" } },
		    "warning authgate.ini:2: " EVERY_USER("0666") },
		{ { { "authgate.ini", "[milter]\nsocket_mode = 0662\n" } },
		    "warning authgate.ini:2: " EVERY_USER("0662") },
		{ { { "authgate.ini", "[milter]\nsocket_mode = 0664\n" } },
		    "" },
		{ { { "authgate.ini",
		      "[listeners]\nauth_only = submission 25, SMTP\n" } },
		    "warning authgate.ini:2: " MX(
			"25") "warning authgate.ini:2: " MX("SMTP") },
		{ { { "authgate.ini",
		      "[listeners]\nkill_on_auth_only = yes\n" } },
		    "warning authgate.ini:2: kill_on_auth_only does nothing "
		    "without auth_only\n" },
		{ { { "authgate.ini",
		      "[auth]\nenabled = no\n[listeners]\nauth_only = 587\n" } },
		    "warning authgate.ini:2: enabled = no: nobody counts as "
		    "logged in, so that the listeners of auth_only = 587 take "
		    "no mail at all\n" },
		{ { { "authgate.ini",
		      "[auth]\nmechanisms = plain LOGN XYZZY-17\n" } },
		    "warning authgate.ini:2: mechanisms has LOGN, which no "
		    "SASL library is known to have; did you mean LOGIN?\n"
		    "warning authgate.ini:2: mechanisms has XYZZY-17, which no "
		    "SASL library is known to have\n" },
		{ { { "authgate.ini", "[auth]\nrealm = b.example\n" },
		      { "domains/a.example.ini", "" } },
		    "warning authgate.ini:2: realm = b.example is no local "
		    "domain: a login that it completes owns no local address "
		    "but by the sender map\n" },
		{ { { "authgate.ini", "[auth]\nrealm = B.example.\n" },
		      { "domains/a.example.ini",
			  "[domain]\naliases = b.example\n" } },
		    "" },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

static void
test_no_domain_is_local(void **state)
{
	static const struct file files[][FILES_MAX] = {
		{ { "authgate.ini", "" } },
		{ { "authgate.ini", "\n[lists]\nlocal_domains = d\n" },
		    { "d", "" } },
	};
	static const char *const expected[] = { "warning authgate.ini: ",
		"warning authgate.ini:3: " };

	(void)state;
	for (size_t i = 0; i < ROWS(files); i++) {
		const struct ag_policy *policy;
		char path[200], text[400];
		struct ag_buf all = AG_BUF(text);

		write_files(files[i]);
		path_in_folder("authgate.ini", path);
		findings_begin(&findings);
		ag_policy_load(path, &findings.diag, &policy);
		ag_buf_printf(&all, "%s" NO_DOMAIN "\n", expected[i]);
		expect_findings(expected[i], &findings, text);
		ag_policy_unref(policy);
	}
}

/* What lies in domains/ as if it were read. */
static void
test_strays(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "[lists]\nkill = domains/k.test\n" },
		      { "domains/example.info", "" },
		      { "domains/a.example.ini", "[relay]\nfile = a.relay\n" },
		      { "domains/a.relay", "192.0.2.1\n" },
		      { "domains/k.test", "192.0.2.9\n" },
		      { "domains/old.test", NULL },
		      { "domains/.b.example", "" },
		      { "domains/b.example.ini~", "" } },
		    "warning domains: example.info" MISNAMED },
		{ { { "authgate.ini", "" }, { "domains/a.example.ini", "" },
		      { "domains/b.example.ini.sample", "" },
		      { "domains/b.example.ini.bak", "" },
		      { "domains/README", "" },
		      { "domains/b.example.conf", "" } },
		    "warning domains: b.example.conf" MISNAMED },
	};

	(void)state;
	expect_good(setups, ROWS(setups));
}

static void
chmod_in_folder(const char *name, mode_t mode)
{
	char path[200];

	path_in_folder(name, path);
	assert_int_equal(chmod(path, mode), 0);
}

/* Who writes the lists says who is refused. */
static void
test_files_that_others_may_write(void **state)
{
	static const struct file files[FILES_MAX] = { { "authgate.ini", "" },
		{ "kill.list", "192.0.2.1\n" },
		{ "domains/a.example.ini", "" } };
	const struct ag_policy *policy;

	(void)state;
	write_files(files);
	chmod_in_folder("kill.list", 0602);
	chmod_in_folder("authgate.ini", 0664);
	chmod_in_folder("domains", 0777);
	chmod_in_folder(".", 0707);
	assert_int_equal(load(&policy), AG_LOAD_OK);
	ag_policy_unref(policy);
	chmod_in_folder(".", 0700);
	expect_findings("others", &findings,
	    "warning authgate.ini: everybody may put files into its folder\n"
	    "warning domains: everybody may put files into this folder\n"
	    "warning kill.list: everybody may write to this file\n");
}

/* Of nothing but holes, which cost no disk. */
static void
test_huge_list(void **state)
{
	static const struct file files[FILES_MAX] = { { "authgate.ini", "" },
		{ "kill.list", "192.0.2.1\n" } };
	const struct ag_policy *policy;
	char path[200];

	(void)state;
	write_files(files);
	path_in_folder("kill.list", path);
	assert_int_equal(truncate(path, (off_t)5 << 30), 0);
	assert_int_equal(load(&policy), AG_LOAD_UNUSABLE);
	expect_findings("huge", &findings,
	    "error kill.list: kill.list cannot be read: it is larger than 1 "
	    "GB\n");
}

#define MARK "\xef\xbb\xbf"
#define MARKED \
	": the file begins with a byte order mark; save it as plain UTF-8\n"

/* What some editors put in front does not hide the first entry. */
static void
test_byte_order_marks(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini",
		      "[auth]\nsender_logins = s.map\n[lists]\n"
		      "local_domains = d.list\n[relay]\nallow =\n" },
		    { "kill.list", MARK "192.0.2.1\nlogin:a@b.example\n" },
		    { "relay.list", MARK "192.0.2.2\n192.0.2.3\n" },
		    { "s.map", MARK "info@example.com bob@example.com\n" },
		    { "d.list", MARK "listed.example\n" },
		    { "domains/example.com.ini", "[domain]\naccounts = acc\n" },
		    { "domains/acc", MARK "alice\nbob\n" } },
		"warning d.list" MARKED "warning s.map" MARKED
		"warning kill.list" MARKED "warning relay.list" MARKED
		"warning domains/acc" MARKED,
	};
	const struct ag_policy *policy = load_good(&setup);
	struct ag_policy_sizes sizes = ag_policy_sizes(policy);
	struct ag_ip ip;

	(void)state;
	assert_int_equal(sizes.killed, 2);
	assert_int_equal(sizes.relays, 2);
	assert_int_equal(sizes.senders, 1);
	assert_true(
	    ag_domains_find(&policy->domains, ag_str("listed.example")).local);
	assert_non_null(
	    ag_names_find(policy->files[0]->accounts, ag_str("alice"), 0));
	ag_ip_parse(&ip, ag_str("192.0.2.1"));
	assert_true(ag_nets_row_hold(&policy->kill, &ip, 0, NULL));
	ag_policy_unref(policy);
}

/* Values that are read well and would do harm. */
static void
test_harmful_values(void **state)
{
	static const struct setup setups[] = {
		{ { { "authgate.ini", "[milter]\ntimeout = 0\n" } },
		    "error authgate.ini:2: timeout = 0 would end every connection "
		    "at once; write a time such as 2h\n" },
		{ { { "authgate.ini", "[milter]\ntimeout = 0s\n" } },
		    "error authgate.ini:2: timeout = 0 would end every connection "
		    "at once; write a time such as 2h\n" },
		{ { { "authgate.ini",
		      "[listeners]\nauth_only = smtps submission:587\n" } },
		    "error authgate.ini:2: auth_only = smtps submission:587: has "
		    "submission:587, which is both; write either the name or "
		    "the port of a listener\n" },
	};

	(void)state;
	expect_unusable(setups, ROWS(setups));
}

/* Without a folder in the path the files are those of the current one. */
static void
test_path_without_a_folder(void **state)
{
	static const struct file files[FILES_MAX] = { { "authgate.ini", "" },
		{ "kill.list", "192.0.2.1\n" } };
	const struct ag_policy *policy;
	char before[4096];

	(void)state;
	write_files(files);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(folder), 0);
	findings_begin(&findings);
	assert_int_equal(ag_policy_load("authgate.ini", &findings.diag,
			     &policy),
	    AG_LOAD_OK);
	assert_int_equal(chdir(before), 0);
	assert_true(ag_policy_has_killed_networks(policy));
	ag_policy_unref(policy);
}

/* Loads beside a policy, which is given back. */
static const struct ag_policy *
load_beside(const struct ag_policy *in_force)
{
	const struct ag_policy *policy = NULL;
	char path[200];

	path_in_folder("authgate.ini", path);
	findings_begin(&findings);
	assert_int_equal(ag_policy_load_with(&(struct ag_loading){ .path = path,
						 .in_force = in_force,
						 .keeps_texts = true,
						 .diag = &findings.diag },
			     &policy),
	    AG_LOAD_OK);
	forget_no_domain();
	ag_policy_unref(in_force);
	return policy;
}

/* Writes a kill list of so many lines. */
static void
write_kill_list(unsigned lines)
{
	char path[200];
	FILE *out;

	path_in_folder("kill.list", path);
	out = fopen(path, "w");
	assert_non_null(out);
	for (unsigned i = 0; i < lines; i++)
		fprintf(out, "10.0.%u.%u # why\n", i >> 8, i & 255);
	assert_int_equal(fclose(out), 0);
}

/* What a list said stays while it has no bytes, however long it is. */
static void
test_held_back(void **state)
{
	static const struct setup setup = { { { "authgate.ini", "" } }, "" };
	static const unsigned sizes[] = { 1, 20000 };
	const struct ag_policy *policy;

	(void)state;
	for (size_t i = 0; i < ROWS(sizes); i++) {
		write_files(setup.files);
		write_kill_list(sizes[i]);
		policy = load_beside(NULL);
		assert_int_equal(ag_policy_sizes(policy).killed, sizes[i]);
		write_kill_list(0);
		/* and beside the one that was held back, too */
		for (int n = 0; n < 2; n++) {
			policy = load_beside(policy);
			assert_int_equal(ag_policy_sizes(policy).killed,
			    sizes[i]);
			assert_int_equal(findings.diag.errors, 1);
		}
		ag_policy_unref(policy);
		policy = load_beside(NULL);
		assert_int_equal(ag_policy_sizes(policy).killed, 0);
		ag_policy_unref(policy);
	}
}

/* A policy that is not for a daemon keeps no texts. */
static void
test_nothing_kept(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini", "" }, { "kill.list", "::2\n" } }, ""
	};
	const struct ag_policy *policy = load_good(&setup);

	(void)state;
	write_kill_list(0);
	policy = load_beside(policy);
	assert_int_equal(ag_policy_sizes(policy).killed, 0);
	ag_policy_unref(policy);
}

/* Writes the name, and "-" where it is not there. */
static void
note_file(void *arg, const char *shown, uint64_t look, uint64_t fingerprint,
    bool fresh)
{
	bool there = fingerprint != ag_file_fingerprint(ENOENT, ag_str(NULL));

	(void)look;
	assert_true(fresh);
	ag_buf_printf(arg, "%s%s ", shown, there ? "" : "-");
}

/* Whatever comes of a load, it is known what a change of would matter. */
static void
test_files_are_told(void **state)
{
	static const struct {
		struct file files[FILES_MAX];
		enum ag_load_status status;
		const char *told;
	} table[] = {
		{ { { "authgate.ini", "" }, { "kill.list", "::1\n" } },
		    AG_LOAD_OK, "authgate.ini kill.list relay.list- " },
		{ { { "authgate.ini",
			"[lists]\nkill = more.list\n[rules]\nx = y\n" },
		      { "domains/example.com.ini",
			  "[relay]\nfile = own.list\n" } },
		    AG_LOAD_UNUSABLE,
		    "authgate.ini domains/example.com.ini more.list- "
		    "relay.list- domains/own.list- " },
		{ { { "kill.list", "::1\n" } }, AG_LOAD_NO_FILE,
		    "authgate.ini- " },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		const struct ag_policy *policy;
		char path[200], told[300];
		struct ag_buf buf = AG_BUF(told);
		struct ag_reading reading = { note_file, &buf };

		write_files(table[i].files);
		path_in_folder("authgate.ini", path);
		findings_begin(&findings);
		assert_int_equal(
		    ag_policy_load_with(&(struct ag_loading){ .path = path,
					    .reading = &reading,
					    .keeps_texts = true,
					    .diag = &findings.diag },
			&policy),
		    table[i].status);
		expect_text("told", told, table[i].told);
		ag_policy_unref(policy);
	}
}

/* Without a descriptor nothing can be read, for now. */
static void
test_not_now(void **state)
{
	static const struct file files[FILES_MAX] = { { "authgate.ini", "" } };
	const struct ag_policy *policy;
	struct rlimit before, none;

	(void)state;
	write_files(files);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(load(&policy), AG_LOAD_NOT_NOW);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(load(&policy), AG_LOAD_OK);
	ag_policy_unref(policy);
}

/* ---- who keeps copies ---- */

#define SERVER_KEEPS \
	{ "authgate.ini", "[archive]\nenabled = yes\ndir = /a/main/\n" }
#define OWN_KEEPS \
	{ "domains/own.example.ini", \
		"[archive]\nenabled = yes\ndir = //a//own\n" }
#define OFF_KEEPS_NONE \
	{ "domains/off.example.ini", "[archive]\nenabled = no\n" }

/* The directories for mail from and to these, separated by blanks. */
static void
expect_marked(const struct ag_policy *policy, const char *from, const char *to,
    const char *expected)
{
	bool wanted[FILES_MAX] = { false };
	const struct ag_archive *archives;
	struct ag_path path;
	char text[200];
	struct ag_buf got = AG_BUF(text);
	size_t n;

	archives = ag_archives(policy, &n);
	assert_true(n >= 1 && n <= FILES_MAX);
	ag_path_read(&path, ag_str(from), NULL, NULL);
	ag_archives_mark(policy, &path, wanted);
	ag_path_read(&path, ag_str(to), NULL, NULL);
	ag_archives_mark(policy, &path, wanted);
	for (size_t i = 0; i < n; i++)
		if (wanted[i])
			ag_buf_printf(&got, "%s%s", got.len > 0 ? " " : "",
			    archives[i].dir);
	ag_buf_text(&got, "");
	expect_text(to, text, expected);
}

static void
test_copies_of_the_server(void **state)
{
	static const struct setup setup = {
		{ SERVER_KEEPS, OWN_KEEPS, OFF_KEEPS_NONE,
		    { "domains/plain.example.ini", "" } },
		"",
	};
	const struct ag_policy *policy = load_good(&setup);
	size_t n;

	(void)state;
	assert_true(ag_archives_any(policy));
	ag_archives(policy, &n);
	assert_int_equal(n, 2);
	expect_marked(policy, "<x@far.example>", "<y@far.example>", "/a/main");
	expect_marked(policy, "<x@own.example>", "<y@own.example>", "/a/own");
	expect_marked(policy, "<x@far.example>", "<y@own.example>",
	    "/a/main /a/own");
	expect_marked(policy, "<x@plain.example>", "<y@off.example>",
	    "/a/main");
	expect_marked(policy, "<x@off.example>", "<y@off.example>", "");
	expect_marked(policy, "<>", "<y@off.example>", "/a/main");
	/* let through by on_error although nobody can read it */
	expect_marked(policy, "<\"x>", "<y@off.example>", "/a/main");
	ag_policy_unref(policy);
}

static void
test_copies_of_a_domain(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini", "" }, OWN_KEEPS, OFF_KEEPS_NONE }, ""
	};
	static const struct setup none = {
		{ { "authgate.ini", "" }, OFF_KEEPS_NONE }, ""
	};
	const struct ag_policy *policy = load_good(&setup);

	(void)state;
	assert_true(ag_archives_any(policy));
	expect_marked(policy, "<x@far.example>", "<y@far.example>", "");
	expect_marked(policy, "<x@far.example>", "<y@OWN.example.>", "/a/own");
	expect_marked(policy, "<x@own.example>", "<y@off.example>", "/a/own");
	ag_policy_unref(policy);
	policy = load_good(&none);
	assert_false(ag_archives_any(policy));
	ag_policy_unref(policy);
}

/* The same directory, however it is spelt, is one; a second file inherits. */
static void
test_copies_in_one_directory(void **state)
{
	static const struct setup setup = {
		{ { "authgate.ini", "[archive]\ndir = /a/main\n" },
		    { "domains/one.example.ini", "[archive]\nenabled = yes\n" },
		    { "domains/two.example.ini",
			"[archive]\nenabled = yes\ndir = /a//main//\n" },
		    { "domains/top.example.ini",
			"[archive]\nenabled = yes\ndir = //\n" } },
		"",
	};
	const struct ag_policy *policy = load_good(&setup);

	(void)state;
	expect_marked(policy, "<x@one.example>", "<y@two.example>", "/a/main");
	expect_marked(policy, "<x@one.example>", "<y@top.example>",
	    "/a/main /");
	ag_policy_unref(policy);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_main_file),
		cmocka_unit_test(test_main_file_is_a_folder),
		cmocka_unit_test(test_empty_main_file),
		cmocka_unit_test(test_no_folder_of_domains),
		cmocka_unit_test(test_default_lists_are_read),
		cmocka_unit_test(test_missing_files),
		cmocka_unit_test(test_files_are_found),
		cmocka_unit_test(test_domains_claimed_twice),
		cmocka_unit_test(test_bad_names_of_files),
		cmocka_unit_test(test_what_holds_for_a_domain),
		cmocka_unit_test(test_what_lists_become),
		cmocka_unit_test(test_who_may_send),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_nul_in_a_sender_map),
		cmocka_unit_test(test_bad_exceptions_in_relay_lists),
		cmocka_unit_test(test_relay_lists_of_one_scope),
		cmocka_unit_test(test_all_errors_in_one_run),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_doubtful_networks),
		cmocka_unit_test(test_many_doubtful_networks),
		cmocka_unit_test(test_doubtful_values),
		cmocka_unit_test(test_no_domain_is_local),
		cmocka_unit_test(test_strays),
		cmocka_unit_test(test_files_that_others_may_write),
		cmocka_unit_test(test_huge_list),
		cmocka_unit_test(test_byte_order_marks),
		cmocka_unit_test(test_harmful_values),
		cmocka_unit_test(test_path_without_a_folder),
		cmocka_unit_test(test_held_back),
		cmocka_unit_test(test_nothing_kept),
		cmocka_unit_test(test_files_are_told),
		cmocka_unit_test(test_not_now),
		cmocka_unit_test(test_copies_of_the_server),
		cmocka_unit_test(test_copies_of_a_domain),
		cmocka_unit_test(test_copies_in_one_directory),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
