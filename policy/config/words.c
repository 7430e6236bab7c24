/* words.c - what one word of a list or a value can be */
#include "policy/config/words.h"

#include <string.h>

#include "policy/address/domainname.h"
#include "policy/address/ip.h"
#include "policy/address/mailbox.h"
#include "policy/base/number.h"
#include "policy/table/login.h"

static bool
has_any(struct ag_str word, const char *bytes)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.ptr[i] != '\0' && strchr(bytes, word.ptr[i]) != NULL)
			return true;
	return false;
}

static bool
is_letter(char c)
{
	c = ag_lower(c);
	return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

static bool
has_letter(struct ag_str word)
{
	for (size_t i = 0; i < word.len; i++)
		if (is_letter(word.ptr[i]))
			return true;
	return false;
}

/* "=", "->" and the like are no names. */
static bool
has_letter_or_digit(struct ag_str word)
{
	for (size_t i = 0; i < word.len; i++)
		if (is_letter(word.ptr[i]) || ag_is_digit(word.ptr[i]))
			return true;
	return false;
}

static bool
starts_with_any(struct ag_str word, const char *bytes)
{
	return has_any(ag_str_head(word, 1), bytes);
}

static bool
is_ip(struct ag_str word)
{
	struct ag_ip ip;

	return ag_ip_parse(&ip, word);
}

/* A pattern, where none stands; and where "*" alone may. */
static const char *const pattern = "has a *, and no pattern stands here";
static const char *const part = "has a * that is not the whole word";

/* ---- one check a kind: NULL, or what is wrong ---- */

static bool
is_domain(struct ag_str word)
{
	char name[AG_DOMAIN_MAX + 1];

	return ag_domain_parse(word, name) == AG_DOMAIN_OK;
}

/* No name in the DNS has one that is longer. */
#define LABEL_MAX 63

static bool
has_long_label(struct ag_str word)
{
	char name[AG_DOMAIN_MAX + 1];
	struct ag_str rest;

	ag_domain_parse(word, name);
	for (rest = ag_str(name); rest.len > 0; rest = ag_domain_parent(rest))
		if (ag_str_find(rest, '.') > LABEL_MAX)
			return true;
	return false;
}

static const char *
domain_fault(struct ag_str word)
{
	if (is_ip(word))
		return "is an address of a host, not a domain name";
	if (!is_domain(word))
		return "is not a domain name";
	return has_long_label(word) ? "has a label of more than 63 bytes" :
				      NULL;
}

static const char *
domains_fault(struct ag_str word)
{
	return domain_fault(ag_str_skip(word, ag_str_starts(word, ".")));
}

/* What is in no login is more often a mistake than a login. */
static const char *
login_fault(struct ag_str word)
{
	struct ag_mailbox login;
	struct ag_str domain;
	size_t at = ag_str_rfind(word, '@');

	/* nearly all are so */
	if (ag_mailbox_is_settled(word, &domain))
		return NULL;
	if (word.len == 0)
		return "names no login";
	if (ag_str_has_control(word))
		return "has a control byte; is this a text file?";
	if (ag_str_has(word, '*'))
		return part;
	if (has_any(word, ",;:<>()[]{}\"|") || starts_with_any(word, "=.'"))
		return "is not a login";
	if (at + 1 == word.len || !has_letter_or_digit(word))
		return "is not a login";
	if (!ag_login_parse(&login, word))
		return "is too long for a login";
	return at < word.len && !is_domain(ag_str_skip(word, at + 1)) ?
	    "has no domain name behind the @" :
	    NULL;
}

static const char *
killed_login_fault(struct ag_str word)
{
	if (ag_str_has(word, '*'))
		return pattern;
	if (starts_with_any(word, "@."))
		return "names a domain, which only sender: takes";
	return login_fault(word);
}

static const char *
right_fault(struct ag_str word)
{
	if (ag_str_starts(word, "@"))
		return "is not a login; a domain may stand on the left only";
	if (ag_str_starts(word, "until="))
		return "is not for this list, whose lines have no end date";
	return login_fault(word);
}

/* Whether a local part needs quotes that it does not have. */
static bool
needs_quotes(struct ag_str word)
{
	struct ag_str local = ag_str_head(word, ag_str_rfind(word, '@'));

	return !ag_str_starts(word, "\"") &&
	    (has_any(local, ",;[]{}") || starts_with_any(local, "'"));
}

static bool
is_address(struct ag_str word)
{
	struct ag_mailbox mailbox;

	return !needs_quotes(word) && ag_mailbox_parse(&mailbox, word) &&
	    ag_domain_is_listable(ag_mailbox_domain(&mailbox));
}

static bool
is_local_part(struct ag_str word)
{
	struct ag_mailbox mailbox;

	return !needs_quotes(word) && !ag_str_starts(word, "/") &&
	    has_letter_or_digit(word) && ag_mailbox_parse_local(&mailbox, word);
}

static const char *
sender_fault(struct ag_str word)
{
	if (ag_str_has(word, '*'))
		return pattern;
	if (starts_with_any(word, "@."))
		return is_domain(ag_str_skip(word, 1)) ? NULL :
							 "names no sender";
	return is_address(word) ? NULL : "names no sender";
}

static const char *
left_fault(struct ag_str word)
{
	bool good;

	if (ag_str_has(word, '*'))
		return part;
	if (ag_str_starts(word, "/"))
		return "is a regular expression, which is not read";
	good = ag_str_starts(word, "@") ?
	    is_domain(ag_str_skip(word, 1)) :
	    is_address(word) || (is_local_part(word) && !is_ip(word));
	return good ? NULL : "is not an address";
}

static const char *
account_fault(struct ag_str word)
{
	if (ag_str_has(word, '*'))
		return pattern;
	return is_address(word) || is_local_part(word) ?
	    NULL :
	    "is neither an address nor a local part of this domain";
}

static const char *
local_fault(struct ag_str word)
{
	if (ag_str_has(word, '*'))
		return pattern;
	return is_local_part(word) && !ag_str_has(word, '|') ?
	    NULL :
	    "is not the part of an address before the @";
}

/* RFC 4422, 3.1; in any case here. */
static const char *
mechanism_fault(struct ag_str word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = ag_lower(word.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !ag_is_digit(c) && c != '-' &&
		    c != '_')
			return "is not the name of a SASL mechanism";
	}
	return word.len > 0 && word.len <= 20 ?
	    NULL :
	    "is not the name of a SASL mechanism";
}

