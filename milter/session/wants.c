/* wants.c - which steps, replies and macros are asked of the MTA */
#include "milter/session/wants.h"

#include "policy/base/text.h"

static void
name_mail_macros(struct ag_wants *wants)
{
	struct ag_buf list = AG_BUF(wants->mail_macros);

	ag_buf_text(&list,
	    "i {auth_authen} {auth_type} {mail_addr} {mail_mailer} "
	    "{tls_version}");
	/* whose name the MTA is, and which MTA */
	if (wants->header)
		ag_buf_text(&list, " j v");
	if (wants->certificates)
		ag_buf_text(&list,
		    " {verify} {cert_subject} {cn_subject} {cert_fp} "
		    "{cert_md5}");
}

void
ag_wants_name_macros(struct ag_wants *wants)
{
	for (unsigned i = 0; i < AG_MACRO_STAGES; i++)
		wants->macros[i] = NULL;
	name_mail_macros(wants);
	wants->macros[AG_MACROS_CONNECT] = "{daemon_name} {daemon_port}";
	wants->macros[AG_MACROS_MAIL] = wants->mail_macros;
	wants->macros[AG_MACROS_RCPT] = "i {rcpt_addr} {rcpt_mailer}";
	/* the queue id, before something is said or kept */
	if (wants->content || wants->header)
		wants->macros[AG_MACROS_DATA] = "i";
	wants->macros[AG_MACROS_END] = "i";
}

uint32_t
ag_wants_steps(const struct ag_wants *wants)
{
	uint32_t steps = AG_STEP_NO_HELO | AG_STEP_NO_DATA | AG_STEP_NO_UNKNOWN;

	if (!wants->mail)
		steps |= AG_STEP_SILENT_MAIL;
	if (!wants->connect)
		steps |= AG_STEP_SILENT_CONNECT;
	/* the end of a message may bring a last piece of the body, and
	 * libmilter does not answer it where pieces have no reply */
	steps |= wants->content ? AG_STEP_SPACE : AG_STEP_NO_BODY;
	steps |= wants->content || wants->header ? AG_STEP_SILENT_HEADER :
						   AG_STEP_NO_HEADER;
	/* a copy needs no end of the header: the body, or the end, is one */
	return wants->header ? steps : steps | AG_STEP_NO_END_OF_HEADER;
}

uint32_t
ag_wants_actions(const struct ag_wants *wants)
{
	return AG_ACTION_MACROS |
	    (wants->edits ? AG_ACTION_ADD_HEADER | AG_ACTION_CHANGE_HEADER : 0);
}

struct ag_agreed
ag_wants_agree(const struct ag_wants *wants, uint32_t steps, uint32_t actions)
{
	const uint32_t edits = AG_ACTION_ADD_HEADER | AG_ACTION_CHANGE_HEADER;

	return (struct ag_agreed){
		.silent_connect = (steps & AG_STEP_SILENT_CONNECT) != 0,
		.silent_mail = (steps & AG_STEP_SILENT_MAIL) != 0,
		.silent_header = (steps & AG_STEP_SILENT_HEADER) != 0,
		.content = wants->content,
		.space = wants->content && (steps & AG_STEP_SPACE) != 0,
		.asked_edits = wants->edits,
		.certificates = wants->certificates,
		.edits = wants->edits && (actions & edits) == edits,
	};
}
