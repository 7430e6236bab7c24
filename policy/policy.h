/*
 * policy.h - the decision engine of authgate
 *
 * A policy is everything the configuration says, checked and compiled into
 * tables that never change again.  Evaluation is a pure function of a policy
 * and a request: it allocates nothing (but where From: has a domain with bytes
 * above 127, for its conversion), logs nothing, asks nobody for the time, and
 * may run in any number of threads at once.
 *
 *	files --load--> policy --eval(request)--> decision
 *
 * The library knows nothing of milters or syslog.  milter/ fills in requests
 * and carries out decisions; "authgate explain" does the same from the command
 * line, through the same functions.
 */
#ifndef AG_POLICY_H
#define AG_POLICY_H

#include "policy/address/ip.h"
#include "policy/address/mailbox.h"
#include "policy/archives.h"
#include "policy/base/packed.h"
#include "policy/config/certificates.h"
#include "policy/config/settings.h"
#include "policy/reply.h"
#include "policy/rules.h"
#include "policy/table/login.h"
#include "policy/table/senders.h"

struct ag_policy;

/* ---- loading and lifetime ---- */

enum ag_load_status {
	AG_LOAD_OK,
	AG_LOAD_NO_FILE,  /* the main file is not there */
	AG_LOAD_UNUSABLE, /* there were errors */
	/* the same, and some may pass without a change of the files: there is
	 * no memory, or no descriptor */
	AG_LOAD_NOT_NOW
};

/*
 * Told of each file that is read or looked for, in that order, whatever comes
 * of the load: its name, relative to the main file's folder, what
 * ag_file_look() saw before it was read, and the number that
 * ag_file_fingerprint() makes of what it gave.  One that is not fresh looked
 * as it did at the load before, and was not read again.
 */
struct ag_reading {
	void (*file)(void *arg, const char *shown, uint64_t look,
	    uint64_t fingerprint, bool fresh);
	void *arg;
};

/*
 * Knows what files said when they were last good; false where it knows of no
 * such file.  The text is to be freed.
 */
struct ag_good {
	bool (*text)(void *arg, const char *shown, struct ag_str *text);
	void *arg;
};

/* A load for a daemon, which goes on by what it has. */
struct ag_loading {
	const char *path; /* of the main file */
	struct ag_diag *diag;
	/* what it goes on by; both may be NULL: then all has to be good */
	const struct ag_policy *in_force;
	const struct ag_good *good;
	const struct ag_reading *reading; /* may be NULL */
	bool keeps_texts;   /* for the next load, beside this policy */
	bool rereads;       /* also what looks as it did */
	bool form_only;     /* see ag_policy_load_form() */
	bool hangup;        /* a file of no bytes is meant */
	const char *accept; /* a list that is meant, as findings show it */
	bool may_pass;      /* set: something cannot be read, for now */
};

/*
 * Reads the main file at path and every file it leads to.  All findings go to
 * diag.  With AG_LOAD_OK *policy is a policy that the caller unrefs, and there
 * may have been bad lines and warnings; else it is NULL.  One thread at a time.
 */
enum ag_load_status ag_policy_load(const char *path, struct ag_diag *diag,
    const struct ag_policy **policy);

/*
 * The same for a daemon.  What has not changed is shared with the policy in
 * force; what is broken stays as it was last good, which is told by findings
 * that are errors and by ag_policy_kept(), and all else is taken.  So there is
 * no policy only where the main file, or a list that it names, is broken and
 * nothing good is known of it, or there is no memory.
 */
enum ag_load_status ag_policy_load_with(struct ag_loading *loading,
    const struct ag_policy **policy);

/*
 * As much of it as is needed to read the entries of a list: the settings, and
 * how logins are brought into form.  No list is read, and what is in error
 * counts as left out, so that an entry can be added whatever else is broken;
 * the errors are counted in diag.
 */
enum ag_load_status ag_policy_load_form(const char *path, struct ag_diag *diag,
    const struct ag_policy **policy);

/* A file that says something that is not in force. */
struct ag_kept {
	const char *shown;
	struct ag_origin at; /* what is wrong with it */
	const char *why;
	bool never; /* there is no good version: its name alone is in force */
};

