/* certificates.c - which client certificate is which login */
#include "policy/config/certificates.h"

#define KEY_MAX 1024 /* a longer subject is in no list */

struct ag_certificate_line {
	struct ag_str login; /* in form, of the arena */
	struct ag_origin at;
};

/* What a text says of a certificate; the first byte of its key. */
enum kind { SUBJECT = '/', CN = 'c', FINGERPRINT = 'f' };

/* ---- keys ---- */

/* Sendmail writes blanks and the like as "+" and two digits. */
static void
add_decoded(struct ag_buf *key, struct ag_str text)
{
	while (text.len > 0) {
		int high = -1, low = -1;

		if (text.len > 2 && text.ptr[0] == '+') {
			high = ag_hex_digit(text.ptr[1]);
			low = ag_hex_digit(text.ptr[2]);
		}
		if (high >= 0 && low >= 0)
			ag_buf_char(key, (char)(high * 16 + low));
		else
			ag_buf_char(key, text.ptr[0]);
		text = ag_str_skip(text, high >= 0 && low >= 0 ? 3 : 1);
	}
}

static void
add_digits(struct ag_buf *key, struct ag_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != ':')
			ag_buf_char(key, ag_lower(text.ptr[i]));
}

static struct ag_str
write_key(struct ag_str text, enum kind kind, bool encoded,
    char buf[static KEY_MAX])
{
	struct ag_buf key = ag_buf(buf, KEY_MAX);

	if (text.len == 0)
		return ag_str(NULL);
	ag_buf_char(&key, (char)kind);
	if (kind == FINGERPRINT)
		add_digits(&key, text);
	else if (encoded)
		add_decoded(&key, text);
	else
		ag_buf_str(&key, text);
	return key.cut ? ag_str(NULL) : ag_buf_get(&key);
}

/* ---- what a certificate is in a list ---- */

/* Digits and colons, as no name looks. */
static bool
looks_like_fingerprint(struct ag_str text)
{
	size_t colons = 0;

	for (size_t i = 0; i < text.len; i++) {
		colons += text.ptr[i] == ':';
		if (text.ptr[i] != ':' && ag_hex_digit(text.ptr[i]) < 0)
			return false;
	}
	return colons > 2;
}

/* Pairs of digits, as many as MD5, SHA-1 or one of the SHA-2 has. */
static bool
is_fingerprint(struct ag_str text)
{
	size_t bytes = (text.len + 1) / 3;

	for (size_t i = 0; i < text.len; i++)
		if ((text.ptr[i] == ':') != (i % 3 == 2))
			return false;
	return text.len % 3 == 2 &&
	    (bytes == 16 || bytes == 20 || bytes == 28 || bytes == 32 ||
		bytes == 48 || bytes == 64);
}

/* "CN=Alice, O=Example", which no MTA tells. */
static bool
is_other_subject(struct ag_str text)
{
	size_t n = ag_str_find(text, '=');

	for (size_t i = 0; i < n; i++) {
		char c = ag_lower(text.ptr[i]);

		if ((c < 'a' || c > 'z') && c != '.' && !ag_is_digit(c))
			return false;
	}
	return n > 0 && n < text.len;
}

static enum kind
kind_of(struct ag_str text)
{
	if (ag_str_starts(text, "/"))
		return SUBJECT;
	return looks_like_fingerprint(text) ? FINGERPRINT : CN;
}

/* NULL, or what is wrong with it. */
static const char *
certificate_fault(struct ag_str text)
{
	if (text.len == 0)
		return "names no certificate; write CERTIFICATE, LOGIN";
	if (ag_str_has_control(text))
		return "has a control byte; is this a text file?";
	if (text.len >= KEY_MAX - 1)
		return "is too long for the subject of a certificate";
	if (kind_of(text) == FINGERPRINT && !is_fingerprint(text))
		return "is no fingerprint; write pairs of digits and colons "
		       "between them, 32 pairs of SHA-256";
	if (kind_of(text) == CN && is_other_subject(text))
		return "is no subject as an MTA tells it; write the CN alone "
		       "(Postfix), or /O=Example/CN=Alice (Sendmail)";
	return NULL;
}

static const char *
login_fault(struct ag_str text)
{
	struct ag_mailbox login;

	if (text.len == 0)
		return "names no login; write CERTIFICATE, LOGIN";
	if (ag_str_has(text, ' ') || ag_str_has(text, '\t') ||
	    ag_str_has(text, '"'))
		return "has something behind the comma that is not one login";
	if (text.ptr[0] == '@' || ag_str_has(text, '*'))
		return "names no login; a certificate is one login";
	if (!ag_login_parse(&login, text) ||
	    !ag_domain_is_listable(ag_mailbox_domain(&login)))
		return "has a login that cannot be one";
	return NULL;
}

/* ---- lines ---- */

