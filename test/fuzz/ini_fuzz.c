/* An INI file, read as the server's and as a domain's. */
#include "fuzz.h"

#include <string.h>

#include "policy/config/ini.h"

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/*
 * Whatever it is given in place of a value, iniparser gives it back.  So much
 * of a file no finding shows that it could end so.
 */
static void
check_finding(void *arg, enum ag_severity severity,
    const struct ag_origin *where, const char *text)
{
	fuzz_check_finding(arg, severity, where, text);
	HOLDS(!ends_with(text,
	    " is read otherwise by iniparser; write it another way"));
	HOLDS(strcmp(text, "iniparser cannot read the file") != 0);
}

static void
read_ini(struct ag_values *values, struct ag_str text, enum ag_place place,
    struct ag_arena *arena, struct ag_diag *diag)
{
	*diag = (struct ag_diag){ .emit = check_finding };
	ag_ini_read(values, text, "fuzz.ini", place, arena, diag);
}

static void
expect_good_value(enum ag_key key, const struct ag_value *value,
    enum ag_place place)
{
	char reason[512];
	struct ag_buf why = AG_BUF(reason);

	HOLDS((ag_setting(key)->place & place) != 0);
	HOLDS(value->origin.line > 0);
	/* the scan lets nothing pass that iniparser cannot read */
	HOLDS(value->text.ptr != ag_setting(key)->fallback);
	HOLDS(ag_setting_check(key, value->text, &why));
}

/* Writes the value as a line of a file; nothing where it cannot be quoted. */
static void
write_value(enum ag_key key, const struct ag_value *value, struct ag_buf *out)
{
	const struct ag_setting *s = ag_setting(key);
	char quote = ag_str_has(value->text, '"') ? '\'' : '"';

	if (!ag_str_has(value->text, quote) && value->text.len < 900)
		ag_buf_printf(out, "[%s]\n%s = %c%.*s%c\n", s->section, s->name,
		    quote, AG_STR_ARG(value->text), quote);
}

/* What was kept, written in quotes, is read as the same. */
static void
expect_same_again(const struct ag_values *values, enum ag_place place,
    struct ag_arena *arena)
{
	static char text[AG_KEY_COUNT * 1024];
	struct ag_buf buf = AG_BUF(text);
	struct ag_values again;
	struct ag_diag diag;

	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_value_is_given(&values->value[i]))
			write_value((enum ag_key)i, &values->value[i], &buf);
	read_ini(&again, ag_buf_get(&buf), place, arena, &diag);
	HOLDS(diag.errors == 0);
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_value_is_given(&again.value[i]))
			HOLDS(ag_str_eq(again.value[i].text,
			    values->value[i].text));
}

static void
read_as(struct ag_str text, enum ag_place place)
{
	struct ag_arena arena = { 0 };
	struct ag_values values;
	struct ag_diag diag;

	read_ini(&values, text, place, &arena, &diag);
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_value_is_given(&values.value[i]))
			expect_good_value((enum ag_key)i, &values.value[i],
			    place);
	expect_same_again(&values, place, &arena);
	ag_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(fuzz_text(data, size), AG_SERVER);
	read_as(fuzz_text(data, size), AG_DOMAIN);
	return 0;
}
