/* limits.c - descriptors: how many there are, and what is set aside */
#include "milter/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "milter/base/log.h"

#define STACK_BYTES ((size_t)256 * 1024)
#define TELL_SECONDS 60

/* Descriptors that are no connections': files, the log, the listener. */
#define SET_ASIDE 64u

#define ALL ((unsigned)-1)

/* How many descriptors there may be, and how many connections. */
static unsigned descriptors = ALL;
static atomic_uint most = ALL;

/* A descriptor to give up when there is no other. */
static atomic_int spare = -1;

static void
take_spare(void)
{
	atomic_store(&spare, open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < ALL)
		descriptors = (unsigned)limit.rlim_cur;
}

/* With few descriptors, connections have half of them all the same. */
void
ag_limits_reckon(unsigned each, unsigned aside)
{
	unsigned half = descriptors / 2;

	aside += SET_ASIDE;
	if (descriptors != ALL)
		most = (aside < half ? descriptors - aside : half) / each;
}

void
ag_limits_set(void)
{
	pthread_attr_t attr;

	raise_descriptors();
	ag_limits_reckon(1, 0);
	take_spare();
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 2);
#endif
	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, STACK_BYTES);
		pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
}

bool
ag_limits_have_room(void)
{
	return ag_count_sessions_open() < most;
}

/* ---- saying it once a minute ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	unsigned times; /* not said yet */
	int64_t said_at;
} shortages[AG_SHORTAGES];

static int64_t
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec;
}

/* How often there was that shortage, if it is time to say so; else 0. */
static unsigned
take_due(enum ag_shortage shortage, unsigned more)
{
	int64_t now = seconds();
	unsigned times = 0;

	pthread_mutex_lock(&lock);
	shortages[shortage].times += more;
	if (shortages[shortage].times > 0 &&
	    (shortages[shortage].said_at == 0 ||
		now - shortages[shortage].said_at >= TELL_SECONDS)) {
		times = shortages[shortage].times;
		shortages[shortage].times = 0;
		shortages[shortage].said_at = now;
	}
	pthread_mutex_unlock(&lock);
	return times;
}

static void
tell(enum ag_shortage shortage, unsigned more)
{
	static const char *const words[AG_SHORTAGES] = {
		"not enough memory for a session; on_error decides",
		"too many connections for the limit of descriptors; on_error "
		"decides",
		"no descriptor is left; the connection was closed, and the "
		"MTA's default action decides"
	};
	unsigned times = take_due(shortage, more);

	if (times > 0)
		ag_log(LOG_ERR, "%s (%u since the last such line)",
		    words[shortage], times);
}

void
ag_limits_report(enum ag_shortage shortage)
{
	ag_count_shortage(shortage);
	tell(shortage, 1);
}

void
ag_limits_tell(void)
{
	for (unsigned i = 0; i < AG_SHORTAGES; i++)
		tell((enum ag_shortage)i, 0);
}

/* ---- accept() and accept4() ---- */

static int
take(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
	return (int)syscall(SYS_accept4, listener, address, len, flags);
}

static bool
is_no_descriptor(int error)
{
	return error == EMFILE || error == ENFILE;
}

/* Who waits goes on waiting: do not ask without a pause. */
static void
pause_asking(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000 * 1000 }, NULL);
}

/* Hangs up on who waits, with the descriptor that is kept for it. */
static void
hang_up(int listener)
{
	int mine = atomic_exchange(&spare, -1), fd;

	if (mine >= 0)
		close(mine);
	fd = take(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else
		pause_asking();
	take_spare();
}

/* As <sys/socket.h> declares it. */
#ifdef __GLIBC__
typedef __SOCKADDR_ARG address_arg;
#define PLAIN(address) (address).__sockaddr__
#else
typedef struct sockaddr *address_arg;
#define PLAIN(address) (address)
#endif

static int
take_or_hang_up(int listener, struct sockaddr *address, socklen_t *len,
    int flags)
{
	int fd = take(listener, address, len, flags), error = errno;

	if (fd >= 0 || !is_no_descriptor(error))
		return fd;
	ag_limits_report(AG_OUT_OF_DESCRIPTORS);
	hang_up(listener);
	errno = error;
	return -1;
}

int
ag_limits_accept(int listener, int flags)
{
	return take_or_hang_up(listener, NULL, NULL, flags);
}

/* As POSIX has it; without a descriptor the connection is closed. */
int
accept(int listener, address_arg address, socklen_t *len)
{
	return take_or_hang_up(listener, PLAIN(address), len, 0);
}

/* As Linux has it; without a descriptor it takes a little longer. */
int
accept4(int listener, address_arg address, socklen_t *len, int flags)
{
	int fd = take(listener, PLAIN(address), len, flags), error = errno;

	if (fd < 0 && is_no_descriptor(error))
		pause_asking();
	errno = error;
	return fd;
}
