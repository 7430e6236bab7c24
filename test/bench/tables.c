/*
 * tables - how long loading a policy and deciding with it takes, alone
 *
 * usage: tables [--family 4|6] [--logins] [--rounds N] CONFIG [SESSIONS]
 *
 * Loads CONFIG several times and prints a JSON object: the median, the bytes
 * that it takes, and with SESSIONS what a decision takes in each stage: hot,
 * that is a few sessions again and again, and random, up to 100,000 sessions
 * each once after the caches have been emptied.  With --family and --logins
 * only such sessions are taken.
 *
 * Everything goes through ag_policy_load() and ag_policy_eval(), so that what
 * is measured is what the daemon does, whatever the tables look like.
 */
#include <err.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>

#include "policy/table/login.h"
#include "policy/policy.h"
#include "sample.h"

#define LOADS_MAX 5
#define LOADS_SECONDS 3.0
#define ROUNDS_MAX 50U
#define BATCH 64 /* what has been parsed stays in the second cache */
#define HOT 8    /* different sessions */
#define CACHES ((size_t)128 << 20)
#define SESSIONS_MAX 100000
#define STAGES 3

static struct {
	const char *config;
	const char *samples;
	char family; /* '4', '6', or 0: both */
	bool logins;
	unsigned rounds;
} options = { .rounds = 5 };

/* A session, read as the daemon reads it. */
struct parsed {
	struct ag_request request;
	struct ag_mailbox login;
	struct ag_path sender;
	struct ag_path recipient;
};

static const enum ag_stage stages[STAGES] = { AG_STAGE_CONNECT, AG_STAGE_MAIL,
	AG_STAGE_RCPT };
static const char *const stage_names[STAGES] = { "connect", "mail", "rcpt" };

/* What was decided, so that no compiler leaves the decisions out. */
static volatile unsigned long refusals;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* ---- loading ---- */

static size_t
bytes_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static const struct ag_policy *
load(void)
{
	struct ag_diag diag = { .emit = NULL };
	const struct ag_policy *policy;

	if (ag_policy_load(options.config, &diag, &policy) != AG_LOAD_OK ||
	    diag.bad_lines > 0)
		errx(EX_CONFIG, "%s: %u errors, %u bad lines", options.config,
		    diag.errors, diag.bad_lines);
	return policy;
}

static long
peak_bytes(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * 1024 : 0;
}

/* Loads again and again; the last policy is the caller's. */
static const struct ag_policy *
measure_loading(void)
{
	const struct ag_policy *policy = NULL;
	double seconds[LOADS_MAX], begin = now();
	size_t n = 0, before = bytes_in_use();
	long peak = peak_bytes();

	do {
		double start;

		ag_policy_unref(policy);
		start = now();
		policy = load();
		seconds[n++] = now() - start;
	} while (n < LOADS_MAX && now() - begin < LOADS_SECONDS);
	printf(" \"bytes\": %zu,\n", bytes_in_use() - before);
	printf(" \"peak_bytes\": %ld,\n", peak_bytes() - peak);
	printf(" \"loads\": %zu,\n", n);
	printf(" \"load_ms\": %.2f", median(seconds, n) * 1000);
	return policy;
}

/* ---- sessions ---- */

static bool
is_wanted(const struct sample *s)
{
	bool v6 = strchr(s->client, ':') != NULL;

	return (options.family == 0 || v6 == (options.family == '6')) &&
	    (!options.logins || s->login[0] != '\0');
}

static void
drop_unwanted(struct samples *samples)
{
	size_t n = 0;

	for (size_t i = 0; i < samples->n && n < SESSIONS_MAX; i++)
		if (is_wanted(&samples->sample[i]))
			samples->sample[n++] = samples->sample[i];
	samples->n = n;
	if (n < BATCH)
		errx(EX_DATAERR, "%s: too few such sessions", options.samples);
}

static void
read_address(struct ag_path *path, const char *text)
{
	struct ag_str address = ag_str(text), mailer = AG_STR("relay");

	ag_path_read(path, address, &address, &mailer);
}

static void
parse(struct parsed *p, const struct sample *s)
{
	if (!ag_login_parse(&p->login, ag_str(s->login)))
		errx(EX_DATAERR, "login %s", s->login);
	read_address(&p->sender, s->sender);
	read_address(&p->recipient, s->recipient);
	p->request = (struct ag_request){ .now = time(NULL),
		.listener = ag_str(s->listener),
		.port = (unsigned)strtoul(s->port, NULL, 10),
		.login = &p->login,
		.mechanism = ag_str(s->login[0] != '\0' ? "PLAIN" : ""),
		.tls = s->login[0] != '\0',
		.sender = &p->sender,
		.rcpt = &p->recipient };
	if (!ag_ip_parse(&p->request.client, ag_str(s->client)))
		errx(EX_DATAERR, "client %s", s->client);
}

