/* ini.c - reads one INI file, and checks what iniparser made of it */
#include "policy/config/ini.h"

#include <errno.h>
#include <iniparser/iniparser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* iniparser fails a file with a line over 1,024 bytes, newline included */
#define LINE_MAX_BYTES 1000

/* A line of the file, taken apart; what iniparser makes of it does not count.
 */
struct line {
	struct ag_str code; /* without the comment */
	struct ag_str name;
	struct ag_str value; /* without quotes */
};

struct scan {
	struct ag_values *values;
	struct ag_arena *arena;
	struct ag_diag *diag;
	struct ag_origin at;
	enum ag_place place;
	struct ag_str
	    section; /* empty in front of the first and in an unknown one */
	bool skip;   /* what stands in an unknown section */
	FILE *clean; /* what iniparser is given */
	struct ag_origin seen[AG_KEY_COUNT];
};

static void report(struct scan *scan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
report(struct scan *scan, const char *format, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ag_diag_report(scan->diag, AG_ERROR, &scan->at, "%s", text);
}

static bool
is_comment_sign(char c)
{
	return c == ';' || c == '#';
}

/* Whether what stands behind a value is nothing, or a blank and a comment. */
static bool
is_comment(struct ag_str rest)
{
	bool blank =
	    rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');

	rest = ag_str_trim(rest);
	return rest.len == 0 || (blank && is_comment_sign(rest.ptr[0]));
}

/* ---- sections ---- */

/* Whether some key of the section may stand in this file. */
static bool
has_section(struct ag_str section, enum ag_place place)
{
	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);

		if (ag_str_ieq(section, ag_str(s->section)) &&
		    (s->place & place) != 0)
			return true;
	}
	return false;
}

static const char *
nearest_section(struct ag_str section, enum ag_place place)
{
	const char *best = NULL;
	unsigned least = 3;

	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);
		unsigned d = ag_str_distance(section, ag_str(s->section));

		if (d < least && (s->place & place) != 0) {
			least = d;
			best = s->section;
		}
	}
	return best;
}

static void
report_section(struct scan *scan, struct ag_str section)
{
	const char *near = nearest_section(section, scan->place);

	if (has_section(section, AG_BOTH))
		report(scan,
		    scan->place == AG_DOMAIN ?
			"[%s] is the server's; set it in authgate.ini" :
			"[%s] belongs in a domain's file, domains/NAME.ini",
		    AG_SHOWN(section));
	else if (near != NULL)
		report(scan, "there is no section [%s]; did you mean [%s]?",
		    AG_SHOWN(section), near);
	else
		report(scan, "there is no section [%s]", AG_SHOWN(section));
}

static void
scan_section(struct scan *scan, struct ag_str line)
{
	size_t end = ag_str_find(line, ']');
	struct ag_str rest = ag_str_skip(line, end + 1);
	struct ag_str name =
	    ag_str_trim(ag_str_skip(ag_str_head(line, end), 1));

	scan->skip = true;
	/* what it was meant to be is clear, so that its keys can be read */
	if (end == line.len)
		report(scan, "the section has no closing ]");
	else if (!is_comment(rest))
		report(scan, "there is text behind the section's ]");
	if (!has_section(name, scan->place)) {
		report_section(scan, name);
		return;
	}
	scan->skip = false;
	scan->section = name;
	fprintf(scan->clean, "[%.*s]\n", AG_STR_ARG(name));
}

/* ---- keys ---- */

/* The key most like name; one of this section goes before one of another. */
static enum ag_key
nearest_key(struct scan *scan, struct ag_str name)
{
	unsigned least = 2 * (2 + (unsigned)name.len / 5) + 2;
	enum ag_key best = AG_KEY_NONE;

	for (unsigned i = 0; i < AG_KEY_COUNT; i++) {
		const struct ag_setting *s = ag_setting((enum ag_key)i);
		unsigned d = 2 * ag_str_distance(name, ag_str(s->name)) +
		    !ag_str_ieq(scan->section, ag_str(s->section));

		if (d < least && (s->place & scan->place) != 0) {
			least = d;
			best = (enum ag_key)i;
		}
	}
	return best;
}

static void
report_key(struct scan *scan, struct ag_str name)
{
	enum ag_key near = nearest_key(scan, name);
	const struct ag_setting *s;

	if (near == AG_KEY_NONE) {
		report(scan, "[%.*s] has no key %s", AG_STR_ARG(scan->section),
		    AG_SHOWN(name));
		return;
	}
	s = ag_setting(near);
	if (ag_str_ieq(name, ag_str(s->name)))
		report(scan, "%s belongs in [%s], not in [%.*s]", s->name,
		    s->section, AG_STR_ARG(scan->section));
	else
		report(scan, "[%.*s] has no key %s; did you mean [%s] %s?",
		    AG_STR_ARG(scan->section), AG_SHOWN(name), s->section,
		    s->name);
}

