/* The value of a From: field. */
#include "fuzz.h"

#include "policy/address/fromfield.h"
#include "policy/address/fromscan.h"

/* An address of an odd user, in quotes, reads as that user. */
static void
expect_same_again(const struct ag_mailbox *mailbox)
{
	char text[2 * AG_LOCAL_MAX + AG_DOMAIN_MAX + 4];
	struct ag_buf buf = AG_BUF(text);
	struct ag_mailbox again;
	struct ag_from_iter iter;

	ag_buf_char(&buf, '"');
	for (size_t i = 0; i < mailbox->local_len; i++) {
		if (mailbox->local[i] == '"' || mailbox->local[i] == '\\')
			ag_buf_char(&buf, '\\');
		ag_buf_char(&buf, mailbox->local[i]);
	}
	ag_buf_text(&buf, "\"@");
	ag_buf_str(&buf, ag_mailbox_domain(mailbox));
	iter = ag_from_iter(ag_buf_get(&buf));
	HOLDS(ag_from_next(&iter, &again) == AG_FROM_ADDRESS);
	HOLDS(ag_mailbox_eq(&again, mailbox));
	HOLDS(ag_from_next(&iter, &again) == AG_FROM_END);
}

static void
expect_good_address(const struct ag_mailbox *mailbox)
{
	HOLDS(mailbox->local_len > 0 && mailbox->local_len <= AG_LOCAL_MAX);
	HOLDS(mailbox->domain_len > 0 && mailbox->domain_len <= AG_DOMAIN_MAX);
	expect_same_again(mailbox);
}

/* What has been read to its end can be read in one way only. */
static void
expect_good_field(struct ag_str value, size_t addresses)
{
	for (size_t i = 0; i < value.len; i++)
		HOLDS(!ag_is_control(value.ptr[i]) || value.ptr[i] == '\t' ||
		    value.ptr[i] == '\r' || value.ptr[i] == '\n');
	/* an empty group has an end */
	HOLDS(addresses > 0 || ag_str_has(value, ';'));
}

struct search {
	const struct ag_mailbox *wanted; /* or NULL */
	unsigned n;
	bool found;
};

static void
note_found(void *arg, const struct ag_mailbox *mailbox)
{
	struct search *search = arg;
	struct ag_str domain = ag_mailbox_domain(mailbox);

	search->n++;
	HOLDS(domain.len > 0 && domain.len <= AG_DOMAIN_MAX);
	HOLDS(ag_str_is_ascii(domain));
	HOLDS(mailbox->local_len <= AG_LOCAL_MAX);
	if (search->wanted != NULL &&
	    ag_str_eq(domain, ag_mailbox_domain(search->wanted)))
		search->found = true;
}

/* The search finds at least the address that is read. */
static void
expect_found(struct ag_str value, const struct ag_mailbox *wanted)
{
	struct search search = { wanted, 0, wanted == NULL };
	bool all = ag_from_scan(value, note_found, &search);

	/* literals are not counted */
	HOLDS(search.n <= AG_FROM_SCAN_MAX + value.len);
	HOLDS(!all || search.found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str value = fuzz_text(data, size);
	struct ag_from_iter iter = ag_from_iter(value);
	enum ag_from_status status;
	struct ag_mailbox mailbox;
	size_t n = 0;

	expect_found(value, ag_from_one(value, &mailbox) ? &mailbox : NULL);
	while ((status = ag_from_next(&iter, &mailbox)) == AG_FROM_ADDRESS) {
		HOLDS(++n <= size);
		expect_good_address(&mailbox);
		expect_found(value, &mailbox);
	}
	if (status == AG_FROM_END)
		expect_good_field(value, n);
	ag_from_is_clear(value, n);
	return 0;
}
