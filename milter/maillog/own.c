/* Of readers.h, what authgate itself logs: key=value, see log.c and event.c. */
#include "policy/base/number.h"
#include "milter/maillog/readers.h"

/* As much as log.c writes of a value, and the terminator. */
#define VALUE_MAX 600

enum key {
	KEY_VERDICT,
	KEY_STAGE,
	KEY_SESSION,
	KEY_QUEUE_ID,
	KEY_CLIENT,
	KEY_LISTENER,
	KEY_LOGIN,
	KEY_MECH,
	KEY_FROM,
	KEY_TO,
	KEYS
};

static const char *const names[KEYS] = { "verdict", "stage", "s", "q", "client",
	"listener", "login", "mech", "from", "to" };

struct pairs {
	char value[KEYS][VALUE_MAX];
};

/* ---- reading ---- */

/* What stands behind a backslash, taken off *text: "x0a", a quote and so on. */
static char
take_escaped(struct ag_str *text)
{
	char c = text->ptr[0];
	int high, low;

	if (c == 'x' && text->len >= 3) {
		high = ag_hex_digit(text->ptr[1]);
		low = ag_hex_digit(text->ptr[2]);
		if (high >= 0 && low >= 0) {
			*text = ag_str_skip(*text, 3);
			return (char)(high * 16 + low);
		}
	}
	*text = ag_str_skip(*text, 1);
	return c;
}

static void
take_quoted(struct ag_str *text, struct ag_buf *value)
{
	while (text->len > 0) {
		char c = text->ptr[0];

		*text = ag_str_skip(*text, 1);
		if (c == '"')
			return;
		if (c == '\\' && text->len > 0)
			c = take_escaped(text);
		/* the values are C strings from here on */
		ag_buf_char(value, c != '\0' ? c : '?');
	}
}

static void
take_value(struct ag_str *text, struct ag_buf *value)
{
	struct ag_str word;

	if (text->len > 0 && text->ptr[0] == '"') {
		*text = ag_str_skip(*text, 1);
		take_quoted(text, value);
		return;
	}
	word = ag_str_head(*text, ag_str_find(*text, ' '));
	*text = ag_str_skip(*text, word.len);
	/* nothing */
	if (!ag_str_eq(word, ag_str("-")))
		ag_buf_str(value, word);
}

static char *
place_of(struct pairs *pairs, struct ag_str name, char *other)
{
	for (int i = 0; i < KEYS; i++)
		if (ag_str_eq(name, ag_str(names[i])))
			return pairs->value[i];
	return other;
}

static void
read_pairs(struct ag_str text, struct pairs *pairs)
{
	char other[VALUE_MAX];

	for (int i = 0; i < KEYS; i++)
		pairs->value[i][0] = '\0';
	while (text.len > 0) {
		struct ag_str name = ag_str_head(text, ag_str_find(text, '='));
		struct ag_buf value =
		    ag_buf(place_of(pairs, name, other), VALUE_MAX);

		text = ag_str_skip(text, name.len + 1);
		take_value(&text, &value);
		text = ag_str_skip_any(text, " ");
	}
}

/* ---- what is known ---- */

/* "submission:587", or without the port. */
static void
read_listener(struct ag_maillog *log, struct ag_mail *mail, struct ag_str text)
{
	size_t colon = ag_str_rfind(text, ':');
	uint64_t port = 0;

	if (!ag_number_parse(ag_str_skip(text, colon + 1), 65535, &port))
		colon = text.len;
	mail->port = (unsigned)port;
	ag_maillog_set(log, &mail->listener, ag_str_head(text, colon));
}

/* As session.c sees it, as far as the log tells. */
static bool
is_local(const struct ag_mail *mail, const char *client)
{
	if (client[0] == '\0')
		return mail->listener[0] == '\0';
	return ag_str_eq(ag_str(client), ag_str("127.0.0.1")) &&
	    mail->port == 0;
}

