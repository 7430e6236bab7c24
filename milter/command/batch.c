/* batch.c - "authgate explain --batch": JSON lines in and out */
#include "milter/command/batch.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "policy/base/number.h"
#include "policy/judge.h"
#include "milter/base/json.h"

/* ---- a line in ---- */

#define KEY_SHOWN 200 /* as many bytes of it */

/* What is wrong with a line, in words. */
struct complaint {
	char text[400];
};

static bool
complain(struct complaint *complaint, const char *key, const char *what)
{
	struct ag_str shown = ag_json_cut(ag_str(key), KEY_SHOWN);

	snprintf(complaint->text, sizeof(complaint->text), "\"%.*s%s\" %s",
	    AG_STR_ARG(shown), key[shown.len] != '\0' ? "..." : "", what);
	return false;
}

/* A string, which may hold any byte; absent and null leave *out alone. */
static bool
take_string(const json_t *object, const char *key, struct ag_str *out,
    bool *present, struct complaint *complaint)
{
	const json_t *value = json_object_get(object, key);

	*present = value != NULL && !json_is_null(value);
	if (!*present)
		return true;
	if (!json_is_string(value))
		return complain(complaint, key, "must be a string");
	*out = (struct ag_str){ json_string_value(value),
		json_string_length(value) };
	return true;
}

static bool
take_optional(const json_t *object, const char *key, struct ag_str *out,
    struct complaint *complaint)
{
	bool present;

	return take_string(object, key, out, &present, complaint);
}

static bool
take_bool(const json_t *object, const char *key, bool *out,
    struct complaint *complaint)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_boolean(value))
		return complain(complaint, key, "must be true or false");
	*out = json_is_true(value);
	return true;
}

static bool
take_port(const json_t *object, unsigned *out, struct complaint *complaint)
{
	const json_t *value = json_object_get(object, "port");

	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 65535)
		return complain(complaint, "port",
		    "must be a number up to 65535");
	*out = (unsigned)json_integer_value(value);
	return true;
}

static bool
take_client(const json_t *object, struct ag_ip *out,
    struct complaint *complaint)
{
	struct ag_str text = { NULL, 0 };

	bool present;

	if (!take_string(object, "client", &text, &present, complaint))
		return false;
	/* a stranger is who has none */
	if (present && !ag_str_eq(text, ag_str("unknown")) &&
	    !ag_ip_parse(out, text))
		return complain(complaint, "client", "must be an IP address");
	return true;
}

static bool
take_mechanism(const json_t *object, struct ag_str *out,
    struct complaint *complaint)
{
	if (!take_optional(object, "mech", out, complaint))
		return false;
	return ag_judge_takes_mechanism(*out) ||
	    complain(complaint, "mech",
		"must be a SASL mechanism such as PLAIN");
}

static bool
take_certificate(const json_t *object, struct ag_certificate *out,
    struct complaint *complaint)
{
	struct ag_str subject = { NULL, 0 };

	if (!take_optional(object, "cert_subject", &subject, complaint))
		return false;
	ag_certificate_set_subject(out, subject);
	return take_optional(object, "cert_fingerprint", &out->fingerprint,
	    complaint);
}

static bool
take_time(const json_t *object, int64_t *out, struct complaint *complaint)
{
	struct ag_str text = { NULL, 0 };
	bool present;

	*out = time(NULL);
	if (!take_string(object, "at", &text, &present, complaint))
		return false;
	if (present && !ag_number_instant(text, out))
		return complain(complaint, "at",
		    "must be a time such as 2026-12-31T18:00:00Z");
	return true;
}

/* known ends with NULL. */
static bool
check_keys(const json_t *object, const char *const *known,
    struct complaint *complaint)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		const char *const *k = known;

		while (*k != NULL && strcmp(*k, key) != 0)
			k++;
		if (*k == NULL)
			return complain(complaint, key, "is not a known key");
	}
	return true;
}

static bool
take_rcpt(const json_t *value, struct ag_session_rcpt *rcpt,
    struct complaint *complaint)
{
	static const char *const known[] = { "to", "rcpt_addr", "rcpt_mailer",
		NULL };
	bool present;

	if (json_is_string(value)) {
		rcpt->to = (struct ag_str){ json_string_value(value),
			json_string_length(value) };
		return true;
	}
	if (!json_is_object(value))
		return complain(complaint, "to",
		    "must hold strings, or objects with a \"to\"");
	if (!check_keys(value, known, complaint) ||
	    !take_string(value, "to", &rcpt->to, &present, complaint))
		return false;
	if (!present)
		return complain(complaint, "to",
		    "has an object without a \"to\"");
	return take_string(value, "rcpt_addr", &rcpt->addr, &rcpt->has_addr,
		   complaint) &&
	    take_string(value, "rcpt_mailer", &rcpt->mailer, &rcpt->has_mailer,
		complaint);
}

