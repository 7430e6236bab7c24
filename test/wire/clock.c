/*
 * For LD_PRELOAD: clocks that a test sets.  The file that AUTHGATE_CLOCK names
 * says by how many seconds the time of day, the time since the machine was
 * started, and the monotonic clock are to be off.  The system is asked itself,
 * for a sanitizer may ask for the time before the library of C is ready.
 */
#include <stdlib.h>
#include <time.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now);

/* The number of that position in the file, from 0; 0 where there is none. */
static long
offset(int position)
{
	const char *path = getenv("AUTHGATE_CLOCK");
	char text[100] = "", *rest = text;
	long fd, number = 0;

	if (path == NULL)
		return 0;
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	for (int i = 0; i <= position; i++)
		number = strtol(rest, &rest, 10);
	return number;
}

int
clock_gettime(clockid_t id, struct timespec *now)
{
	long status = syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_REALTIME)
		now->tv_sec += offset(0);
	else if (id == CLOCK_BOOTTIME)
		now->tv_sec += offset(1);
	else if (id == CLOCK_MONOTONIC)
		now->tv_sec += offset(2);
	return (int)status;
}

time_t
time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}
