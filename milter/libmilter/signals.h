/*
 * signals.h - SIGHUP for us, SIGTERM and SIGINT for libmilter
 *
 * libmilter waits for all three in a thread of its own and takes each for a
 * wish to stop.  Of a signal to the process the kernel picks the receiver, so
 * that no handler elsewhere is sure to get every SIGHUP.  Therefore sigwait(),
 * which libmilter calls, is defined here, in front of the C library's, and
 * leaves SIGHUP out; it stays pending for the descriptor below.
 */
#ifndef AG_SIGNALS_H
#define AG_SIGNALS_H

#include <stdbool.h>

/* Blocks the three, for this thread and those it makes.  Call it first. */
void ag_signals_block(void);

/* A descriptor that can be read when there is a SIGHUP, or -1. */
int ag_signals_open_hangup(void);

/*
 * A descriptor that can be read, and stays so, once libmilter has been told to
 * stop, or -1.  Open it before libmilter is started, once.
 */
int ag_signals_open_stop(void);

/* Whether libmilter has been told to stop. */
bool ag_signals_stop_came(void);

/* Takes what has come; whether there was any. */
bool ag_signals_take_hangup(int fd);

#endif
