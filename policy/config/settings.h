/*
 * settings.h - every key of the INI files: name, type, place, default, help
 *
 * The table is the only list of keys; loading, "authgate show", the sample
 * file and the manual are made from it or checked against it.  Values stay
 * text here, each with the line it stands on.
 */
#ifndef AG_SETTINGS_H
#define AG_SETTINGS_H

#include "policy/address/ip.h"
#include "policy/base/arena.h"
#include "policy/rules.h"

enum ag_type {
	AG_TYPE_TEXT,      /* printable; may be empty */
	AG_TYPE_NAME,      /* a word; not empty */
	AG_TYPE_WORDS,     /* separated by blanks or commas (words.h) */
	AG_TYPE_LOCALS,    /* words that are local parts */
	AG_TYPE_SASL,      /* words that are SASL mechanisms */
	AG_TYPE_FILES,     /* words that are file names */
	AG_TYPE_YESNO,     /* yes, no */
	AG_TYPE_MODE,      /* off, monitor, enforce */
	AG_TYPE_ON_ERROR,  /* tempfail, accept */
	AG_TYPE_ENGINE,    /* builtin, libmilter */
	AG_TYPE_START,     /* last_good, strict */
	AG_TYPE_TIME,      /* 90s 15m 2h 30d */
	AG_TYPE_SIZE,      /* 64K 10M 5G */
	AG_TYPE_FILE_MODE, /* 0660 */
	AG_TYPE_SOCKET,    /* unix:PATH, inet:PORT@HOST, inet6:PORT@HOST */
	AG_TYPE_ENDPOINT,  /* ADDRESS:PORT, or empty */
	AG_TYPE_DIRECTORY, /* an absolute path */
	AG_TYPE_FACILITY,  /* of syslog */
	AG_TYPE_LISTENERS, /* words that are names or ports */
	AG_TYPE_DELIMITER, /* characters */
	AG_TYPE_DOMAIN,    /* one domain name */
	AG_TYPE_DOMAINS,   /* domain names */
	AG_TYPE_WINDOWS,   /* names of Windows domains */
	AG_TYPE_NETWORKS,  /* entries of a network list */
	AG_TYPE_REPLY      /* CODE STATUS TEXT */
};

/* In which files a key may stand. */
enum ag_place { AG_SERVER = 1, AG_DOMAIN = 2, AG_BOTH = 3 };

