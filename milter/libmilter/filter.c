/* filter.c - libmilter's callbacks: fetch, hand over, answer */
#include "milter/libmilter/filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "policy/address/results.h"
#include "milter/base/log.h"
#include "milter/libmilter/answer.h"

/* The connection's session, made if need be; NULL: no memory. */
static struct ag_session *
get_session(SMFICTX *ctx)
{
	struct ag_session *session = smfi_getpriv(ctx);

	if (session != NULL)
		return session;
	session = ag_session_new();
	if (session != NULL && smfi_setpriv(ctx, session) != MI_SUCCESS) {
		ag_session_free(session);
		return NULL;
	}
	return session;
}

static sfsistat
no_session(SMFICTX *ctx)
{
	struct ag_answer answer;

	ag_session_not_judged(AG_SHORT_OF_MEMORY, &answer);
	return ag_answer_give(ctx, &answer);
}

/* The whole connection is refused, or let through. */
static sfsistat
no_room(SMFICTX *ctx)
{
	struct ag_answer answer;

	ag_session_not_judged(AG_SHORT_OF_DESCRIPTORS, &answer);
	return answer.verdict == AG_CONTINUE ? SMFIS_ACCEPT :
					       ag_answer_give(ctx, &answer);
}

/* libmilter does not change the names, it only lacks the const. */
static bool
ask_for_macros(SMFICTX *ctx, const struct ag_wants *wants)
{
	for (int stage = 0; stage < AG_MACRO_STAGES; stage++)
		if (wants->macros[stage] != NULL &&
		    smfi_setsymlist(ctx, stage, (char *)wants->macros[stage]) !=
			MI_SUCCESS)
			return false;
	return true;
}

static const char *
macro(SMFICTX *ctx, const char *name)
{
	return smfi_getsymval(ctx, (char *)name);
}

/*
 * Nothing is asked for that no rule needs.  The MTA's offer is only reduced:
 * bits that it does not know make it fail.
 */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	struct ag_session *session = get_session(ctx);
	struct ag_wants wants;
	struct ag_agreed agreed;

	(void)f2;
	(void)f3;
	if (session != NULL)
		ag_session_negotiate(session, &wants);
	if (session == NULL || !ask_for_macros(ctx, &wants)) {
		/* the connection ends, and the MTA's default action holds */
		ag_log(LOG_ERR, "not enough memory to negotiate");
		return SMFIS_REJECT;
	}
	*pf0 = f0 & ag_wants_actions(&wants);
	*pf1 = f1 & ag_wants_steps(&wants);
	*pf2 = 0;
	*pf3 = 0;
	agreed = ag_wants_agree(&wants, (uint32_t)*pf1, (uint32_t)f0);
	ag_session_agree(session, &agreed);
	return SMFIS_CONTINUE;
}

static void
read_address(struct ag_connect *connect, const _SOCK_ADDR *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	connect->client.family = AG_IP_UNKNOWN;
	if (address == NULL)
		return;
	if (address->sa_family == AF_INET) {
		uint8_t byte[4];

		memcpy(&v4, address, sizeof(v4));
		memcpy(byte, &v4.sin_addr, sizeof(byte));
		connect->client = ag_ip_from_v4(byte);
		connect->client_port = ntohs(v4.sin_port);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		connect->client = ag_ip_from_v6(v6.sin6_addr.s6_addr);
		connect->client_port = ntohs(v6.sin6_port);
	}
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	struct ag_session *session = get_session(ctx);
	struct ag_connect connect = { .name = name,
		.daemon_name = macro(ctx, "{daemon_name}"),
		.daemon_port = macro(ctx, "{daemon_port}") };
	struct ag_answer answer;

	if (session == NULL)
		return no_session(ctx);
	if (!ag_session_has_room(session))
		return no_room(ctx);
	read_address(&connect, address);
	ag_session_connect(session, &connect, &answer);
	return ag_session_agreed(session)->silent_connect ?
	    SMFIS_NOREPLY :
	    ag_answer_give(ctx, &answer);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct ag_session *session = get_session(ctx);
	struct ag_mail mail = { .argument = argv != NULL ? argv[0] : NULL,
		.authen = macro(ctx, "{auth_authen}"),
		.type = macro(ctx, "{auth_type}"),
		.addr = macro(ctx, "{mail_addr}"),
		.mailer = macro(ctx, "{mail_mailer}"),
		.tls_version = macro(ctx, "{tls_version}"),
		.queue_id = macro(ctx, "i"),
		.mta_name = macro(ctx, "j"),
		.mta_version = macro(ctx, "v"),
		.verify = macro(ctx, "{verify}"),
		.cert_subject = macro(ctx, "{cert_subject}"),
		.cn_subject = macro(ctx, "{cn_subject}"),
		.cert_fp = macro(ctx, "{cert_fp}"),
		.cert_md5 = macro(ctx, "{cert_md5}") };
	struct ag_answer answer;

	if (session == NULL)
		return no_session(ctx);
	ag_session_mail(session, &mail, &answer);
	return ag_session_agreed(session)->silent_mail ?
	    SMFIS_NOREPLY :
	    ag_answer_give(ctx, &answer);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct ag_session *session = get_session(ctx);
	struct ag_rcpt rcpt = { .argument = argv != NULL ? argv[0] : NULL,
		.addr = macro(ctx, "{rcpt_addr}"),
		.mailer = macro(ctx, "{rcpt_mailer}"),
		.queue_id = macro(ctx, "i") };
	struct ag_answer answer;

	if (session == NULL)
		return no_session(ctx);
	ag_session_rcpt(session, &rcpt, &answer);
	return ag_answer_give(ctx, &answer);
}

