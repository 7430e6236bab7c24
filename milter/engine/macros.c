/* macros.c - keeps the macros that were asked for, stage by stage */
#include "milter/engine/macros.h"

#include <stdlib.h>

static const char *const names[] = { "i", "j", "v", "{daemon_name}",
	"{daemon_port}", "{auth_authen}", "{auth_type}", "{mail_addr}",
	"{mail_mailer}", "{tls_version}", "{rcpt_addr}", "{rcpt_mailer}",
	"{verify}", "{cert_subject}", "{cn_subject}", "{cert_fp}",
	"{cert_md5}" };

_Static_assert(sizeof(names) / sizeof(names[0]) == AG_MACRO_COUNT,
    "a macro has no name");

/* By the numbers of the protocol, SMFIM_*. */
static const char commands[AG_MACRO_STAGES] = { AG_FRAME_CONNECT, AG_FRAME_HELO,
	AG_FRAME_MAIL, AG_FRAME_RCPT, AG_FRAME_DATA, AG_FRAME_END,
	AG_FRAME_END_OF_HEADER };

/* AG_MACRO_COUNT: it was not asked for. */
static unsigned
find_name(const char *name)
{
	unsigned i = 0;

	while (i < AG_MACRO_COUNT && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void
forget(struct ag_macro_values *values)
{
	free(values->text);
	memset(values, 0, sizeof(*values));
}

/* How many bytes the values take that were asked for; the last of a name is
 * meant. */
static size_t
weigh(struct ag_macros sent)
{
	const char *name, *value;
	size_t bytes = 0;

	while (ag_macros_next(&sent, &name, &value))
		if (find_name(name) < AG_MACRO_COUNT)
			bytes += strlen(value) + 1;
	return bytes;
}

static void
copy(struct ag_macro_values *values, struct ag_macros *sent)
{
	const char *name, *value;
	uint32_t used = 0;

	while (ag_macros_next(sent, &name, &value)) {
		unsigned macro = find_name(name);

		if (macro == AG_MACRO_COUNT)
			continue;
		memcpy(values->text + used, value, strlen(value) + 1);
		values->at[macro] = used + 1;
		used += (uint32_t)strlen(value) + 1;
	}
}

bool
ag_macro_table_take(struct ag_macro_table *table, struct ag_macros *sent)
{
	struct ag_macro_values *values;
	size_t bytes = weigh(*sent);
	unsigned stage = 0;

	while (stage < AG_MACRO_STAGES && commands[stage] != sent->command)
		stage++;
	/* Postfix sends some with each header field; nobody needs them */
	if (stage == AG_MACRO_STAGES)
		return true;
	values = &table->stage[stage];
	forget(values);
	if (bytes == 0)
		return true;
	values->text = malloc(bytes);
	if (values->text == NULL)
		return false;
	copy(values, sent);
	return true;
}

void
ag_macro_table_forget(struct ag_macro_table *table, unsigned first)
{
	for (unsigned i = first; i < AG_MACRO_STAGES; i++)
		forget(&table->stage[i]);
}

const char *
ag_macro_table_get(const struct ag_macro_table *table, enum ag_macro macro)
{
	for (unsigned i = AG_MACRO_STAGES; i-- > 0;) {
		const struct ag_macro_values *values = &table->stage[i];

		if (values->at[macro] > 0)
			return values->text + values->at[macro] - 1;
	}
	return NULL;
}
