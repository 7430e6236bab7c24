/*
 * exposition.h - the daemon's numbers as Prometheus reads them
 *
 * The text format 0.0.4.  Nothing is looked up here: what is written is what
 * was given.  Any thread may call it.
 */
#ifndef AG_EXPOSITION_H
#define AG_EXPOSITION_H

#include "milter/base/count.h"
#include "milter/base/log.h"
#include "milter/daemon/engines.h"
#include "milter/daemon/state.h"

struct ag_numbers {
	struct ag_facts facts;
	struct ag_engine_facts engine;
	uint64_t sessions_open;
	uint64_t sessions;
	uint64_t messages;
	uint64_t recipients; /* let through */
	uint64_t decisions[AG_RULE_COUNT + 1][AG_COUNT_KINDS];
	uint64_t copies[AG_COPY_KINDS];
	struct ag_log_counts log;
	uint64_t shortages[AG_SHORTAGES];
};

/* Room for the text, whatever the numbers. */
#define AG_EXPOSITION_MAX 16384

void ag_exposition_write(const struct ag_numbers *numbers, struct ag_buf *out);

#endif
