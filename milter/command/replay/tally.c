/* tally.c - counts objections by rule, sender, login and client */
#include "milter/command/replay/tally.h"

#include <stdlib.h>

#include "policy/base/number.h"
#include "milter/base/print.h"
#include "milter/command/command.h"

/* ---- counting ---- */

static void
count(struct ag_tally_count *count, uint64_t message)
{
	count->recipients++;
	count->messages += count->message != message;
	count->message = message;
}

/* Of rule and mode, whether there is a login, who, and the sender. */
#define KEY_MAX (2 * AG_ADDRESS_MAX + 2100)

static struct ag_str
make_key(const struct ag_objection *o, char text[static KEY_MAX])
{
	struct ag_buf key = ag_buf(text, KEY_MAX);
	char client[AG_IP_TEXT_MAX];
	bool login = o->login.len > 0;

	ag_buf_char(&key, o->would ? 'w' : 'r');
	ag_buf_char(&key, (char)('A' + o->finding->rule));
	ag_buf_char(&key, login ? 'l' : 'c');
	ag_buf_str(&key,
	    login ? o->login : ag_str(ag_ip_write(&o->client, client)));
	ag_buf_char(&key, '\0');
	for (size_t i = 0; i < o->sender.len && i < 2000; i++)
		ag_buf_char(&key, ag_lower(o->sender.ptr[i]));
	return ag_buf_get(&key);
}

/* The pair, made if it is not there; NULL past the limit. */
static struct ag_tally_pair *
find_pair(struct ag_tally *tally, struct ag_str key)
{
	uint32_t id = ag_strmap_find(&tally->keys, key);
	struct ag_tally_pair *pair = tally->pairs.items;

	if (id != AG_NO_ID)
		return &pair[ag_strmap_number(&tally->keys, id)];
	if (tally->pairs.n == AG_TALLY_PAIRS)
		return NULL;
	id = ag_strmap_put(&tally->keys, key);
	pair = id != AG_NO_ID ? ag_vec_add(&tally->pairs, sizeof(*pair)) : NULL;
	if (pair == NULL) {
		tally->failed = true;
		return NULL;
	}
	ag_strmap_set_number(&tally->keys, id, (uint32_t)(tally->pairs.n - 1));
	pair->key = id;
	return pair;
}

static void
note_time(struct ag_tally_pair *pair, const struct ag_objection *o)
{
	if (pair->count.recipients == 1) {
		pair->first = pair->last = o->time;
		pair->domain_file = o->domain_file;
		snprintf(pair->example, sizeof(pair->example), "%s", o->id);
	}
	if (o->time < pair->first)
		pair->first = o->time;
	if (o->time > pair->last)
		pair->last = o->time;
}

void
ag_tally_add(struct ag_tally *tally, const struct ag_objection *o,
    uint64_t message)
{
	char text[KEY_MAX];
	enum ag_rule rule = o->finding->rule;
	struct ag_tally_pair *pair = find_pair(tally, make_key(o, text));

	count(&tally->rule[o->would][rule], message);
	if (pair == NULL) {
		count(&tally->other[o->would][rule], message);
		return;
	}
	count(&pair->count, message);
	note_time(pair, o);
}

void
ag_tally_free(struct ag_tally *tally)
{
	ag_strmap_free(&tally->keys);
	ag_vec_free(&tally->pairs);
}

/* ---- printing ---- */

struct shown {
	const struct ag_tally_pair *pair;
	bool login;
	struct ag_str who;
	struct ag_str sender;
};

static struct shown
show_pair(const struct ag_tally *tally, const struct ag_tally_pair *pair)
{
	struct ag_str key = ag_strmap_key(&tally->keys, pair->key);
	struct ag_str names = ag_str_skip(key, 3);
	size_t end = ag_str_find(names, '\0');

	return (struct shown){ pair, key.ptr[2] == 'l', ag_str_head(names, end),
		ag_str_skip(names, end + 1) };
}

