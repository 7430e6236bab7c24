/*
 * tally.h - counts objections: by rule, and within a rule by who sent as whom
 */
#ifndef AG_TALLY_H
#define AG_TALLY_H

#include "policy/base/vec.h"
#include "policy/table/strmap.h"
#include "milter/command/replay/objection.h"

/* More pairs of a client or login and a sender are counted together. */
#define AG_TALLY_PAIRS 200000

struct ag_tally_count {
	uint64_t messages;
	uint64_t recipients;
	uint64_t message; /* the last one that was counted */
};

/* All zero bytes are an empty one. */
struct ag_tally {
	/* enforced, monitored */
	struct ag_tally_count rule[2][AG_RULE_COUNT];
	struct ag_tally_count other[2][AG_RULE_COUNT]; /* past the limit */
	struct ag_strmap keys;
	struct ag_vec pairs; /* struct ag_tally_pair */
	bool failed;         /* there was no memory */
};

/* A login, or where there is none a client, and a sender. */
struct ag_tally_pair {
	struct ag_tally_count count;
	uint32_t key;
	int64_t first; /* when */
	int64_t last;
	const char *domain_file; /* of the sender's domain, or NULL */
	char example[33];        /* a queue id */
};

/* message is a number that all objections to one message share; from 1. */
void ag_tally_add(struct ag_tally *tally, const struct ag_objection *objection,
    uint64_t message);

/*
 * Prints, for each rule that objected, the most frequent pairs, and what would
 * make an exception for them; at most max of a rule.  map is the file in which
 * senders are given to logins.
 */
void ag_tally_print(const struct ag_tally *tally, size_t max, struct ag_str map,
    FILE *out);

void ag_tally_free(struct ag_tally *tally);

#endif
