#include "front.h"

#include <stdlib.h>
#include <string.h>

/* Where a list is folded, and where even one word is. */
#define LINE_SOFT 78
#define LINE_HARD 900

static const char *const names[] = { "Return-Path", "X-Authgate-Recipients",
	"X-Authgate-Client", "X-Authgate-Login", "X-Authgate-Queue-Id" };

#define NAMES (sizeof(names) / sizeof(names[0]))

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
	begin(text, names[0]);
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
	begin(text, names[1]);
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
	put_rcpts(&text, front);
	put_field(&text, names[2], front->client);
	put_field(&text, names[3], front->login);
	put_field(&text, names[4], front->queue_id);
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

static bool
read_field(FILE *in, const char *name, char **value)
{
	size_t skip = strlen(name) + 2, len = 0, room = 0;
	char *line = NULL;
	ssize_t n = getline(&line, &room, in);
	bool good = n > (ssize_t)skip && line[n - 1] == '\n' &&
	    strncmp(line, name, skip - 2) == 0 &&
	    strncmp(line + skip - 2, ": ", 2) == 0;

	good = good &&
	    append(value, &len,
		(struct ag_str){ line + skip, (size_t)n - 1 - skip }) &&
	    read_rest(in, value, &len);
	free(line);
	if (good && strcmp(*value, "-") == 0)
		**value = '\0';
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
	char **value[] = { &text->sender, &text->rcpts, &text->client,
		&text->login, &text->queue_id };

	memset(text, 0, sizeof(*text));
	for (size_t i = 0; i < NAMES; i++)
		if (!read_field(in, names[i], value[i]))
			return false;
	return drop_brackets(text->sender);
}

void
ag_front_free(struct ag_front_text *text)
{
	free(text->sender);
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
