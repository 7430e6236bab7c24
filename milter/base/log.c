/* log.c - writes log lines through a bounded queue */
#include <stddef.h>

/* facilitynames[] */
#define SYSLOG_NAMES
#include "milter/base/log.h"

#include <errno.h>
#include <paths.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As much of a value, escaped, as there can be in AG_LOG_LINE_MAX. */
#define VALUE_MAX 520

/* ---- where lines go: for the writer alone, once it runs ---- */

struct target {
	char ident[64];
	int facility;
	bool to_syslog;
	bool to_stderr;
};

static struct target current;

static int
facility_number(struct ag_str name)
{
	for (const CODE *f = facilitynames; f->c_name != NULL; f++)
		if (ag_str_eq(name, ag_str(f->c_name)))
			return f->c_val;
	return LOG_MAIL;
}

static void
open_target(const struct target *target)
{
	current = *target;
	if (!current.to_syslog)
		return;
	closelog();
	/* it keeps the pointer */
	openlog(current.ident, LOG_PID | LOG_NDELAY, current.facility);
}

/* Lines that nobody took, and so many of them as the log knows of. */
static atomic_uint_fast64_t lost;
static uint64_t lost_told;

/* syslog(3) does not tell: whether somebody listens. */
static bool
is_heard(void)
{
	const struct sockaddr_un address = { AF_UNIX, _PATH_LOG };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool heard = fd < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
		0 ||
	    errno == EPROTOTYPE;

	if (fd >= 0)
		close(fd);
	return heard;
}

static void
write_to_syslog(int priority, const char *line)
{
	bool heard = is_heard();

	if (heard && lost > lost_told) {
		syslog(LOG_ERR,
		    "%llu log %s lost, because nobody listened at " _PATH_LOG,
		    (unsigned long long)(lost - lost_told),
		    ag_plural(lost - lost_told, "line was", "lines were"));
		lost_told = lost;
	}
	lost += !heard;
	syslog(priority, "%s", line);
}

static void
write_line(int priority, const char *line)
{
	if (current.to_syslog)
		write_to_syslog(priority, line);
	if (current.to_stderr)
		fprintf(stderr, "%s\n", line);
}

/* ---- the queue ---- */

/* How long the end waits for lines that syslog does not take. */
#define STOP_MS 2000

/* Some two thousand lines about decisions. */
#define QUEUE_BYTES ((size_t)1024 * 1024)

