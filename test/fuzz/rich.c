#include "rich.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

struct file {
	const char *name;
	const char *text;
};

static const struct file files[] = {
	{ "authgate.ini",
	    "[lists]\n"
	    "local_domains = domains.list\n"
	    "[auth]\n"
	    "mechanisms = PLAIN LOGIN\n"
	    "realm = example.com\n"
	    "login_domains = example.com example.net\n"
	    "recipient_delimiter = +-\n"
	    "sender_logins = senders.map\n"
	    "[listeners]\n"
	    "auth_only = submission 465\n"
	    "kill_on_auth_only = yes\n"
	    "[rules]\n"
	    "auth_tls = monitor\n"
	    "sender_login_match = enforce\n"
	    "foreign_sender_match = enforce\n"
	    "local_sender_auth = enforce\n"
	    "outgoing_auth = monitor\n"
	    "from_header_match = enforce\n"
	    "from_header_local_auth = enforce\n"
	    "from_header_exempt = exempt.list\n"
	    "[reply]\n"
	    "kill_client = 554 5.7.1 %{client} %{listener} %{rule} %{domain}\n"
	    "kill_login = 454 4.7.1 %{login} %{sender} %{login} %{sender}\n"
	    "bad_recipient = 501 5.1.3 <%{rcpt}> %{rcpt} %{rcpt}\n" },
	{ "domains/example.com.ini",
	    "[domain]\n"
	    "aliases = example.org xn--bcher-kva.example\n"
	    "subdomains = yes\n"
	    "accounts = accounts.list\n"
	    "[rules]\n"
	    "local_sender_auth_unless_local_recipient = yes\n"
	    "outgoing_auth = enforce\n"
	    "from_header_sender_suffices = yes\n"
	    "from_header_strict = yes\n"
	    "[relay]\n"
	    "allow = 198.51.100.25\n"
	    "[reply]\n"
	    "outgoing_auth = 454 4.7.1 %{rcpt} %{domain}\n" },
	{ "domains/example.net.ini",
	    "[rules]\n"
	    "sender_login_match = monitor\n"
	    "local_sender_auth = monitor\n"
	    "from_header_local_auth = off\n"
	    "role_senders = root\n" },
	{ "domains/accounts.list",
	    "alice\nbob@example.org until=2026-12-31\n" },
	{ "domains.list", "list.example\n.below.example\n" },
	{ "kill.list",
	    RICH_KILLED_CLIENT "\n"
			       "203.0.113.0/24 until=2020-01-01\n"
			       "2001:db8:bad::/48\n"
			       "!2001:db8:bad::1\n"
			       "login:" RICH_KILLED_LOGIN "\n"
			       "login:trent until=2020-01-01\n"
			       "sender:bob@example.net # spam\n"
			       "sender:@bad.example\n"
			       "sender:.worse.example\n" },
	{ "relay.list", "192.0.2.0/24\n!192.0.2.66\n2001:db8:1::/48\n" },
	{ "exempt.list", "198.51.100.26-198.51.100.29\n" },
};

/* All of the map, and a part of it. */
static const struct file maps[] = {
	{ "senders.map",
	    "info@example.com alice, bob\n"
	    "@list.example bob@example.com, carol\n"
	    "alice@elsewhere.example alice@example.com\n"
	    "team@example.net info@example.com\n"
	    "@example.net dave@example.net\n"
	    "news@example.com *\n"
	    "* root@example.com\n" },
	{ "senders.map",
	    "info@example.com bob\n"
	    "@list.example carol\n"
	    "team@example.net info@example.com\n" },
};

#define NFILES (sizeof(files) / sizeof(files[0]))

static void
path_of(const char *folder, const char *name, char path[static 256])
{
	struct ag_buf buf = ag_buf(path, 256);

	ag_buf_printf(&buf, "%s/%s", folder, name);
	HOLDS(!buf.cut);
}

static void
write_file(const char *folder, const struct file *file)
{
	char path[256];
	FILE *out;

	path_of(folder, file->name, path);
	out = fopen(path, "w");
	HOLDS(out != NULL && fputs(file->text, out) >= 0 && fclose(out) == 0);
}

static void
remove_file(const char *folder, const char *name)
{
	char path[256];

	path_of(folder, name, path);
	HOLDS(remove(path) == 0);
}

static void
write_files(const char *folder, const struct file *map)
{
	char path[256];

	path_of(folder, "domains", path);
	HOLDS(mkdir(path, 0700) == 0);
	for (size_t i = 0; i < NFILES; i++)
		write_file(folder, &files[i]);
	write_file(folder, map);
}

static void
remove_files(const char *folder, const struct file *map)
{
	for (size_t i = 0; i < NFILES; i++)
		remove_file(folder, files[i].name);
	remove_file(folder, map->name);
	remove_file(folder, "domains");
	HOLDS(remove(folder) == 0);
}

static void
show(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	(void)arg;
	fprintf(stderr, "%s:%u: %s: %s\n", where->file, where->line,
	    ag_severity_name(severity), text);
}

const struct ag_policy *
rich_policy(bool whole)
{
	const struct file *map = &maps[!whole];
	const char *parent = getenv("TMPDIR");
	struct ag_diag diag = { .emit = show };
	const struct ag_policy *policy;
	char folder[200], path[256];
	struct ag_buf buf = AG_BUF(folder);

	ag_buf_printf(&buf, "%s/authgate-fuzz.XXXXXX",
	    parent != NULL ? parent : "/tmp");
	HOLDS(!buf.cut && mkdtemp(folder) != NULL);
	write_files(folder, map);
	path_of(folder, "authgate.ini", path);
	HOLDS(ag_policy_load(path, &diag, &policy) == AG_LOAD_OK);
	HOLDS(diag.bad_lines == 0);
	remove_files(folder, map);
	return policy;
}
