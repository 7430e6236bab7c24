/*
 * controlclients.h - who asks the daemon on its control socket, and what for
 *
 * A client says one line, and gets one JSON object.  Nobody is waited for:
 * clients are served as they come, say and take.  Each has some seconds for its
 * line, and again for its answer; of too many the oldest is hung up on.
 *
 * Used by one thread.
 */
#ifndef AG_CONTROLCLIENTS_H
#define AG_CONTROLCLIENTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ag_wish {
	AG_WISH_NONE,
	AG_WISH_STATUS,
	AG_WISH_RELOAD, /* by who may */
	AG_WISH_LOOK,   /* at the files, and whether one of them is in force */
	AG_WISH_REFUSED
};

struct ag_control_client {
	int fd;          /* -1: nobody */
	int64_t since;   /* it came, or was answered; monotonic milliseconds */
	char said[4200]; /* the line, as far as it has come */
	size_t len;
	char *answer; /* NULL: not yet */
	size_t left;  /* of it, at its end */
	/* of AG_WISH_LOOK: which file, as stat(2) has it */
	uint64_t device;
	uint64_t inode;
	/* of AG_WISH_RELOAD: a list that is to be taken as it is, or "" */
	char accept[4096];
};

#define AG_CONTROL_CLIENTS 8
#define AG_CONTROL_FDS (AG_CONTROL_CLIENTS + 1)

struct ag_control {
	int listener;       /* -1: none */
	int64_t deaf_until; /* for want of a descriptor nobody is listened to */
	struct ag_control_client client[AG_CONTROL_CLIENTS];
};

/* The listener may be -1, and is closed by ag_control_end(). */
void ag_control_begin(struct ag_control *control, int listener);
void ag_control_end(struct ag_control *control);

/* What to wait for, and for how long at most, where that is less. */
void ag_control_wait(const struct ag_control *control, int64_t now,
    struct pollfd fds[static AG_CONTROL_FDS], int *timeout);

/*
 * Does what can be done without waiting.  Returns a client that has said what
 * it wants, or NULL.
 */
struct ag_control_client *ag_control_serve(struct ag_control *control,
    int64_t now, enum ag_wish *wish);

/* Takes text over; NULL, no memory, hangs up. */
void ag_control_answer(struct ag_control_client *client, int64_t now,
    char *text);

#endif
