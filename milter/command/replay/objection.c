/* objection.c - what a policy objects to in one past delivery */
#include "milter/command/replay/objection.h"

#include "policy/base/number.h"
#include "milter/base/count.h"
#include "milter/base/json.h"
#include "milter/base/log.h"

const char *
ag_objection_verdict(const struct ag_objection *objection)
{
	if (objection->would)
		return ag_count_name(AG_COUNT_WOULD_REJECT);
	return ag_verdict_name(objection->finding->verdict);
}

static void
write_place(const struct ag_objection *o, char text[static AG_ORIGIN_MAX])
{
	struct ag_buf place = ag_buf(text, AG_ORIGIN_MAX);

	ag_origin_write(&o->finding->at, &place);
}

static struct ag_str
client_of(const struct ag_objection *o, char text[static AG_IP_TEXT_MAX])
{
	return ag_str(o->client.family != AG_IP_UNKNOWN ?
		ag_ip_write(&o->client, text) :
		NULL);
}

/* ---- as a line ---- */

static void
add_reply(struct ag_buf *line, const struct ag_objection *o)
{
	char text[AG_REPLY_TEXT_MAX + 20];
	struct ag_buf reply = AG_BUF(text);

	ag_buf_printf(&reply, "%s %s ", o->finding->reply->code,
	    o->finding->reply->status);
	ag_buf_str(&reply, o->text);
	ag_log_key(line, "reply", ag_buf_get(&reply));
}

void
ag_objection_print(const struct ag_objection *o, FILE *out)
{
	char text[AG_LOG_LINE_MAX], when[AG_INSTANT_MAX];
	char client[AG_IP_TEXT_MAX], at[AG_ORIGIN_MAX];
	struct ag_buf line = AG_BUF(text);

	write_place(o, at);
	ag_log_key(&line, "time",
	    ag_str(ag_number_write_instant(o->time, when)));
	ag_log_key(&line, "q", ag_str(o->id));
	ag_log_key(&line, "verdict", ag_str(ag_objection_verdict(o)));
	ag_log_key(&line, "rule", ag_str(ag_rule_name(o->finding->rule)));
	ag_log_key(&line, "client", client_of(o, client));
	ag_log_listener(&line, o->listener, o->port);
	ag_log_key(&line, "login", o->login);
	ag_log_key(&line, "from", o->sender);
	ag_log_key(&line, "to", o->rcpt);
	ag_log_key(&line, "at", ag_str(at));
	add_reply(&line, o);
	fprintf(out, "%s\n", text);
}

/* ---- as JSON ---- */

static void
put(json_t *object, const char *key, struct ag_str value)
{
	json_object_set_new(object, key, ag_json_text(value));
}

/* What is empty is left out. */
static void
put_known(json_t *object, const char *key, struct ag_str value)
{
	if (value.len > 0)
		put(object, key, value);
}

static void
put_session(json_t *object, const struct ag_objection *o)
{
	char client[AG_IP_TEXT_MAX];

	put_known(object, "client", client_of(o, client));
	put_known(object, "listener", o->listener);
	if (o->port > 0)
		json_object_set_new(object, "port",
		    json_integer((json_int_t)o->port));
	put_known(object, "login", o->login);
	put(object, "from", o->sender);
	put(object, "to", o->rcpt);
}

static void
put_finding(json_t *object, const struct ag_objection *o)
{
	const struct ag_reply *reply = o->finding->reply;
	char at[AG_ORIGIN_MAX];
	uint64_t code = 0;

	write_place(o, at);
	ag_number_parse(ag_str(reply->code), 999, &code);
	put(object, "verdict", ag_str(ag_objection_verdict(o)));
	put(object, "rule", ag_str(ag_rule_name(o->finding->rule)));
	json_object_set_new(object, "code", json_integer((json_int_t)code));
	put(object, "status", ag_str(reply->status));
	put(object, "text", o->text);
	put(object, "at", ag_str(at));
}

bool
ag_objection_print_json(const struct ag_objection *o, FILE *out)
{
	json_t *object = json_object();
	char when[AG_INSTANT_MAX];
	bool good;

	put(object, "time", ag_str(ag_number_write_instant(o->time, when)));
	put(object, "queue_id", ag_str(o->id));
	put_session(object, o);
	put_finding(object, o);
	good = json_dumpf(object, out, JSON_COMPACT | JSON_ENSURE_ASCII) == 0;
	fputc('\n', out);
	json_decref(object);
	return good;
}
