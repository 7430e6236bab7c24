#include "command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

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
		vfprintf(stderr, format, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try \"authgate %s --help\".\n", name);
	return EX_USAGE;
}

int
ag_command_options(const char *name, int argc, char **argv, const char **config)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*config = AG_DEFAULT_CONFIG;
	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	    -1) {
		if (option == 'h')
			return ag_command_help(name);
		if (option != 'c')
			return ag_command_usage(name, NULL);
		*config = optarg;
	}
	return -1;
}

/* Findings name files relative to the main file's folder. */
static void
print_place(const struct ag_printer *printer, const struct ag_origin *where)
{
	const char *slash = strrchr(printer->config, '/');

	if (where == NULL || where->file == NULL) {
		fprintf(printer->out, "%s", printer->config);
		return;
	}
	if (where->file[0] != '/' && slash != NULL)
		fprintf(printer->out, "%.*s",
		    (int)(slash - printer->config) + 1, printer->config);
	fputs(where->file, printer->out);
	if (where->line > 0)
		fprintf(printer->out, ":%u", where->line);
}

void
ag_print_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	const struct ag_printer *printer = arg;

	print_place(printer, where);
	fprintf(printer->out, ": %s: %s\n", ag_severity_name(severity), text);
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
ag_command_exit_status(enum ag_load_status status)
{
	switch (status) {
	case AG_LOAD_OK:
		return EX_OK;
	case AG_LOAD_NO_FILE:
		return EX_NOINPUT;
	case AG_LOAD_UNUSABLE:
	case AG_LOAD_NOT_NOW:
		break;
	}
	return EX_CONFIG;
}

int
ag_command_load(const char *config, const struct ag_policy **policy)
{
	struct ag_printer printer = { stderr, config };
	struct ag_diag diag = { .emit = print_serious, .arg = &printer };

	return ag_command_exit_status(ag_policy_load(config, &diag, policy));
}

bool
ag_command_stays_root(struct ag_str user)
{
	return geteuid() == 0 &&
	    (user.len == 0 || ag_str_eq(user, ag_str("root")));
}

void
ag_command_write_sizes(const struct ag_policy *policy, struct ag_buf *out)
{
	struct ag_policy_sizes sizes = ag_policy_sizes(policy);

	ag_buf_printf(out,
	    "%zu domain files, %zu names of local domains, %zu kill entries, "
	    "%zu relay networks, %zu addresses in the sender map",
	    sizes.domain_files, sizes.local_domains, sizes.killed, sizes.relays,
	    sizes.senders);
}

void
ag_print_safely(FILE *out, struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		fputc(ag_is_control(text.ptr[i]) ? '?' : text.ptr[i], out);
}