/* X(id, section, name, type, place, default, help) */
#define AG_KEYS(X) \
	X(SOCKET, "milter", "socket", SOCKET, SERVER, \
	    "unix:/run/authgate/authgate.sock", \
	    "where the MTA finds authgate") \
	X(SOCKET_MODE, "milter", "socket_mode", FILE_MODE, SERVER, "0660", \
	    "permissions of a unix socket") \
	X(SOCKET_GROUP, "milter", "socket_group", TEXT, SERVER, "", \
	    "group of a unix socket") \
	X(USER, "milter", "user", TEXT, SERVER, "", \
	    "user to become when started as root") \
	X(TIMEOUT, "milter", "timeout", TIME, SERVER, "2h", \
	    "of one idle MTA connection") \
	X(ENGINE, "milter", "engine", ENGINE, SERVER, "builtin", \
	    "who speaks the milter protocol: builtin or libmilter") \
	X(STATE_DIR, "milter", "state_dir", DIRECTORY, SERVER, \
	    "/var/lib/authgate", "what authgate itself keeps") \
	X(START, "milter", "start", START, SERVER, "last_good", \
	    "with a file that is broken: last_good or strict") \
	X(ON_ERROR, "milter", "on_error", ON_ERROR, SERVER, "tempfail", \
	    "when a decision cannot be made") \
	X(DELAY_REJECT, "milter", "delay_reject", YESNO, SERVER, "yes", \
	    "say refusals of MAIL at each RCPT") \
	X(FACILITY, "log", "facility", FACILITY, SERVER, "mail", \
	    "syslog facility") \
	X(IDENT, "log", "ident", NAME, SERVER, "authgate", "syslog name") \
	X(ACCEPTED, "log", "accepted", YESNO, SERVER, "no", \
	    "also a line per accepted recipient") \
	X(LOCAL_DOMAINS, "lists", "local_domains", FILES, SERVER, "", \
	    "files of domains without a file of their own") \
	X(KILL, "lists", "kill", FILES, SERVER, "kill.list", "kill lists") \
	X(RELAY, "lists", "relay", FILES, SERVER, "relay.list", \
	    "lists of trusted clients: they count as logged in here") \
	X(AUTH_ENABLED, "auth", "enabled", YESNO, SERVER, "yes", \
	    "no: logins are ignored") \
	X(MECHANISMS, "auth", "mechanisms", SASL, SERVER, "", \
	    "accepted SASL mechanisms; empty: any") \
	X(REALM, "auth", "realm", DOMAIN, SERVER, "", \
	    "completes a login without @") \
	X(REALM_REPLACES, "auth", "realm_replaces", YESNO, SERVER, "no", \
	    "put the realm in place of any domain") \
	X(LOGIN_DOMAINS, "auth", "login_domains", DOMAINS, SERVER, "", \
	    "whose logins own their own address; empty: any") \
	X(RESULTS_HEADER, "auth", "results_header", YESNO, SERVER, "no", \
	    "add Authentication-Results") \
	X(AUTHSERV_ID, "auth", "authserv_id", TEXT, SERVER, "", \
	    "name in Authentication-Results; empty: the MTA's") \
	X(RECIPIENT_DELIMITER, "auth", "recipient_delimiter", DELIMITER, \
	    SERVER, "+", "characters that begin a tag") \
	X(SENDER_LOGINS, "auth", "sender_logins", FILES, SERVER, "", \
	    "which login may send as which address") \
	X(WINDOWS_DOMAINS, "auth", "windows_domains", WINDOWS, SERVER, "", \
	    "a login DOMAIN\\user of these is user in the realm") \
	X(CERTIFICATES, "auth", "certificates", FILES, SERVER, "", \
	    "which verified client certificate is which login") \
	X(AUTH_ONLY, "listeners", "auth_only", LISTENERS, SERVER, "", \
	    "names and ports that take nothing without a login") \
	X(KILL_ON_AUTH_ONLY, "listeners", "kill_on_auth_only", YESNO, SERVER, \
	    "no", "also judge kill_client there") \
	X(ENCRYPTED, "listeners", "encrypted", LISTENERS, SERVER, "", \
	    "names and ports where TLS ended before the MTA") \
	X(MODE_KILL_CLIENT, "rules", "kill_client", MODE, SERVER, "enforce", \
	    "the client is in the kill list") \
	X(MODE_KILL_LOGIN, "rules", "kill_login", MODE, SERVER, "enforce", \
	    "the login is in the kill list") \
	X(MODE_KILL_SENDER, "rules", "kill_sender", MODE, SERVER, "enforce", \
	    "the sender is in the kill list") \
	X(MODE_AUTH_ONLY_LISTENER, "rules", "auth_only_listener", MODE, \
	    SERVER, "enforce", "no login on an auth-only listener") \
	X(MODE_AUTH_MECHANISM, "rules", "auth_mechanism", MODE, SERVER, \
	    "enforce", "the login's mechanism is not accepted") \
	X(MODE_AUTH_TLS, "rules", "auth_tls", MODE, SERVER, "off", \
	    "a login without TLS") \
	X(MODE_SENDER_LOGIN_MATCH, "rules", "sender_login_match", MODE, BOTH, \
	    "off", "the login does not own the local sender") \
	X(MODE_FOREIGN_SENDER_MATCH, "rules", "foreign_sender_match", MODE, \
	    SERVER, "off", "the login does not own the foreign sender") \
	X(MODE_ROLE_SENDER_AUTH, "rules", "role_sender_auth", MODE, BOTH, \
	    "enforce", "a role address without a login") \
	X(MODE_LOCAL_SENDER_AUTH, "rules", "local_sender_auth", MODE, BOTH, \
	    "off", "a local sender without a login") \
	X(MODE_OUTGOING_AUTH, "rules", "outgoing_auth", MODE, BOTH, "off", \
	    "outgoing mail without a login") \
	X(MODE_FROM_HEADER_MATCH, "rules", "from_header_match", MODE, BOTH, \
	    "off", "From: is not owned by the login") \
	X(MODE_FROM_HEADER_LOCAL_AUTH, "rules", "from_header_local_auth", \
	    MODE, BOTH, "off", "a local From: without a login") \
	X(UNLESS_LOCAL_RECIPIENT, "rules", \
	    "local_sender_auth_unless_local_recipient", YESNO, BOTH, "no", \
	    "local_sender_auth passes mail to local accounts") \
	X(ROLE_SENDERS, "rules", "role_senders", LOCALS, BOTH, \
	    "postmaster abuse webmaster", "local parts of role addresses") \
	X(FROM_HEADER_SENDER_SUFFICES, "rules", "from_header_sender_suffices", \
	    YESNO, BOTH, "no", "an owned Sender: makes up for From:") \
	X(FOREIGN_SENDER_LISTED_ONLY, "rules", "foreign_sender_listed_only", \
	    YESNO, SERVER, "no", \
	    "foreign_sender_match passes what is not in the map") \
	X(FROM_HEADER_STRICT, "rules", "from_header_strict", YESNO, BOTH, \
	    "no", "from_header_match takes only RFC 5322") \
	X(FROM_HEADER_EXEMPT, "rules", "from_header_exempt", FILES, BOTH, "", \
	    "clients that from_header_local_auth passes") \
	X(RELAY_ALLOW, "relay", "allow", NETWORKS, BOTH, "127.0.0.0/8 ::1", \
	    "trusted clients: networks that count as logged in here") \
	X(RELAY_FILE, "relay", "file", FILES, BOTH, "", \
	    "more of them, in files") \
	X(REPLY_KILL_CLIENT, "reply", "kill_client", REPLY, SERVER, \
	    "554 5.7.1 Client %{client} is blocked", "what is said") \
	X(REPLY_AUTH_ONLY_LISTENER, "reply", "auth_only_listener", REPLY, \
	    SERVER, "530 5.7.0 Authentication required", "what is said") \
	X(REPLY_KILL_LOGIN, "reply", "kill_login", REPLY, SERVER, \
	    "554 5.7.1 Login %{login} is blocked", "what is said") \
	X(REPLY_BAD_SENDER, "reply", "bad_sender", REPLY, SERVER, \
	    "501 5.1.7 Bad sender address syntax", "what is said") \
	X(REPLY_KILL_SENDER, "reply", "kill_sender", REPLY, SERVER, \
	    "554 5.7.1 <%{sender}>: Sender address is blocked", \
	    "what is said") \
	X(REPLY_AUTH_MECHANISM, "reply", "auth_mechanism", REPLY, SERVER, \
	    "534 5.7.9 Authentication mechanism is not accepted here", \
	    "what is said") \
	X(REPLY_AUTH_TLS, "reply", "auth_tls", REPLY, SERVER, \
	    "538 5.7.11 Encryption required for authentication", \
	    "what is said") \
	X(REPLY_SENDER_LOGIN_MATCH, "reply", "sender_login_match", REPLY, \
	    BOTH, \
	    "553 5.7.1 <%{sender}>: Sender address rejected: not owned by " \
	    "%{login}", \
	    "what is said") \
	X(REPLY_FOREIGN_SENDER_MATCH, "reply", "foreign_sender_match", REPLY, \
	    SERVER, \
	    "553 5.7.1 <%{sender}>: Sender address rejected: not owned by " \
	    "%{login}", \
	    "what is said") \
	X(REPLY_ROLE_SENDER_AUTH, "reply", "role_sender_auth", REPLY, BOTH, \
	    "530 5.7.0 <%{sender}>: Sender address rejected: authentication " \
	    "required", \
	    "what is said") \
	X(REPLY_BAD_RECIPIENT, "reply", "bad_recipient", REPLY, SERVER, \
	    "501 5.1.3 Bad recipient address syntax", "what is said") \
	X(REPLY_LOCAL_SENDER_AUTH, "reply", "local_sender_auth", REPLY, BOTH, \
	    "550 5.1.1 <%{rcpt}>: Recipient address rejected: User unknown", \
	    "what is said") \
	X(REPLY_OUTGOING_AUTH, "reply", "outgoing_auth", REPLY, BOTH, \
	    "554 5.7.1 <%{rcpt}>: Relay access denied", "what is said") \
	X(REPLY_FROM_HEADER_MATCH, "reply", "from_header_match", REPLY, BOTH, \
	    "550 5.7.1 From: <%{address}> is not owned by %{login}", \
	    "what is said") \
	X(REPLY_FROM_HEADER_BAD, "reply", "from_header_bad", REPLY, BOTH, \
	    "550 5.7.1 From: %{why}", \
	    "what is said of a From: that is missing, double or unreadable") \
	X(REPLY_FROM_HEADER_LOCAL_AUTH, "reply", "from_header_local_auth", \
	    REPLY, BOTH, "550 5.7.1 From: <%{address}> needs authentication", \
	    "what is said") \
	X(ARCHIVE_ENABLED, "archive", "enabled", YESNO, BOTH, "no", \
	    "keep a copy of all mail") \
	X(ARCHIVE_DIR, "archive", "dir", DIRECTORY, BOTH, \
	    "/var/lib/authgate/archive", "where copies are kept") \
	X(ARCHIVE_RETENTION, "archive", "retention", TIME, SERVER, "0", \
	    "how long; 0: for ever") \
	X(ARCHIVE_MAX_TOTAL, "archive", "max_total", SIZE, SERVER, "0", \
	    "size of all copies; 0: no limit") \
	X(ARCHIVE_MIN_FREE, "archive", "min_free", SIZE, SERVER, "1G", \
	    "free space of the file system") \
	X(ARCHIVE_ON_ERROR, "archive", "on_error", ON_ERROR, SERVER, \
	    "tempfail", "when a copy cannot be kept") \
	X(METRICS_LISTEN, "metrics", "listen", ENDPOINT, SERVER, "", \
	    "address and port of Prometheus text") \
	X(ALIASES, "domain", "aliases", DOMAINS, DOMAIN, "", \
	    "the same accounts under other names") \
	X(SUBDOMAINS, "domain", "subdomains", YESNO, DOMAIN, "no", \
	    "subdomains follow the same rules") \
	X(ACCOUNTS, "domain", "accounts", FILES, DOMAIN, "", \
	    "list of the addresses or local parts that exist")