/* "465-587" and "587/tcp" are not meant as names either. */
static bool
is_meant_as_port(struct ag_str word)
{
	size_t digits = 0;

	while (digits < word.len && ag_is_digit(word.ptr[digits]))
		digits++;
	return digits > 0 &&
	    (!has_letter(word) ||
		ag_str_starts(ag_str_skip(word, digits), "/"));
}

static const char *
listener_fault(struct ag_str word)
{
	uint64_t port = 0;

	/* a host's address may be its name */
	if (is_meant_as_port(word) && !is_ip(word))
		return ag_number_parse(word, 65535, &port) && port > 0 ?
		    NULL :
		    "is not a port from 1 to 65535";
	if (ag_str_has(word, ':'))
		return "is both; write either the name or the port of a "
		       "listener";
	if (has_any(word, "\"'[](){}<>|;,*=@\\") || !has_letter_or_digit(word))
		return "is neither the name nor the port of a listener";
	return NULL;
}

/* Quotes and brackets around a word: of other languages, and nobody's name. */
static bool
is_wrapped(struct ag_str word)
{
	return starts_with_any(word, "\"'[({<") ||
	    (word.len > 0 &&
		has_any(ag_str_skip(word, word.len - 1), "\"'])}>"));
}

static bool
is_table(struct ag_str word)
{
	static const char *const types[] = { "btree:", "cdb:", "cidr:", "dbm:",
		"hash:", "inline:", "ldap:", "lmdb:", "memcache:", "mysql:",
		"pcre:", "pgsql:", "proxy:", "regexp:", "sqlite:", "texthash:",
		"unionmap:" };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (ag_str_starts(word, types[i]))
			return true;
	return false;
}

