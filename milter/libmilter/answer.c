/* answer.c - turns an answer into libmilter's return values */
#include "milter/libmilter/answer.h"

#include "milter/base/log.h"

/* libmilter gives the text to the MTA as a format: "%" is written twice. */
static void
double_percent(const char *text, struct ag_buf *out)
{
	for (; *text != '\0'; text++) {
		ag_buf_char(out, *text);
		if (*text == '%')
			ag_buf_char(out, '%');
	}
}

sfsistat
ag_answer_give(SMFICTX *ctx, const struct ag_answer *answer)
{
	char text[2 * AG_REPLY_TEXT_MAX];
	struct ag_buf buf = AG_BUF(text);

	/* a reply that is set and not used would be given to a later refusal */
	if (answer->verdict == AG_CONTINUE)
		return SMFIS_CONTINUE;
	double_percent(answer->text, &buf);
	if (smfi_setreply(ctx, (char *)answer->code, (char *)answer->status,
		text) != MI_SUCCESS)
		ag_log(LOG_ERR,
		    "libmilter does not take the reply \"%s %s %s\"; "
		    "the refusal stands with the MTA's words",
		    answer->code, answer->status, answer->text);
	return answer->verdict == AG_TEMPFAIL ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}