/* ---- decisions ---- */

/* Adds the seconds that each stage of n sessions takes, judged in rounds. */
static void
decide(const struct ag_policy *policy, struct parsed *parsed, size_t n,
    size_t rounds, double seconds[STAGES])
{
	for (int i = 0; i < STAGES; i++) {
		double start;
		unsigned long refused = 0;

		for (size_t k = 0; k < n; k++)
			parsed[k].request.stage = stages[i];
		start = now();
		for (size_t k = 0; k < rounds * n; k++)
			refused +=
			    ag_policy_eval(policy, &parsed[k % n].request, NULL)
				.verdict != AG_CONTINUE;
		seconds[i] += now() - start;
		refusals += refused;
	}
}

/* Reads more memory than there are caches. */
static void
empty_caches(void)
{
	static volatile char *memory;

	if (memory == NULL) {
		memory = malloc(CACHES);
		if (memory == NULL)
			err(EX_OSERR, "caches");
		memset((char *)memory, 1, CACHES);
	}
	for (size_t i = 0; i < CACHES; i += 64)
		memory[i]++;
}

/* All sessions once; how many. */
static size_t
decide_random(const struct ag_policy *policy, const struct samples *samples,
    double seconds[STAGES])
{
	static struct parsed parsed[BATCH];
	size_t n = samples->n / BATCH * BATCH;

	empty_caches();
	for (size_t i = 0; i < n; i += BATCH) {
		for (size_t k = 0; k < BATCH; k++)
			parse(&parsed[k], &samples->sample[i + k]);
		decide(policy, parsed, BATCH, 1, seconds);
	}
	return n;
}

/* A few sessions again and again, as many decisions as of all. */
static size_t
decide_hot(const struct ag_policy *policy, const struct samples *samples,
    double seconds[STAGES])
{
	static struct parsed parsed[HOT];
	double ignored[STAGES] = { 0 };

	for (size_t k = 0; k < HOT; k++)
		parse(&parsed[k], &samples->sample[k * samples->n / HOT]);
	decide(policy, parsed, HOT, 1, ignored);
	decide(policy, parsed, HOT, samples->n / HOT, seconds);
	return samples->n / HOT * HOT;
}

typedef size_t decide_fn(const struct ag_policy *policy,
    const struct samples *samples, double seconds[STAGES]);

/* Prints the medians in nanoseconds a decision, and of a whole session. */
static void
measure(const char *name, decide_fn *fn, const struct ag_policy *policy,
    const struct samples *samples)
{
	double ns[STAGES + 1][ROUNDS_MAX];

	for (unsigned round = 0; round < options.rounds; round++) {
		double seconds[STAGES] = { 0 };
		double n = (double)fn(policy, samples, seconds);

		ns[STAGES][round] = 0;
		for (int i = 0; i < STAGES; i++) {
			ns[i][round] = seconds[i] * 1e9 / n;
			ns[STAGES][round] += ns[i][round];
		}
	}
	printf(",\n \"%s_ns\": {", name);
	for (int i = 0; i < STAGES; i++)
		printf("\"%s\": %.1f, ", stage_names[i],
		    median(ns[i], options.rounds));
	printf("\"all\": %.1f}", median(ns[STAGES], options.rounds));
}

static void
measure_decisions(const struct ag_policy *policy)
{
	struct samples samples = { 0 };

	samples_read(&samples, options.samples);
	drop_unwanted(&samples);
	measure("random", decide_random, policy, &samples);
	measure("hot", decide_hot, policy, &samples);
	samples_free(&samples);
}

static const struct option long_options[] = {
	{ "family", required_argument, NULL, 'f' },
	{ "logins", no_argument, NULL, 'l' },
	{ "rounds", required_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

static void
read_command_line(int argc, char **argv)
{
	int option;

	while (
	    (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'f')
			options.family = optarg[0];
		else if (option == 'l')
			options.logins = true;
		else if (option == 'r')
			options.rounds = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(EX_USAGE);
	}
	if (options.rounds < 1 || options.rounds > ROUNDS_MAX)
		errx(EX_USAGE, "--rounds: 1 to %u", ROUNDS_MAX);
	if (argc - optind < 1 || argc - optind > 2)
		errx(EX_USAGE, "usage: tables [OPTION]... CONFIG [SESSIONS]");
	options.config = argv[optind];
	options.samples = argv[optind + 1];
}

int
main(int argc, char **argv)
{
	const struct ag_policy *policy;

	read_command_line(argc, argv);
	printf("{\n");
	policy = measure_loading();
	if (options.samples != NULL)
		measure_decisions(policy);
	printf("\n}\n");
	ag_policy_unref(policy);
	return EX_OK;
}
