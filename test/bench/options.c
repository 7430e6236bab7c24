#include "options.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sysexits.h>

static const struct option long_options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "seconds", required_argument, NULL, 's' },
	{ "sessions", required_argument, NULL, 'n' },
	{ "messages", required_argument, NULL, 'm' },
	{ "rcpts", required_argument, NULL, 'r' },
	{ "think", required_argument, NULL, 't' },
	{ "body", required_argument, NULL, 'b' },
	{ "idle", required_argument, NULL, 'i' },
	{ "seed", required_argument, NULL, 'S' },
	{ "end", required_argument, NULL, 'e' },
	{ "check", no_argument, NULL, 'k' },
	{ "sessions-from", required_argument, NULL, 'f' },
	{ NULL, 0, NULL, 0 },
};

static unsigned long
read_number(const char *text, unsigned long lowest, unsigned long highest)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text || number < lowest ||
	    number > highest)
		errx(EX_USAGE, "%s: not a number from %lu to %lu", text, lowest,
		    highest);
	return number;
}

static bool
read_end(const char *text)
{
	if (strcmp(text, "data") != 0 && strcmp(text, "abort") != 0)
		errx(EX_USAGE, "--end abort|data");
	return strcmp(text, "data") == 0;
}

static bool
take_option(struct load_options *options, int option, const char *value)
{
	switch (option) {
	case 'c':
		options->connections = read_number(value, 1, 100000);
		return true;
	case 's':
		options->seconds = read_number(value, 1, 3600);
		return true;
	case 'n':
		options->sessions = read_number(value, 1, 1000000000);
		return true;
	case 'm':
		options->messages = read_number(value, 1, 1000);
		return true;
	case 'r':
		options->rcpts = read_number(value, 1, 1000);
		return true;
	case 't':
		options->think = read_number(value, 0, 10000);
		return true;
	case 'b':
		options->body = read_number(value, 0, 1000000000);
		return true;
	case 'i':
		options->idle = read_number(value, 0, 100000);
		return true;
	case 'S':
		options->seed = read_number(value, 1, 1000000000);
		return true;
	case 'e':
		options->data = read_end(value);
		return true;
	case 'k':
		options->check = true;
		return true;
	case 'f':
		options->samples = value;
		return true;
	default:
		return false;
	}
}

static void
read_unix(struct load_options *options, const char *path)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&options->address;

	if (strlen(path) >= sizeof(address->sun_path))
		errx(EX_USAGE, "%s: too long for a socket", path);
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, strlen(path) + 1);
	options->address_len = sizeof(*address);
}

static void
read_inet(struct load_options *options, char *text)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&options->address;
	char *at = strchr(text, '@');

	if (at == NULL)
		errx(EX_USAGE, "inet:PORT@ADDRESS");
	*at = '\0';
	address->sin_family = AF_INET;
	address->sin_port = htons((uint16_t)read_number(text, 1, 65535));
	if (inet_pton(AF_INET, at + 1, &address->sin_addr) != 1)
		errx(EX_USAGE, "%s: no IPv4 address", at + 1);
	options->address_len = sizeof(*address);
}

static void
read_socket(struct load_options *options, char *text)
{
	if (strncmp(text, "unix:", 5) == 0)
		read_unix(options, text + 5);
	else if (strncmp(text, "inet:", 5) == 0)
		read_inet(options, text + 5);
	else
		errx(EX_USAGE, "%s: not unix:PATH or inet:PORT@ADDRESS", text);
}

void
load_options_read(struct load_options *options, int argc, char **argv)
{
	int option;

	*options = (struct load_options){ .connections = 16,
		.seconds = 5,
		.messages = 1,
		.rcpts = 1,
		.body = 4096,
		.seed = 1 };
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take_option(options, option, optarg))
			exit(EX_USAGE);
	if (argc - optind != 1 || options->samples == NULL)
		errx(EX_USAGE,
		    "usage: load --sessions-from FILE [OPTION]... SOCKET");
	read_socket(options, argv[optind]);
}
