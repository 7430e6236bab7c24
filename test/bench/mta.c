#include "mta.h"

#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#define VERSION 6
#define ACTIONS 0x1FFU
#define STEPS 0x1FFFFFU

/* ---- packets ---- */

static void
add(struct mta_buf *buf, const void *bytes, size_t len)
{
	if (buf->len + len > buf->room) {
		buf->room = 2 * (buf->len + len) + 512;
		buf->ptr = realloc(buf->ptr, buf->room);
		if (buf->ptr == NULL)
			err(EX_OSERR, "packets");
	}
	memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
}

static void
add_text(struct mta_buf *buf, const char *text)
{
	add(buf, text, strlen(text) + 1);
}

static void
add_number(struct mta_buf *buf, uint32_t number)
{
	number = htonl(number);
	add(buf, &number, sizeof(number));
}

/* Begins a packet: where it begins, for end_packet(). */
static size_t
begin_packet(struct mta_buf *buf, char letter)
{
	size_t start = buf->len;

	add_number(buf, 0);
	add(buf, &letter, 1);
	return start;
}

static void
end_packet(struct mta_buf *buf, size_t start)
{
	uint32_t len = htonl((uint32_t)(buf->len - start - 4));

	memcpy(buf->ptr + start, &len, sizeof(len));
}

static void
add_bare(struct mta_buf *buf, char letter)
{
	end_packet(buf, begin_packet(buf, letter));
}

void
mta_add_abort(struct mta_buf *buf)
{
	add_bare(buf, SMFIC_ABORT);
}

void
mta_add_quit(struct mta_buf *buf)
{
	add_bare(buf, SMFIC_QUIT);
}

/* ---- macros ---- */

/* Text of what is being said; NULL: the macro has no value now. */
typedef const char *value_fn(const struct mta_said *said);

static char scratch[1024];

static const char *
host(const struct mta_said *said)
{
	(void)said;
	return "mx.example.com";
}

static const char *
listener(const struct mta_said *said)
{
	return said->sample->listener;
}

static const char *
port(const struct mta_said *said)
{
	return said->sample->port;
}

static const char *
version(const struct mta_said *said)
{
	(void)said;
	return "Postfix 3.7.11";
}

static const char *
loopback(const struct mta_said *said)
{
	(void)said;
	return "127.0.0.1";
}

static const char *
client(const struct mta_said *said)
{
	return said->sample->client;
}

static const char *
client_name(const struct mta_said *said)
{
	(void)said;
	return "client.example";
}

static const char *
client_name_and_address(const struct mta_said *said)
{
	snprintf(scratch, sizeof(scratch), "client.example [%s]",
	    said->sample->client);
	return scratch;
}

static const char *
client_port(const struct mta_said *said)
{
	(void)said;
	return "40000";
}

static const char *
ok(const struct mta_said *said)
{
	(void)said;
	return "OK";
}

static const char *
one(const struct mta_said *said)
{
	(void)said;
	return "1";
}

static bool
is_logged_in(const struct mta_said *said)
{
	return said->sample->login[0] != '\0';
}

/* Who logs in does so over TLS. */
static const char *
tls(const struct mta_said *said)
{
	return is_logged_in(said) ? "TLSv1.3" : NULL;
}

static const char *
cipher(const struct mta_said *said)
{
	return is_logged_in(said) ? "TLS_AES_256_GCM_SHA384" : NULL;
}

static const char *
cipher_bits(const struct mta_said *said)
{
	return is_logged_in(said) ? "256" : NULL;
}

static const char *
auth_type(const struct mta_said *said)
{
	return is_logged_in(said) ? "PLAIN" : NULL;
}

static const char *
login(const struct mta_said *said)
{
	return is_logged_in(said) ? said->sample->login : NULL;
}

static const char *
sender(const struct mta_said *said)
{
	return said->sample->sender;
}

static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : "mx.example.com";
}

