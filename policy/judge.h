/*
 * judge.h - takes a whole session through the policy, for explain and replay
 *
 * What the daemon does callback by callback is done here at once: the same
 * requests, the same evaluation.
 */
#ifndef AG_JUDGE_H
#define AG_JUDGE_H

#include "policy/policy.h"

/* A recipient as the client typed it, and the MTA's reading where known. */
struct ag_session_rcpt {
	struct ag_str to;
	bool has_addr;
	struct ag_str addr;
	bool has_mailer;
	struct ag_str mailer;
};

/* Everything that is known of a session.  All is borrowed. */
struct ag_session_input {
	int64_t now;
	struct ag_ip client;
	struct ag_str name;
	struct ag_str listener;
	unsigned port;
	bool local_submission;
	struct ag_str login;
	struct ag_str mechanism;
	struct ag_certificate certificate; /* a good one: tls goes with it */
	bool tls;
	struct ag_session_rcpt from; /* "to" is the sender here */
	const struct ag_session_rcpt *rcpt;
	size_t nrcpt;
	struct ag_str mta_name;
	bool mta_completes;
	bool has_from_header; /* the header is judged */
	struct ag_str from_header;
	bool has_header;             /* likewise; both make one header */
	const struct ag_str *header; /* further fields, "NAME: VALUE" */
	size_t nheader;
};

/* Whether text is a field: a name, a colon, and a value. */
bool ag_judge_takes_field(struct ag_str text);

/*
 * Whether text can be the name of a SASL mechanism (RFC 4422, section 3.1), in
 * any case, or is empty.
 */
bool ag_judge_takes_mechanism(struct ag_str text);

/* Told before each stage, of each rule in it, and of its decision. */
struct ag_judge {
	void (*begin)(void *arg, const struct ag_request *request,
	    const struct ag_session_rcpt *rcpt);
	void (*rule)(void *arg, const struct ag_request *request,
	    enum ag_outcome outcome, const struct ag_finding *finding);
	void (*end)(void *arg, const struct ag_request *request,
	    const struct ag_decision *decision);
	void *arg;
};

/*
 * Judges CONNECT, MAIL, each RCPT, and the header if there is one and some
 * recipient is left; after a refusal at CONNECT or MAIL no more.  Returns false
 * when anything was refused.  *too_long is set when the login is too long to be
 * judged; then nothing is.
 */
bool ag_judge_session(const struct ag_policy *policy,
    const struct ag_session_input *input, const struct ag_judge *judge,
    bool *too_long);

#endif
