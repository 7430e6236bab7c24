/*
 * watch.h - notices that the files of the configuration have changed, and when
 * a load that failed is worth another try
 *
 * Looked at is what the last load read or looked for, whether or not it was
 * there and whatever came of the load, and the names in domains/.  A change is
 * what stat(2) says of them, compared with when they were read; inotify(7) only
 * tells when to look, and where it cannot be had, a look a second does.  A file
 * can be written while it is read and look the same before and after: so, when
 * all has been still after a load, the contents are compared once.  No clock is
 * asked but the monotonic one, for a file's times may be those of another.
 *
 * Used by one thread at a time.
 */
#ifndef AG_WATCH_H
#define AG_WATCH_H

#include "policy/base/vec.h"
#include "policy/policy.h"

/* What stat(2) says, as a number. */
struct ag_look {
	uint64_t sum;
	bool blind; /* for now; a load would come to nothing either */
};

struct ag_watch {
	const char *config;  /* path of the main file */
	struct ag_vec files; /* what the last load looked for */
	struct ag_look read; /* the state as it was read */
	bool incomplete;     /* there was no memory for all of that */
	bool rereads;        /* what looks as it did may have changed */
	bool compares;       /* also what the last load did not read */
	int inotify;         /* -1: none */
	bool without;        /* it has been said that there is none */
	uint64_t taken;      /* the state that has been loaded, or tried */
	uint64_t seen;       /* the state at the last look */
	bool blind;          /* it could not be seen at the load */
	int64_t seen_at;     /* since when it is that; all in milliseconds */
	int64_t compare_at;  /* the contents; 0: that is done */
	int64_t compare_in;  /* how long after a load */
	int64_t again_at;    /* to try again; 0: that makes no sense */
	int64_t pause;       /* before that */
};

/* config is borrowed. */
void ag_watch_init(struct ag_watch *watch, const char *config);
void ag_watch_free(struct ag_watch *watch);

/*
 * A load begins, which is to tell what is returned of its files.  Whether it
 * has to read all of them stands in rereads before.
 */
struct ag_reading ag_watch_begin(struct ag_watch *watch);

/*
 * It has come to its end.  A change since ag_watch_begin() is not lost.  It is
 * tried again after a pause where what it failed for may pass: after two
 * seconds, and then after twice as long each time, up to a minute.
 */
void ag_watch_loaded(struct ag_watch *watch, bool may_pass);

/* How long to wait for something at most, in milliseconds. */
int ag_watch_timeout(const struct ag_watch *watch);

enum ag_due {
	AG_DUE_NOTHING,
	AG_DUE_CHANGE, /* there is one, and all has been still for 500 ms */
	AG_DUE_AGAIN   /* there is none, and the load is to be tried again */
};

enum ag_due ag_watch_due(struct ag_watch *watch);

/* The same for who will not wait: whether there is a change, still or not. */
bool ag_watch_changed(struct ag_watch *watch);

/*
 * Looks for the file that stat(2) knows by these numbers among those that the
 * last load read; what it read there, as ag_file_fingerprint() has it.  Its
 * name, which is good until the next load; NULL: there is none.
 */
const char *ag_watch_find(const struct ag_watch *watch, uint64_t device,
    uint64_t inode, uint64_t *fingerprint);

#endif