/* The key, or AG_KEY_NONE after a finding. */
static enum ag_key
known_key(struct scan *scan, struct ag_str name)
{
	enum ag_key key = ag_setting_find(scan->section, name);

	if (key == AG_KEY_NONE) {
		report_key(scan, name);
		return AG_KEY_NONE;
	}
	if ((ag_setting(key)->place & scan->place) == 0) {
		report(scan,
		    scan->place == AG_DOMAIN ?
			"%.*s is the server's; set it in authgate.ini" :
			"%.*s belongs in a domain's file, domains/NAME.ini",
		    AG_STR_ARG(name));
		return AG_KEY_NONE;
	}
	if (scan->seen[key].file != NULL) {
		report(scan, "%.*s is there twice, see line %u",
		    AG_STR_ARG(name), scan->seen[key].line);
		return AG_KEY_NONE;
	}
	scan->seen[key] = scan->at;
	return key;
}

/* ---- values ---- */

/*
 * Releases of iniparser differ in what quotes, backslashes and comment signs
 * mean in a value.  It is given bytes in their place that mean nothing to any
 * of them, and that no value has: it then has to give back what it was given.
 */
static const char meaning[] = "\"'\\;# \t";

#define AG_NEUTRAL(value) neutral((value), (char[LINE_MAX_BYTES + 1]){ 0 })

static const char *
neutral(struct ag_str value, char buf[static LINE_MAX_BYTES + 1])
{
	struct ag_buf out = ag_buf(buf, LINE_MAX_BYTES + 1);

	for (size_t i = 0; i < value.len; i++) {
		size_t sign = ag_str_find(ag_str(meaning), value.ptr[i]);

		ag_buf_char(&out,
		    sign < sizeof(meaning) - 1 ? (char)(sign + 1) :
						 value.ptr[i]);
	}
	return buf;
}

static void
report_quotes_needed(struct scan *scan, struct ag_str value, char sign)
{
	char quote = ag_str_has(value, '"') ? '\'' : '"';

	report(scan, "%c needs quotes here: %c%s%c", sign, quote,
	    AG_SHOWN(value), quote);
}

static bool
scan_quoted(struct scan *scan, struct ag_str text, struct line *line)
{
	struct ag_str inner = ag_str_skip(text, 1);
	size_t end = ag_str_find(inner, text.ptr[0]);
	struct ag_str rest = ag_str_skip(inner, end + 1);

	if (end == inner.len) {
		report(scan, "the quote %c is not closed", text.ptr[0]);
		return false;
	}
	if (!is_comment(rest)) {
		report(scan, "there is text behind the closing quote");
		return false;
	}
	line->value = ag_str_head(inner, end);
	line->code.len -= rest.len;
	return true;
}

/* A comment sign begins a comment behind a blank, and nowhere else. */
static bool
scan_unquoted(struct scan *scan, struct ag_str text, struct line *line)
{
	bool reply = ag_str_ieq(scan->section, ag_str("reply"));

	line->value = text;
	for (size_t i = 0; i < text.len; i++) {
		/* text.ptr[-1] is the blank or = in front of the value */
		char before = text.ptr[(ptrdiff_t)i - 1];

		if (!is_comment_sign(text.ptr[i]))
			continue;
		if (reply || (before != ' ' && before != '\t')) {
			report_quotes_needed(scan, text, text.ptr[i]);
			return false;
		}
		line->value = ag_str_trim(ag_str_head(text, i));
		line->code.len -= text.len - i;
		break;
	}
	return true;
}

/* Elsewhere such a line goes on in the next one. */
static bool
ends_in_backslash(struct scan *scan, struct ag_str code)
{
	code = ag_str_trim(code);
	if (code.len == 0 || code.ptr[code.len - 1] != '\\')
		return false;
	report(scan,
	    "the line ends in \\, which would join the next one to it; "
	    "write it as one line");
	return true;
}

/* Takes "name = value" apart; false after a finding. */
static bool
scan_pair(struct scan *scan, struct ag_str text, struct line *line)
{
	size_t eq = ag_str_find(text, '=');
	struct ag_str value = ag_str_trim(ag_str_skip(text, eq + 1));

	line->code = text;
	line->name = ag_str_trim(ag_str_head(text, eq));
	line->value = value;
	if (eq == text.len || line->name.len == 0) {
		report(scan,
		    "the line is neither \"[section]\" nor "
		    "\"key = value\" nor a comment");
		return false;
	}
	if (value.len == 0)
		return true;
	return value.ptr[0] == '"' || value.ptr[0] == '\'' ?
	    scan_quoted(scan, value, line) :
	    scan_unquoted(scan, value, line);
}

