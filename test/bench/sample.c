#include "sample.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* All of the file, terminated; to be freed. */
static char *
read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		err(EX_NOINPUT, "%s", path);
	if (getdelim(&text, &size, '\0', file) < 0)
		errx(EX_DATAERR, "%s: is empty or cannot be read", path);
	fclose(file);
	return text;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

/* Cuts the next field off, at the end of it; NULL when there is none. */
static char *
take_field(char **rest, char end)
{
	char *field = *rest, *at = strpbrk(field, "\t\n");

	if (at == NULL || *at != end)
		return NULL;
	*at = '\0';
	*rest = at + 1;
	return field;
}

static int
read_sample(struct sample *s, char **rest)
{
	return (s->verdict = take_field(rest, '\t')) != NULL &&
	    (s->client = take_field(rest, '\t')) != NULL &&
	    (s->listener = take_field(rest, '\t')) != NULL &&
	    (s->port = take_field(rest, '\t')) != NULL &&
	    (s->login = take_field(rest, '\t')) != NULL &&
	    (s->sender = take_field(rest, '\t')) != NULL &&
	    (s->recipient = take_field(rest, '\n')) != NULL;
}

void
samples_read(struct samples *samples, const char *path)
{
	char *rest = samples->text = read_text(path);

	samples->n = count_lines(rest);
	if (samples->n == 0)
		errx(EX_DATAERR, "%s: has no line", path);
	samples->sample = calloc(samples->n, sizeof(*samples->sample));
	if (samples->sample == NULL)
		err(EX_OSERR, "%s", path);
	for (size_t i = 0; i < samples->n; i++)
		if (!read_sample(&samples->sample[i], &rest))
			errx(EX_DATAERR, "%s:%zu: not seven fields", path,
			    i + 1);
}

void
samples_free(struct samples *samples)
{
	free(samples->sample);
	free(samples->text);
}
