/* bad.c - counts packets that are not well-formed, and tells of them */
#include "milter/engine/bad.h"

#include <stdatomic.h>
#include <stdio.h>

#include "milter/base/clock.h"
#include "milter/base/log.h"
#include "milter/engine/frame.h"

#define TELL_SECONDS 60

static atomic_ullong count;
static atomic_ullong told;
static atomic_llong told_at;

static int64_t
seconds(void)
{
	return ag_clock_now() / 1000 + TELL_SECONDS;
}

/* One of all threads may tell, once a minute. */
static bool
may_tell(void)
{
	long long now = seconds(), last = atomic_load(&told_at);

	return now - last >= TELL_SECONDS &&
	    atomic_compare_exchange_strong(&told_at, &last, now);
}

static void
write_command(struct ag_str from, char text[static 16])
{
	if (from.len <= AG_FRAME_LENGTH)
		snprintf(text, 16, "not there");
	else
		snprintf(text, 16, "0x%02x",
		    (unsigned char)from.ptr[AG_FRAME_LENGTH]);
}

void
ag_bad_report(struct ag_str from, const char *why)
{
	unsigned long long all = atomic_fetch_add(&count, 1) + 1;
	size_t size = ag_frame_size(from);
	char command[16];

	if (!may_tell())
		return;
	write_command(from, command);
	ag_log(LOG_ERR,
	    "bad packet from the MTA: %s; command %s, length %zu; the "
	    "connection was closed (%llu since the last such line)",
	    why, command, size > 0 ? size - AG_FRAME_LENGTH : 0,
	    all - atomic_exchange(&told, all));
}

uint64_t
ag_bad_count(void)
{
	return atomic_load(&count);
}
