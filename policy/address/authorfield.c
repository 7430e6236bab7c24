/* authorfield.c - knows the header fields that name an author */
#include "policy/address/authorfield.h"

static const char *const resent_names[] = { "Resent-From", "Resent-Sender",
	"Resent-Date", "Resent-To", "Resent-Cc", "Resent-Bcc",
	"Resent-Message-ID", "Resent-Reply-To" };

#define NRESENT (sizeof(resent_names) / sizeof(resent_names[0]))

static bool
is_trace(struct ag_str name)
{
	return ag_str_ieq(name, ag_str("Received")) ||
	    ag_str_ieq(name, ag_str("Return-Path"));
}

/* A field of which a block has one at most. */
static enum ag_author_field
take_resent(struct ag_resent *resent, size_t i)
{
	unsigned bit = 1u << i;

	if ((resent->seen & bit) != 0)
		resent->over = true;
	resent->seen |= bit;
	if (resent->over || i > 1)
		return AG_FIELD_OTHER;
	return i == 0 ? AG_FIELD_RESENT_FROM : AG_FIELD_RESENT_SENDER;
}

enum ag_author_field
ag_author_field(struct ag_resent *resent, struct ag_str name)
{
	if (ag_str_ieq(name, ag_str("From")))
		return AG_FIELD_FROM;
	if (ag_str_ieq(name, ag_str("Sender")))
		return AG_FIELD_SENDER;
	if (resent->seen != 0 && is_trace(name))
		resent->over = true;
	for (size_t i = 0; i < NRESENT; i++)
		if (ag_str_ieq(name, ag_str(resent_names[i])))
			return take_resent(resent, i);
	return AG_FIELD_OTHER;
}
