/*
 * An envelope address.  The lines of the input are the argument of MAIL FROM or
 * RCPT TO, the MTA's reading and its mailer; the last two may be missing.
 */
#include "fuzz.h"

#include <string.h>

#include "policy/table/login.h"

static void
expect_within_limits(const struct ag_mailbox *mailbox)
{
	HOLDS(mailbox->local_len <= AG_LOCAL_MAX);
	HOLDS(mailbox->domain_len <= AG_DOMAIN_MAX);
	HOLDS(mailbox->local[mailbox->local_len] == '\0');
	HOLDS(strlen(mailbox->domain) == mailbox->domain_len);
}

/* An address has one form: read again, it is the same. */
static void
expect_same_again(const struct ag_mailbox *mailbox)
{
	char text[AG_ADDRESS_MAX];
	struct ag_path again;

	ag_path_read(&again, ag_login_write(mailbox, text), NULL, NULL);
	HOLDS(again.plainness == AG_PATH_PLAIN);
	HOLDS(ag_mailbox_eq(&again.ours, mailbox));
}

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* Capitals are no disguise. */
static void
expect_same_in_capitals(const struct ag_path *path, struct ag_str argument)
{
	char text[4096];
	struct ag_path again;

	if (argument.len > sizeof(text))
		return;
	for (size_t i = 0; i < argument.len; i++)
		text[i] = upper(argument.ptr[i]);
	ag_path_read(&again, (struct ag_str){ text, argument.len }, NULL, NULL);
	HOLDS(again.plainness == path->plainness);
	HOLDS(ag_mailbox_eq(&again.ours, &path->ours));
}

static void
expect_good_path(const struct ag_path *path, struct ag_str argument)
{
	HOLDS(path->sent.len <= argument.len);
	expect_within_limits(&path->ours);
	expect_within_limits(&path->mta);
	if (path->reading == AG_MTA_BARE || path->reading == AG_MTA_FULL)
		HOLDS(path->mta.local_len > 0);
	if (path->reading == AG_MTA_FULL)
		HOLDS(path->mta.domain_len > 0);
	if (path->plainness != AG_PATH_PLAIN)
		return;
	HOLDS(path->ours.local_len > 0);
	expect_same_again(&path->ours);
	expect_same_in_capitals(path, argument);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str rest = fuzz_text(data, size), mta, mailer;
	struct ag_str argument = fuzz_line(&rest);
	bool has_mta = ag_str_line(&rest, &mta);
	bool has_mailer = ag_str_line(&rest, &mailer);
	struct ag_path path;

	ag_path_read(&path, argument, has_mta ? &mta : NULL,
	    has_mailer ? &mailer : NULL);
	expect_good_path(&path, argument);
	return 0;
}
