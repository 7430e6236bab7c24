/* mail.c - a message that a log tells of, and the table of open ones */
#include "milter/maillog/mail.h"

#include <stdlib.h>
#include <xxhash.h>

/* ---- one ---- */

void
ag_mail_free(struct ag_mail *mail)
{
	struct ag_mail_rcpt *rcpt;

	if (mail == NULL)
		return;
	rcpt = mail->rcpts.items;
	for (size_t i = 0; i < mail->rcpts.n; i++) {
		free(rcpt[i].to);
		free(rcpt[i].addr);
	}
	ag_vec_free(&mail->rcpts);
	free(mail->key);
	free(mail->listener);
	free(mail->login);
	free(mail->mechanism);
	free(mail->from);
	free(mail->told);
	free(mail->sent);
	free(mail);
}

static char *
copy_of(struct ag_str value)
{
	return strndup(value.ptr != NULL ? value.ptr : "", value.len);
}

bool
ag_mail_set(char **text, struct ag_str value)
{
	char *copy = copy_of(value);

	if (copy == NULL)
		return false;
	free(*text);
	*text = copy;
	return true;
}

static struct ag_mail_rcpt *
find_rcpt(const struct ag_mail *mail, struct ag_str to)
{
	struct ag_mail_rcpt *rcpt = mail->rcpts.items;

	for (size_t i = 0; i < mail->rcpts.n; i++)
		if (ag_str_eq(to, ag_str(rcpt[i].to)))
			return &rcpt[i];
	return NULL;
}

struct ag_mail_rcpt *
ag_mail_add(struct ag_mail *mail, struct ag_str to, const struct ag_str *addr,
    bool logged)
{
	struct ag_mail_rcpt *rcpt = find_rcpt(mail, to);

	if (rcpt == NULL && mail->rcpts.n == AG_MAIL_RCPT_MAX) {
		mail->left_out++;
		return NULL;
	}
	if (rcpt == NULL) {
		struct ag_mail_rcpt new = { .to = copy_of(to) };

		if (new.to == NULL)
			return NULL;
		rcpt = ag_vec_add(&mail->rcpts, sizeof(*rcpt));
		if (rcpt == NULL) {
			free(new.to);
			return NULL;
		}
		*rcpt = new;
	}
	if (addr != NULL && rcpt->addr == NULL)
		rcpt->addr = copy_of(*addr);
	rcpt->logged = rcpt->logged || logged;
	rcpt->told = false;
	return rcpt;
}

bool
ag_mail_tell(struct ag_mail *mail, struct ag_str to)
{
	struct ag_mail_rcpt *rcpt = find_rcpt(mail, to);

	if (rcpt != NULL || mail->rcpts.n == AG_MAIL_RCPT_MAX)
		return true;
	rcpt = ag_mail_add(mail, to, &to, false);
	if (rcpt != NULL)
		rcpt->told = true;
	return rcpt != NULL;
}

static void
keep_place(struct ag_mail *mail, const struct ag_mail *of)
{
	mail->key = of->key;
	mail->id = of->id;
	mail->next = of->next;
	mail->older = of->older;
	mail->newer = of->newer;
}

void
ag_mail_swap(struct ag_mail *a, struct ag_mail *b)
{
	struct ag_mail old_a = *a, old_b = *b;

	*a = old_b;
	keep_place(a, &old_a);
	*b = old_a;
	keep_place(b, &old_b);
}

/* ---- the table ---- */

#define BUCKETS 32768
#define ID_MAX 64
#define KEY_MAX 400

/* The length, 0 where it is no key. */
static size_t
make_key(char key[static KEY_MAX], struct ag_str host, struct ag_str id)
{
	struct ag_buf buf = ag_buf(key, KEY_MAX);

	if (id.len == 0 || id.len > ID_MAX)
		return 0;
	ag_buf_str(&buf, ag_str_head(host, KEY_MAX - ID_MAX - 2));
	ag_buf_char(&buf, '/');
	ag_buf_str(&buf, id);
	return buf.len;
}