static const char *
sender_domain(const struct mta_said *said)
{
	return domain_of(said->sample->sender);
}

/* The first recipient is the sample's; further ones are its neighbours. */
static const char *
recipient(const struct mta_said *said)
{
	if (said->number == 0)
		return said->sample->recipient;
	snprintf(scratch, sizeof(scratch), "r%u.%s", said->number,
	    said->sample->recipient);
	return scratch;
}

static const char *
recipient_domain(const struct mta_said *said)
{
	return domain_of(said->sample->recipient);
}

/* Neither "local" nor "virtual", which would make any domain a local one. */
static const char *
mailer(const struct mta_said *said)
{
	(void)said;
	return "relay";
}

static const char *
queue_id(const struct mta_said *said)
{
	return said->queue_id;
}

#define AT(stage) (1U << (stage))

/* The stages are those at which Postfix sends the macro without being asked. */
static const struct macro {
	const char *name;
	value_fn *value;
	unsigned stages;
} macros[] = {
	{ "j", host, AT(SMFIM_CONNECT) },
	{ "{daemon_name}", listener, AT(SMFIM_CONNECT) },
	{ "{daemon_addr}", loopback, AT(SMFIM_CONNECT) },
	{ "{daemon_port}", port, 0 },
	{ "v", version, AT(SMFIM_CONNECT) },
	{ "_", client_name_and_address, AT(SMFIM_CONNECT) },
	{ "{client_addr}", client, 0 },
	{ "{client_name}", client_name, 0 },
	{ "{client_ptr}", client_name, 0 },
	{ "{client_port}", client_port, 0 },
	{ "{client_connections}", one, 0 },
	{ "{client_resolve}", ok, 0 },
	{ "{tls_version}", tls, AT(SMFIM_HELO) },
	{ "{cipher}", cipher, AT(SMFIM_HELO) },
	{ "{cipher_bits}", cipher_bits, AT(SMFIM_HELO) },
	{ "{auth_type}", auth_type, AT(SMFIM_ENVFROM) },
	{ "{auth_authen}", login, AT(SMFIM_ENVFROM) },
	{ "{mail_addr}", sender, AT(SMFIM_ENVFROM) },
	{ "{mail_host}", sender_domain, AT(SMFIM_ENVFROM) },
	{ "{mail_mailer}", mailer, AT(SMFIM_ENVFROM) },
	{ "{rcpt_addr}", recipient, AT(SMFIM_ENVRCPT) },
	{ "{rcpt_host}", recipient_domain, AT(SMFIM_ENVRCPT) },
	{ "{rcpt_mailer}", mailer, AT(SMFIM_ENVRCPT) },
	{ "i", queue_id,
	    AT(SMFIM_ENVRCPT) | AT(SMFIM_DATA) | AT(SMFIM_EOH) |
		AT(SMFIM_EOM) },
};

#define NMACROS (sizeof(macros) / sizeof(macros[0]))

/* The packet is sent when there is nothing in it, too. */
static void
add_macros(struct mta_buf *buf, uint64_t wanted, char letter,
    const struct mta_said *said)
{
	size_t start = begin_packet(buf, SMFIC_MACRO);

	add(buf, &letter, 1);
	for (unsigned i = 0; i < NMACROS; i++) {
		const char *value =
		    (wanted >> i & 1) != 0 ? macros[i].value(said) : NULL;

		if (value == NULL)
			continue;
		add_text(buf, macros[i].name);
		add_text(buf, value);
	}
	end_packet(buf, start);
}

/* ---- negotiation ---- */

void
mta_add_negotiation(struct mta_buf *buf)
{
	size_t start = begin_packet(buf, SMFIC_OPTNEG);

	add_number(buf, VERSION);
	add_number(buf, ACTIONS);
	add_number(buf, STEPS);
	end_packet(buf, start);
}

