/*
 * Preloaded, it writes what a program says to syslog into the file that
 * SYSLOG_FILE names, as a syslog daemon writes it: a test has no syslog daemon,
 * and /dev/log is the machine's.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* glibc's, where a program is built with _FORTIFY_SOURCE */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list ap);

static char ident[64] = "-";
static char file[4096];

/* Sendmail forgets its environment. */
__attribute__((constructor)) static void
remember_file(void)
{
	const char *name = getenv("SYSLOG_FILE");

	if (name != NULL)
		snprintf(file, sizeof(file), "%s", name);
}

/* One write a line: processes write at the same time. */
static void
write_line(const char *line, size_t len)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);

	if (fd < 0)
		return;
	if (write(fd, line, len) < 0)
		abort();
	close(fd);
}

static size_t
at_most(int n, size_t max)
{
	return n < 0 ? 0 : (size_t)n < max ? (size_t)n : max - 1;
}

static void
say(const char *format, va_list ap)
{
	char text[8000], line[8200], when[32];
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	strftime(when, sizeof(when), "%b %e %H:%M:%S", localtime_r(&now, &tm));
	vsnprintf(text, sizeof(text), format, ap);
	n = at_most(snprintf(line, sizeof(line), "%s mx %s[%d]: %s\n", when,
			ident, (int)getpid(), text),
	    sizeof(line));
	write_line(line, n);
}

void
openlog(const char *name, int option, int facility)
{
	(void)option;
	(void)facility;
	if (name != NULL)
		snprintf(ident, sizeof(ident), "%s", name);
}

void
vsyslog(int priority, const char *format, va_list ap)
{
	(void)priority;
	say(format, ap);
}

void
__vsyslog_chk(int priority, int flag, const char *format, va_list ap)
{
	(void)flag;
	vsyslog(priority, format, ap);
}

void
syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	vsyslog(priority, format, ap);
	va_end(ap);
}
