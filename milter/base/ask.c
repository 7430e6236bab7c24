/* ask.c - says words on the control socket, and waits for the answer */
#include "milter/base/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/policy.h"
#include "milter/base/clock.h"
#include "milter/base/print.h"

#define SUFFIX ".control"
#define OTHER_FOLDER "/run/authgate/"

/* Between two questions, where the daemon hung up. */
#define FIRST_PAUSE_MS 50
#define LAST_PAUSE_MS 800

/* An answer has some hundred findings at most. */
#define ANSWER_MAX ((size_t)4 * 1024 * 1024)

bool
ag_ask_address(struct ag_str place, struct sockaddr_un *address)
{
	struct ag_buf path = AG_BUF(address->sun_path);

	address->sun_family = AF_UNIX;
	if (ag_str_starts(place, "unix:")) {
		ag_buf_str(&path, ag_str_skip(place, sizeof("unix:") - 1));
	} else {
		place = ag_str_skip(place, ag_str_find(place, ':') + 1);
		ag_buf_text(&path, OTHER_FOLDER);
		ag_buf_str(&path, ag_str_head(place, ag_str_find(place, '@')));
	}
	ag_buf_text(&path, SUFFIX);
	return !path.cut;
}

static int
open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* One time limit for all of it. */
struct asking {
	int fd;
	int64_t end; /* monotonic milliseconds */
};

/* False, with errno ETIMEDOUT, when the time is over. */
static bool
wait_until(const struct asking *asking, short events)
{
	struct pollfd fd = { asking->fd, events, 0 };
	int64_t left = asking->end - ag_clock_now();
	int n = 0;

	while (left > 0 && (n = poll(&fd, 1, (int)left)) < 0 && errno == EINTR)
		left = asking->end - ag_clock_now();
	if (left <= 0 || n == 0)
		errno = ETIMEDOUT;
	return left > 0 && n > 0;
}

/* A queue of clients that is full is waited for as well. */
static bool
reach(struct asking *asking, const struct sockaddr_un *address)
{
	int64_t left = asking->end - ag_clock_now();
	struct timeval limit = { (time_t)(left / 1000), 0 };

	setsockopt(asking->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(asking->fd, (const struct sockaddr *)address,
		sizeof(*address)) == 0)
		return true;
	if (errno == EAGAIN)
		errno = ETIMEDOUT;
	return false;
}

/* A line is short: it is taken at once. */
static bool
say(const struct asking *asking, const char *words)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\n", words);

	return send(asking->fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* All that comes until the end; to be freed; NULL: errno. */
static char *
receive_all(const struct asking *asking)
{
	size_t room = 65536, len = 0;
	char *text = malloc(room);

	while (text != NULL && wait_until(asking, POLLIN)) {
		ssize_t n =
		    recv(asking->fd, text + len, room - len - 1, MSG_DONTWAIT);

		if (n == 0 && len > 0) {
			text[len] = '\0';
			return text;
		}
		if (n == 0)
			errno = ECONNRESET;
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			break;
		len += n > 0 ? (size_t)n : 0;
		if (room - len == 1) {
			char *grown =
			    room < ANSWER_MAX ? realloc(text, room *= 2) : NULL;

			if (grown == NULL)
				break;
			text = grown;
		}
	}
	free(text);
	return NULL;
}

/* 0 and a text to be freed, or errno. */
static int
exchange(const struct sockaddr_un *address, const char *words, int seconds,
    char **answer)
{
	struct asking asking = { open_socket(),
		ag_clock_now() + seconds * INT64_C(1000) };
	int error;

	*answer = NULL;
	if (asking.fd < 0)
		return errno;
	if (reach(&asking, address) && say(&asking, words))
		*answer = receive_all(&asking);
	error = *answer != NULL ? 0 : errno;
	close(asking.fd);
	return error;
}

/*
 * In a crowd the daemon hangs up on who waits longest: then it is asked again,
 * a few times and more and more seldom.  0 or errno, as exchange().
 */
static int
exchange_again(const struct sockaddr_un *address,
    const struct ag_question *question, char **answer)
{
	int pause_ms = FIRST_PAUSE_MS, error;

	while ((error = exchange(address, question->words, question->seconds,
		    answer)) == ECONNRESET &&
	    pause_ms <= LAST_PAUSE_MS) {
		poll(NULL, 0, pause_ms);
		pause_ms *= 2;
	}
	return error;
}

static bool
is_no_daemon(int error)
{
	return error == ENOENT || error == ECONNREFUSED;
}

/* The exit status, after a message. */
static int
complain(const struct ag_question *question, const char *path, int error)
{
	const char *name = question->command;

	if (error == EACCES || error == EPERM) {
		ag_print_line(stderr,
		    "authgate %s: no permission for %s; root, the daemon's "
		    "user and its socket_group have it",
		    name, path);
		return EX_NOPERM;
	}
	if (error == ETIMEDOUT)
		ag_print_line(stderr,
		    "authgate %s: the daemon on %s gave no answer within %d "
		    "%s; it is stopped, or it reads its files",
		    name, path, question->seconds,
		    ag_plural((uint64_t)question->seconds, "second",
			"seconds"));
	else if (error == ECONNRESET)
		ag_print_line(stderr,
		    "authgate %s: the daemon on %s gave no answer", name, path);
	else
		ag_print_line(stderr,
		    "authgate %s: no daemon answers on %s: %s", name, path,
		    strerror(error));
	return EX_UNAVAILABLE;
}

int
ag_ask(const struct ag_question *question, char **answer)
{
	struct sockaddr_un address = { 0 };
	char place[4096];
	struct ag_buf buf = AG_BUF(place);
	int error;

	*answer = NULL;
	if (!ag_policy_peek(question->config, AG_KEY_SOCKET, &buf)) {
		ag_print_line(stderr, "authgate %s: %s cannot be read: %s",
		    question->command, question->config,
		    errno == EISDIR ? "not a regular file" : strerror(errno));
		return EX_NOINPUT;
	}
	ag_ask_address(ag_buf_get(&buf), &address);
	error = exchange_again(&address, question, answer);
	if (question->may_be_none && is_no_daemon(error))
		return EX_OK;
	return error == 0 ? EX_OK : complain(question, address.sun_path, error);
}
