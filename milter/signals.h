/*
 * signals.h - SIGHUP for us, SIGTERM and SIGINT for libmilter
 *
 * libmilter waits for all three in a thread of its own and takes each for a
 * wish to stop.  Of a signal to the process the kernel picks the receiver, so
 * that no handler elsewhere is sure to get every SIGHUP.  Therefore sigwait(),
 * which libmilter calls, is defined here, in front of the C library's, and
 * leaves SIGHUP out; nobody but ag_signals_wait_hangup() takes it.
 */
#ifndef AG_SIGNALS_H
#define AG_SIGNALS_H

/* Blocks the three, for this thread and those it makes.  Call it first. */
void ag_signals_block(void);

/* Waits for a SIGHUP, to the process or to this thread. */
void ag_signals_wait_hangup(void);

#endif
