/*
 * replay.h - "authgate replay": what a policy would have said to past mail
 *
 * A mail log is read by maillog.h; each message is judged as explain judges a
 * session, and what is objected to is counted by tally.h.
 */
#ifndef AG_REPLAY_H
#define AG_REPLAY_H

#include "milter/command/replay/tally.h"
#include "milter/maillog/maillog.h"

/* --listener FROM=NAME:PORT; with no name the mail is left out. */
struct ag_renamed {
	struct ag_str from;
	struct ag_str to;
	unsigned port;
};

struct ag_replay_options {
	const char *config;
	bool all;
	bool each;
	bool json;
	int64_t since;
	int64_t until;           /* AG_NEVER: no end */
	struct ag_vec renamed;   /* struct ag_renamed */
	struct ag_vec mta_local; /* struct ag_str: domains */
};

struct ag_replay_counts {
	uint64_t messages;
	uint64_t recipients;
};

/* Why a message was not judged: the ways and the fates of it, and others. */
enum {
	AG_LEFT_BY_FATE = AG_WAY_COUNT,
	AG_LEFT_BY_LOGIN = AG_LEFT_BY_FATE + AG_FATE_COUNT, /* not in the log */
	AG_LEFT_BY_RCPT,                                    /* likewise */
	AG_LEFT_BY_LISTENER,
	AG_LEFT_BY_TIME,
	AG_LEFT_REASONS
};

/* A listener as it is judged, and how much mail came by it. */
struct ag_listener_count {
	uint32_t key; /* of the map */
	unsigned port;
	uint64_t messages;
};

struct ag_replay {
	const struct ag_policy *policy;
	const struct ag_replay_options *options;
	struct ag_maillog log;
	struct ag_tally tally;
	struct ag_replay_counts judged, refused, would;
	uint64_t left[AG_LEFT_REASONS]; /* with judged: all that began */
	struct ag_strmap listeners;     /* by name and port */
	struct ag_vec met;              /* struct ag_listener_count */
	uint64_t local;                 /* messages of local submission */
	uint64_t left_out;              /* recipients */
	uint64_t tls_unknown;
	bool failed;
};

/* An ag_mail_fn; arg is a struct ag_replay. */
void ag_replay_mail(void *arg, const struct ag_mail *mail);

/* Prints what came of it: for a person, or as one JSON object. */
void ag_replay_print(const struct ag_replay *replay);
bool ag_replay_print_json(const struct ag_replay *replay);

#endif
