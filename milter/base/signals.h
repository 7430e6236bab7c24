/*
 * signals.h - SIGHUP, SIGTERM and SIGINT as descriptors
 */
#ifndef AG_SIGNALS_H
#define AG_SIGNALS_H

#include <stdbool.h>

/* Blocks the three, for this thread and those it makes.  Call it first. */
void ag_signals_block(void);

/* A descriptor that can be read when there is a SIGHUP, or -1. */
int ag_signals_open_hangup(void);

/* The same for SIGTERM and SIGINT. */
int ag_signals_open_stop(void);

/* Takes what has come on such a descriptor; whether there was any. */
bool ag_signals_take(int fd);

#endif