/* *rcpt is an array that the caller frees. */
static bool
take_rcpts(const json_t *object, struct ag_session_rcpt **rcpt, size_t *n,
    struct complaint *complaint)
{
	const json_t *to = json_object_get(object, "to");

	if (!json_is_array(to))
		return complain(complaint, "to",
		    to == NULL ? "is missing" : "must be an array");
	*n = json_array_size(to);
	*rcpt = calloc(*n + 1, sizeof(**rcpt));
	if (*rcpt == NULL)
		return complain(complaint, "to", "is too much for the memory");
	for (size_t i = 0; i < *n; i++)
		if (!take_rcpt(json_array_get(to, i), &(*rcpt)[i], complaint))
			return false;
	return true;
}

/* *header is an array that the caller frees. */
static bool
take_headers(const json_t *object, struct ag_session_input *input,
    struct ag_str **header, struct complaint *complaint)
{
	const json_t *value = json_object_get(object, "headers");

	input->has_header = value != NULL && !json_is_null(value);
	if (!input->has_header)
		return true;
	if (!json_is_array(value))
		return complain(complaint, "headers", "must be an array");
	*header = calloc(json_array_size(value) + 1, sizeof(**header));
	if (*header == NULL)
		return complain(complaint, "headers",
		    "is too much for the memory");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *field = json_array_get(value, i);
		struct ag_str text = { json_string_value(field),
			json_string_length(field) };

		if (!json_is_string(field) || !ag_judge_takes_field(text))
			return complain(complaint, "headers",
			    "must hold fields such as \"Sender: a@b\"");
		(*header)[input->nheader++] = text;
	}
	input->header = *header;
	return true;
}

static bool
take_session(const json_t *object, struct ag_session_input *input,
    struct ag_session_rcpt **rcpt, struct ag_str **header,
    struct complaint *complaint)
{
	static const char *const known[] = { "client", "name", "listener",
		"port", "login", "mech", "tls", "from", "to", "from_header",
		"headers", "cert_subject", "cert_fingerprint", "at",
		"mail_addr", "mail_mailer", "local", "mta_name",
		"mta_completes", NULL };
	bool has_from = false;

	if (!json_is_object(object)) {
		snprintf(complaint->text, sizeof(complaint->text),
		    "the line is not an object");
		return false;
	}
	if (!check_keys(object, known, complaint) ||
	    !take_client(object, &input->client, complaint) ||
	    !take_optional(object, "name", &input->name, complaint) ||
	    !take_optional(object, "listener", &input->listener, complaint) ||
	    !take_port(object, &input->port, complaint) ||
	    !take_optional(object, "login", &input->login, complaint) ||
	    !take_mechanism(object, &input->mechanism, complaint) ||
	    !take_certificate(object, &input->certificate, complaint) ||
	    !take_bool(object, "tls", &input->tls, complaint) ||
	    !take_bool(object, "local", &input->local_submission, complaint) ||
	    !take_optional(object, "mta_name", &input->mta_name, complaint) ||
	    !take_bool(object, "mta_completes", &input->mta_completes,
		complaint) ||
	    !take_time(object, &input->now, complaint) ||
	    !take_string(object, "from", &input->from.to, &has_from,
		complaint) ||
	    !take_string(object, "from_header", &input->from_header,
		&input->has_from_header, complaint) ||
	    !take_headers(object, input, header, complaint) ||
	    !take_string(object, "mail_addr", &input->from.addr,
		&input->from.has_addr, complaint) ||
	    !take_string(object, "mail_mailer", &input->from.mailer,
		&input->from.has_mailer, complaint) ||
	    !take_rcpts(object, rcpt, &input->nrcpt, complaint))
		return false;
	if (!has_from)
		return complain(complaint, "from", "is missing");
	input->rcpt = *rcpt;
	return true;
}

/* ---- a line out ---- */

struct answer {
	const struct ag_policy *policy;
	json_t *root;
	json_t *stage; /* the object of the stage being judged */
	json_t *would; /* what monitored rules said in it */
};

static void
begin_stage(void *arg, const struct ag_request *request,
    const struct ag_session_rcpt *rcpt)
{
	struct answer *answer = arg;

	answer->stage = json_object();
	answer->would = json_array();
	if (rcpt == NULL) {
		json_object_set_new(answer->root, ag_stage_name(request->stage),
		    answer->stage);
		return;
	}
	json_object_set_new(answer->stage, "to", ag_json_text(rcpt->to));
	json_array_append_new(json_object_get(answer->root, "rcpt"),
	    answer->stage);
}

