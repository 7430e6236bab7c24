#include <stddef.h>

/* facilitynames[] */
#define SYSLOG_NAMES
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As much of a value as is logged, so that the line holds all keys. */
#define VALUE_MAX 520

/* Held for reading by who logs, for writing by who opens the log anew. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static bool to_syslog;
static bool to_stderr;

static int
facility_number(struct ag_str name)
{
	for (const CODE *f = facilitynames; f->c_name != NULL; f++)
		if (ag_str_eq(name, ag_str(f->c_name)))
			return f->c_val;
	return LOG_MAIL;
}

void
ag_log_open(struct ag_str ident, struct ag_str facility, bool only_stderr)
{
	/* openlog() keeps the pointer */
	static char name[64];

	pthread_rwlock_wrlock(&lock);
	to_syslog = !only_stderr;
	to_stderr = only_stderr || isatty(STDERR_FILENO);
	if (to_syslog) {
		closelog();
		snprintf(name, sizeof(name), "%.*s", AG_STR_ARG(ident));
		openlog(name, LOG_PID | LOG_NDELAY, facility_number(facility));
	}
	pthread_rwlock_unlock(&lock);
}

void
ag_log(int priority, const char *format, ...)
{
	char line[AG_LOG_LINE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	pthread_rwlock_rdlock(&lock);
	if (to_syslog)
		syslog(priority, "%s", line);
	if (to_stderr)
		fprintf(stderr, "%s\n", line);
	pthread_rwlock_unlock(&lock);
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
