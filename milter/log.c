#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As much of a value as is logged, so that the line holds all keys. */
#define VALUE_MAX 520

static bool to_syslog;
static bool to_stderr;

static int
facility_number(struct ag_str name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = { { "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV },
		{ "cron", LOG_CRON }, { "daemon", LOG_DAEMON },
		{ "ftp", LOG_FTP }, { "kern", LOG_KERN }, { "lpr", LOG_LPR },
		{ "mail", LOG_MAIL }, { "news", LOG_NEWS },
		{ "syslog", LOG_SYSLOG }, { "user", LOG_USER },
		{ "uucp", LOG_UUCP }, { "local0", LOG_LOCAL0 },
		{ "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 },
		{ "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 },
		{ "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 },
		{ "local7", LOG_LOCAL7 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (ag_str_eq(name, ag_str(table[i].name)))
			return table[i].number;
	return LOG_MAIL;
}

void
ag_log_open(const char *ident, struct ag_str facility, bool only_stderr)
{
	to_syslog = !only_stderr;
	to_stderr = only_stderr || isatty(STDERR_FILENO);
	if (to_syslog)
		openlog(ident, LOG_PID | LOG_NDELAY, facility_number(facility));
}

void
ag_log(int priority, const char *format, ...)
{
	char line[AG_LOG_LINE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (to_syslog)
		syslog(priority, "%s", line);
	if (to_stderr)
		fprintf(stderr, "%s\n", line);
}

static bool
needs_quotes(struct ag_str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == ' ' || value.ptr[i] == '"' ||
		    value.ptr[i] == '\\' || ag_is_control(value.ptr[i]))
			return true;
	return ag_str_eq(value, ag_str("-"));
}

static void
add_escaped(struct ag_buf *line, char c)
{
	if (ag_is_control(c))
		ag_buf_printf(line, "\\x%02x", (unsigned char)c);
	else if (c == '"' || c == '\\')
		ag_buf_printf(line, "\\%c", c);
	else
		ag_buf_char(line, c);
}

void
ag_log_key(struct ag_buf *line, const char *key, struct ag_str value)
{
	bool quotes;

	value = ag_str_head(value, VALUE_MAX);
	quotes = needs_quotes(value);
	ag_buf_printf(line, "%s%s=%s", line->len > 0 ? " " : "", key,
	    quotes ? "\"" : "");
	for (size_t i = 0; i < value.len; i++)
		add_escaped(line, value.ptr[i]);
	ag_buf_text(line, value.len == 0 ? "-" : quotes ? "\"" : "");
}
