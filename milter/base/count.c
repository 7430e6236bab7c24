/* count.c - counters of what has happened since the start */
#include "milter/base/count.h"

#include <stdatomic.h>

static atomic_uint open_now;
static atomic_uint_fast64_t sessions;
static atomic_uint_fast64_t messages;
static atomic_uint_fast64_t recipients;
static atomic_uint_fast64_t copies[AG_COPY_KINDS];
static atomic_uint_fast64_t shortages[AG_SHORTAGES];
static atomic_uint_fast64_t decisions[AG_RULE_COUNT + 1][AG_COUNT_KINDS];

/* Numbers that nothing is concluded from: no order with anything else. */
static void
add_one(atomic_uint_fast64_t *number)
{
	atomic_fetch_add_explicit(number, 1, memory_order_relaxed);
}

static uint64_t
get(atomic_uint_fast64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

const char *
ag_count_name(enum ag_counted what)
{
	static const char *const name[AG_COUNT_KINDS] = { "reject", "tempfail",
		"would-reject", "accept" };

	return name[what];
}

void
ag_count_session_begins(void)
{
	atomic_fetch_add(&open_now, 1);
	add_one(&sessions);
}

void
ag_count_session_ends(void)
{
	atomic_fetch_sub(&open_now, 1);
}

unsigned
ag_count_sessions_open(void)
{
	return atomic_load(&open_now);
}

uint64_t
ag_count_sessions(void)
{
	return get(&sessions);
}

void
ag_count_message(void)
{
	add_one(&messages);
}

uint64_t
ag_count_messages(void)
{
	return get(&messages);
}

void
ag_count_recipient(void)
{
	add_one(&recipients);
}

uint64_t
ag_count_recipients(void)
{
	return get(&recipients);
}

void
ag_count_copied(enum ag_copied what)
{
	add_one(&copies[what]);
}

uint64_t
ag_count_copies(enum ag_copied what)
{
	return get(&copies[what]);
}

const char *
ag_shortage_name(enum ag_shortage shortage)
{
	static const char *const name[AG_SHORTAGES] = { "memory",
		"room_for_connections", "descriptors" };

	return name[shortage];
}

void
ag_count_shortage(enum ag_shortage shortage)
{
	add_one(&shortages[shortage]);
}

uint64_t
ag_count_shortages(enum ag_shortage shortage)
{
	return get(&shortages[shortage]);
}

void
ag_count_decision(enum ag_rule rule, enum ag_counted what)
{
	add_one(&decisions[rule][what]);
}

uint64_t
ag_count_decisions(enum ag_rule rule, enum ag_counted what)
{
	return get(&decisions[rule][what]);
}
