/* main.c - the table of subcommands */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "milter/base/print.h"
#include "milter/command/command.h"
#include "milter/daemon/run.h"

#define CONFIG_HELP \
	"  -c, --config FILE   the main file (" AG_DEFAULT_CONFIG ")\n" \
	"      --help          this text\n\n"

#define ENTRIES_HELP \
	"  list                print the entries that hold now\n" \
	"      --all           those that have run out as well\n" \
	"      --json          as JSON lines\n" \
	"  add ENTRY           add an entry, or change it\n" \
	"      --for TIME      it holds for 90s, 15m, 2h, 30d\n" \
	"      --until TIME    it holds until 2026-12-31 (to the end of that " \
	"day, UTC)\n" \
	"                      or 2026-12-31T18:00:00Z\n" \
	"      --note TEXT     the reason, which goes into the log\n" \
	"      --force         also what would refuse this host or a trusted " \
	"client\n" \
	"  del ENTRY           take an entry out\n" \
	"  purge               drop what has run out\n\n" \
	"After add and del it says whether the daemon has taken the change: " \
	"exit status\n75 where it has not.\n\n"

/* ---- run, the one command that is the daemon ---- */

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "stderr", no_argument, NULL, 's' },
	{ "strict", no_argument, NULL, 'S' },
	{ "state-dir", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
run_command(int argc, char **argv)
{
	struct ag_run how = { .config = AG_DEFAULT_CONFIG };
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help("run");
		if (option == '?')
			return ag_command_usage("run", NULL);
		if (option == 'c')
			how.config = optarg;
		how.only_stderr = how.only_stderr || option == 's';
		how.strict = how.strict || option == 'S';
		if (option == 'd')
			how.state_dir = optarg;
	}
	if (optind < argc)
		return ag_command_unexpected("run", argv[optind]);
	return ag_run(&how);
}

/* ---- all of them ---- */