/* In front of each line in the queue. */
struct head {
	size_t len; /* with the terminator */
	int priority;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t writer;
static int written = -1; /* an eventfd: the writer has come to its end */
static struct {
	bool running;
	bool ending;
	bool reopen; /* next is what counts from now on */
	struct target next;
	char bytes[QUEUE_BYTES]; /* a ring */
	size_t first;
	size_t used;
	/* changed with the lock, read without it */
	atomic_uint_fast64_t waiting; /* lines that are not written yet */
	atomic_uint_fast64_t dropped; /* since the start */
	uint64_t told;                /* of them, so many the log knows of */
} queue;

static void
put_bytes(const void *from, size_t n)
{
	size_t at = (queue.first + queue.used) % QUEUE_BYTES;
	size_t straight = n < QUEUE_BYTES - at ? n : QUEUE_BYTES - at;

	memcpy(queue.bytes + at, from, straight);
	memcpy(queue.bytes, (const char *)from + straight, n - straight);
	queue.used += n;
}

static void
take_bytes(void *to, size_t n)
{
	size_t straight =
	    n < QUEUE_BYTES - queue.first ? n : QUEUE_BYTES - queue.first;

	memcpy(to, queue.bytes + queue.first, straight);
	memcpy((char *)to + straight, queue.bytes, n - straight);
	queue.first = (queue.first + n) % QUEUE_BYTES;
	queue.used -= n;
}

static void
put_line(int priority, const char *line)
{
	struct head head = { strlen(line) + 1, priority };

	if (QUEUE_BYTES - queue.used < sizeof(head) + head.len) {
		queue.dropped++;
		return;
	}
	put_bytes(&head, sizeof(head));
	put_bytes(line, head.len);
	queue.waiting++;
	pthread_cond_signal(&changed);
}

/* The next line; one about dropped lines where some were. */
static int
take_line(char line[static AG_LOG_LINE_MAX])
{
	struct head head;

	if (queue.used == 0) {
		queue.waiting++;
		snprintf(line, AG_LOG_LINE_MAX,
		    "%llu log %s dropped, because syslog did not take them",
		    (unsigned long long)(queue.dropped - queue.told),
		    ag_plural(queue.dropped - queue.told, "line was",
			"lines were"));
		queue.told = queue.dropped;
		return LOG_ERR;
	}
	take_bytes(&head, sizeof(head));
	take_bytes(line, head.len);
	return head.priority;
}

static bool
has_line(void)
{
	return queue.used > 0 || queue.dropped > queue.told;
}

static void *
run_writer(void *arg)
{
	const uint64_t one = 1;
	char line[AG_LOG_LINE_MAX];

	pthread_mutex_lock(&lock);
	while (has_line() || !queue.ending) {
		struct target target = queue.next;
		bool reopen = queue.reopen, any = has_line();
		int priority = any ? take_line(line) : 0;

		if (!any && !reopen) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		queue.reopen = false;
		/* only here can it take long */
		pthread_mutex_unlock(&lock);
		if (reopen)
			open_target(&target);
		if (any)
			write_line(priority, line);
		pthread_mutex_lock(&lock);
		queue.waiting -= any;
	}
	pthread_mutex_unlock(&lock);
	(void)!write(written, &one, sizeof(one));
	return arg;
}

int
ag_log_start(void)
{
	int error;

	written = eventfd(0, EFD_CLOEXEC);
	error = written < 0 ? errno :
			      pthread_create(&writer, NULL, run_writer, NULL);

	pthread_mutex_lock(&lock);
	queue.running = error == 0;
	pthread_mutex_unlock(&lock);
	return error;
}

void
ag_log_stop(void)
{
	struct pollfd done = { written, POLLIN, 0 };

	pthread_mutex_lock(&lock);
	queue.ending = true;
	queue.running = false;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	/* a span, and not a time of a clock that may be set meanwhile */
	if (poll(&done, 1, STOP_MS) == 1)
		pthread_join(writer, NULL);
}

struct ag_log_counts
ag_log_counts(void)
{
	return (struct ag_log_counts){ queue.waiting, queue.dropped, lost };
}

/* ---- lines ---- */

void
ag_log_open(struct ag_str ident, struct ag_str facility, bool only_stderr)
{
	struct target target = { .facility = facility_number(facility),
		.to_syslog = !only_stderr,
		.to_stderr = only_stderr || isatty(STDERR_FILENO) };

	snprintf(target.ident, sizeof(target.ident), "%.*s", AG_STR_ARG(ident));
	pthread_mutex_lock(&lock);
	queue.next = target;
	queue.reopen = queue.running;
	pthread_cond_signal(&changed);
	if (!queue.running)
		open_target(&target);
	pthread_mutex_unlock(&lock);
}

/*
 * A start that fails is told to whoever made it: there may be no syslog.  Under
 * systemd the journal has the line from there already.
 */
static void
tell_starter(int priority, const char *line)
{
	if (priority <= LOG_ERR && !current.to_stderr &&
	    getenv("JOURNAL_STREAM") == NULL)
		fprintf(stderr, "%s\n", line);
}

void
ag_log(int priority, const char *format, ...)
{
	char raw[AG_LOG_LINE_MAX], line[AG_LOG_LINE_MAX];
	struct ag_buf plain = AG_BUF(line);
	va_list ap;

	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	ag_buf_plain(&plain, ag_str(raw));
	pthread_mutex_lock(&lock);
	if (queue.running) {
		put_line(priority, line);
	} else {
		write_line(priority, line);
		tell_starter(priority, line);
	}
	pthread_mutex_unlock(&lock);
}

static bool
needs_quotes(struct ag_str value)
{
	if (ag_str_eq(value, ag_str("-")))
		return true;
	while (value.len > 0) {
		bool plain;
		size_t n = ag_str_piece(value, &plain);

		if (!plain || *value.ptr == ' ' || *value.ptr == '"' ||
		    *value.ptr == '\\')
			return true;
		value = ag_str_skip(value, n);
	}
	return false;
}

/* In whole pieces, as many as fit. */
static void
add_escaped(struct ag_buf *out, struct ag_str value)
{
	while (value.len > 0 && !out->cut) {
		bool plain;
		struct ag_str piece =
		    ag_str_head(value, ag_str_piece(value, &plain));

		value = ag_str_skip(value, piece.len);
		if (*piece.ptr == '"')
			piece = ag_str("\\\"");
		else if (*piece.ptr == '\\')
			piece = ag_str("\\\\");
		ag_buf_piece(out, piece, plain);
	}
}

void
ag_log_key(struct ag_buf *line, const char *key, struct ag_str value)
{
	char text[VALUE_MAX];
	struct ag_buf escaped = AG_BUF(text);
	bool quotes = needs_quotes(value);

	add_escaped(&escaped, value);
	ag_buf_printf(line, "%s%s=%s", line->len > 0 ? " " : "", key,
	    quotes ? "\"" : "");
	ag_buf_str(line, ag_buf_get(&escaped));
	ag_buf_text(line, value.len == 0 ? "-" : quotes ? "\"" : "");
}

void
ag_log_listener(struct ag_buf *line, struct ag_str listener, unsigned port)
{
	char text[300];
	struct ag_buf value = AG_BUF(text);

	ag_buf_str(&value, listener);
	if (port > 0)
		ag_buf_printf(&value, ":%u", port);
	ag_log_key(line, "listener", ag_buf_get(&value));
}

/* ---- lines that fit ---- */

/* A value of a line, with its quotes, or whatever stands between two. */
struct field {
	struct ag_str key; /* with its "=" */
	struct ag_str value;
};

/* Takes the next "key=value" and the space behind it off the front of *line. */
static bool
take_field(struct ag_str *line, struct field *field)
{
	size_t begin = ag_str_find(*line, '=') + 1, end = begin;
	bool quoted = end < line->len && line->ptr[end] == '"';

	if (begin > line->len)
		return false;
	for (end += quoted; end < line->len; end++) {
		if (line->ptr[end] == (quoted ? '"' : ' '))
			break;
		end += quoted && line->ptr[end] == '\\';
	}
	end += quoted;
	field->key = ag_str_head(*line, begin);
	field->value = ag_str_head(ag_str_skip(*line, begin), end - begin);
	*line = ag_str_skip(*line, end + 1);
	return true;
}

/* Who decided, and by what, is never cut. */
static bool
may_cut(const struct field *field)
{
	return !ag_str_eq(field->key, ag_str("at="));
}

#define CUT "..."

static size_t
length_in(const struct field *field, size_t most)
{
	size_t len = field->value.len;

	return !may_cut(field) || len < most ? len : most;
}

/* How long the line becomes when values have so many bytes at most. */
static size_t
length_with(struct ag_str line, size_t most)
{
	struct field field;
	size_t sum = 0;

	while (take_field(&line, &field))
		sum += field.key.len + length_in(&field, most) + 1;
	return sum;
}

/* How long values may be. */
static size_t
longest_values(struct ag_str line)
{
	size_t fits = 16, too_long = VALUE_MAX;

	while (too_long - fits > 1) {
		size_t most = (fits + too_long) / 2;

		if (length_with(line, most) <= AG_LOG_LINE_FITS)
			fits = most;
		else
			too_long = most;
	}
	return fits;
}

/* The first pieces of a value, escapes whole, that leave room for CUT. */
static struct ag_str
head_of(struct ag_str value, size_t most)
{
	struct ag_str rest = value;
	size_t kept = 0;

	while (rest.len > 0) {
		bool plain;
		size_t n = ag_str_piece(rest, &plain);

		if (*rest.ptr == '\\')
			n = ag_str_starts(rest, "\\x") ? 4 : 2;
		if (kept + n > most)
			break;
		kept += n;
		rest = ag_str_skip(rest, n);
	}
	return ag_str_head(value, kept);
}

static void
put_field(struct ag_buf *out, const struct field *field, size_t most)
{
	bool quoted = field->value.len > 0 && *field->value.ptr == '"';

	if (out->len > 0)
		ag_buf_char(out, ' ');
	ag_buf_str(out, field->key);
	if (length_in(field, most) == field->value.len) {
		ag_buf_str(out, field->value);
		return;
	}
	ag_buf_str(out, head_of(field->value, most - sizeof(CUT) + 1 - quoted));
	ag_buf_text(out, quoted ? CUT "\"" : CUT);
}

void
ag_log_fit(struct ag_buf *line)
{
	char copy[AG_LOG_LINE_MAX];
	struct ag_buf out = AG_BUF(copy);
	struct ag_str rest = ag_buf_get(line);
	struct field field;
	size_t most;

	if (line->len <= AG_LOG_LINE_FITS)
		return;
	most = longest_values(rest);
	while (take_field(&rest, &field))
		put_field(&out, &field, most);
	line->len = 0;
	ag_buf_str(line, ag_buf_get(&out));
}
