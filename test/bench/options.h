/*
 * options.h - the command line of load, which load.c describes
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <sys/socket.h>

struct load_options {
	const char *samples;
	unsigned long connections;
	unsigned long seconds;
	unsigned long sessions; /* 0: no limit */
	unsigned long messages;
	unsigned long rcpts;
	unsigned long think; /* milliseconds */
	unsigned long body;  /* bytes */
	unsigned long idle;
	unsigned long seed;
	bool data;
	bool check;
	struct sockaddr_storage address;
	socklen_t address_len;
};

/* Says on stderr what is wrong, and ends the program, when it cannot. */
void load_options_read(struct load_options *options, int argc, char **argv);

#endif
