/* check.c - "authgate check": reads everything, prints every finding */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sysexits.h>

#include "milter/archive/dir.h"
#include "milter/base/findings.h"
#include "milter/base/json.h"
#include "milter/base/user.h"
#include "milter/command/command.h"
#include "milter/command/wrap.h"

static void
print_summary(const struct ag_diag *diag, const struct ag_policy *policy)
{
	struct ag_wrap line = { .out = stdout, .indent = 4 };
	char text[300];
	struct ag_buf sizes = AG_BUF(text);

	printf("%u %s, %u %s, %u %s\n", diag->errors,
	    ag_plural(diag->errors, "error", "errors"), diag->bad_lines,
	    ag_plural(diag->bad_lines, "bad line", "bad lines"), diag->warnings,
	    ag_plural(diag->warnings, "warning", "warnings"));
	if (policy == NULL)
		return;
	ag_findings_write_sizes(policy, &sizes);
	ag_wrap_text(&line, ag_buf_get(&sizes));
	ag_wrap_end(&line);
	printf("digest %016llx\n",
	    (unsigned long long)ag_policy_digest(policy));
}

/* Whether the system knows the name that the key has, if it has one. */
static void
look_for_name(const struct ag_policy *policy, enum ag_key key, bool known,
    const char *kind, struct ag_diag *diag)
{
	const struct ag_value *value =
	    ag_policy_value(policy, ag_str(NULL), key);

	if (value->text.len > 0 && !known)
		ag_diag_report(diag, AG_WARNING, &value->origin,
		    "[milter] %s: there is no %s %.*s on this host",
		    ag_setting(key)->name, kind, AG_STR_ARG(value->text));
}

/* The daemon does not start without them. */
static void
look_at_names(const struct ag_policy *policy, struct ag_diag *diag)
{
	const char *user = ag_policy_text(policy, AG_KEY_USER).ptr;
	const char *group = ag_policy_text(policy, AG_KEY_SOCKET_GROUP).ptr;

	look_for_name(policy, AG_KEY_USER,
	    user != NULL && getpwnam(user) != NULL, "user", diag);
	look_for_name(policy, AG_KEY_SOCKET_GROUP,
	    group != NULL && getgrnam(group) != NULL, "group", diag);
}

/* The daemon makes it only where its user may write beside it. */
static void
ask_for_directory(const struct ag_policy *policy, const char *dir,
    struct ag_diag *diag)
{
	struct ag_str user = ag_policy_text(policy, AG_KEY_USER);

	ag_diag_report(diag, AG_WARNING, NULL,
	    "[archive] dir: there is no directory %s; make it: install -d -o "
	    "%s -m 0700 %s",
	    dir, user.len > 0 ? user.ptr : "root", dir);
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
		int error = ag_archivedir_see(&seen, archive[i].dir, &same);

		if (archive[i].kept && error == ENOENT)
			ask_for_directory(policy, archive[i].dir, diag);
		if (same != NULL)
			ag_diag_report(diag, AG_WARNING, NULL,
			    "[archive] dir: %s is the same directory as %s; "
			    "each copy is kept once",
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

	if (ag_user_stays_root(user->text))
		ag_diag_report(diag, AG_WARNING,
		    ag_value_is_given(user) ? &user->origin : NULL, "%s",
		    AG_USER_STAYS_ROOT);
}

/* ---- as JSON ---- */

struct gathered {
	const char *config;
	json_t *findings;
};

/* An ag_diag_fn; what has no place is a finding of the main file. */
static void
gather(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	struct gathered *gathered = arg;
	bool placed = where != NULL && where->file != NULL;

	json_array_append_new(gathered->findings,
	    json_pack("{ss so so}", "severity", ag_severity_name(severity),
		"at",
		placed ? ag_json_origin(where) :
			 ag_json_text(ag_str(gathered->config)),
		"text", ag_json_text(ag_str(text))));
}

static void
print_json(const struct ag_diag *diag, const struct ag_policy *policy,
    json_t *findings)
{
	json_t *object = json_pack("{si si si sO}", "errors", (int)diag->errors,
	    "bad_lines", (int)diag->bad_lines, "warnings", (int)diag->warnings,
	    "findings", findings);

	if (policy != NULL) {
		struct ag_policy_sizes sizes = ag_policy_sizes(policy);

		json_object_set_new(object, "policy",
		    ag_json_policy(ag_policy_digest(policy), &sizes));
	}
	ag_json_print(object);
}

/* ---- the command ---- */

/* Everything is looked at, and told to diag; an exit status. */
static int
look(const char *config, struct ag_diag *diag, const struct ag_policy **policy)
{
	if (ag_policy_load(config, diag, policy) == AG_LOAD_NO_FILE)
		return EX_NOINPUT;
	if (*policy != NULL) {
		look_at_user(*policy, diag);
		look_at_names(*policy, diag);
		look_at_archives(*policy, diag);
	}
	return *policy != NULL && diag->bad_lines == 0 ? 0 : 1;
}

static int
check(const char *config)
{
	struct ag_printer printer = { stdout, config };
	struct ag_diag diag = { .emit = ag_print_finding, .arg = &printer };
	const struct ag_policy *policy;
	int status = look(config, &diag, &policy);

	if (status != EX_NOINPUT)
		print_summary(&diag, policy);
	ag_policy_unref(policy);
	return status;
}

static int
check_json(const char *config)
{
	struct gathered gathered = { config, json_array() };
	struct ag_diag diag = { .emit = gather, .arg = &gathered };
	const struct ag_policy *policy;
	int status = look(config, &diag, &policy);

	print_json(&diag, policy, gathered.findings);
	json_decref(gathered.findings);
	ag_policy_unref(policy);
	return status;
}

int
ag_check_command(int argc, char **argv)
{
	const char *config;
	bool json;
	int status = ag_command_options("check", argc, argv, &config, &json);

	if (status >= 0)
		return status;
	if (optind < argc)
		return ag_command_unexpected("check", argv[optind]);
	return json ? check_json(config) : check(config);
}
