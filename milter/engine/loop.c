/* loop.c - epoll, deadlines and threads for the connections of the MTA */
#include "milter/engine/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "milter/base/limits.h"
#include "milter/engine/connection.h"
#include "milter/engine/disk.h"

#define EVENTS 64
#define ACCEPTS 16 /* in a row, before others have their turn */

/* Seconds that a message may take after the end has begun. */
#define STOP_PATIENCE 5

TAILQ_HEAD(connections, ag_connection);

struct loop {
	pthread_t thread;
	int epoll;
	int wake;
	struct connections waiting[AG_WAITING_KINDS]; /* oldest first */
	pthread_mutex_t lock;
	struct ag_connection *back; /* from the disk */
	int64_t stop_at;            /* 0: not yet */
	struct ag_scratch scratch;
};

static struct loop *loops;
static unsigned nloops;
static int listener = -1;
static int64_t patience[AG_WAITING_KINDS];
static atomic_bool stopping;
static atomic_uint open_connections;

static int64_t
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec;
}

/* ---- what a connection waits for ---- */

static uint32_t
events_of(enum ag_waiting waiting)
{
	switch (waiting) {
	case AG_WAITING_PACKET:
	case AG_WAITING_REST:
		return EPOLLIN;
	case AG_WAITING_ROOM:
		return EPOLLOUT;
	case AG_WAITING_DISK:
	case AG_WAITING_NOTHING:
		break;
	}
	return 0;
}

/* While it is parked nobody listens, not even to its end. */
static bool
listen_for(struct loop *loop, struct ag_connection *c, enum ag_waiting waiting)
{
	uint32_t old = events_of(c->waiting), now = events_of(waiting);
	struct epoll_event event = { .events = now, .data.ptr = c };

	if (old == now)
		return true;
	return epoll_ctl(loop->epoll,
		   old == 0     ? EPOLL_CTL_ADD :
		       now == 0 ? EPOLL_CTL_DEL :
				  EPOLL_CTL_MOD,
		   c->fd, &event) == 0;
}

static void
close_connection(struct loop *loop, struct ag_connection *c)
{
	TAILQ_REMOVE(&loop->waiting[c->waiting], c, link);
	atomic_fetch_sub(&open_connections, 1);
	ag_connection_free(c);
}

/* Puts it where it is waited for; since the packets before have been taken. */
static void
wait_for(struct loop *loop, struct ag_connection *c, enum ag_waiting waiting,
    uint64_t packets)
{
	if (waiting == AG_WAITING_NOTHING ||
	    (loop->stop_at != 0 && !ag_dialog_is_in_message(c->dialog)) ||
	    !listen_for(loop, c, waiting)) {
		close_connection(loop, c);
		return;
	}
	if (waiting == c->waiting && packets == c->packets)
		return;
	TAILQ_REMOVE(&loop->waiting[c->waiting], c, link);
	c->waiting = waiting;
	c->since = seconds();
	TAILQ_INSERT_TAIL(&loop->waiting[waiting], c, link);
}

/* What comes next, until it waits for something. */
static void
settle(struct loop *loop, struct ag_connection *c, enum ag_waiting waiting,
    uint64_t packets)
{
	while (waiting == AG_WAITING_DISK && !ag_disk_reserve()) {
		ag_dialog_lose_copy(c->dialog,
		    "the disk is slower than the mail that comes");
		waiting = ag_connection_go_on(c, &loop->scratch);
	}
	wait_for(loop, c, waiting, packets);
	if (waiting == AG_WAITING_DISK)
		ag_disk_give(c);
}

static void
go_on(struct loop *loop, struct ag_connection *c)
{
	uint64_t packets = c->packets;

	settle(loop, c, ag_connection_go_on(c, &loop->scratch), packets);
}

static void
serve(struct loop *loop, struct ag_connection *c)
{
	uint64_t packets = c->packets;

	if (c->waiting == AG_WAITING_ROOM)
		go_on(loop, c);
	else
		settle(loop, c, ag_connection_read(c, &loop->scratch), packets);
}

/* ---- new connections ---- */

