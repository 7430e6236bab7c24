/*
 * run.h - the daemon, in the foreground
 */
#ifndef AG_RUN_H
#define AG_RUN_H

#include <stdbool.h>

struct ag_run {
	const char *config;    /* path of the main file */
	bool only_stderr;      /* the log */
	bool strict;           /* a broken file is no start */
	const char *state_dir; /* where the main file names none; or NULL */
};

/*
 * Runs until SIGTERM or SIGINT.  Returns an exit status, after a message where
 * it is not 0.
 */
int ag_run(const struct ag_run *how);

#endif
