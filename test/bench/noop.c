/*
 * noop - a milter on libmilter that does nothing, to compare with
 *
 * usage: noop [OPTION]... SOCKET
 *
 * Plain, it answers "continue" to CONNECT, MAIL and RCPT and negotiates
 * everything else away, as the simplest milter would.
 *
 *   --silent-connect   no reply to CONNECT
 *   --silent-mail      no reply to MAIL
 *   --macros           asks for the macros that authgate asks for, only
 *   --small            threads with small stacks, and two arenas
 *   --tuned            these four
 *   --content          asks for header and body too, and throws them away
 */
#include <err.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <libmilter/mfapi.h>

static struct {
	bool silent_connect;
	bool silent_mail;
	bool macros;
	bool small;
	bool content;
} options;

/* As milter/libmilter/macros.c, which must be changed with this. */
static bool
ask_for_macros(SMFICTX *ctx)
{
	char connect[] = "{daemon_name} {daemon_port}";
	char mail[] = "i {auth_authen} {auth_type} {mail_addr} {mail_mailer} "
		      "{tls_version}";
	char rcpt[] = "i {rcpt_addr} {rcpt_mailer}";
	char end[] = "i";

	return smfi_setsymlist(ctx, SMFIM_CONNECT, connect) == MI_SUCCESS &&
	    smfi_setsymlist(ctx, SMFIM_ENVFROM, mail) == MI_SUCCESS &&
	    smfi_setsymlist(ctx, SMFIM_ENVRCPT, rcpt) == MI_SUCCESS &&
	    smfi_setsymlist(ctx, SMFIM_EOM, end) == MI_SUCCESS;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	unsigned long steps = SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN;

	(void)f2;
	(void)f3;
	if (options.macros && !ask_for_macros(ctx))
		return SMFIS_REJECT;
	if (options.silent_connect)
		steps |= SMFIP_NR_CONN;
	if (options.silent_mail)
		steps |= SMFIP_NR_MAIL;
	steps |= options.content ? SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY :
				   SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY;
	*pf0 = f0 & SMFIF_SETSYMLIST;
	*pf1 = f1 & steps;
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *address)
{
	(void)ctx;
	(void)name;
	(void)address;
	return options.silent_connect ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return options.silent_mail ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_NOREPLY;
}

static sfsistat
on_end_of_header(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_NOREPLY;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return SMFIS_NOREPLY;
}

static bool
register_filter(void)
{
	static char name[] = "noop";
	struct smfiDesc filter = { .xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_negotiate = on_negotiate };

	if (options.content) {
		filter.xxfi_header = on_header;
		filter.xxfi_eoh = on_end_of_header;
		filter.xxfi_body = on_body;
	}
	return smfi_register(filter) == MI_SUCCESS;
}

/* As milter/daemon/run.c. */
static void
set_small(void)
{
	pthread_attr_t attr;

	mallopt(M_ARENA_MAX, 2);
	if (pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, (size_t)256 * 1024);
		pthread_setattr_default_np(&attr);
		pthread_attr_destroy(&attr);
	}
}

static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static const struct option long_options[] = {
	{ "silent-connect", no_argument, NULL, 'C' },
	{ "silent-mail", no_argument, NULL, 'M' },
	{ "macros", no_argument, NULL, 'm' },
	{ "small", no_argument, NULL, 's' },
	{ "tuned", no_argument, NULL, 't' },
	{ "content", no_argument, NULL, 'c' },
	{ NULL, 0, NULL, 0 },
};

static bool
take_option(int option)
{
	switch (option) {
	case 'C':
		options.silent_connect = true;
		return true;
	case 'M':
		options.silent_mail = true;
		return true;
	case 'm':
		options.macros = true;
		return true;
	case 's':
		options.small = true;
		return true;
	case 't':
		options.silent_connect = options.silent_mail = true;
		options.macros = options.small = true;
		return true;
	case 'c':
		options.content = true;
		return true;
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!take_option(option))
			return EX_USAGE;
	if (argc - optind != 1)
		errx(EX_USAGE, "usage: noop [OPTION]... SOCKET");
	if (options.small)
		set_small();
	raise_limits();
	/* Postfix's processes are other users */
	umask(0);
	if (smfi_setconn(argv[optind]) != MI_SUCCESS || !register_filter() ||
	    smfi_opensocket(true) != MI_SUCCESS)
		errx(EX_UNAVAILABLE, "cannot listen on %s", argv[optind]);
	return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}
