/* controlclients.c - serves the clients of the control socket */
#include "milter/daemon/controlclients.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/base/number.h"

/* For a line, and for taking an answer; who is well needs some milliseconds. */
#define PATIENCE_MS 10000

/* How long who asks is left waiting for want of a descriptor. */
#define DEAF_MS 1000

void
ag_control_begin(struct ag_control *control, int listener)
{
	*control = (struct ag_control){ .listener = listener };
	for (size_t i = 0; i < AG_CONTROL_CLIENTS; i++)
		control->client[i].fd = -1;
	if (listener >= 0)
		fcntl(listener, F_SETFL, O_NONBLOCK);
}

static void
hang_up(struct ag_control_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->answer);
	*client = (struct ag_control_client){ .fd = -1 };
}

void
ag_control_end(struct ag_control *control)
{
	for (size_t i = 0; i < AG_CONTROL_CLIENTS; i++)
		hang_up(&control->client[i]);
	if (control->listener >= 0)
		close(control->listener);
	control->listener = -1;
}

/* ---- waiting ---- */

static void
shorten(int *timeout, int64_t left)
{
	if (left < *timeout)
		*timeout = left > 0 ? (int)left : 0;
}

void
ag_control_wait(const struct ag_control *control, int64_t now,
    struct pollfd fds[static AG_CONTROL_FDS], int *timeout)
{
	bool deaf = control->deaf_until > now;

	fds[0] = (struct pollfd){ deaf ? -1 : control->listener, POLLIN, 0 };
	if (deaf)
		shorten(timeout, control->deaf_until - now);
	for (size_t i = 0; i < AG_CONTROL_CLIENTS; i++) {
		const struct ag_control_client *client = &control->client[i];
		short events = client->answer != NULL ? POLLOUT : POLLIN;

		fds[i + 1] = (struct pollfd){ client->fd, events, 0 };
		if (client->fd >= 0)
			shorten(timeout, client->since + PATIENCE_MS - now);
	}
}

/* ---- who comes ---- */

/* A free place; there is always one, or one that has been made. */
static struct ag_control_client *
make_room(struct ag_control *control)
{
	struct ag_control_client *oldest = &control->client[0];

	for (size_t i = 0; i < AG_CONTROL_CLIENTS; i++) {
		struct ag_control_client *client = &control->client[i];

		if (client->fd < 0)
			return client;
		if (client->since < oldest->since)
			oldest = client;
	}
	hang_up(oldest);
	return oldest;
}

/* One at a time: who sent a line has it read before others push it out. */
static void
take_client(struct ag_control *control, int64_t now)
{
	int fd = accept4(control->listener, NULL, NULL,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ag_control_client *client;

	if (fd < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			control->deaf_until = now + DEAF_MS;
		return;
	}
	client = make_room(control);
	client->fd = fd;
	client->since = now;
}

/* ---- what it wants ---- */

static bool
may_reload(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

/* "look DEVICE INODE" */
static bool
is_look(struct ag_control_client *client, struct ag_str line)
{
	struct ag_str word, device, inode;

	return ag_str_word(&line, " ", &word) &&
	    ag_str_eq(word, ag_str("look")) &&
	    ag_str_word(&line, " ", &device) &&
	    ag_number_parse(device, UINT64_MAX, &client->device) &&
	    ag_str_word(&line, " ", &inode) &&
	    ag_number_parse(inode, UINT64_MAX, &client->inode) && line.len == 0;
}

/* "reload" or "reload accept FILE" */
static bool
is_reload(struct ag_control_client *client, struct ag_str line)
{
	static const char accept[] = "reload accept ";
	struct ag_buf out = AG_BUF(client->accept);

	if (ag_str_eq(line, ag_str("reload")))
		return true;
	if (!ag_str_starts(line, accept))
		return false;
	ag_buf_str(&out, ag_str_skip(line, sizeof(accept) - 1));
	return out.len > 0 && !out.cut;
}

static enum ag_wish
wish_of(struct ag_control_client *client, struct ag_str line)
{
	if (ag_str_eq(line, ag_str("status")))
		return AG_WISH_STATUS;
	if (is_look(client, line))
		return AG_WISH_LOOK;
	if (!is_reload(client, line))
		return AG_WISH_NONE;
	return may_reload(client->fd) ? AG_WISH_RELOAD : AG_WISH_REFUSED;
}

/* Reads on; who hangs up, or says what nobody understands, is done with. */
static enum ag_wish
listen_to(struct ag_control_client *client)
{
	size_t room = sizeof(client->said) - client->len;
	ssize_t n =
	    recv(client->fd, client->said + client->len, room, MSG_DONTWAIT);
	struct ag_str said;
	enum ag_wish wish = AG_WISH_NONE;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return AG_WISH_NONE;
	client->len += n > 0 ? (size_t)n : 0;
	said = (struct ag_str){ client->said, client->len };
	if (ag_str_has(said, '\n'))
		wish =
		    wish_of(client, ag_str_head(said, ag_str_find(said, '\n')));
	else if (n > 0 && client->len < sizeof(client->said))
		return AG_WISH_NONE;
	if (wish == AG_WISH_NONE)
		hang_up(client);
	return wish;
}

/* ---- what it gets ---- */

static void
send_on(struct ag_control_client *client)
{
	const char *rest =
	    client->answer + strlen(client->answer) - client->left;
	ssize_t n =
	    send(client->fd, rest, client->left, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	client->left -= n > 0 ? (size_t)n : 0;
	if (n <= 0 || client->left == 0)
		hang_up(client);
}

void
ag_control_answer(struct ag_control_client *client, int64_t now, char *text)
{
	if (text == NULL) {
		hang_up(client);
		return;
	}
	client->answer = text;
	client->left = strlen(text);
	client->since = now;
	send_on(client);
}

struct ag_control_client *
ag_control_serve(struct ag_control *control, int64_t now, enum ag_wish *wish)
{
	*wish = AG_WISH_NONE;
	if (control->listener >= 0 && control->deaf_until <= now)
		take_client(control, now);
	for (size_t i = 0; i < AG_CONTROL_CLIENTS; i++) {
		struct ag_control_client *client = &control->client[i];

		if (client->fd >= 0 && client->since + PATIENCE_MS <= now)
			hang_up(client);
		else if (client->answer != NULL)
			send_on(client);
		else if (client->fd >= 0)
			*wish = listen_to(client);
		if (*wish != AG_WISH_NONE)
			return client;
	}
	return NULL;
}
