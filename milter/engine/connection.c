/* connection.c - reads packets, writes answers, keeps what is half done */
#include "milter/engine/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/engine/bad.h"

/* Room for a packet that has begun, whatever length it promises. */
#define FIRST_ROOM ((size_t)1024)

struct ag_connection *
ag_connection_new(int fd)
{
	struct ag_connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->dialog = ag_dialog_new();
	if (c->dialog == NULL) {
		free(c);
		return NULL;
	}
	c->fd = fd;
	return c;
}

void
ag_connection_free(struct ag_connection *c)
{
	ag_dialog_free(c->dialog);
	free(c->in);
	free(c->out);
	close(c->fd);
	free(c);
}

/* ---- writing ---- */

/* How many bytes the MTA took; -1: it is gone. */
static ssize_t
send_some(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return n;
}

static bool
add_output(struct ag_connection *c, const char *bytes, size_t len)
{
	char *grown = realloc(c->out, c->out_len + len);

	if (grown == NULL)
		return false;
	memcpy(grown + c->out_len, bytes, len);
	c->out = grown;
	c->out_len += len;
	return true;
}

/* Writes what is in out, and keeps what the MTA does not take now. */
static bool
write_out(struct ag_connection *c, struct ag_buf *out)
{
	size_t len = out->len;
	ssize_t n = 0;

	out->len = 0;
	if (len == 0)
		return true;
	if (c->out_len == 0)
		n = send_some(c->fd, out->ptr, len);
	if (n < 0)
		return false;
	return (size_t)n == len || add_output(c, out->ptr + n, len - (size_t)n);
}

/* False: the MTA is gone. */
static bool
write_kept(struct ag_connection *c)
{
	ssize_t n = c->out_len > 0 ? send_some(c->fd, c->out, c->out_len) : 0;

	if (n < 0)
		return false;
	c->out_len -= (size_t)n;
	if (c->out_len > 0) {
		memmove(c->out, c->out + n, c->out_len);
		return true;
	}
	free(c->out);
	c->out = NULL;
	return true;
}

/* ---- taking packets ---- */

/*
 * The packet at the front of *bytes, if it is there and well-formed; else what
 * to wait for.
 */
static bool
find_packet(struct ag_connection *c, struct ag_str *bytes,
    struct ag_frame *frame, enum ag_waiting *waiting)
{
	struct ag_str from = *bytes;
	const char *why;

	switch (ag_frame_take(bytes, ag_dialog_max(c->dialog), frame, &why)) {
	case AG_FRAME_WHOLE:
		return true;
	case AG_FRAME_PART:
		*waiting = from.len > 0 ? AG_WAITING_REST : AG_WAITING_PACKET;
		return false;
	case AG_FRAME_BAD:
		break;
	}
	ag_bad_report(from, why);
	*waiting = AG_WAITING_NOTHING;
	return false;
}

/* False where the connection ends with it. */
static bool
take_packet(struct ag_connection *c, struct ag_str from,
    const struct ag_frame *frame, struct ag_buf *out)
{
	const char *why;
	enum ag_dialog_status status =
	    ag_dialog_take(c->dialog, frame, out, &why);

	c->packets++;
	if (status == AG_DIALOG_BAD)
		ag_bad_report(from, why);
	return status == AG_DIALOG_GOES_ON;
}

/* Takes what can be taken without the disk; what is left stays in *bytes. */
static enum ag_waiting
take_packets(struct ag_connection *c, struct ag_str *bytes, struct ag_buf *out)
{
	enum ag_waiting waiting;
	struct ag_frame frame;
	struct ag_str from = *bytes;

	for (; find_packet(c, bytes, &frame, &waiting); from = *bytes) {
		if (ag_dialog_needs_disk(c->dialog, &frame)) {
			c->at_end = frame.command == AG_FRAME_END;
			*bytes = from;
			return AG_WAITING_DISK;
		}
		if (!take_packet(c, from, &frame, out))
			return AG_WAITING_NOTHING;
		if (out->size - out->len > AG_DIALOG_ANSWER_MAX)
			continue;
		if (!write_out(c, out))
			return AG_WAITING_NOTHING;
		if (c->out_len > 0)
			return AG_WAITING_ROOM;
	}
	return waiting;
}

/* ---- keeping what is left ---- */

