/* archives.c - finds the directories that want a copy of a message */
#include "policy/archives.h"

#include <string.h>

#include "policy/base/number.h"
#include "policy/compiled.h"
#include "policy/views.h"

/* Without double slashes and the last one, so that one directory is one text.
 */
static struct ag_str
tidy(struct ag_arena *arena, struct ag_str text)
{
	char *dir = ag_arena_alloc(arena, text.len + 1);
	size_t len = 0;

	if (dir == NULL)
		return ag_str(NULL);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '/' || len == 0 || dir[len - 1] != '/')
			dir[len++] = text.ptr[i];
	while (len > 1 && dir[len - 1] == '/')
		len--;
	dir[len] = '\0';
	return (struct ag_str){ dir, len };
}

static struct ag_archive *
find_or_add(struct ag_policy *policy, const char *dir)
{
	struct ag_archive *archive = policy->archives;

	while (archive < policy->archives + policy->narchives &&
	    strcmp(archive->dir, dir) != 0)
		archive++;
	if (archive == policy->archives + policy->narchives) {
		archive->dir = dir;
		policy->narchives++;
	}
	return archive;
}

static void
add_scope(struct ag_policy *policy, struct ag_scope *scope)
{
	struct ag_str text =
	    ag_scope_value(policy, scope, AG_KEY_ARCHIVE_DIR)->text;
	struct ag_str dir = tidy(&policy->arena, text);
	struct ag_archive *archive;
	bool kept = false;

	scope->archive = AG_NO_ARCHIVE;
	if (dir.ptr == NULL)
		return;
	archive = find_or_add(policy, dir.ptr);
	ag_number_yesno(ag_scope_value(policy, scope, AG_KEY_ARCHIVE_ENABLED)
			    ->text,
	    &kept);
	if (!kept)
		return;
	archive->kept = true;
	scope->archive = (size_t)(archive - policy->archives);
}

void
ag_archives_compile(struct ag_policy *policy)
{
	policy->archives = ag_arena_array(&policy->arena, policy->nfiles + 1,
	    sizeof(*policy->archives));
	if (policy->archives == NULL)
		return;
	add_scope(policy, &policy->server);
	for (size_t i = 0; i < policy->nfiles; i++)
		add_scope(policy, policy->files[i]);
}

const struct ag_archive *
ag_archives(const struct ag_policy *policy, size_t *n)
{
	*n = policy->narchives;
	return policy->archives;
}

bool
ag_archives_any(const struct ag_policy *policy)
{
	for (size_t i = 0; i < policy->narchives; i++)
		if (policy->archives[i].kept)
			return true;
	return false;
}

static void
mark(const struct ag_scope *scope, bool *wanted)
{
	if (scope->archive != AG_NO_ARCHIVE)
		wanted[scope->archive] = true;
}

void
ag_archives_mark(const struct ag_policy *policy, const struct ag_path *path,
    bool *wanted)
{
	struct ag_views views;

	ag_views_find(&views, policy, path);
	for (unsigned i = 0; i < views.n; i++)
		mark(views.view[i].scope, wanted);
	if (views.n == 0)
		mark(&policy->server, wanted);
}