static uint32_t
read_number(const unsigned char *data)
{
	uint32_t number;

	memcpy(&number, data, sizeof(number));
	return ntohl(number);
}

static uint64_t
defaults_of(unsigned stage)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < NMACROS; i++)
		if ((macros[i].stages & AT(stage)) != 0)
			bits |= (uint64_t)1 << i;
	return bits;
}

/* Names that are not ours are of macros that would have no value. */
static uint64_t
read_names(char *names)
{
	uint64_t bits = 0;
	char *rest = NULL;

	for (char *name = strtok_r(names, " ,", &rest); name != NULL;
	    name = strtok_r(NULL, " ,", &rest))
		for (unsigned i = 0; i < NMACROS; i++)
			if (strcmp(name, macros[i].name) == 0)
				bits |= (uint64_t)1 << i;
	return bits;
}

/* A list takes the place of the stage's default; an empty one does not. */
static bool
read_lists(struct mta_link *link, const unsigned char *data, size_t len)
{
	while (len > 0) {
		const unsigned char *end =
		    len > 4 ? memchr(data + 4, '\0', len - 4) : NULL;
		char names[1024];
		size_t size;

		if (end == NULL || read_number(data) >= MTA_STAGES)
			return false;
		size = (size_t)(end - data) - 4;
		if (size >= sizeof(names))
			return false;
		memcpy(names, data + 4, size + 1);
		if (size > 0)
			link->macros[read_number(data)] = read_names(names);
		len -= size + 5;
		data = end + 1;
	}
	return true;
}

bool
mta_read_negotiation(struct mta_link *link, const unsigned char *data,
    size_t len)
{
	if (len < 12 || read_number(data) > VERSION ||
	    (read_number(data + 4) & ~ACTIONS) != 0 ||
	    (read_number(data + 8) & ~STEPS) != 0)
		return false;
	link->steps = read_number(data + 8);
	for (unsigned i = 0; i < MTA_STAGES; i++)
		link->macros[i] = defaults_of(i);
	return read_lists(link, data + 12, len - 12);
}

/* ---- commands ---- */

static void
add_connect(struct mta_buf *buf, const struct mta_said *said)
{
	const char *address = said->sample->client;
	char family = strchr(address, ':') != NULL ? SMFIA_INET6 : SMFIA_INET;
	uint16_t number = htons(40000);

	add_text(buf, "client.example");
	add(buf, &family, 1);
	add(buf, &number, sizeof(number));
	add_text(buf, address);
}

static void
add_helo(struct mta_buf *buf, const struct mta_said *said)
{
	(void)said;
	add_text(buf, "client.example");
}

static void
add_path(struct mta_buf *buf, const char *address)
{
	add(buf, "<", 1);
	add(buf, address, strlen(address));
	add_text(buf, ">");
}

static void
add_mail(struct mta_buf *buf, const struct mta_said *said)
{
	add_path(buf, said->sample->sender);
	add_text(buf, "SIZE=4096");
}

static void
add_rcpt(struct mta_buf *buf, const struct mta_said *said)
{
	add_path(buf, recipient(said));
}

static const struct {
	const char *name;
	const char *value;
} headers[] = {
	{ "Received",
	    "from client.example by mx.example.com (Postfix) with "
	    "ESMTP id 4XYZ;\n\tSun, 22 Nov 2026 12:00:00 +0000 (UTC)" },
	{ "From", "Alice <alice@sender.example>" },
	{ "To", "Bob <bob@recipient.example>" },
	{ "Subject", "Figures for November" },
	{ "Date", "Sun, 22 Nov 2026 12:00:00 +0000" },
	{ "Message-ID", "<20261122120000.4711@sender.example>" },
	{ "MIME-Version", "1.0" },
	{ "Content-Type", "text/plain; charset=utf-8" },
};

unsigned
mta_headers(void)
{
	return sizeof(headers) / sizeof(headers[0]);
}

