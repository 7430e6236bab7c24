/* doubts.c - warns of what is allowed and hardly meant */
#include "policy/config/doubts.h"

#include "policy/base/number.h"
#include "policy/compiled.h"
#include "policy/config/words.h"

static const struct ag_value *
server_value(const struct ag_policy *policy, enum ag_key key)
{
	return &policy->server.values->value[key];
}

/* ---- the socket ---- */

/* A name that stands for this host alone, whoever is asked. */
static bool
is_own_name(struct ag_str host)
{
	static const char *const names[] = { "localhost", "localhost4",
		"localhost6", "localhost.localdomain",
		"localhost4.localdomain4", "localhost6.localdomain6",
		"ip6-localhost", "ip6-loopback" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (ag_str_ieq(host, ag_str(names[i])))
			return true;
	return false;
}

static void
doubt_socket(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value = server_value(policy, AG_KEY_SOCKET);
	struct ag_str host =
	    ag_str_skip(value->text, ag_str_find(value->text, '@') + 1);
	struct ag_ip address;

	if (ag_str_starts(value->text, "unix:") || is_own_name(host) ||
	    (ag_ip_parse(&address, host) && ag_ip_is_loopback(&address)))
		return;
	ag_diag_report(diag, AG_WARNING, &value->origin,
	    "socket = %s: whoever reaches this address speaks to authgate as "
	    "if it were the MTA; 127.0.0.1 and ::1 are for this host alone",
	    AG_SHOWN(value->text));
}

static void
doubt_socket_mode(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value = server_value(policy, AG_KEY_SOCKET_MODE);
	struct ag_str socket = server_value(policy, AG_KEY_SOCKET)->text;
	unsigned mode = 0;

	ag_number_mode(value->text, &mode);
	if (ag_str_starts(socket, "unix:") && (mode & 2) != 0)
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "socket_mode = %s: every user of this host speaks to "
		    "authgate as if it were the MTA; write 0660 and give the "
		    "socket to the MTA's group with socket_group",
		    AG_SHOWN(value->text));
}

/* ---- logins and listeners ---- */

static void
doubt_mechanisms(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value = server_value(policy, AG_KEY_MECHANISMS);
	struct ag_str rest = value->text, word;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word)) {
		struct ag_str near = ag_word_nearest_mechanism(word);

		if (ag_str_ieq(near, word))
			continue;
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "mechanisms has %s, which no SASL library is known to "
		    "have%s%.*s%s",
		    AG_SHOWN(word), near.len > 0 ? "; did you mean " : "",
		    AG_STR_ARG(near), near.len > 0 ? "?" : "");
	}
}

static void
doubt_port_of_mx(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *value = server_value(policy, AG_KEY_AUTH_ONLY);
	struct ag_str rest = value->text, word;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word))
		if (ag_str_eq(word, ag_str("25")) ||
		    ag_str_ieq(word, ag_str("smtp")))
			ag_diag_report(diag, AG_WARNING, &value->origin,
			    "auth_only has %s, where other servers bring mail, "
			    "which never log in: they all are refused",
			    AG_SHOWN(word));
}

static bool
has_listeners(const struct ag_listeners *listeners)
{
	return listeners->names.n + listeners->nports > 0;
}

static void
doubt_listeners(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *only = server_value(policy, AG_KEY_AUTH_ONLY);
	const struct ag_value *enabled =
	    server_value(policy, AG_KEY_AUTH_ENABLED);
	const struct ag_value *kill =
	    server_value(policy, AG_KEY_KILL_ON_AUTH_ONLY);

	doubt_port_of_mx(policy, diag);
	if (has_listeners(&policy->auth_only) && !policy->auth_enabled)
		ag_diag_report(diag, AG_WARNING, &enabled->origin,
		    "enabled = no: nobody counts as logged in, so that the "
		    "listeners of auth_only = %s take no mail at all",
		    AG_SHOWN(only->text));
	if (!has_listeners(&policy->auth_only) && policy->kill_on_auth_only)
		ag_diag_report(diag, AG_WARNING, &kill->origin,
		    "kill_on_auth_only does nothing without auth_only");
}

/* ---- domains ---- */

static bool
is_local(const struct ag_policy *policy, const char *domain)
{
	return ag_domains_find(&policy->domains, ag_str(domain)).local;
}

static void
doubt_domains(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *lists =
	    server_value(policy, AG_KEY_LOCAL_DOMAINS);
	const struct ag_value *realm = server_value(policy, AG_KEY_REALM);
	struct ag_origin main = { policy->server.file, 0 };

	if (ag_domains_size(&policy->domains) == 0)
		ag_diag_report(diag, AG_WARNING,
		    ag_value_is_given(lists) ? &lists->origin : &main,
		    "no domain is local, so that no rule on local addresses "
		    "holds; put a file for each domain into domains/, or name "
		    "a list of them with [lists] local_domains");
	if (realm->text.len > 0 && !is_local(policy, policy->form.realm))
		ag_diag_report(diag, AG_WARNING, &realm->origin,
		    "realm = %s is no local domain: a login that it completes "
		    "owns no local address but by the sender map",
		    AG_SHOWN(realm->text));
}

