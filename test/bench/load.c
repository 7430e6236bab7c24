/*
 * load - the MTA's side of a milter's connections, many at a time, and how
 * long each answer takes
 *
 * usage: load --sessions-from FILE [OPTION]... SOCKET
 *
 * SOCKET is unix:PATH or inet:PORT@ADDRESS.  Each connection is one SMTP
 * session, from negotiation to quit, of a line of FILE that is picked at
 * random; then the next begins.  A JSON object is printed at the end.  All is
 * bounded: by --seconds, and each answer by ten seconds.
 *
 *   --connections N    at a time (16)
 *   --seconds S        how long sessions are begun (5)
 *   --sessions N       ends earlier, after so many
 *   --messages N       a session (1)
 *   --rcpts N          a message (1)
 *   --think MS         between two commands of a client (0)
 *   --end abort|data   a message is given up after its recipients, or sent
 *   --body BYTES       of a message that is sent (4096)
 *   --idle N           further connections that say nothing after CONNECT
 *   --check            the verdicts must be those of FILE
 *   --seed N           of what is picked (1)
 *
 * Exit: 0, however many errors were counted.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "histogram.h"
#include "mta.h"
#include "options.h"

#define SECOND 1000000000ULL
#define ANSWER_LIMIT (10 * SECOND)
#define RETRY_AFTER (SECOND / 2000)
#define LAST_WORDS (30 * SECOND)
#define REPLY_MAX 2048
#define ERRORS_SHOWN 5

static struct load_options options;

/* What a session came to. */
enum outcome { OK, AT_CONNECT, AT_RCPT, PARTLY, AT_END, OUTCOMES };

static const char *const outcome_names[OUTCOMES] = { "ok", "connect", "rcpt",
	"partly", "end" };

enum state {
	CLOSED,
	RETRYING,    /* waits until the milter's queue has room */
	CONNECTING,  /* until the socket can be written to */
	NEGOTIATING, /* waits for the milter's wishes */
	THINKING,    /* waits, as a client would */
	WAITING,     /* waits for the reply to step */
	WRITING,     /* step is not written yet */
	IDLE
};

struct connection {
	int fd;
	enum state state;
	bool idle;   /* to stay so */
	bool silent; /* what is being written has no reply */
	bool negotiated;
	enum mta_step step;
	const struct sample *sample; /* NULL: to be picked */
	unsigned long message;       /* number of the one that is on */
	unsigned long at;    /* number of the recipient, field or chunk */
	unsigned long taken; /* recipients of this message */
	unsigned long refused;
	enum outcome outcome;
	uint64_t since; /* begin of the session, or of what is waited for */
	uint64_t due;   /* while it is in a queue */
	struct connection *next;
	struct mta_link link;
	struct mta_buf out;
	size_t written;
	unsigned char in[REPLY_MAX];
	size_t in_len;
};

/* Connections that wait, each for the same time; the first is due first. */
struct queue {
	struct connection *first;
	struct connection *last;
	uint64_t delay;
};

static struct {
	struct samples samples;
	struct connection *connections;
	size_t n;
	struct queue thinking;
	struct queue retrying;
	int epoll;
	uint64_t random;
	uint64_t begin;
	uint64_t end;     /* no session begins afterwards */
	size_t open;      /* connections that are not closed, idle ones aside */
	uint64_t started; /* sessions */
	uint64_t ended;
	uint64_t ended_in_time;
	uint64_t commands;
	uint64_t retries;
	uint64_t errors;
	uint64_t unexpected;
	uint64_t outcomes[OUTCOMES];
	struct histogram opening;
	struct histogram steps[MTA_STEPS];
} load;

/* ---- small things ---- */

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* xorshift64*; good enough to pick lines. */
static uint64_t
random_number(void)
{
	load.random ^= load.random >> 12;
	load.random ^= load.random << 25;
	load.random ^= load.random >> 27;
	return load.random * 0x2545F4914F6CDD1DULL;
}

static const struct sample *
pick_sample(void)
{
	return &load.samples.sample[(random_number() >> 16) % load.samples.n];
}

static void
enqueue(struct queue *queue, struct connection *c, enum state state)
{
	c->state = state;
	c->due = now() + queue->delay;
	c->next = NULL;
	if (queue->last != NULL)
		queue->last->next = c;
	else
		queue->first = c;
	queue->last = c;
}

