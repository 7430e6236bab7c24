/* user.c - becomes [milter] user */
#include "milter/base/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "milter/base/log.h"

/* ---- for now ---- */

/* Root's own, meanwhile. */
static struct {
	gid_t gid;
	gid_t *groups;
	int ngroups;
} root;

static bool
remember_root(void)
{
	root.gid = getegid();
	root.ngroups = getgroups(0, NULL);
	if (root.ngroups < 0)
		return false;
	root.groups = calloc((size_t)root.ngroups + 1, sizeof(*root.groups));
	if (root.groups != NULL)
		root.ngroups = getgroups(root.ngroups, root.groups);
	return root.groups != NULL && root.ngroups >= 0;
}

bool
ag_user_take_off(void)
{
	bool done = seteuid(0) == 0 && setegid(root.gid) == 0 &&
	    setgroups((size_t)root.ngroups, root.groups) == 0;

	free(root.groups);
	root.groups = NULL;
	return done;
}

int
ag_user_put_on(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (user == NULL) {
		fprintf(stderr, "user: there is no user %s\n", name);
		return EX_CONFIG;
	}
	if (remember_root() && initgroups(name, user->pw_gid) == 0 &&
	    setegid(user->pw_gid) == 0 && seteuid(user->pw_uid) == 0)
		return 0;
	fprintf(stderr, "cannot become the user %s: %s\n", name,
	    strerror(errno));
	return EX_NOPERM;
}

/* ---- for good ---- */

int
ag_user_become(const char *name)
{
	const struct passwd *user;

	if (name[0] == '\0')
		return 0;
	user = getpwnam(name);
	if (user == NULL) {
		ag_log(LOG_ERR, "user: there is no user %s", name);
		return EX_CONFIG;
	}
	if (geteuid() != 0) {
		if (geteuid() == user->pw_uid)
			return 0;
		ag_log(LOG_ERR, "only root can become the user %s", name);
		return EX_NOPERM;
	}
	if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0) {
		ag_log(LOG_ERR, "cannot become the user %s: %s", name,
		    strerror(errno));
		return EX_NOPERM;
	}
	return 0;
}

bool
ag_user_stays_root(struct ag_str user)
{
	return geteuid() == 0 &&
	    (user.len == 0 || ag_str_eq(user, ag_str("root")));
}