/* ---- networks ---- */

/* So many comparisons, and so many findings. */
#define COMPARED 100000
#define FINDINGS 8

struct look {
	const struct ag_policy *policy;
	struct ag_diag *diag;
	unsigned left; /* comparisons */
	unsigned found;
	struct ag_origin last; /* what was found last, by its line */
	enum ag_family family;
};

/* A range is many networks on one line: one finding for them. */
static bool
is_news(struct look *look, const struct ag_net *net)
{
	const struct ag_origin *at = &net->entry.origin;
	bool same = look->found > 0 && look->last.file == at->file &&
	    look->last.line == at->line &&
	    look->family == net->prefix.net.family;

	look->last = *at;
	look->family = net->prefix.net.family;
	return !same && look->found++ < FINDINGS;
}

static const char *
write_prefix(const struct ag_prefix *prefix,
    char text[static AG_IP_TEXT_MAX + 4])
{
	char ip[AG_IP_TEXT_MAX];
	struct ag_buf out = ag_buf(text, AG_IP_TEXT_MAX + 4);

	ag_buf_printf(&out, "%s/%u", ag_ip_write(&prefix->net, ip),
	    prefix->bits);
	return text;
}

#define PREFIX(prefix) write_prefix((prefix), (char[AG_IP_TEXT_MAX + 4]){ 0 })

static bool
is_killed(const struct look *look, const struct ag_prefix *prefix,
    struct ag_net *kill)
{
	return ag_nets_row_find_around(&look->policy->kill, prefix, kill) &&
	    !kill->except;
}

/* The kill list is asked first. */
static void
doubt_killed_relay(struct look *look, const struct ag_net *net)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);
	struct ag_net kill;

	if (look->left == 0 || ag_ip_is_loopback(&net->prefix.net))
		return;
	look->left--;
	if (!is_killed(look, &net->prefix, &kill) || !is_news(look, net))
		return;
	ag_origin_write(&net->entry.origin, &buf);
	ag_diag_report(look->diag, AG_WARNING, &kill.entry.origin,
	    "%s covers %s of a relay list (%s), whose clients are refused",
	    PREFIX(&kill.prefix), PREFIX(&net->prefix), where);
}

/* Nobody has so many hosts: /7 and less, but for fc00::/7, which is private. */
static bool
is_wide(const struct ag_prefix *prefix)
{
	return prefix->bits < 7 ||
	    (prefix->bits == 7 && prefix->net.hi >> 57 != 0xfc >> 1);
}

static void
doubt_wide(struct look *look, const struct ag_net *net, const char *what)
{
	if (!is_wide(&net->prefix) || !is_news(look, net))
		return;
	if (net->prefix.bits == 0)
		ag_diag_report(look->diag, AG_WARNING, &net->entry.origin,
		    "%s %s every IPv%c client there is", PREFIX(&net->prefix),
		    what, net->prefix.net.family == AG_IP_V4 ? '4' : '6');
	else
		ag_diag_report(look->diag, AG_WARNING, &net->entry.origin,
		    "%s %s one in %u of all IPv%c clients there are",
		    PREFIX(&net->prefix), what, 1u << net->prefix.bits,
		    net->prefix.net.family == AG_IP_V4 ? '4' : '6');
}

/* What is asked of each network of a row. */
struct questions {
	struct look wide;
	struct look more;
	const char *what;
	void (*also)(struct look *, const struct ag_net *); /* may be NULL */
};

static void
doubt_nets(struct questions *questions, const struct ag_nets *nets)
{
	size_t n = ag_nets_size(nets);

	for (size_t i = 0; i < n; i++) {
		struct ag_net net;

		ag_nets_get(nets, i, &net);
		if (net.except)
			continue;
		doubt_wide(&questions->wide, &net, questions->what);
		if (questions->also != NULL)
			questions->also(&questions->more, &net);
	}
}

static void
doubt_row(const struct look *begun, const struct ag_nets_row *row,
    const char *what, void (*also)(struct look *, const struct ag_net *))
{
	struct questions questions = { *begun, *begun, what, also };

	for (size_t i = 0; i < row->n; i++)
		doubt_nets(&questions, row->table[i]);
}

/* ---- what is in two files of one list ---- */

