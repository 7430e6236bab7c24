#include <getopt.h>
#include <sysexits.h>

#include "archivedir.h"
#include "command.h"

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void
print_summary(const struct ag_diag *diag, const struct ag_policy *policy)
{
	char text[300];
	struct ag_buf sizes = AG_BUF(text);

	printf("%u error%s, %u bad line%s, %u warning%s\n", diag->errors,
	    plural(diag->errors), diag->bad_lines, plural(diag->bad_lines),
	    diag->warnings, plural(diag->warnings));
	if (policy == NULL)
		return;
	ag_command_write_sizes(policy, &sizes);
	printf("%s\ndigest %016llx\n", text,
	    (unsigned long long)ag_policy_digest(policy));
}

/* Also of those where no copies are kept (now). */
static void
look_at_archives(const struct ag_policy *policy, struct ag_diag *diag)
{
	size_t n;
	const struct ag_archive *archive = ag_archives(policy, &n);
	struct ag_vec seen = { 0 };
	const char *same;

	for (size_t i = 0; i < n; i++) {
		ag_archivedir_see(&seen, archive[i].dir, &same);
		if (same != NULL)
			ag_diag_report(diag, AG_WARNING, NULL,
			    "[archive] dir: %s is the same directory as %s; "
			    "each copy is there once",
			    archive[i].dir, same);
	}
	ag_vec_free(&seen);
}

/* As the daemon would, if it were started by whoever checks. */
static void
look_at_user(const struct ag_policy *policy, struct ag_diag *diag)
{
	const struct ag_value *user =
	    ag_policy_value(policy, ag_str(NULL), AG_KEY_USER);

	if (ag_command_stays_root(user->text))
		ag_diag_report(diag, AG_WARNING,
		    ag_value_is_given(user) ? &user->origin : NULL, "%s",
		    AG_STAYS_ROOT);
}

static int
check(const char *config)
{
	struct ag_printer printer = { stdout, config };
	struct ag_diag diag = { .emit = ag_print_finding, .arg = &printer };
	const struct ag_policy *policy;
	bool usable;

	if (ag_policy_load(config, &diag, &policy) == AG_LOAD_NO_FILE)
		return EX_NOINPUT;
	if (policy != NULL) {
		look_at_user(policy, &diag);
		look_at_archives(policy, &diag);
	}
	print_summary(&diag, policy);
	usable = policy != NULL && diag.bad_lines == 0;
	ag_policy_unref(policy);
	return usable ? 0 : 1;
}

int
ag_check_command(int argc, char **argv)
{
	const char *config;
	int status = ag_command_options("check", argc, argv, &config);

	if (status >= 0)
		return status;
	if (optind < argc)
		return ag_command_usage("check", "what is \"%s\"?",
		    argv[optind]);
	return check(config);
}