static struct connection *
dequeue(struct queue *queue, uint64_t time)
{
	struct connection *c = queue->first;

	if (c == NULL || c->due > time)
		return NULL;
	queue->first = c->next;
	if (queue->first == NULL)
		queue->last = NULL;
	return c;
}

/* ---- the ends of sessions ---- */

static void start_session(struct connection *c);

static void
close_connection(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->in_len = 0;
	if (c->state != CLOSED && !c->idle)
		load.open--;
	c->state = CLOSED;
}

static bool
may_start(void)
{
	return now() < load.end &&
	    (options.sessions == 0 || load.started < options.sessions);
}

static void
go_on_with_next(struct connection *c)
{
	close_connection(c);
	if (!c->idle && may_start())
		start_session(c);
}

static void
fail(struct connection *c, const char *what)
{
	if (load.errors++ < ERRORS_SHOWN)
		warnx("%s, in step %d, client %s", what, (int)c->step,
		    c->sample->client);
	close_connection(c);
	if (c->idle || !may_start())
		return;
	/* not at once: what is broken would be asked as fast as we can */
	c->sample = NULL;
	load.open++;
	enqueue(&load.retrying, c, RETRYING);
}

static void
count_session(const struct connection *c)
{
	const char *is = outcome_names[c->outcome];

	load.ended++;
	if (now() <= load.end)
		load.ended_in_time++;
	load.outcomes[c->outcome]++;
	if (!options.check || strcmp(c->sample->verdict, is) == 0)
		return;
	if (load.unexpected++ < ERRORS_SHOWN)
		warnx("verdict %s, not %s: client %s, listener %s, login %s, "
		      "sender <%s>, recipient <%s>",
		    is, c->sample->verdict, c->sample->client,
		    c->sample->listener, c->sample->login, c->sample->sender,
		    c->sample->recipient);
}

/* ---- writing ---- */

/* Whether all is written; if not, the connection is closed or waits. */
static bool
flush(struct connection *c)
{
	while (c->written < c->out.len) {
		ssize_t n = send(c->fd, c->out.ptr + c->written,
		    c->out.len - c->written, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			c->state = WRITING;
			return false;
		}
		if (n < 0) {
			fail(c, "the milter hung up");
			return false;
		}
		c->written += (size_t)n;
	}
	c->written = c->out.len = 0;
	return true;
}