static const char *
any_fault(struct ag_str word)
{
	if (is_wrapped(word))
		return "has quotes or brackets, which belong to no word";
	return has_any(word, "|;") ? "has a sign that divides no words" : NULL;
}

static const char *
file_fault(struct ag_str word)
{
	if (is_table(word))
		return "is a lookup table of Postfix; authgate reads the text "
		       "file behind it";
	return any_fault(word);
}

/* ---- what to write ---- */

static const struct {
	const char *(*fault)(struct ag_str word);
	const char *prefix;  /* in front of it, where it stands */
	const char *example; /* when it is not clear what was meant; or NULL */
} kinds[] = {
	[AG_WORD_DOMAIN] = { domain_fault, "", NULL },
	[AG_WORD_DOMAINS] = { domains_fault, "",
	    "example.com or .example.com" },
	[AG_WORD_LOGIN] = { killed_login_fault,
	    "login:", "login:alice@example.com" },
	[AG_WORD_SENDER] = { sender_fault, "sender:",
	    "sender:user@example.net, sender:@example.net or "
	    "sender:.example.net" },
	[AG_WORD_LEFT] = { left_fault, "",
	    "user@example.com, @example.com, user or *" },
	[AG_WORD_RIGHT] = { right_fault, "", NULL },
	[AG_WORD_ACCOUNT] = { account_fault, "", NULL },
	[AG_WORD_LOCAL] = { local_fault, "", NULL },
	[AG_WORD_MECHANISM] = { mechanism_fault, "", NULL },
	[AG_WORD_LISTENER] = { listener_fault, "", NULL },
	[AG_WORD_FILE] = { file_fault, "", NULL },
	[AG_WORD_ANY] = { any_fault, "", NULL },
};

/* How other programs write it, and how it is written here. */
static const struct {
	enum ag_word kind;
	const char *theirs, *ours;
} rewrites[] = {
	{ AG_WORD_DOMAIN, "@", "" },
	{ AG_WORD_DOMAIN, "*.", "" },
	{ AG_WORD_DOMAIN, ".", "" },
	{ AG_WORD_DOMAINS, "*.", "." },
	{ AG_WORD_DOMAINS, "@", "" },
	{ AG_WORD_SENDER, "*@", "@" },
	{ AG_WORD_SENDER, "@*.", "." },
	{ AG_WORD_SENDER, "@.", "." },
	{ AG_WORD_SENDER, "*.", "." },
	{ AG_WORD_SENDER, "", "@" },
	{ AG_WORD_LEFT, "*@", "@" },
	{ AG_WORD_LEFT, "*.", "@" },
	{ AG_WORD_LEFT, "@.", "@" },
};

/* Without what stands around addresses, domains and words elsewhere. */
static struct ag_str
unwrap(struct ag_str word)
{
	if (ag_str_starts(word, "mailto:"))
		word = ag_str_skip(word, 7);
	while (starts_with_any(word, "\"'[({<"))
		word = ag_str_skip(word, 1);
	while (word.len > 0 &&
	    has_any(ag_str_skip(word, word.len - 1), "\"'])}>,;:@"))
		word.len--;
	return word;
}

/* Longer ones are no slip; and what a finding shows of a file is bounded. */
#define SUGGESTED_MAX AG_SHOWN_BYTES

static bool
suggest_one(enum ag_word kind, struct ag_str candidate, struct ag_buf *why)
{
	if (candidate.len == 0 || kinds[kind].fault(candidate) != NULL)
		return false;
	ag_buf_printf(why, "; write %s%.*s", kinds[kind].prefix,
	    AG_STR_ARG(candidate));
	return true;
}

/* "@user" would be a domain of one label: not what was meant. */
static bool
suggest_rewrite(enum ag_word kind, struct ag_str word, size_t i,
    struct ag_buf *why)
{
	char text[SUGGESTED_MAX + 2];
	struct ag_buf candidate = AG_BUF(text);