/* Counted and in a list from here on. */
static bool
add(struct loop *loop, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct ag_connection *c = ag_connection_new(fd);

	if (c == NULL)
		return false;
	event.data.ptr = c;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
		ag_connection_free(c);
		return true;
	}
	c->owner = loop;
	c->waiting = AG_WAITING_PACKET;
	c->since = seconds();
	TAILQ_INSERT_TAIL(&loop->waiting[AG_WAITING_PACKET], c, link);
	atomic_fetch_add(&open_connections, 1);
	return true;
}

/* The MTA's default action holds where there is no memory. */
static void
accept_some(struct loop *loop)
{
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd =
		    ag_limits_accept(listener, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (!add(loop, fd)) {
			ag_limits_report(AG_SHORT_OF_MEMORY);
			close(fd);
		}
	}
}

/* ---- what comes back from the disk ---- */

static void
give_back(struct ag_connection *c)
{
	struct loop *loop = c->owner;
	const uint64_t one = 1;

	pthread_mutex_lock(&loop->lock);
	c->next = loop->back;
	loop->back = c;
	pthread_mutex_unlock(&loop->lock);
	(void)!write(loop->wake, &one, sizeof(one));
}

static void
take_back(struct loop *loop)
{
	struct ag_connection *c, *next;

	pthread_mutex_lock(&loop->lock);
	c = loop->back;
	loop->back = NULL;
	pthread_mutex_unlock(&loop->lock);
	for (; c != NULL; c = next) {
		next = c->next;
		go_on(loop, c);
	}
}

/* ---- deadlines ---- */

/* The MTA is asked for patience, and asked again. */
static void
ask_for_patience(struct loop *loop, struct ag_connection *c)
{
	ag_connection_say_progress(c);
	TAILQ_REMOVE(&loop->waiting[AG_WAITING_DISK], c, link);
	c->since = seconds();
	TAILQ_INSERT_TAIL(&loop->waiting[AG_WAITING_DISK], c, link);
}

/* What the MTA has said in time, on a machine that is late. */
static bool
has_input(const struct ag_connection *c)
{
	char byte;

	return events_of(c->waiting) == EPOLLIN &&
	    recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Those of one kind whose time is up; what lies there is taken once before. */
static void
look_at_list(struct loop *loop, enum ag_waiting waiting, int64_t now)
{
	struct connections *list = &loop->waiting[waiting];
	const struct ag_connection *served = NULL;
	struct ag_connection *c;

	while ((c = TAILQ_FIRST(list)) != NULL &&
	    now - c->since >= patience[waiting]) {
		if (waiting == AG_WAITING_DISK) {
			ask_for_patience(loop, c);
		} else if (c != served && has_input(c)) {
			served = c;
			serve(loop, c);
		} else {
			close_connection(loop, c);
		}
	}
}

static void
look_at_deadlines(struct loop *loop)
{
	int64_t now = seconds();

	for (unsigned i = 0; i < AG_WAITING_KINDS; i++)
		look_at_list(loop, (enum ag_waiting)i, now);
}

/* Milliseconds to the next deadline; -1: there is none. */
static int
time_to_wait(const struct loop *loop)
{
	int64_t now = seconds(), least = INT32_MAX / 1000;
	bool any = loop->stop_at != 0;

	if (any)
		least = loop->stop_at > now ? loop->stop_at - now : 0;
	for (unsigned i = 0; i < AG_WAITING_KINDS; i++) {
		const struct ag_connection *c = TAILQ_FIRST(&loop->waiting[i]);

		if (c == NULL)
			continue;
		any = true;
		if (c->since + patience[i] - now < least)
			least = c->since + patience[i] - now;
	}
	/* the clock that is read has a grain of some milliseconds */
	return !any ? -1 : least < 0 ? 0 : (int)least * 1000 + 10;
}

/* ---- the end ---- */

static bool
is_empty(const struct loop *loop)
{
	for (unsigned i = 0; i < AG_WAITING_KINDS; i++)
		if (!TAILQ_EMPTY(&loop->waiting[i]))
			return false;
	return true;
}

/* What is parked comes back, and is looked at then. */
static void
close_all(struct loop *loop, bool within_messages)
{
	for (unsigned i = 0; i < AG_WAITING_KINDS; i++) {
		struct ag_connection *c, *next;

		if (i == AG_WAITING_DISK)
			continue;
		for (c = TAILQ_FIRST(&loop->waiting[i]); c != NULL; c = next) {
			next = TAILQ_NEXT(c, link);
			if (within_messages ||
			    !ag_dialog_is_in_message(c->dialog))
				close_connection(loop, c);
		}
	}
}

static void
begin_to_stop(struct loop *loop)
{
	if (loop->stop_at != 0)
		return;
	loop->stop_at = seconds() + STOP_PATIENCE;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, listener, NULL);
	close_all(loop, false);
}