static void
end_session(struct connection *c)
{
	mta_add_quit(&c->out);
	/* a full socket is no reason to wait for one that is closed anyway */
	send(c->fd, c->out.ptr + c->written, c->out.len - c->written,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
	count_session(c);
	go_on_with_next(c);
}

/* ---- the order of a session ---- */

/* Bytes of the chunk with that number; 0 when there is none. */
static size_t
chunk_size(unsigned long number)
{
	size_t before = number * MTA_CHUNK_MAX;

	if (before >= options.body)
		return 0;
	return options.body - before < MTA_CHUNK_MAX ? options.body - before :
						       MTA_CHUNK_MAX;
}

static void
count_message(struct connection *c, enum outcome outcome)
{
	if (c->message == 0 || c->outcome == OK)
		c->outcome = outcome;
}

/* False: there are no more messages. */
static bool
begin_message(struct connection *c)
{
	if (++c->message >= options.messages)
		return false;
	c->step = MTA_MAIL;
	c->at = c->taken = c->refused = 0;
	return true;
}

/* All recipients have been asked for. */
static bool
go_on_after_rcpts(struct connection *c)
{
	count_message(c,
	    c->refused == 0   ? OK :
		c->taken == 0 ? AT_RCPT :
				PARTLY);
	c->at = 0;
	if (c->taken > 0 && options.data) {
		c->step = MTA_DATA;
		return true;
	}
	mta_add_abort(&c->out);
	load.commands++;
	return begin_message(c);
}

/* To the step behind the one that is done; false at the end of the session. */
static bool
go_on(struct connection *c)
{
	switch (c->step) {
	case MTA_RCPT:
		if (++c->at < options.rcpts)
			return true;
		return go_on_after_rcpts(c);
	case MTA_HEADER:
		if (++c->at < mta_headers())
			return true;
		break;
	case MTA_END_OF_HEADER:
		c->at = 0;
		c->step = chunk_size(0) > 0 ? MTA_BODY : MTA_END;
		return true;
	case MTA_BODY:
		if (chunk_size(++c->at) > 0)
			return true;
		break;
	case MTA_END:
		return begin_message(c);
	default:
		break;
	}
	c->step++;
	return true;
}

/* After a refusal; false at the end of the session. */
static bool
go_on_refused(struct connection *c)
{
	switch (c->step) {
	case MTA_CONNECT:
	case MTA_HELO:
		c->outcome = AT_CONNECT;
		return false;
	case MTA_MAIL:
		count_message(c, AT_RCPT);
		return begin_message(c);
	case MTA_RCPT:
		c->refused++;
		return go_on(c);
	default:
		count_message(c, AT_END);
		if (c->step != MTA_END)
			mta_add_abort(&c->out);
		return begin_message(c);
	}
}

/* The milter wants to hear no more of this message, or session. */
static bool
go_on_accepted(struct connection *c)
{
	if (c->step <= MTA_HELO)
		return false;
	if (c->step == MTA_RCPT) {
		c->taken++;
		return go_on(c);
	}
	return begin_message(c);
}

static bool
go_on_replied(struct connection *c, enum mta_reply reply)
{
	if (reply == MTA_REFUSED)
		return go_on_refused(c);
	if (reply == MTA_ACCEPTED)
		return go_on_accepted(c);
	if (reply == MTA_SKIP)
		c->step = MTA_BODY, c->at = options.body / MTA_CHUNK_MAX + 1;
	if (c->step == MTA_RCPT)
		c->taken++;
	return go_on(c);
}

/* ---- a session's steps ---- */

static void
send_step(struct connection *c)
{
	struct mta_said said = { .sample = c->sample,
		.queue_id = c->taken > 0 ? "4XYZabc0123Z" : NULL,
		.number = (unsigned)c->at,
		.chunk = chunk_size(c->at) };
	enum mta_sent sent = mta_add_step(&c->out, &c->link, c->step, &said);

	load.commands += sent != MTA_NOT_SENT;
	c->silent = sent != MTA_SENT;
	c->since = now();
}

/* What a client says by itself; the rest follows without a pause. */
static bool
is_clients(enum mta_step step)
{
	return step == MTA_HELO || step == MTA_MAIL || step == MTA_RCPT ||
	    step == MTA_DATA;
}

/* Steps on until something is to be waited for. */
static void
walk(struct connection *c)
{
	for (;;) {
		send_step(c);
		if (!flush(c))
			return;
		if (!c->silent) {
			c->state = WAITING;
			return;
		}
		if (c->idle) {
			c->state = IDLE;
			return;
		}
		if (!go_on_replied(c, MTA_CONTINUE)) {
			end_session(c);
			return;
		}
		if (options.think > 0 && is_clients(c->step)) {
			enqueue(&load.thinking, c, THINKING);
			return;
		}
	}
}

static void
take_reply(struct connection *c, char letter)
{
	enum mta_reply reply = mta_reply_of(c->step, letter);

	if (reply == MTA_MORE)
		return;
	if (reply == MTA_NONSENSE) {
		fail(c, "a reply that makes no sense");
		return;
	}
	histogram_add(&load.steps[c->step], now() - c->since);
	if (c->idle)
		c->state = IDLE;
	else if (!go_on_replied(c, reply))
		end_session(c);
	else if (options.think > 0 && is_clients(c->step))
		enqueue(&load.thinking, c, THINKING);
	else
		walk(c);
}

static void
take_negotiation(struct connection *c, const unsigned char *data, size_t len)
{
	if (data[0] != SMFIC_OPTNEG ||
	    !mta_read_negotiation(&c->link, data + 1, len - 1)) {
		fail(c, "no negotiation");
		return;
	}
	histogram_add(&load.opening, now() - c->since);
	c->negotiated = true;
	walk(c);
}

/* ---- reading ---- */

/* The length of the packet that has come, 0: not yet. */
static size_t
packet_size(struct connection *c)
{
	uint32_t len;

	if (c->in_len < 5)
		return 0;
	memcpy(&len, c->in, sizeof(len));
	len = ntohl(len);
	if (len == 0 || len > REPLY_MAX - 4) {
		fail(c, "a reply of no or too great a length");
		return 0;
	}
	return c->in_len >= len + 4 ? len : 0;
}

static void
take_packet(struct connection *c, size_t len)
{
	unsigned char packet[REPLY_MAX];

	memcpy(packet, c->in + 4, len);
	c->in_len -= len + 4;
	memmove(c->in, c->in + 4 + len, c->in_len);
	if (c->state == NEGOTIATING)
		take_negotiation(c, packet, len);
	else if (c->state == WAITING)
		take_reply(c, (char)packet[0]);
	else
		fail(c, "a reply that nobody waited for");
}

static void
read_packets(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
	    MSG_DONTWAIT);
	size_t len;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		fail(c, "the milter hung up");
		return;
	}
	c->in_len += (size_t)n;
	while ((len = packet_size(c)) > 0)
		take_packet(c, len);
}

