/*
 * watch.h - notices that the files of the configuration have changed
 *
 * What counts is what stat(2) says of the main file, of each file of a domain
 * and of each list; inotify(7) only tells when to look, and where it cannot be
 * had, a look a second does.  Used by one thread.
 */
#ifndef AG_WATCH_H
#define AG_WATCH_H

#include "../policy/policy.h"

struct ag_watch {
	const char *config;             /* path of the main file */
	const struct ag_policy *policy; /* whose files are looked at; a share */
	int inotify;                    /* -1: none */
	uint64_t before;                /* the state when loading began */
	int64_t begun;   /* and when that was; nanoseconds since 1970 */
	uint64_t taken;  /* the state that has been loaded, or tried */
	uint64_t seen;   /* the state at the last look */
	int64_t seen_at; /* since when it is that; milliseconds */
};

/* config is borrowed. */
void ag_watch_init(struct ag_watch *watch, const char *config);
void ag_watch_free(struct ag_watch *watch);

/* The files are going to be read. */
void ag_watch_begin(struct ag_watch *watch);

/*
 * The files have been read; policy is what they led to, or the old one where
 * they could not be used.  A change since ag_watch_begin() is not lost.
 */
void ag_watch_loaded(struct ag_watch *watch, const struct ag_policy *policy);

/* How long to wait for something at most, in milliseconds. */
int ag_watch_timeout(const struct ag_watch *watch);

/* Whether there is a change, and all files have been still for 500 ms. */
bool ag_watch_is_due(struct ag_watch *watch);

#endif
