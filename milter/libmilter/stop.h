/*
 * stop.h - SIGTERM and SIGINT for libmilter, SIGHUP for us
 *
 * libmilter waits for all three in a thread of its own and takes each for a
 * wish to stop.  Of a signal to the process the kernel picks the receiver, so
 * that no handler elsewhere is sure to get every SIGHUP.  Therefore sigwait(),
 * which libmilter calls, is defined here, in front of the C library's, and
 * leaves SIGHUP out; it stays pending for the descriptor of signals.h.
 */
#ifndef AG_STOP_H
#define AG_STOP_H

#include <stdbool.h>

/*
 * A descriptor that can be read, and stays so, once libmilter has been told to
 * stop, or -1.  Open it before libmilter is started, once.
 */
int ag_stop_open(void);

/* Whether libmilter has been told to stop. */
bool ag_stop_came(void);

#endif
