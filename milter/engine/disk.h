/*
 * disk.h - a few threads that may wait for the disk, for connections that may
 * not
 */
#ifndef AG_DISK_H
#define AG_DISK_H

#include "milter/engine/connection.h"

/* Threads, and connections that may wait for one. */
#define AG_DISK_THREADS 4
#define AG_DISK_QUEUE 1024

/* done is called, by one of the threads, for each that was given.  0 or an
 * errno. */
int ag_disk_start(void (*done)(struct ag_connection *connection));

/* A place in the queue, for which one must be given then; false: it is full. */
bool ag_disk_reserve(void);
void ag_disk_give(struct ag_connection *connection);

/* When none is under way any more. */
void ag_disk_stop(void);

#endif
