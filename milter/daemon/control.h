/*
 * control.h - the socket on which "authgate status" and "authgate reload" find
 * the daemon
 *
 * It stands beside the milter's unix socket, with ".control" behind its name;
 * for an inet socket it is /run/authgate/PORT.control.  Root, the daemon's user
 * and socket_group can connect.  Of the clients see controlclients.h.
 */
#ifndef AG_CONTROL_H
#define AG_CONTROL_H

#include <stdbool.h>

/*
 * Before the privileges are dropped.  -1 after a line: the daemon does without.
 */
int ag_control_open(void);

/* Removes it, as far as that is permitted. */
void ag_control_remove(void);

struct ag_question {
	const char *command; /* for messages */
	const char *words;   /* what is said */
	const char *config;  /* the main file */
	int seconds;         /* for all of it */
	bool may_be_none;    /* no daemon is no error: there is no answer */
};

/* More than a reload of large files on a busy machine takes. */
#define AG_CONTROL_SECONDS 60

/*
 * The other side: asks the daemon, and waits for the answer.  0 and a text to
 * be freed, or an exit status after a message.
 */
int ag_control_ask(const struct ag_question *question, char **answer);

#endif
