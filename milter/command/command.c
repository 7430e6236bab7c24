/* command.c - what the subcommands share: usage, options, loading */
#include "milter/command/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* More than a path and an address. */
#define PRINTED_MAX 8192

static void
print_line(FILE *out, const char *format, va_list ap)
{
	char text[PRINTED_MAX];

	vsnprintf(text, sizeof(text), format, ap);
	ag_print_safely(out, ag_str(text));
	fputc('\n', out);
}

void
ag_print_line(FILE *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line(out, format, ap);
	va_end(ap);
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
		print_line(stderr, format, ap);
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

/* Findings name files relative to the main file's folder. */
static void
print_place(const struct ag_printer *printer, const struct ag_origin *where)
{
	const char *slash = strrchr(printer->config, '/');

	if (where == NULL || where->file == NULL) {
		ag_print_safely(printer->out, ag_str(printer->config));
		return;
	}
	if (where->file[0] != '/' && slash != NULL)
		ag_print_safely(printer->out,
		    ag_str_head(ag_str(printer->config),
			(size_t)(slash - printer->config) + 1));
	ag_print_safely(printer->out, ag_str(where->file));
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

	const struct {
		size_t n;
		const char *one;
		const char *many;
	} part[] = {
		{ sizes.domain_files, "domain file", "domain files" },
		{ sizes.local_domains, "name of local domains",
		    "names of local domains" },
		{ sizes.killed, "kill entry", "kill entries" },
		{ sizes.relays, "relay network", "relay networks" },
		{ sizes.senders, "address in the sender map",
		    "addresses in the sender map" },
	};

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		ag_buf_printf(out, "%s%zu %s", i > 0 ? ", " : "", part[i].n,
		    ag_plural(part[i].n, part[i].one, part[i].many));
}

void
ag_print_safely(FILE *out, struct ag_str text)
{
	ag_print_column(out, text, 0);
}

void
ag_print_column(FILE *out, struct ag_str text, size_t width)
{
	size_t columns = 0;

	while (text.len > 0) {
		char piece[20];
		struct ag_buf shown = AG_BUF(piece);
		bool plain;
		size_t n = ag_str_piece(text, &plain);

		ag_buf_piece(&shown, ag_str_head(text, n), plain);
		fwrite(shown.ptr, 1, shown.len, out);
		columns += plain ? 1 : shown.len;
		text = ag_str_skip(text, n);
	}
	for (; columns < width; columns++)
		fputc(' ', out);
}
