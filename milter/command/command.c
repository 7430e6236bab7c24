/* command.c - what the subcommands share: usage, options, loading */
#include "milter/command/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/base/findings.h"
#include "milter/base/print.h"

static const struct ag_command *table;
static size_t ncommands;

void
ag_command_table(const struct ag_command *commands, size_t n)
{
	table = commands;
	ncommands = n;
}

const struct ag_command *
ag_command_find(const char *name)
{
	for (size_t i = 0; i < ncommands; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

int
ag_command_help(const char *name)
{
	const struct ag_command *command = ag_command_find(name);

	printf("usage: authgate %s %s\n\n%s.\n\n%s", name, command->usage,
	    command->summary, command->help);
	return EX_OK;
}

int
ag_command_usage(const char *name, const char *format, ...)
{
	va_list ap;

	if (format != NULL) {
		fprintf(stderr, "authgate %s: ", name);
		va_start(ap, format);
		ag_print_vline(stderr, format, ap);
		va_end(ap);
	}
	fprintf(stderr, "Try \"authgate %s --help\".\n", name);
	return EX_USAGE;
}

int
ag_command_unexpected(const char *name, const char *word)
{
	if (strchr(word, '/') != NULL)
		return ag_command_usage(name,
		    "unexpected argument \"%s\"; use -c FILE", word);
	return ag_command_usage(name, "unexpected argument \"%s\"", word);
}

int
ag_command_options(const char *name, int argc, char **argv, const char **config,
    bool *json)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*config = AG_DEFAULT_CONFIG;
	*json = false;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help(name);
		if (option == '?')
			return ag_command_usage(name, NULL);
		if (option == 'c')
			*config = optarg;
		else
			*json = true;
	}
	return -1;
}

/* What does not hinder the command is left to "authgate check". */
static void
print_serious(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	if (severity >= AG_BAD_LINE)
		ag_print_finding(arg, severity, where, text);
}

int
ag_command_load(const char *config, const struct ag_policy **policy)
{
	struct ag_printer printer = { stderr, config };
	struct ag_diag diag = { .emit = print_serious, .arg = &printer };

	return ag_findings_exit_status(ag_policy_load(config, &diag, policy));
}