static void
scan_key(struct scan *scan, struct ag_str text)
{
	struct line line;
	enum ag_key key;
	char reason[512];
	struct ag_buf why = AG_BUF(reason);

	if (scan->section.len == 0) {
		report(scan, "the line stands in front of the first [section]");
		return;
	}
	if (!scan_pair(scan, text, &line) || ends_in_backslash(scan, line.code))
		return;
	key = known_key(scan, line.name);
	if (key == AG_KEY_NONE)
		return;
	if (!ag_setting_check(key, line.value, &why)) {
		report(scan, "%s = %s: %s", ag_setting(key)->name,
		    AG_SHOWN(line.value), reason);
		return;
	}
	scan->values->value[key] =
	    (struct ag_value){ ag_arena_str(scan->arena, line.value),
		    scan->at };
	fprintf(scan->clean, "%s = %s\n", ag_setting(key)->name,
	    AG_NEUTRAL(line.value));
}

static void
scan_line(struct scan *scan, struct ag_str line)
{
	line = ag_str_trim(line);
	if (line.len == 0 || is_comment_sign(line.ptr[0]))
		return;
	if (memchr(line.ptr, '\0', line.len) != NULL)
		report(scan, "the line has a NUL byte; is this a text file?");
	else if (line.len > LINE_MAX_BYTES)
		report(scan,
		    "the line is longer than %d bytes; put long lists "
		    "into a file",
		    LINE_MAX_BYTES);
	else if (line.ptr[0] == '[')
		scan_section(scan, line);
	else if (!scan->skip)
		scan_key(scan, line);
}

static void
scan_text(struct scan *scan, struct ag_str text)
{
	struct ag_str line;

	if (ag_str_drop_mark(&text)) {
		scan->at.line = 1;
		report(scan,
		    "the file begins with a byte order mark; save it "
		    "as plain UTF-8");
		scan->at.line = 0;
	}
	while (ag_str_line(&text, &line)) {
		scan->at.line++;
		scan_line(scan, line);
	}
}

/* ---- whether iniparser makes the same of it ---- */

static int
ignore_complaint(const char *format, ...)
{
	(void)format;
	return 0;
}

static void
compare_value(struct scan *scan, const dictionary *dict, enum ag_key key)
{
	struct ag_value *value = &scan->values->value[key];
	const struct ag_setting *s = ag_setting(key);
	char name[128];
	const char *text;

	snprintf(name, sizeof(name), "%s:%s", s->section, s->name);
	text = iniparser_getstring(dict, name, NULL);
	if (text != NULL && strcmp(text, AG_NEUTRAL(value->text)) == 0)
		return;
	ag_diag_report(scan->diag, AG_ERROR, &value->origin,
	    "%s is read otherwise by iniparser; write it another way", s->name);
	*value = (struct ag_value){ ag_str(s->fallback), { NULL, 0 } };
}

static void
compare_values(struct scan *scan, int fd)
{
	dictionary *dict;
	char path[64];

	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	iniparser_set_error_callback(ignore_complaint);
	dict = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	if (dict == NULL) {
		scan->at.line = 0;
		report(scan, "iniparser cannot read the file");
		return;
	}
	for (unsigned i = 0; i < AG_KEY_COUNT; i++)
		if (ag_value_is_given(&scan->values->value[i]))
			compare_value(scan, dict, (enum ag_key)i);
	iniparser_freedict(dict);
}

void
ag_ini_read(struct ag_values *values, struct ag_str text, const char *shown,
    enum ag_place place, struct ag_arena *arena, struct ag_diag *diag)
{
	struct scan scan = { .values = values,
		.arena = arena,
		.diag = diag,
		.at = { shown, 0 },
		.place = place };
	int fd = memfd_create("authgate.ini", MFD_CLOEXEC);

	ag_values_init(values);
	scan.clean = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (scan.clean == NULL) {
		if (fd >= 0)
			close(fd);
		report(&scan, "cannot read the file: %s", strerror(errno));
		return;
	}
	scan_text(&scan, text);
	if (fflush(scan.clean) != 0)
		report(&scan, "cannot read the file: %s", strerror(errno));
	else
		compare_values(&scan, fd);
	fclose(scan.clean);
}