static bool
make_room(struct ag_connection *c, size_t room)
{
	char *grown = room > c->in_room ? realloc(c->in, room) : c->in;

	if (grown == NULL)
		return false;
	c->in = grown;
	c->in_room = room > c->in_room ? room : c->in_room;
	return true;
}

/* bytes are in c->in, or somewhere else; false: no memory. */
static bool
keep_input(struct ag_connection *c, struct ag_str bytes)
{
	if (bytes.len > 0 && !make_room(c, bytes.len))
		return false;
	if (bytes.len > 0)
		memmove(c->in, bytes.ptr, bytes.len);
	c->in_len = bytes.len;
	if (bytes.len > 0)
		return true;
	free(c->in);
	c->in = NULL;
	c->in_room = 0;
	return true;
}

/* Takes packets from bytes, answers, and keeps what is left. */
static enum ag_waiting
digest(struct ag_connection *c, struct ag_str bytes, struct ag_scratch *scratch)
{
	struct ag_buf out = AG_BUF(scratch->out);
	enum ag_waiting waiting = take_packets(c, &bytes, &out);

	if (!write_out(c, &out) || waiting == AG_WAITING_NOTHING ||
	    !keep_input(c, bytes))
		return AG_WAITING_NOTHING;
	/* first of all the MTA has to take what it was told */
	return c->out_len > 0 ? AG_WAITING_ROOM : waiting;
}

/* ---- what the loop calls ---- */

/* Where the rest of a packet goes: behind what is there of it. */
static struct ag_buf
place_for_rest(struct ag_connection *c)
{
	struct ag_str have = { c->in, c->in_len };
	size_t size = ag_frame_size(have), room = 2 * c->in_len;

	if (room < FIRST_ROOM)
		room = FIRST_ROOM;
	if (size > 0 && room > size)
		room = size;
	if (room <= c->in_len)
		room = c->in_len + FIRST_ROOM;
	return make_room(c, room) ?
	    ag_buf(c->in + c->in_len, room - c->in_len) :
	    (struct ag_buf){ 0 };
}

enum ag_waiting
ag_connection_read(struct ag_connection *c, struct ag_scratch *scratch)
{
	bool rest = c->in_len > 0;
	struct ag_buf to = rest ? place_for_rest(c) : AG_BUF(scratch->in);
	ssize_t n;

	if (to.size == 0)
		return AG_WAITING_NOTHING;
	n = recv(c->fd, to.ptr, to.size, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return c->waiting;
	if (n <= 0)
		return AG_WAITING_NOTHING;
	return digest(c,
	    rest ? (struct ag_str){ c->in, c->in_len + (size_t)n } :
		   (struct ag_str){ to.ptr, (size_t)n },
	    scratch);
}

enum ag_waiting
ag_connection_go_on(struct ag_connection *c, struct ag_scratch *scratch)
{
	if (!write_kept(c) || c->ended)
		return AG_WAITING_NOTHING;
	if (c->out_len > 0)
		return AG_WAITING_ROOM;
	return digest(c, (struct ag_str){ c->in, c->in_len }, scratch);
}

/* Takes the packets that need the disk; false where the connection ends. */
static bool
take_with_disk(struct ag_connection *c, struct ag_str *bytes,
    struct ag_buf *out)
{
	enum ag_waiting waiting;
	struct ag_frame frame;
	struct ag_str from = *bytes;

	for (; find_packet(c, bytes, &frame, &waiting); from = *bytes) {
		if (!ag_dialog_needs_disk(c->dialog, &frame) ||
		    out->size - out->len <= AG_DIALOG_ANSWER_MAX) {
			*bytes = from;
			return true;
		}
		if (!take_packet(c, from, &frame, out))
			return false;
	}
	return waiting != AG_WAITING_NOTHING;
}

void
ag_connection_work(struct ag_connection *c, struct ag_scratch *scratch)
{
	struct ag_buf out = AG_BUF(scratch->out);
	struct ag_str bytes = { c->in, c->in_len };

	c->ended = !take_with_disk(c, &bytes, &out);
	if (out.len > 0 && !add_output(c, out.ptr, out.len))
		c->ended = true;
	if (!keep_input(c, bytes))
		c->ended = true;
}

bool
ag_connection_say_progress(struct ag_connection *c)
{
	char bytes[16];
	struct ag_buf out = AG_BUF(bytes);

	if (!c->at_end)
		return true;
	ag_frame_write(&out, 'p');
	return send_some(c->fd, out.ptr, out.len) == (ssize_t)out.len;
}