enum ag_key {
#define AG_KEY_ID(id, section, name, type, place, def, help) AG_KEY_##id,
	AG_KEYS(AG_KEY_ID)
#undef AG_KEY_ID
	    AG_KEY_COUNT,
	AG_KEY_NONE = AG_KEY_COUNT
};

struct ag_setting {
	const char *section;
	const char *name;
	enum ag_type type;
	enum ag_place place;
	const char *fallback; /* its default, as it would be written */
	const char *help;
};

const struct ag_setting *ag_setting(enum ag_key key);

/* AG_KEY_NONE when there is no such key; case does not matter. */
enum ag_key ag_setting_find(struct ag_str section, struct ag_str name);

/* The key of [rules] or AG_KEY_NONE (bad_address has none), and of [reply]. */
enum ag_key ag_rule_mode_key(enum ag_rule rule);
enum ag_key ag_rule_reply_key(enum ag_rule rule);

/* What a file says; a null origin file means that it says nothing. */
struct ag_value {
	struct ag_str text;
	struct ag_origin origin;
};

struct ag_values {
	struct ag_value value[AG_KEY_COUNT];
};

/* All defaults. */
void ag_values_init(struct ag_values *values);

bool ag_value_is_given(const struct ag_value *value);

/*
 * Whether the text is a value for the key.  When false, why says what it should
 * have been.
 */
bool ag_setting_check(enum ag_key key, struct ag_str text, struct ag_buf *why);

/*
 * Reads the text of an AG_TYPE_ENDPOINT: an address in numbers, of IPv6 in
 * brackets, and a port from 1 to 65535.
 */
bool ag_endpoint_parse(struct ag_str text, struct ag_ip *address,
    unsigned *port);

#endif
