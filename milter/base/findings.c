/* findings.c - prints findings, and says how large a policy is */
#include "milter/base/findings.h"

#include <string.h>
#include <sysexits.h>

#include "milter/base/print.h"

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

int
ag_findings_exit_status(enum ag_load_status status)
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

void
ag_findings_write_sizes(const struct ag_policy *policy, struct ag_buf *out)
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
