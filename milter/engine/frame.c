/* frame.c - packets of the milter protocol: bytes to fields, and back */
#include "milter/engine/frame.h"

#define REPLY_NEGOTIATE 'O'
#define REPLY_CODE 'y'
#define REPLY_INSERT 'i'
#define REPLY_CHANGE 'm'

#define FIELD 4 /* bytes of a number */

static uint32_t
read_number(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;

	return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 |
	    (uint32_t)byte[2] << 8 | byte[3];
}

/* ---- packets ---- */

size_t
ag_frame_size(struct ag_str bytes)
{
	return bytes.len < AG_FRAME_LENGTH ?
	    0 :
	    AG_FRAME_LENGTH + (size_t)read_number(bytes.ptr);
}

/* Whether the MTA may send it at all. */
static bool
is_command(char c)
{
	return c != '\0' && strchr("ABCDEHKLMNOQRTU", c) != NULL;
}

/* NULL, or what is wrong with as much of a packet as is there. */
static const char *
find_fault(struct ag_str bytes, size_t max)
{
	size_t len = read_number(bytes.ptr);

	if (len == 0)
		return "it has no command";
	if (len - 1 > max)
		return "it is longer than was agreed on";
	if (bytes.len > AG_FRAME_LENGTH &&
	    !is_command(bytes.ptr[AG_FRAME_LENGTH]))
		return "there is no such command";
	return NULL;
}

enum ag_frame_status
ag_frame_take(struct ag_str *bytes, size_t max, struct ag_frame *frame,
    const char **why)
{
	size_t size = ag_frame_size(*bytes);

	if (bytes->len < AG_FRAME_LENGTH)
		return AG_FRAME_PART;
	*why = find_fault(*bytes, max);
	if (*why != NULL)
		return AG_FRAME_BAD;
	if (bytes->len < size)
		return AG_FRAME_PART;
	frame->command = bytes->ptr[AG_FRAME_LENGTH];
	frame->data =
	    ag_str_skip(ag_str_head(*bytes, size), AG_FRAME_LENGTH + 1);
	*bytes = ag_str_skip(*bytes, size);
	return AG_FRAME_WHOLE;
}

/* ---- what belongs to a command ---- */

static const char *const open_text = "a text in it does not end";

/* Takes a text off the front of *data; false where no NUL ends it. */
static bool
take_text(struct ag_str *data, const char **text)
{
	size_t n = ag_str_find(*data, '\0');

	if (n == data->len)
		return false;
	*text = data->ptr;
	*data = ag_str_skip(*data, n + 1);
	return true;
}

/* The last text of a command: whatever follows it ends with a NUL as well. */
static bool
ends_with_nul(struct ag_str data)
{
	return data.len > 0 && data.ptr[data.len - 1] == '\0';
}

const char *
ag_frame_read_offer(struct ag_str data, struct ag_offer *offer)
{
	if (data.len < sizeof(uint32_t) * 3)
		return "an offer has three numbers";
	offer->version = read_number(data.ptr);
	offer->actions = read_number(data.ptr + FIELD);
	offer->steps = read_number(data.ptr + 2 * FIELD);
	return offer->version < AG_FRAME_OLDEST ?
	    "the MTA's version of the protocol is too old" :
	    NULL;
}

/* Port and address, in front of which the family stood. */
static const char *
read_address(struct ag_str data, struct ag_peer *peer)
{
	if (data.len <= 2)
		return "a family is not followed by port and address";
	peer->port = (unsigned)(unsigned char)data.ptr[0] << 8 |
	    (unsigned char)data.ptr[1];
	data = ag_str_skip(data, 2);
	if (!ends_with_nul(data))
		return open_text;
	peer->address = data.ptr;
	return NULL;
}

const char *
ag_frame_read_peer(struct ag_str data, struct ag_peer *peer)
{
	*peer = (struct ag_peer){ .address = "" };
	if (!take_text(&data, &peer->name))
		return open_text;
	if (data.len == 0)
		return "the client's family is missing";
	peer->family = data.ptr[0];
	if (peer->family == '\0' || strchr("UL46", peer->family) == NULL)
		return "there is no such family of addresses";
	return peer->family == 'U' ? NULL :
				     read_address(ag_str_skip(data, 1), peer);
}