/* Postfix has one when the content comes, seldom before. */
static void
tell_queue_id(SMFICTX *ctx, struct ag_session *session)
{
	if (ag_session_begins_copy(session))
		ag_session_set_queue_id(session, macro(ctx, "i"));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct ag_session *session = get_session(ctx);

	if (session == NULL)
		return no_session(ctx);
	tell_queue_id(ctx, session);
	ag_session_header(session, name, value);
	return ag_session_agreed(session)->silent_header ? SMFIS_NOREPLY :
							   SMFIS_CONTINUE;
}

static sfsistat
on_end_of_header(SMFICTX *ctx)
{
	struct ag_session *session = get_session(ctx);
	struct ag_answer answer;

	if (session == NULL)
		return no_session(ctx);
	ag_session_set_queue_id(session, macro(ctx, "i"));
	ag_session_end_of_header(session, &answer);
	return ag_answer_give(ctx, &answer);
}

static bool
remove_results(void *ctx, unsigned number)
{
	static char name[] = AG_RESULTS_NAME;

	return smfi_chgheader(ctx, name, (int)number, NULL) == MI_SUCCESS;
}

static bool
insert_results(void *ctx, const char *value)
{
	static char name[] = AG_RESULTS_NAME;

	return smfi_insheader(ctx, 0, name, (char *)value) == MI_SUCCESS;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *bytes, size_t count)
{
	struct ag_session *session = get_session(ctx);

	if (session == NULL)
		return no_session(ctx);
	tell_queue_id(ctx, session);
	ag_session_body(session, bytes, count);
	return SMFIS_CONTINUE;
}

static sfsistat
on_end(SMFICTX *ctx)
{
	struct ag_session *session = get_session(ctx);
	struct ag_editor editor = { remove_results, insert_results, ctx };
	struct ag_answer answer;

	if (session == NULL)
		return no_session(ctx);
	ag_session_end(session, macro(ctx, "i"), &editor, &answer);
	return ag_answer_give(ctx, &answer);
}

/* May come twice, or outside a message. */
static sfsistat
on_abort(SMFICTX *ctx)
{
	struct ag_session *session = smfi_getpriv(ctx);

	if (session != NULL)
		ag_session_reset(session);
	return SMFIS_CONTINUE;
}

/* May come without a connect. */
static sfsistat
on_close(SMFICTX *ctx)
{
	ag_session_free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

bool
ag_filter_register(char *name)
{
	/* no xxfi_unknown: with SMFIP_NODATA one junk command would make
	 * libmilter stop answering */
	struct smfiDesc filter = { .xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST | SMFIF_ADDHDRS | SMFIF_CHGHDRS,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_end_of_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_end,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate };

	return smfi_register(filter) == MI_SUCCESS;
}

bool
ag_filter_listen(const char *place, bool replace)
{
	/* libmilter does not change the place, it only lacks the const */
	return smfi_setconn((char *)place) == MI_SUCCESS &&
	    smfi_opensocket(replace) == MI_SUCCESS;
}