static struct ag_mail **
bucket_of(const struct ag_mails *mails, const char *key, size_t len)
{
	return &mails->buckets[XXH3_64bits(key, len) % BUCKETS];
}

struct ag_mail *
ag_mails_find(const struct ag_mails *mails, struct ag_str host,
    struct ag_str id)
{
	char key[KEY_MAX];
	size_t len = make_key(key, host, id);
	struct ag_mail *mail;

	if (len == 0 || mails->buckets == NULL)
		return NULL;
	mail = *bucket_of(mails, key, len);
	while (mail != NULL && strcmp(mail->key, key) != 0)
		mail = mail->next;
	return mail;
}

static void
link_newest(struct ag_mails *mails, struct ag_mail *mail)
{
	mail->older = mails->newest;
	if (mails->newest != NULL)
		mails->newest->newer = mail;
	else
		mails->oldest = mail;
	mails->newest = mail;
	mails->n++;
}

static void
put_in(struct ag_mails *mails, struct ag_mail *mail, size_t len)
{
	struct ag_mail **bucket = bucket_of(mails, mail->key, len);

	mail->next = *bucket;
	*bucket = mail;
	link_newest(mails, mail);
}

struct ag_mail *
ag_mails_add(struct ag_mails *mails, struct ag_str host, struct ag_str id)
{
	char key[KEY_MAX];
	size_t len = make_key(key, host, id);
	struct ag_mail *mail;

	if (mails->buckets == NULL)
		mails->buckets = calloc(BUCKETS, sizeof(*mails->buckets));
	mail =
	    len > 0 && mails->buckets != NULL ? calloc(1, sizeof(*mail)) : NULL;
	if (mail == NULL)
		return NULL;
	mail->key = strndup(key, len);
	if (mail->key == NULL) {
		free(mail);
		return NULL;
	}
	mail->id = mail->key + len - id.len;
	put_in(mails, mail, len);
	return mail;
}

void
ag_mails_take(struct ag_mails *mails, struct ag_mail *mail)
{
	struct ag_mail **at = bucket_of(mails, mail->key, strlen(mail->key));

	while (*at != mail)
		at = &(*at)->next;
	*at = mail->next;
	if (mail->older != NULL)
		mail->older->newer = mail->newer;
	else
		mails->oldest = mail->newer;
	if (mail->newer != NULL)
		mail->newer->older = mail->older;
	else
		mails->newest = mail->older;
	mails->n--;
}

void
ag_mails_free(struct ag_mails *mails)
{
	while (mails->oldest != NULL) {
		struct ag_mail *mail = mails->oldest;

		ag_mails_take(mails, mail);
		ag_mail_free(mail);
	}
	free(mails->buckets);
	*mails = (struct ag_mails){ 0 };
}

size_t
ag_mail_count_typed(const struct ag_mail *mail)
{
	const struct ag_mail_rcpt *rcpt = mail->rcpts.items;
	size_t n = 0;

	for (size_t i = 0; i < mail->rcpts.n; i++)
		n += !rcpt[i].alias && rcpt[i].addr != NULL;
	return n;
}

void
ag_mail_settle(struct ag_mail *mail)
{
	struct ag_mail_rcpt *rcpt = mail->rcpts.items;
	size_t typed = ag_mail_count_typed(mail), kept = 0, n = 0;
	size_t aliases = mail->announced > typed ? mail->announced - typed : 0;

	for (size_t i = 0; i < mail->rcpts.n; i++) {
		if (!rcpt[i].alias || rcpt[i].logged || kept++ < aliases) {
			rcpt[n++] = rcpt[i];
			continue;
		}
		free(rcpt[i].to);
		free(rcpt[i].addr);
	}
	mail->rcpts.n = n;
}