const char *
ag_frame_read_text(struct ag_str data, const char **text)
{
	if (!ends_with_nul(data))
		return data.len == 0 ? "an argument is missing" : open_text;
	*text = data.ptr;
	return NULL;
}

const char *
ag_frame_read_field(struct ag_str data, const char **name, const char **value)
{
	if (!ends_with_nul(data))
		return open_text;
	take_text(&data, name);
	if (data.len == 0)
		return "a header field has no value";
	if (**name == '\0')
		return "a header field has no name";
	*value = data.ptr;
	return NULL;
}

/* ---- macros ---- */

bool
ag_macros_next(struct ag_macros *macros, const char **name, const char **value)
{
	return take_text(&macros->rest, name) &&
	    take_text(&macros->rest, value);
}

const char *
ag_frame_read_macros(struct ag_str data, struct ag_macros *macros)
{
	struct ag_str rest;
	unsigned texts = 0;

	if (data.len == 0 || !is_command(data.ptr[0]))
		return "macros belong to no command";
	macros->command = data.ptr[0];
	macros->rest = rest = ag_str_skip(data, 1);
	if (rest.len > 0 && !ends_with_nul(rest))
		return open_text;
	for (const char *text; take_text(&rest, &text);)
		texts++;
	return texts % 2 == 0 ? NULL : "a macro has a name and no value";
}

/* ---- replies ---- */

static void
write_number(struct ag_buf *out, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		ag_buf_char(out, (char)(unsigned char)(number >> shift));
}

/* With the NUL that ends it. */
static void
write_text(struct ag_buf *out, const char *text)
{
	ag_buf_text(out, text);
	ag_buf_char(out, '\0');
}

/*
 * Begins a reply that has len bytes behind it; false where it does not fit.
 */
static bool
begin(struct ag_buf *out, char reply, size_t len)
{
	/* a buf keeps one byte for its own terminator */
	if (out->cut || out->size - out->len - 1 < AG_FRAME_LENGTH + 1 + len) {
		out->cut = true;
		return false;
	}
	write_number(out, (uint32_t)(len + 1));
	ag_buf_char(out, reply);
	return true;
}

void
ag_frame_write(struct ag_buf *out, char reply)
{
	begin(out, reply, 0);
}

void
ag_frame_write_reply(struct ag_buf *out, const char *code, const char *status,
    const char *text)
{
	size_t percents = 0;

	/* both MTAs take it for a format (Sendmail) or undo that (Postfix) */
	for (const char *c = text; *c != '\0'; c++)
		percents += *c == '%';
	if (!begin(out, REPLY_CODE,
		strlen(code) + strlen(status) + strlen(text) + percents +
		    sizeof("  ")))
		return;
	ag_buf_text(out, code);
	ag_buf_char(out, ' ');
	ag_buf_text(out, status);
	ag_buf_char(out, ' ');
	for (; *text != '\0'; text++) {
		ag_buf_char(out, *text);
		if (*text == '%')
			ag_buf_char(out, '%');
	}
	ag_buf_char(out, '\0');
}

void
ag_frame_write_offer(struct ag_buf *out, const struct ag_offer *offer,
    const char *const list[AG_FRAME_STAGES])
{
	size_t len = (size_t)3 * FIELD;

	for (unsigned i = 0; i < AG_FRAME_STAGES; i++)
		len += list[i] == NULL ? 0 : FIELD + strlen(list[i]) + 1;
	if (!begin(out, REPLY_NEGOTIATE, len))
		return;
	write_number(out, offer->version);
	write_number(out, offer->actions);
	write_number(out, offer->steps);
	for (unsigned i = 0; i < AG_FRAME_STAGES; i++) {
		if (list[i] == NULL)
			continue;
		write_number(out, i);
		write_text(out, list[i]);
	}
}

void
ag_frame_write_removal(struct ag_buf *out, uint32_t number, const char *name)
{
	if (!begin(out, REPLY_CHANGE, FIELD + strlen(name) + sizeof("\0")))
		return;
	write_number(out, number);
	write_text(out, name);
	write_text(out, "");
}

void
ag_frame_write_insertion(struct ag_buf *out, const char *name,
    const char *value)
{
	if (!begin(out, REPLY_INSERT, FIELD + strlen(name) + strlen(value) + 2))
		return;
	write_number(out, 0);
	write_text(out, name);
	write_text(out, value);
}