/* All of them; the array is the policy's. */
size_t ag_policy_kept(const struct ag_policy *policy,
    const struct ag_kept **kept);

/*
 * Calls with each file that the policy was made from, and what it said, which
 * is packed.  Only a policy that was made to keep texts knows them.
 */
void ag_policy_texts(const struct ag_policy *policy,
    void (*file)(void *arg, const char *shown, const struct ag_packed *text),
    void *arg);

/*
 * Writes what the main file alone says of one of the server's keys: its
 * default, where the file leaves it out or has an error there.  For commands
 * that must do beside a configuration that cannot be used.  False, with errno
 * as of ag_file_read(), when the file cannot be read.  One thread at a time.
 */
bool ag_policy_peek(const char *path, enum ag_key key, struct ag_buf *out);

/*
 * A number made of the names and contents of all files: two policies that have
 * the same were read from the same.
 */
uint64_t ag_policy_digest(const struct ag_policy *policy);

/*
 * A policy is counted.  ref gives the caller a share of its own; unref gives
 * it back and frees the policy with the last one.  Both are atomic and accept
 * NULL.
 */
const struct ag_policy *ag_policy_ref(const struct ag_policy *policy);
void ag_policy_unref(const struct ag_policy *policy);

/* Whether the caller's share is the only one. */
bool ag_policy_is_unshared(const struct ag_policy *policy);

/* ---- requests ---- */

/*
 * What is known when a stage is judged.  All is borrowed.  eval reads only
 * the members that its stage has.
 */
struct ag_request {
	enum ag_stage stage;
	int64_t now; /* seconds since 1970 */

	/* from CONNECT on; AG_IP_UNKNOWN is a stranger */
	struct ag_ip client;
	struct ag_str listener; /* {daemon_name} */
	unsigned port;          /* {daemon_port}, 0: unknown */
	bool local_submission;

	/* from MAIL on */
	const struct ag_mailbox
	    *login;              /* as ag_login_parse() read it, or NULL */
	struct ag_str mechanism; /* {auth_type}; empty: unknown */
	bool tls;
	const struct ag_path *sender;

	/* RCPT only */
	const struct ag_path *rcpt;

	/* HEADER only: the MTA's own name, {j}; empty: unknown */
	struct ag_str mta_name;
	/* it adds its name to an address without a domain, as Sendmail does */
	bool mta_completes;
	/* the values of all From: and Sender: fields */
	const struct ag_str *from;
	size_t nfrom;
	bool from_overflow; /* there are more than were kept */
	const struct ag_str *sender_field;
	size_t nsender_field;
	/* of the first block (authorfield.h); a null pointer: there is none */
	struct ag_str resent_from;
	struct ag_str resent_sender;
	/* of AG_ADDRESS_MAX bytes, where eval leaves the address in From: that
	 * a finding is about; NULL: it leaves none */
	char *author;
};

/* Who the client is, as the MTA found. */
struct ag_credentials {
	struct ag_str login;               /* {auth_authen}; empty: none */
	struct ag_certificate certificate; /* counts where there is no login */
};

/*
 * Reads the login for a request, as ag_login_parse() does; a certificate may
 * stand for it ([auth] certificates).  False as there.
 */
bool ag_policy_read_login(const struct ag_policy *policy,
    const struct ag_credentials *credentials, struct ag_mailbox *login);

/* Whether any certificate is a login. */
bool ag_policy_has_certificates(const struct ag_policy *policy);

/* ---- decisions ---- */

/*
 * There is no verdict for "accept and look no further": a rule that is content
 * ends its own stage only, so nothing earlier can switch off a later check.
 */
enum ag_verdict { AG_CONTINUE, AG_TEMPFAIL, AG_REJECT };

/* "continue", "tempfail", "reject". */
const char *ag_verdict_name(enum ag_verdict verdict);

/*
 * What a rule has to say.  Plain data; the pointers lead into the policy and
 * are good as long as the caller holds it.
 */
struct ag_finding {
	enum ag_rule rule;
	enum ag_verdict verdict;      /* of its reply */
	const struct ag_reply *reply; /* what is said if it objects */
	struct ag_origin at;          /* the line that decided */
	const char *note;             /* of a list's entry, or NULL */
	struct ag_str domain;         /* the sender's domain; may be empty */
	const char *why;              /* in words, for explain */