/* ---- the threads ---- */

static void
wake_up(struct loop *loop)
{
	uint64_t times;

	(void)!read(loop->wake, &times, sizeof(times));
	take_back(loop);
	if (atomic_load(&stopping))
		begin_to_stop(loop);
}

/* A wish to stop closes connections that are among the events: it comes last.
 */
static void
serve_events(struct loop *loop, const struct epoll_event *events, int n)
{
	bool woken = false;

	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;

		if (what == loop)
			woken = true;
		else if (what == &listener)
			accept_some(loop);
		else
			serve(loop, what);
	}
	if (woken)
		wake_up(loop);
}

static void *
run(void *arg)
{
	struct loop *loop = arg;
	struct epoll_event events[EVENTS];

	while (loop->stop_at == 0 || !is_empty(loop)) {
		int n =
		    epoll_wait(loop->epoll, events, EVENTS, time_to_wait(loop));

		serve_events(loop, events, n);
		look_at_deadlines(loop);
		if (loop->stop_at != 0 && seconds() >= loop->stop_at)
			close_all(loop, true);
	}
	return NULL;
}

/* 0 or an errno. */
static int
open_loop(struct loop *loop)
{
	/* not each thread is woken for each connection */
	struct epoll_event door = { .events = EPOLLIN | EPOLLEXCLUSIVE,
		.data.ptr = &listener };
	struct epoll_event wake = { .events = EPOLLIN, .data.ptr = loop };

	for (unsigned i = 0; i < AG_WAITING_KINDS; i++)
		TAILQ_INIT(&loop->waiting[i]);
	pthread_mutex_init(&loop->lock, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake < 0 ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &wake) != 0 ||
	    epoll_ctl(loop->epoll, EPOLL_CTL_ADD, listener, &door) != 0)
		return errno;
	return pthread_create(&loop->thread, NULL, run, loop);
}

int
ag_loop_start(int socket, unsigned threads, unsigned timeout)
{
	int error = 0;

	listener = socket;
	patience[AG_WAITING_PACKET] = timeout;
	patience[AG_WAITING_REST] = AG_LOOP_PATIENCE;
	patience[AG_WAITING_ROOM] = AG_LOOP_PATIENCE;
	patience[AG_WAITING_DISK] = AG_LOOP_PROGRESS;
	loops = calloc(threads, sizeof(*loops));
	if (loops == NULL)
		return ENOMEM;
	error = ag_disk_start(give_back);
	while (error == 0 && nloops < threads) {
		error = open_loop(&loops[nloops]);
		nloops += error == 0;
	}
	return error;
}

void
ag_loop_stop(void)
{
	const uint64_t one = 1;

	atomic_store(&stopping, true);
	/* who waits at the door is refused, and not left standing */
	shutdown(listener, SHUT_RDWR);
	for (unsigned i = 0; i < nloops; i++)
		(void)!write(loops[i].wake, &one, sizeof(one));
	for (unsigned i = 0; i < nloops; i++)
		pthread_join(loops[i].thread, NULL);
	ag_disk_stop();
	close(listener);
}

unsigned
ag_loop_connections(void)
{
	return atomic_load(&open_connections);
}

unsigned
ag_loop_threads(void)
{
	return nloops;
}
