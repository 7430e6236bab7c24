/*
 * run.h - the daemon, in the foreground
 */
#ifndef AG_RUN_H
#define AG_RUN_H

#include <stdbool.h>

/*
 * Runs until SIGTERM or SIGINT; config is the path of the main file.  Returns
 * an exit status, after a message where it is not 0.
 */
int ag_run(const char *config, bool only_stderr);

#endif
