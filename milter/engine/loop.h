/*
 * loop.h - the connections of the MTA: accepted, waited for, closed in time
 *
 * A thread a core, each with an epoll of its own.  A connection belongs to the
 * thread that accepted it and costs none.  What needs the disk is done by the
 * threads of disk.h, while the connection is parked.
 */
#ifndef AG_LOOP_H
#define AG_LOOP_H

#include <stdint.h>

/* Seconds that a packet which has begun, and a reply, may take. */
#define AG_LOOP_PATIENCE 60

/* Seconds between two signs of life while the disk works. */
#define AG_LOOP_PROGRESS 10

/*
 * Serves the listening socket with so many threads, and closes a connection
 * that says nothing for timeout seconds.  0 or an errno.
 */
int ag_loop_start(int listener, unsigned threads, unsigned timeout);

/*
 * Listens no more, closes every connection that is within no message, and the
 * others when their message has ended, or after some seconds.  Returns when all
 * threads have ended.
 */
void ag_loop_stop(void);

/* Connections that are open, and threads. */
unsigned ag_loop_connections(void);
unsigned ag_loop_threads(void);

#endif