/* ---- the begin of a session ---- */

static void
negotiate(struct connection *c)
{
	mta_add_negotiation(&c->out);
	if (flush(c))
		c->state = NEGOTIATING;
}

static void
watch(struct connection *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.ptr = c };

	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
		err(EX_OSERR, "epoll");
}

/* At the head of the queue, where it was, or would be. */
static void
wait_for_room(struct connection *c)
{
	load.retries++;
	close(c->fd);
	c->fd = -1;
	c->state = RETRYING;
	c->due = now() + load.retrying.delay;
	c->next = load.retrying.first;
	load.retrying.first = c;
	if (load.retrying.last == NULL)
		load.retrying.last = c;
}

static void
open_connection(struct connection *c)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

	c->fd = socket(options.address.ss_family, type, 0);
	if (c->fd < 0)
		err(EX_OSERR, "socket");
	if (connect(c->fd, (struct sockaddr *)&options.address,
		options.address_len) == 0) {
		watch(c);
		negotiate(c);
	} else if (errno == EINPROGRESS) {
		c->state = CONNECTING;
		watch(c);
	} else if (errno == EAGAIN) {
		wait_for_room(c);
	} else {
		fail(c, strerror(errno));
	}
}

static void
start_session(struct connection *c)
{
	c->sample = pick_sample();
	c->step = MTA_CONNECT;
	c->message = c->at = c->taken = c->refused = 0;
	c->outcome = OK;
	c->in_len = c->written = c->out.len = 0;
	c->negotiated = false;
	c->since = now();
	c->state = CONNECTING;
	if (!c->idle) {
		load.started++;
		load.open++;
	}
	/* behind those that wait already */
	if (load.retrying.first != NULL)
		enqueue(&load.retrying, c, RETRYING);
	else
		open_connection(c);
}

/* ---- the loop ---- */

/* What was being written is done: go on where it stopped. */
static void
go_on_writing(struct connection *c)
{
	if (!flush(c))
		return;
	if (!c->negotiated)
		c->state = NEGOTIATING;
	else if (!c->silent)
		c->state = WAITING;
	else if (go_on_replied(c, MTA_CONTINUE))
		walk(c);
	else
		end_session(c);
}