	if (rewrites[i].kind != kind ||
	    !ag_str_starts(word, rewrites[i].theirs))
		return false;
	ag_buf_text(&candidate, rewrites[i].ours);
	ag_buf_str(&candidate, ag_str_skip(word, strlen(rewrites[i].theirs)));
	return ag_str_has(word, '.') &&
	    suggest_one(kind, ag_buf_get(&candidate), why);
}

static bool
suggest(enum ag_word kind, struct ag_str word, struct ag_buf *why)
{
	struct ag_str inner = unwrap(word);

	if (word.len > SUGGESTED_MAX)
		return false;
	if (inner.len < word.len && suggest_one(kind, inner, why))
		return true;
	for (size_t i = 0; i < sizeof(rewrites) / sizeof(*rewrites); i++)
		if (suggest_rewrite(kind, inner, i, why))
			return true;
	return false;
}

bool
ag_word_check(enum ag_word kind, struct ag_str word, struct ag_buf *why)
{
	const char *fault = kinds[kind].fault(word);

	if (fault == NULL)
		return true;
	ag_buf_text(why, fault);
	if (!suggest(kind, word, why) && kinds[kind].example != NULL)
		ag_buf_printf(why, "; write %s", kinds[kind].example);
	return false;
}

bool
ag_words_check(enum ag_word kind, struct ag_str text, struct ag_buf *why)
{
	struct ag_str word;

	while (ag_str_word(&text, AG_WORD_SEPARATORS, &word)) {
		char reason[300];
		struct ag_buf fault = AG_BUF(reason);

		if (ag_word_check(kind, word, &fault))
			continue;
		ag_buf_printf(why, "has %s, which %s", AG_SHOWN(word), reason);
		return false;
	}
	return true;
}

/* ---- what is allowed and hardly meant ---- */

static bool
is_one_of(struct ag_str word, const char *words)
{
	struct ag_str rest = ag_str(words), known;

	while (ag_str_word(&rest, " ", &known))
		if (ag_str_ieq(word, known))
			return true;
	return false;
}

bool
ag_word_looks_like_domain(struct ag_str word)
{
	struct ag_str last = ag_str_skip(word, ag_str_rfind(word, '.') + 1);

	return last.len > 0 && is_domain(word) &&
	    ((last.len == 2 && has_letter(last)) ||
		is_one_of(last,
		    "arpa biz com edu example gov info int invalid lan local "
		    "localhost mil net org test"));
}

/* The registry of IANA, and what Cyrus SASL and Dovecot have besides. */
static const char mechanisms[] =
    "9798-M-DSA-SHA1 9798-M-ECDSA-SHA1 9798-M-RSA-SHA1-ENC 9798-U-DSA-SHA1 "
    "9798-U-ECDSA-SHA1 9798-U-RSA-SHA1-ENC ANONYMOUS APOP CRAM-MD5 DIGEST-MD5 "
    "EAP-AES128 EAP-AES128-PLUS ECDH-X25519-CHALLENGE ECDSA-NIST256P-CHALLENGE "
    "EXTERNAL GS2-IAKERB GS2-IAKERB-PLUS GS2-KRB5 GS2-KRB5-PLUS GSS-SPNEGO "
    "GSSAPI KERBEROS_V4 KERBEROS_V5 LOGIN NMAS-SAMBA-AUTH NMAS_AUTHEN "
    "NMAS_LOGIN NTLM OAUTH10A OAUTHBEARER OPENID20 OTP PASSDSS-3DES-1 PLAIN "
    "RPA SAML20 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS "
    "SCRAM-SHA-512 SCRAM-SHA-512-PLUS SCRAM-SHA3-512 SCRAM-SHA3-512-PLUS "
    "SECURID SKEY SPNEGO SPNEGO-PLUS SRP SXOVER-PLUS XOAUTH XOAUTH2";

struct ag_str
ag_word_nearest_mechanism(struct ag_str word)
{
	struct ag_str rest = ag_str(mechanisms), known, best = ag_str(NULL);
	unsigned least = 3;

	while (ag_str_word(&rest, " ", &known)) {
		unsigned distance = ag_str_distance(word, known);

		if (distance < least) {
			least = distance;
			best = known;
		}
	}
	return best;
}
