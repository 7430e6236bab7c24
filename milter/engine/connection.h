/*
 * connection.h - one connection of the MTA: its descriptor, what was read of a
 * packet, and what is not written yet
 *
 * While nothing is under way it has no buffers.  A connection belongs to one
 * thread; a thread of disk.h has it while it is parked.
 */
#ifndef AG_CONNECTION_H
#define AG_CONNECTION_H

#include <stdint.h>
#include <sys/queue.h>

#include "milter/engine/dialog.h"

/* What a connection waits for. */
enum ag_waiting {
	AG_WAITING_PACKET, /* the next one */
	AG_WAITING_REST,   /* the rest of one that has begun */
	AG_WAITING_ROOM,   /* the MTA, which does not read */
	AG_WAITING_DISK,   /* parked */
	AG_WAITING_NOTHING /* it has ended */
};

#define AG_WAITING_KINDS AG_WAITING_NOTHING

struct ag_connection {
	int fd;
	struct ag_dialog *dialog;
	char *in; /* bytes that came and are not taken */
	size_t in_len;
	size_t in_room;
	char *out; /* bytes that are to be written */
	size_t out_len;
	enum ag_waiting waiting;
	int64_t since;    /* that; seconds of the monotonic clock */
	uint64_t packets; /* taken so far */
	bool at_end;      /* parked with the end of its message */
	bool ended;       /* while it was parked */
	void *owner;      /* the thread's loop */
	TAILQ_ENTRY(ag_connection) link; /* of those that wait for the same */
	struct ag_connection *next;      /* on the way to the disk, or back */
};

/* What a thread reads into and writes from; its own. */
struct ag_scratch {
	char in[64 * 1024];
	char out[2 * AG_DIALOG_ANSWER_MAX];
};

/* fd is the connection's then.  NULL: no memory. */
struct ag_connection *ag_connection_new(int fd);
void ag_connection_free(struct ag_connection *connection);

/* There is something to read: takes it, answers, and says what comes next. */
enum ag_waiting ag_connection_read(struct ag_connection *connection,
    struct ag_scratch *scratch);

/* There is room to write, or it comes back from the disk. */
enum ag_waiting ag_connection_go_on(struct ag_connection *connection,
    struct ag_scratch *scratch);

/* The part that waits for the disk: by another thread, while it is parked. */
void ag_connection_work(struct ag_connection *connection,
    struct ag_scratch *scratch);

/* Asks the MTA for patience at the end of a message; false: it is gone. */
bool ag_connection_say_progress(struct ag_connection *connection);

#endif