static const struct ag_command commands[] = {
	{ "run", run_command,
	    "[-c FILE] [--stderr] [--strict] [--state-dir DIR]",
	    "The milter, in the foreground",
	    CONFIG_HELP
	    "      --stderr        log to standard error and not to syslog\n"
	    "      --strict        do not start while a file is broken\n"
	    "      --state-dir DIR where authgate.ini names none\n\n"
	    "It takes changes of its files by itself; SIGHUP makes it do so at "
	    "once.\nSIGTERM ends it.\n\n"
	    "Example:\n"
	    "  authgate run -c /etc/authgate/authgate.ini\n" },
	{ "status", ag_status_command, "[-c FILE] [--json] [--timeout TIME]",
	    "What the running daemon does, and what it has decided",
	    CONFIG_HELP
	    "      --json          for programs\n"
	    "      --timeout TIME  to wait for an answer (1m)\n\n"
	    "Exit status: 0; 1 when the last reload failed, so that the files "
	    "are not in\nforce; 69 when no daemon answers; 77 without "
	    "permission.\n\n"
	    "Example:\n"
	    "  authgate status\n" },
	{ "reload", ag_reload_command,
	    "[-c FILE] [--accept FILE] [--json] [--timeout TIME]",
	    "Reload the configuration now, and print the findings",
	    CONFIG_HELP
	    "      --accept FILE   take this list as it is, whatever it looks "
	    "like\n"
	    "      --json          for programs\n"
	    "      --timeout TIME  to wait for an answer (1m)\n\n"
	    "A file that is broken stays as it was last good; everything else "
	    "is taken.\n\n"
	    "Exit status: 0 all is in force, 78 something is broken, 69 no "
	    "daemon answers,\n77 without permission.\n\n"
	    "Example:\n"
	    "  authgate reload\n"
	    "  authgate reload --accept kill.list\n" },
	{ "check", ag_check_command, "[-c FILE] [--json]",
	    "Read everything and print every finding",
	    CONFIG_HELP
	    "      --json          for programs\n\n"
	    "Exit status: 0 nothing or warnings only, 1 errors or bad lines, 66 "
	    "no such file.\n\n"
	    "Example:\n"
	    "  authgate check && authgate reload\n" },
	{ "show", ag_show_command, "[-c FILE] [--json] [DOMAIN]",
	    "What holds for the server or a domain, and by which line",
	    CONFIG_HELP "      --json          for programs\n\n"
			"Example:\n"
			"  authgate show example.com\n" },
	{ "explain", ag_explain_command, "[-c FILE] SESSION | --batch",
	    "What would be said in a session, and why, rule by rule",
	    CONFIG_HELP
	    "SESSION:\n"
	    "      --client IP         the client's address; none is a stranger\n"
	    "      --name HOST         its name\n"
	    "      --listener NAME     {daemon_name}\n"
	    "      --port N            {daemon_port}\n"
	    "      --login LOGIN       {auth_authen}\n"
	    "      --mech MECHANISM    {auth_type}\n"
	    "      --cert-subject TEXT {cert_subject} of a verified certificate\n"
	    "      --cert-fingerprint HEX  its fingerprint\n"
	    "      --tls               the session is encrypted\n"
	    "      --from ADDRESS      the sender, \"\" for the null sender\n"
	    "      --to ADDRESS...     the recipients\n"
	    "      --mail-addr ADDRESS {mail_addr}, how the MTA reads the sender\n"
	    "      --from-header VALUE the From: field\n"
	    "      --header FIELD      another field, such as \"Sender: a@b\"\n"
	    "      --mta-name HOST     {j}, the MTA's own name\n"
	    "      --mta-completes     it adds that name to a From: without a "
	    "domain\n"
	    "      --at TIME           when; such as 2026-12-31T18:00:00Z\n"
	    "      --local             local submission, not SMTP\n"
	    "      --batch             sessions as JSON lines on standard input\n\n"
	    "Exit status: 0 let through, 1 refused; with --batch 0, or 64 when a "
	    "line\ncould not be read.\n\n"
	    "Example:\n"
	    "  authgate explain --client 192.0.2.1 --from alice@example.com \\\n"
	    "      --to bob@example.com\n" },
	{ "replay", ag_replay_command, "[-c FILE] [OPTION...] LOG...",
	    "What the policy would have said to the mail of a mail log",
	    CONFIG_HELP
	    "  LOG                 a log of Postfix or Sendmail; - is standard "
	    "input\n"
	    "      --each          a line for each objection as well\n"
	    "      --all           all clients, logins and senders, not the "
	    "first ten\n"
	    "      --json          a JSON object for each objection, and one "
	    "of numbers\n"
	    "      --since TIME    2026-12-31 or 2026-12-31T18:00:00Z\n"
	    "      --until TIME    the same; of a day its end (UTC)\n"
	    "      --listener FROM=NAME[:PORT]\n"
	    "                      what the log calls FROM is the listener "
	    "NAME\n"
	    "      --listener FROM=\n"
	    "                      its mail is left out\n"
	    "      --mta-local DOMAIN\n"
	    "                      senders in it are local to the MTA\n\n"
	    "The files of the configuration need not be in force. Exit status: "
	    "0 nothing\nwould have been refused, 1 something would, 65 a file "
	    "is no mail log, 66 no\nsuch file.\n\n"
	    "Example:\n"
	    "  authgate replay -c new.ini /var/log/mail.log.1 "
	    "/var/log/mail.log\n"
	    "  zcat /var/log/mail.log.*.gz | authgate replay -c new.ini -\n" },
	{ "senders", ag_senders_command,
	    "[-c FILE] [--json] LOGIN|ADDRESS|@DOMAIN",
	    "What a login may send as, and who may send as an address",
	    CONFIG_HELP
	    "      --json          for programs\n\n"
	    "@DOMAIN stands for all addresses of the domain, * for any address "
	    "at all.\n\n"
	    "Example:\n"
	    "  authgate senders alice@example.com\n" },
	{ "kill", ag_kill_command, "[-c FILE] list|add|del|purge ...",
	    "The entries of the kill list",
	    CONFIG_HELP ENTRIES_HELP
	    "An ENTRY is a network, login:LOGIN, sender:USER@DOMAIN, "
	    "sender:@DOMAIN or\nsender:.DOMAIN.\n\n"
	    "Example:\n"
	    "  authgate kill add 192.0.2.0/24 --for 2h --note \"guesses "
	    "passwords\"\n" },
	{ "relay", ag_relay_command, "[-c FILE] list|add|del|purge ...",
	    "Trusted clients: they count as logged in here",
	    CONFIG_HELP ENTRIES_HELP
	    "An ENTRY is a network; with ! in front an exception. Whether a "
	    "client may relay\nis the MTA's decision: mynetworks of Postfix, "
	    "the access map of Sendmail.\n\n"
	    "Example:\n"
	    "  authgate relay add 192.0.2.25 --note \"the printer\"\n" },
	{ "archive", ag_archive_command, "[-c FILE] list|verify ...",
	    "The copies of mail that are kept, and whether they are whole",
	    CONFIG_HELP
	    "  list                print what is kept, oldest first\n"
	    "      --json          as JSON lines\n"
	    "      --from ADDRESS  of that sender; <> is the null sender, "
	    "@DOMAIN a domain\n"
	    "      --to ADDRESS    to that recipient, or @DOMAIN\n"
	    "      --login LOGIN   of that login\n"
	    "  verify              read everything back and name what is "
	    "damaged\n"
	    "  both:\n"
	    "      --since TIME    2026-12-31 or 2026-12-31T18:00:00Z\n"
	    "      --until TIME    2026-12-31 (to the end of that day, UTC)\n"
	    "                      or 2026-12-31T18:00:00Z\n\n"
	    "Exit status of both: 0 all is well, 1 a copy is damaged.\n\n"
	    "Example:\n"
	    "  authgate archive list --from alice@example.com --since "
	    "2026-12-01\n" },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* In 80 columns: how each is used is told by its own help. */
static int
print_help(FILE *out)
{
	fprintf(out,
	    "usage: authgate COMMAND [OPTION...]\n"
	    "       authgate help COMMAND\n"
	    "       authgate --version | --help\n\n"
	    "Mail policy around SMTP authentication, as a milter for "
	    "Postfix and Sendmail.\n\n");
	for (size_t i = 0; i < NCOMMANDS; i++)
		fprintf(out, "  authgate %-8s %s\n", commands[i].name,
		    commands[i].summary);
	fprintf(out,
	    "\n\"authgate help COMMAND\" has its options and an example.\n"
	    "Manuals: authgate(8), authgate(1), authgate.ini(5).\n");
	return EX_OK;
}

static int
print_version(void)
{
	printf("authgate %s\n", AUTHGATE_VERSION);
	return EX_OK;
}

/* What was printed has to arrive: a full disk must not pass for success. */
static int
finish(const char *name, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: standard output cannot be written\n", name);
	return status == EX_OK ? EX_IOERR : status;
}

static int
unknown_command(const char *name)
{
	ag_print_line(stderr,
	    "authgate: there is no command \"%s\". Try \"authgate --help\".",
	    name);
	return EX_USAGE;
}

/* "authgate help", "authgate help COMMAND" */
static int
help(char **names)
{
	if (names[0] == NULL)
		return print_help(stdout);
	if (ag_command_find(names[0]) == NULL)
		return unknown_command(names[0]);
	return ag_command_help(names[0]);
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int
main(int argc, char **argv)
{
	const struct ag_command *command;
	static char name[64];

	ag_command_table(commands, NCOMMANDS);
	/* a limit on the size of files is an error of write(), no death */
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return EX_USAGE;
	}
	if (is_one_of(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)
		return finish("authgate", help(argv + 2));
	if (is_one_of(argv[1], "--version", "-V"))
		return finish("authgate", print_version());
	command = ag_command_find(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	/* getopt_long() begins its messages with this */
	snprintf(name, sizeof(name), "authgate %s", command->name);
	argv[1] = name;
	return finish(name, command->run(argc - 1, argv + 1));
}