/* Of what the rules about From: found, whichever there is. */
static void
put_author(json_t *object, const struct ag_finding *finding)
{
	char text[AG_FAULT_MAX];
	struct ag_buf why = AG_BUF(text);

	ag_policy_write_fault(finding, &why);
	if (finding->address.len > 0)
		json_object_set_new(object, "address",
		    ag_json_text(finding->address));
	if (why.len > 0)
		json_object_set_new(object, "why",
		    ag_json_text(ag_buf_get(&why)));
}

/* Writes rule, code, status, text and place into an object. */
static void
put_finding(const struct answer *answer, json_t *object,
    const struct ag_request *request, const struct ag_finding *finding)
{
	char text[AG_REPLY_TEXT_MAX], at[AG_ORIGIN_MAX];
	struct ag_buf say = AG_BUF(text), place = AG_BUF(at);

	ag_policy_say(answer->policy, request, finding, &say);
	ag_origin_write(&finding->at, &place);
	json_object_set_new(object, "rule",
	    json_string(ag_rule_name(finding->rule)));
	json_object_set_new(object, "code",
	    json_integer(strtol(finding->reply->code, NULL, 10)));
	json_object_set_new(object, "status",
	    json_string(finding->reply->status));
	json_object_set_new(object, "text", ag_json_text(ag_buf_get(&say)));
	json_object_set_new(object, "at", ag_json_text(ag_buf_get(&place)));
	put_author(object, finding);
}

static void
note_rule(void *arg, const struct ag_request *request, enum ag_outcome outcome,
    const struct ag_finding *finding)
{
	struct answer *answer = arg;
	json_t *object;

	if (outcome != AG_WOULD_OBJECT)
		return;
	object = json_object();
	put_finding(answer, object, request, finding);
	json_array_append_new(answer->would, object);
}

static void
end_stage(void *arg, const struct ag_request *request,
    const struct ag_decision *decision)
{
	struct answer *answer = arg;

	json_object_set_new(answer->stage, "verdict",
	    json_string(ag_verdict_name(decision->verdict)));
	if (decision->verdict != AG_CONTINUE)
		put_finding(answer, answer->stage, request, &decision->finding);
	if (json_array_size(answer->would) > 0)
		json_object_set(answer->stage, "would", answer->would);
	json_decref(answer->would);
	answer->would = NULL;
	/* the recipients stand in one array, even where there are none */
	if (request->stage == AG_STAGE_MAIL && decision->verdict == AG_CONTINUE)
		json_object_set_new(answer->root, "rcpt", json_array());
}

static bool
answer_session(struct answer *answer, const json_t *object,
    struct complaint *complaint)
{
	struct ag_judge judge = { begin_stage, note_rule, end_stage, answer };
	struct ag_session_input input = { 0 };
	struct ag_session_rcpt *rcpt = NULL;
	struct ag_str *header = NULL;
	bool too_long,
	    ok = take_session(object, &input, &rcpt, &header, complaint);

	if (ok) {
		ag_judge_session(answer->policy, &input, &judge, &too_long);
		if (too_long)
			ok = complain(complaint, "login", "is too long");
	}
	free(header);
	free(rcpt);
	return ok;
}

/* ---- line by line ---- */

static json_t *
answer_line(const struct ag_policy *policy, const char *line, size_t len,
    bool *readable)
{
	struct answer answer = { .policy = policy, .root = json_object() };
	struct complaint complaint = { "" };
	json_error_t error;
	json_t *object = json_loadb(line, len,
	    JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);

	if (object == NULL)
		snprintf(complaint.text, sizeof(complaint.text),
		    "column %d: %s", error.column, error.text);
	*readable =
	    object != NULL && answer_session(&answer, object, &complaint);
	json_decref(object);
	if (*readable)
		return answer.root;
	json_decref(answer.root);
	/* the reader's own words end where it had no more room */
	return json_pack("{s:o}", "error",
	    ag_json_text(
		ag_json_cut(ag_str(complaint.text), sizeof(complaint.text))));
}

/* False when it cannot be written, or there was no memory to make it. */
static bool
write_answer(const json_t *answer, FILE *out)
{
	/* in ASCII no byte looks like the end of a line */
	return json_dumpf(answer, out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 &&
	    fputc('\n', out) != EOF;
}

int
ag_batch(const struct ag_policy *policy, FILE *in, FILE *out)
{
	int status = EX_OK;
	bool written = true;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while (written && (len = getline(&line, &room, in)) >= 0) {
		bool readable;
		json_t *answer =
		    answer_line(policy, line, (size_t)len, &readable);

		if (!readable)
			status = EX_USAGE;
		written = write_answer(answer, out);
		json_decref(answer);
	}
	free(line);
	if (!written || ferror(in) || fflush(out) != 0)
		return EX_IOERR;
	return status;
}
