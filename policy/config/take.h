/*
 * take.h - takes the parts of a policy, one after the other
 *
 * A part whose files look as they did is shared with the policy in force; one
 * that says something else is made anew; one that is broken stays as it was
 * last good.  What is said of files is kept for the next load, and told of.
 */
#ifndef AG_TAKE_H
#define AG_TAKE_H

#include "policy/compiled.h"
#include "policy/config/lists.h"
#include "policy/config/part.h"

/* What is wrong with a file, and where. */
struct ag_complaint {
	struct ag_origin at;
	const char *why;
};

/* One load.  All zero bytes but asked, diag and policy. */
struct ag_taker {
	const struct ag_loading *asked;
	struct ag_diag *diag;     /* where findings go */
	struct ag_policy *policy; /* that takes the parts */
	struct ag_arena arena;
	struct ag_vec seen;       /* what is known of the files by now */
	struct ag_strmap names;   /* of those */
	struct ag_vec made;       /* const struct ag_part *: in this load */
	struct ag_strmap digests; /* of those */
	bool no_memory;
	bool may_pass;                 /* something cannot be read, for now */
	struct ag_complaint complaint; /* the last one */
};

/* Whether there is anything that what is broken can be kept as. */
bool ag_taker_keeps(const struct ag_taker *taker);

void ag_taker_free(struct ag_taker *taker);

/* A part that is wanted. */
struct ag_wanted {
	enum ag_part_kind kind;
	/* its files, relative to the main file's; where there are none, that
	 * which the part stands in */
	const char *const *shown;
	size_t n;
	/* where they are named; NULL: they are no lists but INI files */
	const struct ag_value *named;
	uint64_t depends; /* a number made of what else it is made from */
	const struct ag_login_form *form;
	/* reads the text of a file into the part; false: no memory */
	bool (*read)(struct ag_part *part, struct ag_list *list, void *arg);
	/* when all are read; may be NULL */
	bool (*finish)(struct ag_part *part, struct ag_diag *diag, void *arg);
	void *arg;
};

enum ag_taken {
	AG_TAKEN,
	AG_ABSENT, /* a list that may be */
	AG_FAILED  /* nothing good is known of it; there was a finding */
};

/*
 * *part belongs to the policy then.  Without anything to keep what is broken as
 * (ag_taker_keeps()) a part with errors is taken too, so that all that is
 * wrong is found; nobody is to use that policy.
 */
enum ag_taken ag_take(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct ag_part **part);

/* The same of the last good version, whatever the files say now. */
enum ag_taken ag_take_good(struct ag_taker *taker,
    const struct ag_wanted *wanted, const struct ag_complaint *complaint,
    const struct ag_part **part);

/* A finding about writers, of a file or folder that everybody may write to. */
void ag_take_doubt_writers(struct ag_taker *taker, const char *path,
    const char *shown, const char *why);

/* Gives the policy what is known of the files that were looked at. */
void ag_take_sources(struct ag_taker *taker);

/* "it is larger than 1 GB", "No such file or directory", ... */
const char *ag_take_reason(int error);

#endif
