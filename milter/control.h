/*
 * control.h - the socket on which "authgate status" and "authgate reload" find
 * the daemon
 *
 * It stands beside the milter's unix socket, with ".control" behind its name;
 * for an inet socket it is /run/authgate/PORT.control.  Root, the daemon's user
 * and socket_group can connect.  A client says one word and a newline, and gets
 * one JSON object.
 */
#ifndef AG_CONTROL_H
#define AG_CONTROL_H

/*
 * Before the privileges are dropped.  -1 after a line: the daemon does without.
 */
int ag_control_open(void);

/* Removes it, as far as that is permitted. */
void ag_control_remove(void);

enum ag_wish { AG_WISH_NONE, AG_WISH_STATUS, AG_WISH_RELOAD, AG_WISH_REFUSED };

/*
 * Takes a client and what it wants.  *client is a descriptor, which
 * ag_control_answer() closes.  It waits for a second at most.
 */
enum ag_wish ag_control_take(int listener, int *client);

/* text may be NULL: no memory. */
void ag_control_answer(int client, const char *text);

/*
 * The other side: asks the daemon of the main file at config, and waits for the
 * answer.  0 and a text to be freed, or an exit status after a message.
 */
int ag_control_ask(const char *command, const char *config, char **answer);

#endif
