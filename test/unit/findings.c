#include "findings.h"

#include <string.h>

static void
copy(const char *from, char *to, size_t size)
{
	struct ag_buf buf = ag_buf(to, size);

	ag_buf_text(&buf, from);
}

static void
keep(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	struct findings *findings = arg;
	struct finding *item = &findings->item[findings->n];
	struct ag_buf place = AG_BUF(item->where);

	if (findings->n == FINDINGS_MAX)
		return;
	item->severity = severity;
	ag_origin_write(where, &place);
	copy(text, item->text, sizeof(item->text));
	findings->n++;
}

void
findings_begin(struct findings *findings)
{
	memset(findings, 0, sizeof(*findings));
	findings->diag.emit = keep;
	findings->diag.arg = findings;
}

static unsigned
count(const struct findings *findings, enum ag_severity severity)
{
	unsigned n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->item[i].severity == severity;
	return n;
}

void
expect_findings_at(const char *input, const struct findings *findings,
    const char *expected, const char *file, int line)
{
	static char all[FINDINGS_MAX * 1024];
	struct ag_buf buf = AG_BUF(all);

	for (size_t i = 0; i < findings->n; i++)
		ag_buf_printf(&buf, "%s %s: %s\n",
		    ag_severity_name(findings->item[i].severity),
		    findings->item[i].where, findings->item[i].text);
	expect_text_at(input, all, expected, file, line);
	expect_number_at("errors", findings->diag.errors,
	    count(findings, AG_ERROR), file, line);
	expect_number_at("bad lines", findings->diag.bad_lines,
	    count(findings, AG_BAD_LINE), file, line);
	expect_number_at("warnings", findings->diag.warnings,
	    count(findings, AG_WARNING), file, line);
}

void
expect_text_at(const char *input, const char *got, const char *expected,
    const char *file, int line)
{
	if (strcmp(got, expected) == 0)
		return;
	print_error("input:    |%s|\nexpected: |%s|\ngot:      |%s|\n", input,
	    expected, got);
	_fail(file, line);
}

void
expect_number_at(const char *input, int64_t got, int64_t expected,
    const char *file, int line)
{
	if (got == expected)
		return;
	print_error("input:    |%s|\nexpected: %lld\ngot:      %lld\n", input,
	    (long long)expected, (long long)got);
	_fail(file, line);
}