/* Takes a line apart; false when quotes are not closed. */
static bool
split(struct ag_str line, struct ag_str *certificate, struct ag_str *login)
{
	size_t end;

	line = ag_str_trim(line);
	if (ag_str_starts(line, "\"")) {
		line = ag_str_skip(line, 1);
		end = ag_str_find(line, '"');
		*certificate = ag_str_head(line, end);
		if (end == line.len)
			return false;
		line = ag_str_skip(line, end + 1);
		line = ag_str_trim(ag_str_head(line, ag_str_find(line, '#')));
		*login = ag_str_trim(ag_str_skip(line, 1));
		return ag_str_starts(line, ",");
	}
	line = ag_str_head(line, ag_str_find(line, '#'));
	end = ag_str_rfind(line, ',');
	*certificate = ag_str_trim(ag_str_head(line, end));
	*login = ag_str_trim(ag_str_skip(line, end + 1));
	return true;
}

static void
report(struct ag_list *list, enum ag_severity severity,
    struct ag_str certificate, const char *what)
{
	ag_diag_report(list->diag, severity, &list->at, "\"%.*s\" %s",
	    AG_STR_ARG(ag_str_head(certificate, 40)), what);
}

static struct ag_str
form_login(struct ag_list *list, struct ag_str text)
{
	char buf[AG_ADDRESS_MAX];
	struct ag_mailbox login;

	ag_login_parse(&login, text);
	ag_login_complete(&login, list->form);
	return ag_arena_str(list->arena, ag_login_write(&login, buf));
}

/* A certificate that is in already keeps its login. */
static void
report_again(struct ag_list *list, const struct ag_certificate_line *first,
    struct ag_str certificate, struct ag_str login)
{
	if (ag_str_eq(first->login, login))
		ag_diag_report(list->diag, AG_WARNING, &list->at,
		    "\"%.*s\" is there twice, see %s:%u",
		    AG_STR_ARG(ag_str_head(certificate, 40)), first->at.file,
		    first->at.line);
	else
		ag_diag_report(list->diag, AG_BAD_LINE, &list->at,
		    "\"%.*s\" is another login already, see %s:%u",
		    AG_STR_ARG(ag_str_head(certificate, 40)), first->at.file,
		    first->at.line);
}

static bool
add(struct ag_certificates *certificates, struct ag_list *list,
    struct ag_str certificate, struct ag_str text)
{
	enum kind kind = kind_of(certificate);
	char buf[KEY_MAX];
	struct ag_str key = write_key(certificate, kind, kind == SUBJECT, buf);
	struct ag_str login = form_login(list, text);
	uint32_t known = ag_strmap_put(&certificates->map, key), number;
	struct ag_certificate_line *line = certificates->lines.items;

	if (known == AG_NO_ID || login.ptr == NULL)
		return false;
	number = ag_strmap_number(&certificates->map, known);
	if (number > 0) {
		report_again(list, &line[number - 1], certificate, login);
		return true;
	}
	line = ag_vec_add(&certificates->lines, sizeof(*line));
	if (line == NULL)
		return false;
	*line = (struct ag_certificate_line){ login, list->at };
	ag_strmap_set_number(&certificates->map, known,
	    (uint32_t)certificates->lines.n);
	return true;
}

static bool
is_blank(struct ag_str line)
{
	line = ag_str_trim(line);
	return line.len == 0 || line.ptr[0] == '#';
}

bool
ag_certificates_read(struct ag_certificates *certificates, struct ag_list *list)
{
	struct ag_str line, certificate, login;

	while (ag_str_line(&list->text, &line)) {
		const char *why;

		list->at.line++;
		if (is_blank(line))
			continue;
		if (!split(line, &certificate, &login))
			why = "has a quote that is not closed in front of the "
			      "comma; write \"CERTIFICATE\", LOGIN";
		else
			why = certificate_fault(certificate);
		if (why == NULL)
			why = login_fault(login);
		if (why != NULL)
			report(list, AG_BAD_LINE, certificate, why);
		else if (!add(certificates, list, certificate, login))
			return false;
	}
	return true;
}

/* ---- look-ups ---- */

void
ag_certificate_set_subject(struct ag_certificate *certificate,
    struct ag_str text)
{
	if (ag_str_starts(text, "/"))
		certificate->subject = text;
	else
		certificate->cn = text;
}

static struct ag_str
find(const struct ag_certificates *certificates, struct ag_str text,
    enum kind kind, bool encoded)
{
	const struct ag_certificate_line *line = certificates->lines.items;
	char buf[KEY_MAX];
	struct ag_str key = write_key(text, kind, encoded, buf);
	uint32_t id =
	    key.len > 0 ? ag_strmap_find(&certificates->map, key) : AG_NO_ID;

	if (id == AG_NO_ID)
		return ag_str(NULL);
	return line[ag_strmap_number(&certificates->map, id) - 1].login;
}

struct ag_str
ag_certificates_login(const struct ag_certificates *certificates,
    const struct ag_certificate *certificate)
{
	struct ag_str login;

	if (certificates->lines.n == 0)
		return ag_str(NULL);
	login =
	    find(certificates, certificate->fingerprint, FINGERPRINT, false);
	if (login.len == 0)
		login = find(certificates, certificate->subject, SUBJECT, true);
	if (login.len == 0)
		login = find(certificates, certificate->cn, CN,
		    certificate->encoded);
	return login;
}

void
ag_certificates_free(struct ag_certificates *certificates)
{
	ag_strmap_free(&certificates->map);
	ag_vec_free(&certificates->lines);
}