	/* HEADER only; both lead into the request.  Either an address in From:
	 * decided, or the fault is that From: is no good. */
	struct ag_str address;
	const char *fault;      /* or NULL */
	struct ag_str fault_in; /* the field that cannot be read, or empty */
};

struct ag_decision {
	enum ag_verdict verdict;
	/* of the rule that decided; where none did, of AG_RULE_NONE */
	struct ag_finding finding;
};

enum ag_outcome {
	AG_SWITCHED_OFF, /* the rule's mode is off */
	AG_PASSED,       /* no objection */
	AG_WOULD_OBJECT, /* objects, but is only monitored */
	AG_OBJECTED      /* objects, and so decides */
};

/* Told of every rule that is tried, in order. */
struct ag_trace {
	void (*step)(void *arg, enum ag_outcome outcome,
	    const struct ag_finding *finding);
	void *arg;
};

/*
 * Judges one stage.  trace may be NULL; with or without it the same code runs,
 * so an explanation cannot differ from the decision it explains.
 */
struct ag_decision ag_policy_eval(const struct ag_policy *policy,
    const struct ag_request *request, const struct ag_trace *trace);

/*
 * Writes what is wrong with From:, the fault of a finding, with the beginning
 * of the field; nothing where there is none.
 */
#define AG_FAULT_MAX 128
void ag_policy_write_fault(const struct ag_finding *finding,
    struct ag_buf *out);

/* Writes what is said to the client, without code and status. */
void ag_policy_say(const struct ag_policy *policy,
    const struct ag_request *request, const struct ag_finding *finding,
    struct ag_buf *out);

/*
 * Writes the request's login in the form in which it is judged; empty when
 * nobody is logged in.
 */
struct ag_str ag_policy_login(const struct ag_policy *policy,
    const struct ag_request *request, char buf[static AG_ADDRESS_MAX]);

/* ---- what else a policy says ---- */

/*
 * What holds for a domain, or with an empty name for the server: the value and
 * the line that says so.
 */
const struct ag_value *ag_policy_value(const struct ag_policy *policy,
    struct ag_str domain, enum ag_key key);

/* The typed value of one of the server's keys; the type must fit the key. */
struct ag_str ag_policy_text(const struct ag_policy *policy, enum ag_key key);
bool ag_policy_yes(const struct ag_policy *policy, enum ag_key key);
int64_t ag_policy_time(const struct ag_policy *policy, enum ag_key key);
uint64_t ag_policy_size(const struct ag_policy *policy, enum ag_key key);

/* The strictest mode that a rule has anywhere. */
enum ag_mode ag_policy_mode(const struct ag_policy *policy, enum ag_rule rule);

/* Whether there is any network in the kill list. */
bool ag_policy_has_killed_networks(const struct ag_policy *policy);

/* How a domain is governed, in words: for "authgate show". */
void ag_policy_describe_domain(const struct ag_policy *policy,
    struct ag_str domain, struct ag_buf *out);

/* The file of its own that governs a domain; NULL where it has none. */
const char *ag_policy_domain_file(const struct ag_policy *policy,
    struct ag_str domain);

/*
 * What the sender map and the ownership rules say of a login, or of an address.
 */
void ag_policy_of_login(const struct ag_policy *policy, struct ag_str login,
    ag_senders_fn *found, void *arg);
void ag_policy_of_address(const struct ag_policy *policy, struct ag_str address,
    ag_senders_fn *found, void *arg);

/*
 * The same of all addresses of a domain, or with "*" of all there are.  The
 * login "*" stands for every login.
 */
void ag_policy_of_domain(const struct ag_policy *policy, struct ag_str domain,
    ag_senders_fn *found, void *arg);

/* How logins are brought into form; borrowed. */
const struct ag_login_form *ag_policy_login_form(
    const struct ag_policy *policy);

/* How large the policy is, for logs. */
struct ag_policy_sizes {
	size_t domain_files;
	size_t local_domains; /* names known, aliases and lists included */
	size_t killed;
	size_t relays; /* of the server */
	size_t senders;
};
struct ag_policy_sizes ag_policy_sizes(const struct ag_policy *policy);

#endif
