/* A whole dialog: what an MTA, or somebody else, sends on one connection. */
#include "fuzz.h"

#include "milter/base/fixed.h"
#include "milter/base/store.h"
#include "milter/engine/dialog.h"
#include "rich.h"

/* What an MTA takes for a reply at any time. */
static void
check_replies(struct ag_str bytes)
{
	while (bytes.len > 0) {
		size_t size = ag_frame_size(bytes);

		HOLDS(size > AG_FRAME_LENGTH && size <= bytes.len);
		HOLDS(memchr("Octraymipt", bytes.ptr[AG_FRAME_LENGTH], 10) !=
		    NULL);
		if (strchr("yim", bytes.ptr[AG_FRAME_LENGTH]) != NULL)
			HOLDS(bytes.ptr[size - 1] == '\0');
		bytes = ag_str_skip(bytes, size);
	}
}

/* A command has one answer at most, but for changes at the end. */
static void
check_number(char command, struct ag_str bytes)
{
	size_t replies = 0;

	for (; bytes.len > 0; replies++)
		bytes = ag_str_skip(bytes, ag_frame_size(bytes));
	if (command != AG_FRAME_END)
		HOLDS(replies <= 1);
	if (memchr("ADKQ", command, 4) != NULL)
		HOLDS(replies == 0);
	if (memchr("OCHRTUNE", command, 8) != NULL &&
	    command != AG_FRAME_CONNECT)
		HOLDS(replies >= 1);
}

static enum ag_dialog_status
take(struct ag_dialog *dialog, const struct ag_frame *frame)
{
	static char room[AG_DIALOG_ANSWER_MAX];
	struct ag_buf out = AG_BUF(room);
	const char *why = NULL;
	enum ag_dialog_status status =
	    ag_dialog_take(dialog, frame, &out, &why);

	HOLDS(!out.cut);
	HOLDS((status == AG_DIALOG_BAD) == (why != NULL));
	check_replies(ag_buf_get(&out));
	if (status == AG_DIALOG_GOES_ON)
		check_number(frame->command, ag_buf_get(&out));
	return status;
}

static void
begin(void)
{
	static bool begun;
	const struct ag_policy *policy;

	if (begun)
		return;
	begun = true;
	policy = rich_policy(true);
	HOLDS(ag_fixed_set(policy));
	ag_store_put(policy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str rest = fuzz_text(data, size);
	struct ag_frame frame;
	struct ag_dialog *dialog;
	const char *why;

	begin();
	dialog = ag_dialog_new();
	HOLDS(dialog != NULL);
	while (ag_frame_take(&rest, ag_dialog_max(dialog), &frame, &why) ==
	    AG_FRAME_WHOLE)
		if (take(dialog, &frame) != AG_DIALOG_GOES_ON)
			break;
	ag_dialog_free(dialog);
	return 0;
}
