/*
 * state.h - what the daemon tells of itself: the policy in force, the last
 * attempt to load one, and the numbers of count.h
 *
 * Used by the one thread that loads policies; any other may ask for the facts.
 */
#ifndef AG_STATE_H
#define AG_STATE_H

#include "policy/policy.h"

/* What can be said in numbers.  Times are seconds since 1970. */
struct ag_facts {
	int64_t started;
	unsigned generation; /* of the policy in force; 0: none yet */
	uint64_t digest;
	int64_t since;      /* when it was loaded */
	unsigned bad_lines; /* of lists, that it passes over */
	struct ag_policy_sizes sizes;
	bool failed;          /* the last attempt: not all of it is in force */
	unsigned kept;        /* files whose last good version is in force */
	char kept_names[200]; /* the first of them, with blanks between */
	uint64_t reloads;     /* those that came to a policy */
	uint64_t reloads_failed;
};

/* Any thread may ask, at any time; no callback of the MTA waits for it. */
struct ag_facts ag_state_facts(void);

/* At the start. */
void ag_state_begin(void);

/*
 * An attempt to load begins.  It may be the one before, made again: then its
 * findings are no news where that had the same.
 */
void ag_state_loading(bool again);

/* A finding of it; whether it is news, of which there are 500 at most. */
bool ag_state_finding(enum ag_severity severity, const struct ag_origin *where,
    const char *text);

/* Whether there is anything new to tell of the attempt, if it has failed. */
bool ag_state_has_news(void);

/* How many findings were only counted. */
unsigned ag_state_findings_left_out(void);

/* It came to a policy, which is in force now; or the old one stays. */
void ag_state_loaded(const struct ag_policy *policy, unsigned generation);
void ag_state_failed(void);

/*
 * Then, in either case: which files stay as they were, as the policy of this
 * attempt has it; NULL: it came to none, and what was kept still is.
 */
void ag_state_keeps(const struct ag_policy *policy);

/* A file, as the last attempt read it. */
struct ag_known_file {
	const char *config; /* the main file */
	const char *shown;  /* NULL: it read no such file */
	uint64_t fingerprint;
};

/*
 * JSON, to be freed; NULL: no memory.  The first is all there is to tell, the
 * second what became of the last attempt, the third of a file in it as well.
 */
char *ag_state_status(void);
char *ag_state_reload(void);
char *ag_state_look(const struct ag_known_file *file);

#endif