static void
read_facts(struct ag_maillog *log, struct ag_mail *mail,
    const struct pairs *pairs)
{
	const char *login = pairs->value[KEY_LOGIN];

	mail->exact = true;
	ag_ip_parse(&mail->client, ag_str(pairs->value[KEY_CLIENT]));
	read_listener(log, mail, ag_str(pairs->value[KEY_LISTENER]));
	if (login[0] != '\0') {
		ag_maillog_set(log, &mail->login, ag_str(login));
		ag_maillog_set(log, &mail->mechanism,
		    ag_str(pairs->value[KEY_MECH]));
	}
	ag_maillog_set(log, &mail->sent, ag_str(pairs->value[KEY_FROM]));
	if (mail->listener != NULL && is_local(mail, pairs->value[KEY_CLIENT]))
		mail->way = AG_WAY_LOCAL;
	else
		mail->way = AG_WAY_SMTP;
}

/* ---- messages ---- */

static bool
is_id(struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] == '/')
			return false;
	return text.len > 0 && text.len <= 32;
}

/* Aborted messages get no queue id at Postfix: only the last are of interest.
 */
#define OWN_OPEN 5000

static struct ag_mail *
open_own(struct ag_maillog *log, const struct ag_logline *line,
    struct ag_str session)
{
	struct ag_mail *mail = ag_mails_find(&log->own, line->host, session);

	if (mail != NULL)
		return mail;
	if (log->own.n >= OWN_OPEN)
		ag_maillog_unfinished(log, log->own.oldest);
	mail = ag_mails_add(&log->own, line->host, session);
	if (mail == NULL)
		log->failed = true;
	else
		mail->time = line->time;
	return mail;
}

static void
note_accepted(struct ag_maillog *log, const struct ag_logline *line,
    const struct pairs *pairs)
{
	struct ag_mail *mail =
	    open_own(log, line, ag_str(pairs->value[KEY_SESSION]));

	if (mail == NULL)
		return;
	read_facts(log, mail, pairs);
	if (mail->left_out == 0)
		ag_mail_add(mail, ag_str(pairs->value[KEY_TO]), NULL, true);
}

static void
move_text(char **to, char **from)
{
	char *old = *to;

	if (*from == NULL)
		return;
	*to = *from;
	*from = old;
}

/* What authgate logged is exact; what the MTA alone knows stays. */
static void
merge(struct ag_mail *mail, struct ag_mail *own)
{
	struct ag_mail_rcpt *rcpt = own->rcpts.items;

	mail->exact = true;
	mail->client = own->client;
	mail->port = own->port;
	mail->no_login = false;
	move_text(&mail->listener, &own->listener);
	move_text(&mail->login, &own->login);
	move_text(&mail->mechanism, &own->mechanism);
	move_text(&mail->sent, &own->sent);
	if (!mail->opened)
		mail->way = own->way;
	for (size_t i = 0; i < own->rcpts.n; i++)
		ag_mail_add(mail, ag_str(rcpt[i].to), NULL, true);
}

/* The queue id is known: both are one message. */
static void
join(struct ag_maillog *log, const struct ag_logline *line,
    const struct pairs *pairs)
{
	struct ag_mail *own = ag_mails_find(&log->own, line->host,
	    ag_str(pairs->value[KEY_SESSION]));
	struct ag_mail *mail = NULL;

	if (own == NULL)
		return;
	mail = ag_maillog_open(log, line, ag_str(pairs->value[KEY_QUEUE_ID]));
	if (mail != NULL)
		merge(mail, own);
	ag_mails_take(&log->own, own);
	ag_mail_free(own);
}

void
ag_own_line(struct ag_maillog *log, const struct ag_logline *line)
{
	struct pairs pairs;
	struct ag_str verdict;

	read_pairs(line->text, &pairs);
	verdict = ag_str(pairs.value[KEY_VERDICT]);
	log->own_refused += ag_str_eq(verdict, ag_str("reject")) ||
	    ag_str_eq(verdict, ag_str("tempfail"));
	if (!is_id(ag_str(pairs.value[KEY_SESSION])))
		return;
	if (ag_str_eq(verdict, ag_str("accept")) &&
	    ag_str_eq(ag_str(pairs.value[KEY_STAGE]), ag_str("rcpt")))
		note_accepted(log, line, &pairs);
	if (is_id(ag_str(pairs.value[KEY_QUEUE_ID])))
		join(log, line, &pairs);
}
