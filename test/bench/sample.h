/*
 * sample.h - the sessions that data.py made: one a line, fields separated by
 * tabs
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stddef.h>

/* Strings, terminated; empty where there is none. */
struct sample {
	const char *verdict; /* "ok", "connect" or "rcpt" */
	const char *client;
	const char *listener;
	const char *port;
	const char *login;
	const char *sender; /* without angle brackets */
	const char *recipient;
};

/* All zero bytes are an empty set. */
struct samples {
	struct sample *sample;
	size_t n;
	char *text; /* what the strings point into */
};

/* Says on stderr what is wrong, and ends the program, when it cannot. */
void samples_read(struct samples *samples, const char *path);
void samples_free(struct samples *samples);

#endif