/* Most recipients first; then the older one. */
static int
by_count(const void *a, const void *b)
{
	const struct ag_tally_pair *x = *(const struct ag_tally_pair *const *)a;
	const struct ag_tally_pair *y = *(const struct ag_tally_pair *const *)b;

	if (x->count.recipients != y->count.recipients)
		return x->count.recipients < y->count.recipients ? 1 : -1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static bool
is_word(struct ag_str text)
{
	return text.len > 0 && !ag_str_has_control(text) &&
	    !ag_str_has(text, ' ') && !ag_str_has(text, '"') &&
	    !ag_str_has(text, '#') && !ag_str_has(text, ',');
}

static void
print_map_line(const struct shown *shown, struct ag_str map, FILE *out)
{
	if (!is_word(shown->sender) || !is_word(shown->who))
		return;
	fprintf(out, "           %.*s: ", AG_STR_ARG(map));
	ag_print_safely(out, shown->sender);
	fputc(' ', out);
	ag_print_safely(out, shown->who);
	fputc('\n', out);
}

/*
 * A client is trusted for one domain, where that has a file; a stranger's
 * address is none.
 */
static void
print_relay(const struct shown *shown, FILE *out)
{
	if (shown->login || ag_str_eq(shown->who, ag_str("unknown")))
		return;
	if (shown->pair->domain_file != NULL)
		fprintf(out, "           %s: [relay] allow: add %.*s\n",
		    shown->pair->domain_file, AG_STR_ARG(shown->who));
	else
		fprintf(out, "           authgate relay add %.*s\n",
		    AG_STR_ARG(shown->who));
}

/* Where the exception is one line, which. */
static void
print_exception(const struct shown *shown, enum ag_rule rule, struct ag_str map,
    FILE *out)
{
	switch (rule) {
	case AG_RULE_SENDER_LOGIN_MATCH:
	case AG_RULE_FOREIGN_SENDER_MATCH:
		print_map_line(shown, map, out);
		break;
	case AG_RULE_ROLE_SENDER_AUTH:
	case AG_RULE_LOCAL_SENDER_AUTH:
	case AG_RULE_OUTGOING_AUTH:
		print_relay(shown, out);
		break;
	default:
		break;
	}
}

static void
print_pair(const struct shown *shown, enum ag_rule rule, struct ag_str map,
    FILE *out)
{
	const struct ag_tally_pair *pair = shown->pair;
	char first[AG_INSTANT_MAX], last[AG_INSTANT_MAX];

	fprintf(out, "%9llu  %s %s  %s ",
	    (unsigned long long)pair->count.recipients,
	    ag_number_write_instant(pair->first, first),
	    ag_number_write_instant(pair->last, last),
	    shown->login ? "login" : "client");
	ag_print_safely(out, shown->who);
	fputs(" from ", out);
	ag_print_safely(out,
	    shown->sender.len > 0 ? shown->sender : ag_str("<>"));
	ag_print_line(out, " (%s)", pair->example);
	print_exception(shown, rule, map, out);
}

static bool
is_of(const struct ag_tally *tally, const struct ag_tally_pair *pair,
    bool would, enum ag_rule rule)
{
	struct ag_str key = ag_strmap_key(&tally->keys, pair->key);

	return key.ptr[0] == (would ? 'w' : 'r') &&
	    key.ptr[1] == (char)('A' + rule);
}

static size_t
collect(const struct ag_tally *tally, bool would, enum ag_rule rule,
    const struct ag_tally_pair **found)
{
	const struct ag_tally_pair *pair = tally->pairs.items;
	size_t n = 0;

	for (size_t i = 0; i < tally->pairs.n; i++)
		if (is_of(tally, &pair[i], would, rule))
			found[n++] = &pair[i];
	qsort(found, n, sizeof(*found), by_count);
	return n;
}

static void
print_head(const struct ag_tally *tally, bool would, enum ag_rule rule,
    FILE *out)
{
	const struct ag_tally_count *of = &tally->rule[would][rule];

	fprintf(out, "\n%s (%s): recipients %llu, messages %llu\n",
	    ag_rule_name(rule), ag_mode_name(would ? AG_MONITOR : AG_ENFORCE),
	    (unsigned long long)of->recipients,
	    (unsigned long long)of->messages);
}

static void
print_rule(const struct ag_tally *tally, bool would, enum ag_rule rule,
    const struct ag_tally_pair **found, size_t max, struct ag_str map,
    FILE *out)
{
	size_t n = collect(tally, would, rule, found);
	uint64_t others = tally->other[would][rule].recipients;

	print_head(tally, would, rule, out);
	for (size_t i = 0; i < n && i < max; i++) {
		struct shown shown = show_pair(tally, found[i]);

		print_pair(&shown, rule, map, out);
	}
	for (size_t i = max; i < n; i++)
		others += found[i]->count.recipients;
	if (others > 0)
		fprintf(out, "%9llu  others%s\n", (unsigned long long)others,
		    n > max ? ", shown with --all" : "");
}

void
ag_tally_print(const struct ag_tally *tally, size_t max, struct ag_str map,
    FILE *out)
{
	const struct ag_tally_pair **found =
	    calloc(tally->pairs.n + 1, sizeof(*found));

	if (tally->pairs.n > 0)
		fprintf(out,
		    "\nBy rule; recipients, first, last, who as whom (a queue "
		    "id). What would make an\nexception stands below. A log "
		    "does not tell whether a client is yours or a "
		    "forger's:\nadd only what you know.\n");
	for (unsigned i = 0; found != NULL && i < 2 * AG_RULE_COUNT; i++) {
		bool would = i >= AG_RULE_COUNT;
		enum ag_rule rule = (enum ag_rule)(i % AG_RULE_COUNT);

		if (tally->rule[would][rule].recipients > 0)
			print_rule(tally, would, rule, found, max, map, out);
	}
	free(found);
}
