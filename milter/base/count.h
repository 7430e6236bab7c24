/*
 * count.h - what has happened since the start, in numbers
 *
 * Any thread may count and read at any time.
 */
#ifndef AG_COUNT_H
#define AG_COUNT_H

#include "policy/policy.h"

/* What became of something, as the log has it. */
enum ag_counted {
	AG_COUNT_REJECT,
	AG_COUNT_TEMPFAIL,
	AG_COUNT_WOULD_REJECT,
	AG_COUNT_ACCEPT,
	AG_COUNT_KINDS
};

/* "reject", "tempfail", "would-reject", "accept". */
const char *ag_count_name(enum ag_counted what);

/* A connection of the MTA begins, or ends. */
void ag_count_session_begins(void);
void ag_count_session_ends(void);
unsigned ag_count_sessions_open(void);
uint64_t ag_count_sessions(void);

/* A message begins. */
void ag_count_message(void);
uint64_t ag_count_messages(void);

/* A recipient was let through. */
void ag_count_recipient(void);
uint64_t ag_count_recipients(void);

/* A message of which copies are kept for good, or could not be. */
enum ag_copied { AG_COPY_KEPT, AG_COPY_FAILED, AG_COPY_KINDS };
void ag_count_copied(enum ag_copied what);
uint64_t ag_count_copies(enum ag_copied what);

/* A connection that was not judged, for want of something. */
enum ag_shortage {
	AG_SHORT_OF_MEMORY,
	AG_SHORT_OF_DESCRIPTORS, /* on_error answered */
	AG_OUT_OF_DESCRIPTORS,   /* nobody answered */
	AG_SHORTAGES
};

/* "memory", "room_for_connections", "descriptors". */
const char *ag_shortage_name(enum ag_shortage shortage);

void ag_count_shortage(enum ag_shortage shortage);
uint64_t ag_count_shortages(enum ag_shortage shortage);

/* What a rule decided; AG_RULE_NONE stands for on_error. */
void ag_count_decision(enum ag_rule rule, enum ag_counted what);
uint64_t ag_count_decisions(enum ag_rule rule, enum ag_counted what);

#endif
