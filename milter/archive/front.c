/* front.c - the lines in front of a copy */
#include "milter/archive/front.h"

#include <stdlib.h>
#include <string.h>

/* Where a list is folded, and where even one word is. */
#define LINE_SOFT 78
#define LINE_HARD 900

enum { SENDER, JUDGED, RCPTS, CLIENT, LOGIN, QUEUE_ID, NAMES };

static const char *const names[NAMES] = { "Return-Path", "X-Authgate-Sender",
	"X-Authgate-Recipients", "X-Authgate-Client", "X-Authgate-Login",
	"X-Authgate-Queue-Id" };

/* ---- writing ---- */

/* No stream: open_memstream() takes a text that was cut for a whole one. */
struct text {
	char *bytes;
	size_t len;
	size_t room;
	size_t column;
	bool failed; /* no memory; nothing is added any more */
};

static bool
grow(struct text *text)
{
	size_t room = text->room > 0 ? 2 * text->room : 1024;
	char *bytes = text->failed ? NULL : realloc(text->bytes, room);

	if (bytes == NULL) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

static void
put_byte(struct text *text, char c)
{
	if (text->len < text->room || grow(text))
		text->bytes[text->len++] = c;
}

static void
fold(struct text *text)
{
	put_byte(text, '\n');
	put_byte(text, ' ');
	text->column = 1;
}

static void
put(struct text *text, char c)
{
	if (text->column == LINE_HARD)
		fold(text);
	put_byte(text, ag_is_control(c) ? '?' : c);
	text->column++;
}

static void
put_str(struct text *text, struct ag_str s)
{
	for (size_t i = 0; i < s.len; i++)
		put(text, s.ptr[i]);
}

static void
begin(struct text *text, const char *name)
{
	text->column = 0;
	put_str(text, ag_str(name));
	put_str(text, ag_str(": "));
}

static void
end(struct text *text)
{
	put_byte(text, '\n');
}

static void
put_field(struct text *text, const char *name, struct ag_str value)
{
	begin(text, name);
	put_str(text, value.len > 0 ? value : ag_str("-"));
	end(text);
}

static void
put_sender(struct text *text, struct ag_str sender)
{
	begin(text, names[SENDER]);
	put(text, '<');
	put_str(text, sender);
	put(text, '>');
	end(text);
}

static void
put_rcpt(struct text *text, struct ag_str rcpt, bool first)
{
	if (!first)
		put(text, ',');
	if (!first && text->column + rcpt.len + 2 > LINE_SOFT)
		fold(text);
	else if (!first)
		put(text, ' ');
	put_str(text, rcpt);
}

static void
put_rcpts(struct text *text, const struct ag_front *front)
{
	begin(text, names[RCPTS]);
	for (size_t i = 0; i < front->nrcpt; i++)
		put_rcpt(text, ag_str(front->rcpt[i]), i == 0);
	if (front->nrcpt == 0)
		put(text, '-');
	end(text);
}

char *
ag_front_write(const struct ag_front *front, size_t *len)
{
	struct text text = { 0 };

	put_sender(&text, front->sender);
	if (front->judged.len > 0)
		put_field(&text, names[JUDGED], front->judged);
	put_rcpts(&text, front);
	put_field(&text, names[CLIENT], front->client);
	put_field(&text, names[LOGIN], front->login);
	put_field(&text, names[QUEUE_ID], front->queue_id);
	*len = text.len;
	put_byte(&text, '\0');
	if (!text.failed)
		return text.bytes;
	free(text.bytes);
	return NULL;
}

/* ---- reading ---- */

/* Adds a line, without its newline, to a text of *len bytes. */
static bool
append(char **text, size_t *len, struct ag_str line)
{
	char *longer = realloc(*text, *len + line.len + 1);

	if (longer == NULL)
		return false;
	memcpy(longer + *len, line.ptr, line.len);
	*len += line.len;
	longer[*len] = '\0';
	*text = longer;
	return true;
}

/* A folded line goes on behind the one blank that the fold has added. */
static bool
read_rest(FILE *in, char **text, size_t *len)
{
	char *line = NULL;
	size_t room = 0;
	bool good = true;
	int c;

	while (good && (c = getc(in)) == ' ') {
		ssize_t n = getline(&line, &room, in);

		good = n > 0 && line[n - 1] == '\n' &&
		    append(text, len, (struct ag_str){ line, (size_t)n - 1 });
	}
	free(line);
	if (good && c != EOF)
		ungetc(c, in);
	return good;
}

/* The value of the field, if the line is its first one. */
static bool
is_field(struct ag_str line, const char *name, struct ag_str *value)
{
	size_t skip = strlen(name) + 2;

	if (line.len <= skip || line.ptr[line.len - 1] != '\n' ||
	    strncmp(line.ptr, name, skip - 2) != 0 ||
	    strncmp(line.ptr + skip - 2, ": ", 2) != 0)
		return false;
	*value = ag_str_skip(ag_str_head(line, line.len - 1), skip);
	return true;
}

static bool
take_value(FILE *in, struct ag_str first, char **value)
{
	size_t len = 0;

	if (!append(value, &len, first) || !read_rest(in, value, &len))
		return false;
	if (strcmp(*value, "-") == 0)
		**value = '\0';
	return true;
}

/* One alone may be missing; then its line is that of the next. */
static bool
read_fields(FILE *in, char **const value[static NAMES])
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n = 0;
	bool good = true, keeps = false;

	for (unsigned i = 0; i < NAMES && good; i++) {
		struct ag_str first, whole;

		if (!keeps)
			n = getline(&line, &room, in);
		whole = (struct ag_str){ line, n > 0 ? (size_t)n : 0 };
		keeps = false;
		if (is_field(whole, names[i], &first))
			good = take_value(in, first, value[i]);
		else
			good = keeps = i == JUDGED && n > 0;
	}
	free(line);
	return good;
}

static bool
drop_brackets(char *text)
{
	size_t len = strlen(text);

	if (len < 2 || text[0] != '<' || text[len - 1] != '>')
		return false;
	memmove(text, text + 1, len - 2);
	text[len - 2] = '\0';
	return true;
}

bool
ag_front_read(FILE *in, struct ag_front_text *text)
{
	char **const value[NAMES] = { &text->sender, &text->judged,
		&text->rcpts, &text->client, &text->login, &text->queue_id };

	memset(text, 0, sizeof(*text));
	return read_fields(in, value) && drop_brackets(text->sender);
}

void
ag_front_free(struct ag_front_text *text)
{
	free(text->sender);
	free(text->judged);
	free(text->rcpts);
	free(text->client);
	free(text->login);
	free(text->queue_id);
}

/* Where the recipient ends: at a comma that is not in quotes. */
static size_t
find_end(struct ag_str text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		if (quoted && text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '"')
			quoted = !quoted;
		else if (text.ptr[i] == ',' && !quoted)
			return i;
	}
	return text.len;
}

bool
ag_front_rcpt(struct ag_str *rest, struct ag_str *rcpt)
{
	size_t end = find_end(*rest);

	if (rest->len == 0)
		return false;
	*rcpt = ag_str_trim(ag_str_head(*rest, end));
	*rest = ag_str_skip(*rest, end + 1);
	return true;
}