static void
add_header(struct mta_buf *buf, const struct mta_said *said)
{
	add_text(buf, headers[said->number].name);
	add_text(buf, headers[said->number].value);
}

static void
add_nothing(struct mta_buf *buf, const struct mta_said *said)
{
	(void)buf;
	(void)said;
}

static void
add_body(struct mta_buf *buf, const struct mta_said *said)
{
	static const char line[] = "The figures of this month are below those "
				   "of the last, as every year.\r\n";
	size_t left = said->chunk;

	while (left > 0) {
		size_t len = left < sizeof(line) - 1 ? left : sizeof(line) - 1;

		add(buf, line, len);
		left -= len;
	}
}

#define NO_STAGE MTA_STAGES

static const struct {
	char letter;
	uint32_t not_sent;
	uint32_t no_reply;
	unsigned stage;
	void (*add)(struct mta_buf *buf, const struct mta_said *said);
} commands[MTA_STEPS] = {
	[MTA_CONNECT] = { SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN,
	    SMFIM_CONNECT, add_connect },
	[MTA_HELO] = { SMFIC_HELO, SMFIP_NOHELO, SMFIP_NR_HELO, SMFIM_HELO,
	    add_helo },
	[MTA_MAIL] = { SMFIC_MAIL, SMFIP_NOMAIL, SMFIP_NR_MAIL, SMFIM_ENVFROM,
	    add_mail },
	[MTA_RCPT] = { SMFIC_RCPT, SMFIP_NORCPT, SMFIP_NR_RCPT, SMFIM_ENVRCPT,
	    add_rcpt },
	[MTA_DATA] = { SMFIC_DATA, SMFIP_NODATA, SMFIP_NR_DATA, SMFIM_DATA,
	    add_nothing },
	[MTA_HEADER] = { SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, NO_STAGE,
	    add_header },
	[MTA_END_OF_HEADER] = { SMFIC_EOH, SMFIP_NOEOH, SMFIP_NR_EOH, SMFIM_EOH,
	    add_nothing },
	[MTA_BODY] = { SMFIC_BODY, SMFIP_NOBODY, SMFIP_NR_BODY, NO_STAGE,
	    add_body },
	[MTA_END] = { SMFIC_BODYEOB, 0, 0, SMFIM_EOM, add_nothing },
};

enum mta_sent
mta_add_step(struct mta_buf *buf, const struct mta_link *link,
    enum mta_step step, const struct mta_said *said)
{
	unsigned stage = commands[step].stage;
	size_t start;

	if (stage != NO_STAGE)
		add_macros(buf, link->macros[stage], commands[step].letter,
		    said);
	if ((link->steps & commands[step].not_sent) != 0)
		return MTA_NOT_SENT;
	start = begin_packet(buf, commands[step].letter);
	commands[step].add(buf, said);
	end_packet(buf, start);
	return (link->steps & commands[step].no_reply) != 0 ?
	    MTA_SENT_SILENTLY :
	    MTA_SENT;
}

/* ---- replies ---- */

/* What changes the message, at its end. */
static const char changes[] = "+-bhimqe2";

enum mta_reply
mta_reply_of(enum mta_step step, char letter)
{
	switch (letter) {
	case SMFIR_CONTINUE:
		return MTA_CONTINUE;
	case SMFIR_REPLYCODE:
	case SMFIR_REJECT:
	case SMFIR_TEMPFAIL:
		return MTA_REFUSED;
	case SMFIR_ACCEPT:
	case SMFIR_DISCARD:
		return MTA_ACCEPTED;
	case SMFIR_PROGRESS:
		return MTA_MORE;
	case SMFIR_SKIP:
		return step == MTA_BODY ? MTA_SKIP : MTA_NONSENSE;
	default:
		return step == MTA_END && letter != '\0' &&
			strchr(changes, letter) != NULL ?
		    MTA_MORE :
		    MTA_NONSENSE;
	}
}
