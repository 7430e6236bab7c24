#include "macros.h"

static bool
ask(SMFICTX *ctx, int stage, char *names)
{
	return smfi_setsymlist(ctx, stage, names) == MI_SUCCESS;
}

bool
ag_macros_ask(SMFICTX *ctx, bool name, bool content)
{
	char connect[] = "{daemon_name} {daemon_port}";
	char mail[] = "i {auth_authen} {auth_type} {mail_addr} {mail_mailer} "
		      "{tls_version}";
	char mail_and_name[] = "i j v {auth_authen} {auth_type} {mail_addr} "
			       "{mail_mailer} {tls_version}";
	char rcpt[] = "i {rcpt_addr} {rcpt_mailer}";
	char data[] = "i";
	char end[] = "i";

	return ask(ctx, SMFIM_CONNECT, connect) &&
	    ask(ctx, SMFIM_ENVFROM, name ? mail_and_name : mail) &&
	    ask(ctx, SMFIM_ENVRCPT, rcpt) &&
	    (!content || ask(ctx, SMFIM_DATA, data)) &&
	    ask(ctx, SMFIM_EOM, end);
}

const char *
ag_macro(SMFICTX *ctx, const char *name)
{
	/* libmilter does not change the name, it only lacks the const */
	return smfi_getsymval(ctx, (char *)name);
}