static void
take_event(struct connection *c, uint32_t events)
{
	if (c->state == CONNECTING && (events & EPOLLOUT) != 0)
		negotiate(c);
	else if (c->state == WRITING && (events & EPOLLOUT) != 0)
		go_on_writing(c);
	if (c->state != CLOSED && c->fd >= 0 &&
	    (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_packets(c);
}

static void
retry(struct connection *c)
{
	if (c->sample != NULL) {
		open_connection(c);
		return;
	}
	close_connection(c);
	if (may_start())
		start_session(c);
}

static void
take_due(void)
{
	uint64_t time = now();
	struct connection *c;

	while ((c = dequeue(&load.thinking, time)) != NULL)
		walk(c);
	while ((c = dequeue(&load.retrying, time)) != NULL)
		retry(c);
}

static uint64_t
earlier(const struct queue *queue, uint64_t time)
{
	return queue->first != NULL && queue->first->due < time ?
	    queue->first->due :
	    time;
}

static void
wait_for_events(void)
{
	struct epoll_event events[256];
	uint64_t time = now();
	uint64_t until = earlier(&load.retrying,
	    earlier(&load.thinking, time + SECOND / 10));
	uint64_t left = until > time ? until - time : 0;
	struct timespec limit = { .tv_sec = (time_t)(left / SECOND),
		.tv_nsec = (long)(left % SECOND) };
	int n = epoll_pwait2(load.epoll, events, 256, &limit, NULL);

	for (int i = 0; i < n; i++)
		take_event(events[i].data.ptr, events[i].events);
}

static void
look_for_the_late(void)
{
	static uint64_t looked;
	uint64_t time = now();

	if (time < looked + SECOND / 2)
		return;
	looked = time;
	for (size_t i = 0; i < load.n; i++) {
		struct connection *c = &load.connections[i];

		if ((c->state == WAITING || c->state == NEGOTIATING ||
			c->state == CONNECTING || c->state == WRITING) &&
		    c->since + ANSWER_LIMIT < time)
			fail(c, "no reply within ten seconds");
	}
}

static void
turn(void)
{
	wait_for_events();
	take_due();
	look_for_the_late();
}

static struct connection *
make_connection(bool idle)
{
	struct connection *c = &load.connections[load.n++];

	c->fd = -1;
	c->idle = idle;
	start_session(c);
	return c;
}

static bool
are_all_idle(void)
{
	for (size_t i = 0; i < load.n; i++)
		if (load.connections[i].state != IDLE)
			return false;
	return true;
}

static void
open_idle(void)
{
	uint64_t limit = now() + 60 * SECOND;

	for (unsigned long i = 0; i < options.idle; i++) {
		make_connection(true);
		turn();
	}
	while (!are_all_idle() && now() < limit)
		turn();
	if (!are_all_idle())
		errx(EX_UNAVAILABLE, "the idle connections do not come up");
	memset(&load.opening, 0, sizeof(load.opening));
	memset(load.steps, 0, sizeof(load.steps));
	load.commands = load.retries = 0;
}

static void
run(void)
{
	load.end = UINT64_MAX;
	open_idle();
	load.begin = now();
	load.end = load.begin + options.seconds * SECOND;
	for (unsigned long i = 0; i < options.connections && may_start(); i++)
		make_connection(false);
	while (load.open > 0 && now() < load.end + LAST_WORDS)
		turn();
	if (load.open > 0)
		warnx("%zu sessions do not come to an end", load.open);
	load.errors += load.open;
	/* fewer sessions than fill the time */
	if (now() < load.end)
		load.end = now();
}

/* ---- the report ---- */

static void
print_number(const char *name, uint64_t value)
{
	printf(" \"%s\": %llu,\n", name, (unsigned long long)value);
}

static void
print_latency(const char *name, const struct histogram *histogram)
{
	printf(" \"%s_us\": ", name);
	histogram_print(histogram, stdout);
	printf(",\n");
}

static void
report(void)
{
	double seconds = (double)(load.end - load.begin) / (double)SECOND;

	printf("{\n");
	print_number("connections", options.connections);
	print_number("idle", options.idle);
	print_number("sessions", load.ended);
	print_number("commands", load.commands);
	print_number("retries", load.retries);
	print_number("errors", load.errors);
	print_number("unexpected", load.unexpected);
	for (int i = 0; i < OUTCOMES; i++)
		print_number(outcome_names[i], load.outcomes[i]);
	print_latency("open", &load.opening);
	print_latency("connect", &load.steps[MTA_CONNECT]);
	print_latency("mail", &load.steps[MTA_MAIL]);
	print_latency("rcpt", &load.steps[MTA_RCPT]);
	print_latency("end", &load.steps[MTA_END]);
	printf(" \"seconds\": %.3f,\n", seconds);
	printf(" \"commands_per_s\": %.1f,\n", (double)load.commands / seconds);
	printf(" \"sessions_per_s\": %.1f\n}\n",
	    (double)load.ended_in_time / seconds);
}

/* ---- begin and end ---- */

static void
prepare(void)
{
	size_t n = options.connections + options.idle;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	samples_read(&load.samples, options.samples);
	load.random = options.seed * 0x9E3779B97F4A7C15ULL | 1;
	load.thinking.delay = options.think * (SECOND / 1000);
	load.retrying.delay = RETRY_AFTER;
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.connections = calloc(n, sizeof(*load.connections));
	if (load.epoll < 0 || load.connections == NULL)
		err(EX_OSERR, "cannot begin");
}

static void
clean_up(void)
{
	for (size_t i = 0; i < load.n; i++) {
		close_connection(&load.connections[i]);
		free(load.connections[i].out.ptr);
	}
	free(load.connections);
	close(load.epoll);
	samples_free(&load.samples);
}

int
main(int argc, char **argv)
{
	load_options_read(&options, argc, argv);
	prepare();
	run();
	report();
	clean_up();
	return EX_OK;
}
