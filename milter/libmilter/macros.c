/* macros.c - asks the MTA for the macros of each stage */
#include "milter/libmilter/macros.h"

#include "policy/base/text.h"

static bool
ask(SMFICTX *ctx, int stage, char *names)
{
	return smfi_setsymlist(ctx, stage, names) == MI_SUCCESS;
}

bool
ag_macros_ask(SMFICTX *ctx, bool name, bool queue_id, bool certificates)
{
	char connect[] = "{daemon_name} {daemon_port}";
	char mail[200];
	struct ag_buf list = AG_BUF(mail);
	char rcpt[] = "i {rcpt_addr} {rcpt_mailer}";
	char data[] = "i";
	char end[] = "i";

	ag_buf_text(&list,
	    "i {auth_authen} {auth_type} {mail_addr} {mail_mailer} "
	    "{tls_version}");
	if (name)
		ag_buf_text(&list, " j v");
	if (certificates)
		ag_buf_text(&list,
		    " {verify} {cert_subject} {cn_subject} {cert_fp} "
		    "{cert_md5}");
	return ask(ctx, SMFIM_CONNECT, connect) &&
	    ask(ctx, SMFIM_ENVFROM, mail) && ask(ctx, SMFIM_ENVRCPT, rcpt) &&
	    (!queue_id || ask(ctx, SMFIM_DATA, data)) &&
	    ask(ctx, SMFIM_EOM, end);
}

const char *
ag_macro(SMFICTX *ctx, const char *name)
{
	/* libmilter does not change the name, it only lacks the const */
	return smfi_getsymval(ctx, (char *)name);
}
