/*
 * ask.h - asks the daemon on its control socket
 *
 * The socket stands beside the milter's unix socket, with ".control" behind its
 * name; for an inet socket it is /run/authgate/PORT.control.
 */
#ifndef AG_ASK_H
#define AG_ASK_H

#include <stdbool.h>
#include <sys/un.h>

#include "policy/base/text.h"

/*
 * The address of the control socket that belongs to [milter] socket.  False
 * when the path is too long for a socket.
 */
bool ag_ask_address(struct ag_str place, struct sockaddr_un *address);

struct ag_question {
	const char *command; /* for messages */
	const char *words;   /* what is said */
	const char *config;  /* the main file */
	int seconds;         /* for all of it */
	bool may_be_none;    /* no daemon is no error: there is no answer */
};

/* More than a reload of large files on a busy machine takes. */
#define AG_ASK_SECONDS 60

/*
 * Asks the daemon, and waits for the answer.  0 and a text to
 * be freed, or an exit status after a message.
 */
int ag_ask(const struct ag_question *question, char **answer);

#endif