static void
report_twice(struct ag_diag *diag, const char *text,
    const struct ag_origin *first, const struct ag_origin *second)
{
	char where[AG_ORIGIN_MAX];
	struct ag_buf buf = AG_BUF(where);

	ag_origin_write(first, &buf);
	ag_diag_report(diag, AG_WARNING, second,
	    "%s is there twice, see %s; the longer-lived counts", text, where);
}

/* A network of a table, if one of the tables before has it too. */
static void
doubt_again(struct look *look, const struct ag_nets_row *row, size_t table,
    const struct ag_net *net)
{
	const struct ag_nets_row before = { row->table, table };
	struct ag_net first;
	char text[AG_IP_TEXT_MAX + 5];
	struct ag_buf buf = AG_BUF(text);

	if (!ag_nets_row_find_around(&before, &net->prefix, &first) ||
	    first.prefix.bits != net->prefix.bits ||
	    first.except != net->except || !is_news(look, net))
		return;
	ag_buf_printf(&buf, "%s%s", net->except ? "!" : "",
	    PREFIX(&net->prefix));
	report_twice(look->diag, text, &first.entry.origin, &net->entry.origin);
}

static void
doubt_repeats(const struct look *begun, const struct ag_nets_row *row)
{
	struct look look = *begun;

	for (size_t table = 1; table < row->n; table++) {
		size_t n = ag_nets_size(row->table[table]);

		for (size_t i = 0; i < n && look.left > 0; i++, look.left--) {
			struct ag_net net;

			ag_nets_get(row->table[table], i, &net);
			doubt_again(&look, row, table, &net);
		}
	}
}

static void
doubt_names_again(struct look *look, const struct ag_names_row *row,
    size_t table)
{
	const struct ag_names_row before = { row->table, table };
	const struct ag_names *names = row->table[table];
	const struct ag_entry *entry = names->entries.items, *first;
	uint32_t id = ag_strmap_first(&names->map);

	for (; id != AG_NO_ID && look->left > 0 && look->found < FINDINGS;
	    id = ag_strmap_next(&names->map, id), look->left--) {
		struct ag_str name = ag_strmap_key(&names->map, id);

		first = ag_names_row_find(&before, name, INT64_MIN);
		if (first == NULL)
			continue;
		look->found++;
		report_twice(look->diag, AG_SHOWN(name), &first->origin,
		    &entry[ag_strmap_number(&names->map, id)].origin);
	}
}

static void
doubt_repeated_names(const struct look *begun, const struct ag_names_row *row)
{
	struct look look = *begun;

	for (size_t table = 1; table < row->n; table++)
		doubt_names_again(&look, row, table);
}

static void
doubt_scope(const struct look *begun, const struct ag_scope *scope, bool kills)
{
	doubt_row(begun, &scope->relay, "trusts",
	    kills ? doubt_killed_relay : NULL);
	doubt_row(begun, &scope->from_exempt, "exempts", NULL);
	doubt_repeats(begun, &scope->relay);
	doubt_repeats(begun, &scope->from_exempt);
}

/* FireHOL's list and its like have such networks. */
static void
doubt_killed_host(const struct look *look, struct ag_ip address, unsigned bits)
{
	struct ag_prefix prefix = { address, bits };
	char text[AG_IP_TEXT_MAX];
	struct ag_net kill;

	if (is_killed(look, &prefix, &kill))
		ag_diag_report(look->diag, AG_WARNING, &kill.entry.origin,
		    "%s holds %s, this host: what its programs and content "
		    "filters send is refused",
		    PREFIX(&kill.prefix), ag_ip_write(&address, text));
}

static void
doubt_networks(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct look begun = { policy, diag, COMPARED, 0, { NULL, 0 },
		AG_IP_UNKNOWN };
	bool kills = policy->server.mode[AG_RULE_KILL_CLIENT] != AG_OFF &&
	    ag_nets_row_size(&policy->kill) > 0;

	if (kills) {
		doubt_killed_host(&begun,
		    (struct ag_ip){ AG_IP_V4, 0, 0x7f000001 }, 32);
		doubt_killed_host(&begun, (struct ag_ip){ AG_IP_V6, 0, 1 },
		    128);
	}
	doubt_repeats(&begun, &policy->kill);
	doubt_repeated_names(&begun, &policy->kill_logins);
	doubt_repeated_names(&begun, &policy->kill_senders);
	doubt_scope(&begun, &policy->server, kills);
	for (size_t i = 0; i < policy->nfiles; i++)
		doubt_scope(&begun, policy->files[i], kills);
}

void
ag_doubts_report(const struct ag_policy *policy, struct ag_diag *diag)
{
	doubt_socket(policy, diag);
	doubt_socket_mode(policy, diag);
	doubt_mechanisms(policy, diag);
	doubt_listeners(policy, diag);
	doubt_domains(policy, diag);
	doubt_networks(policy, diag);
}
