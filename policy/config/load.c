/*
 * load.c - reads the main file, the files of domains, and the lists they name
 *
 * It goes in the order in which one needs the other: which domains are ours
 * decides how a login in a list is read.  Where a file turns out to be broken
 * only by what it leads to - a list that cannot be read, a domain that another
 * file claims - its last good version is held on to, and all begins anew; what
 * has been made by then is shared.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/base/file.h"
#include "policy/base/number.h"
#include "policy/config/compile.h"
#include "policy/config/doubts.h"
#include "policy/config/ini.h"
#include "policy/config/take.h"
#include "policy/config/words.h"

#define NO_MEMORY "there is not enough memory"

/* What is taken of an INI file. */
enum level {
	AS_IT_IS,
	LAST_GOOD,
	NAME_ALONE /* of a domain: it is local, by the main file's rules */
};

struct held {
	const char *shown;
	enum level level;
	struct ag_complaint complaint;
};

struct loader {
	struct ag_taker taker;
	const char *main; /* the main file's name beside the others */
	struct ag_policy *policy;
	struct ag_diag diag;      /* where findings go first */
	struct ag_record found;   /* where they are kept, to be told once */
	struct ag_strmap told;    /* their hashes */
	struct ag_vec held;       /* struct held */
	bool again;               /* something more is held on to */
	bool unusable;            /* and nothing can be */
	struct ag_vec strays;     /* const char *: other names in domains/ */
	struct ag_vec names_only; /* const char *: domains without rules */
	uint64_t form_digest;
};

static void
check_memory(struct loader *loader, bool ok)
{
	loader->taker.no_memory = loader->taker.no_memory || !ok;
}

static bool
has_memory(const struct loader *loader)
{
	return !loader->taker.no_memory && !loader->taker.arena.failed &&
	    !loader->policy->arena.failed && !loader->found.failed;
}

static bool
keeps(const struct loader *loader)
{
	return ag_taker_keeps(&loader->taker);
}

static struct ag_origin
whole_file(const char *file)
{
	return (struct ag_origin){ file, 0 };
}

/* ---- findings ---- */

static uint64_t
hash_of(enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	uint64_t number[2] = { (uint64_t)severity, 0 };
	uint64_t hash;

	if (where != NULL)
		number[1] = where->line;
	hash = XXH3_64bits(number, sizeof(number));
	if (where != NULL && where->file != NULL)
		hash = XXH3_64bits_withSeed(where->file, strlen(where->file),
		    hash);
	return XXH3_64bits_withSeed(text, strlen(text), hash);
}

/* What is found again when all begins anew is the same. */
static void
tell_once(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	struct loader *loader = arg;
	uint64_t hash = hash_of(severity, where, text);
	struct ag_str key = { (const char *)&hash, sizeof(hash) };
	struct ag_diag kept = ag_record_sink(&loader->found);
	uint32_t before = loader->told.n;

	check_memory(loader, ag_strmap_put(&loader->told, key) != AG_NO_ID);
	if (loader->told.n > before)
		ag_diag_report(&kept, severity, where, "%s", text);
}

/* ---- what is held on to ---- */

static struct held *
find_held(const struct loader *loader, const char *shown)
{
	struct held *held = loader->held.items;

	for (size_t i = 0; i < loader->held.n; i++)
		if (strcmp(held[i].shown, shown) == 0)
			return &held[i];
	return NULL;
}

static enum level
level_of(const struct loader *loader, const char *shown)
{
	const struct held *held = find_held(loader, shown);

	return held != NULL ? held->level : AS_IT_IS;
}

static struct held *
add_held(struct loader *loader, const char *shown)
{
	struct held *held = ag_vec_add(&loader->held, sizeof(*held));

	check_memory(loader, held != NULL);
	if (held != NULL)
		held->shown =
		    ag_arena_str(&loader->taker.arena, ag_str(shown)).ptr;
	return held;
}

/* One step back, where what is broken can be kept at all. */
static void
step_back(struct loader *loader, const char *shown,
    const struct ag_complaint *complaint)
{
	struct held *held = find_held(loader, shown);
	struct ag_arena *arena = &loader->taker.arena;

	if (!keeps(loader))
		return;
	if (held == NULL)
		held = add_held(loader, shown);
	if (held == NULL)
		return;
	if (held->level == NAME_ALONE ||
	    (held->level == LAST_GOOD && strcmp(shown, loader->main) == 0)) {
		loader->unusable = true;
		return;
	}
	held->level++;
	held->complaint.at.file =
	    ag_arena_str(arena, ag_str(complaint->at.file)).ptr;
	held->complaint.at.line = complaint->at.line;
	held->complaint.why = ag_arena_str(arena, ag_str(complaint->why)).ptr;
	loader->again = true;
}

/* ---- INI files ---- */

static void
check_timeout(const struct ag_values *values, struct ag_diag *diag)
{
	const struct ag_value *value = &values->value[AG_KEY_TIMEOUT];
	int64_t seconds;

	if (ag_number_time(value->text, &seconds) && seconds == 0)
		ag_diag_report(diag, AG_ERROR, &value->origin,
		    "timeout = 0 would end every connection at once; write a "
		    "time such as 2h");
}

static bool
read_ini(struct ag_part *part, struct ag_list *list, void *arg)
{
	const enum ag_place *place = arg;

	part->values = ag_arena_alloc(&part->arena, sizeof(*part->values));
	if (part->values == NULL)
		return false;
	ag_values_init(part->values);
	ag_ini_read(part->values, list->text, list->at.file, *place,
	    &part->arena, list->diag);
	if (*place == AG_SERVER)
		check_timeout(part->values, list->diag);
	return true;
}

static enum ag_taken
take_ini(struct loader *loader, const char *shown, enum ag_place place,
    const struct ag_part **part)
{
	const struct ag_wanted wanted = { .kind = place == AG_SERVER ?
		    AG_PART_SETTINGS :
		    AG_PART_DOMAIN,
		.shown = &shown,
		.n = 1,
		.read = read_ini,
		.arg = &place };
	const struct held *held = find_held(loader, shown);

	if (held == NULL || held->level == AS_IT_IS)
		return ag_take(&loader->taker, &wanted, part);
	loader->taker.complaint = held->complaint;
	if (held->level == NAME_ALONE)
		return AG_FAILED;
	return ag_take_good(&loader->taker, &wanted, &held->complaint, part);
}

static void
set_scope(struct ag_scope *scope, const struct ag_part *part)
{
	scope->file = part->file[0].shown;
	scope->values = part->values;
}

/* NULL: no memory. */
static const char *
folder_of(const struct loader *loader)
{
	return ag_file_beside(&loader->policy->arena, loader->taker.asked->path,
	    ag_str("."));
}

static void
load_settings(struct loader *loader)
{
	const struct ag_part *part = NULL;

	if (take_ini(loader, loader->main, AG_SERVER, &part) == AG_TAKEN)
		set_scope(&loader->policy->server, part);
	else
		loader->unusable = true;
	ag_take_doubt_writers(&loader->taker, folder_of(loader), loader->main,
	    "everybody may put files into its folder");
}

/* ---- the files of domains ---- */

static bool
is_ini(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && name[0] != '.' && strcmp(name + len - 4, ".ini") == 0;
}

/*
 * NAME.INI, or the name of a domain: beside the files of domains may stand
 * their lists, and copies of all.
 */
static bool
is_misnamed(const char *name)
{
	char reason_text[300];
	struct ag_buf why = AG_BUF(reason_text);
	size_t len = strlen(name);

	if (len > 4 && name[0] != '.' &&
	    ag_str_ieq(ag_str(name + len - 4), ag_str(".ini")))
		return true;
	return strchr(name, '.') != NULL && strstr(name, ".ini") == NULL &&
	    ag_word_check(AG_WORD_DOMAIN, ag_str(name), &why);
}

static void
remember(struct loader *loader, struct ag_vec *names, const char *name)
{
	const char **place = ag_vec_add(names, sizeof(*place));

	check_memory(loader, place != NULL);
	if (place != NULL)
		*place = ag_arena_str(&loader->policy->arena, ag_str(name)).ptr;
}

/* Nothing good is known of a file that is broken. */
static void
note_never(struct loader *loader, const char *shown,
    const struct ag_complaint *complaint)
{
	struct ag_policy *policy = loader->policy;
	struct ag_kept *kept = ag_vec_add(&policy->kept, sizeof(*kept));

	check_memory(loader, kept != NULL);
	if (kept == NULL)
		return;
	*kept = (struct ag_kept){
		.shown = ag_arena_str(&policy->arena, ag_str(shown)).ptr,
		.at = { ag_arena_str(&policy->arena, ag_str(complaint->at.file))
			    .ptr,
		    complaint->at.line },
		.why = ag_arena_str(&policy->arena, ag_str(complaint->why)).ptr,
		.never = true
	};
}

/* The domain is ours all the same. */
static void
take_name_alone(struct loader *loader, const char *shown, const char *name)
{
	struct ag_origin at = whole_file(shown);

	note_never(loader, shown, &loader->taker.complaint);
	ag_diag_report(&loader->diag, AG_ERROR, &at,
	    "no good version of this file is known: %s is a local domain, "
	    "under the rules of %s",
	    name, loader->main);
	remember(loader, &loader->names_only, name);
}

/* The domain that a file's name is; false after a finding. */
static bool
read_stem(struct loader *loader, const char *file, const char *shown,
    char name[static AG_DOMAIN_MAX + 1])
{
	struct ag_str stem = ag_str_head(ag_str(file), strlen(file) - 4);
	struct ag_origin at = whole_file(shown);
	char reason_text[300];
	struct ag_buf why = AG_BUF(reason_text);

	if (ag_word_check(AG_WORD_DOMAIN, stem, &why)) {
		ag_domain_parse(stem, name);
		return true;
	}
	ag_diag_report(&loader->diag, AG_ERROR, &at,
	    "%s %s; the file's name is the domain", AG_SHOWN(stem),
	    reason_text);
	return false;
}

static void
note_misnamed(struct loader *loader, const char *shown)
{
	const struct ag_complaint complaint = { whole_file(shown),
		"the file's name is no domain" };

	if (keeps(loader))
		note_never(loader, shown, &complaint);
}

static void
add_scope(struct loader *loader, const struct ag_part *part, const char *name)
{
	struct ag_policy *policy = loader->policy;
	struct ag_scope *scope = ag_arena_alloc(&policy->arena, sizeof(*scope));

	if (scope == NULL)
		return;
	set_scope(scope, part);
	scope->name = ag_arena_str(&policy->arena, ag_str(name));
	policy->files[policy->nfiles++] = scope;
}

/* Reads domains/NAME.ini; NAME is the domain. */
static void
load_domain_file(struct loader *loader, const char *file)
{
	char shown[AG_PATH_MAX], name[AG_DOMAIN_MAX + 1];
	struct ag_buf buf = AG_BUF(shown);
	const struct ag_part *part = NULL;
	enum ag_taken taken;
	bool named;

	ag_buf_printf(&buf, "domains/%s", file);
	taken = take_ini(loader, shown, AG_DOMAIN, &part);
	named = read_stem(loader, file, shown, name);
	if (!has_memory(loader))
		return;
	if (!named)
		note_misnamed(loader, shown);
	else if (taken == AG_TAKEN)
		add_scope(loader, part, name);
	else if (keeps(loader))
		take_name_alone(loader, shown, name);
}

/* The names of files in domains/. */
struct names {
	struct dirent **entry;
	int n;
	int error;
};

static struct names
list_names(struct loader *loader)
{
	struct names names = { NULL, 0, 0 };
	const char *path = ag_file_beside(&loader->policy->arena,
	    loader->taker.asked->path, ag_str("domains"));

	names.n =
	    path != NULL ? scandir(path, &names.entry, NULL, alphasort) : 0;
	if (names.n < 0)
		names.error = errno;
	ag_take_doubt_writers(&loader->taker, path, "domains",
	    "everybody may put files into this folder");
	return names;
}

static bool
has_room_for_files(struct loader *loader, size_t n)
{
	struct ag_policy *policy = loader->policy;

	policy->files =
	    ag_arena_array(&policy->arena, n + 1, sizeof(struct ag_scope *));
	return policy->files != NULL;
}

static void
load_named_files(struct loader *loader, const struct names *names)
{
	if (!has_room_for_files(loader, (size_t)names->n))
		return;
	for (int i = 0; i < names->n; i++) {
		const char *name = names->entry[i]->d_name;

		if (!has_memory(loader))
			return;
		if (is_ini(name))
			load_domain_file(loader, name);
		else if (is_misnamed(name))
			remember(loader, &loader->strays, name);
	}
}

/* How many files of domains are in force. */
static size_t
files_in_force(const struct loader *loader)
{
	const struct ag_policy *policy = loader->taker.asked->in_force;

	return policy != NULL ? policy->nfiles : 0;
}

/* domains/ is gone: what was in it stays. */
static void
keep_domain_files(struct loader *loader, const struct ag_complaint *complaint)
{
	const struct ag_policy *policy = loader->taker.asked->in_force;
	size_t n = files_in_force(loader);

	if (!has_room_for_files(loader, n))
		return;
	for (size_t i = 0; i < n && has_memory(loader); i++) {
		const struct ag_scope *scope = policy->files[i];
		struct held *held = find_held(loader, scope->file);

		if (held == NULL)
			held = add_held(loader, scope->file);
		if (held == NULL)
			return;
		if (held->level == AS_IT_IS)
			*held =
			    (struct held){ held->shown, LAST_GOOD, *complaint };
		load_domain_file(loader, strrchr(scope->file, '/') + 1);
	}
}

static void
load_domain_files(struct loader *loader)
{
	struct names names = list_names(loader);
	struct ag_complaint complaint = { whole_file("domains"),
		"the folder cannot be read" };

	if (names.error == 0) {
		load_named_files(loader, &names);
	} else if (names.error != ENOENT || files_in_force(loader) > 0) {
		loader->taker.may_pass = loader->taker.may_pass ||
		    ag_file_error_may_pass(names.error);
		ag_diag_report(&loader->diag, AG_ERROR, &complaint.at,
		    "the folder cannot be read: %s", strerror(names.error));
		keep_domain_files(loader, &complaint);
	}
	for (int i = 0; i < names.n; i++)
		free(names.entry[i]);
	free(names.entry);
}

/* ---- strays ---- */

/* Whether a file was read by another name, which begins with "/" or "..". */
static bool
is_read_by_another_name(struct loader *loader, const char *path)
{
	const struct ag_source *source = loader->policy->sources.items;

	for (size_t i = 0; i < loader->policy->sources.n; i++)
		if ((source[i].shown[0] == '/' ||
			strstr(source[i].shown, "..") != NULL) &&
		    ag_file_is_same(path,
			ag_file_beside(&loader->policy->arena,
			    loader->taker.asked->path,
			    ag_str(source[i].shown))))
			return true;
	return false;
}

static void
doubt_stray(struct loader *loader, const char *name, const char *shown)
{
	struct ag_origin at = whole_file("domains");
	const char *path = ag_file_beside(&loader->policy->arena,
	    loader->taker.asked->path, ag_str(shown));

	if (path != NULL && ag_file_is_regular(path) &&
	    !is_read_by_another_name(loader, path))
		ag_diag_report(&loader->diag, AG_WARNING, &at,
		    "%s is not read: the name of a domain's file ends in .ini",
		    AG_SHOWN(ag_str(name)));
}

/* So many are looked at. */
#define STRAYS 32

/* What lies in domains/ and is no list either, when all is read. */
static void
doubt_strays(struct loader *loader)
{
	const char *const *name = loader->strays.items;
	unsigned looked = 0;

	for (size_t i = 0;
	    i < loader->strays.n && has_memory(loader) && looked < STRAYS;
	    i++) {
		char shown[AG_PATH_MAX];
		struct ag_buf buf = AG_BUF(shown);

		ag_buf_printf(&buf, "domains/%s", name[i]);
		if (ag_strmap_find(&loader->policy->names, ag_buf_get(&buf)) !=
		    AG_NO_ID)
			continue;
		doubt_stray(loader, name[i], shown);
		looked++;
	}
}

/* ---- which domains are ours ---- */

/* The number of the file that claims a name already; AG_SERVER_FILE: none. */
static uint32_t
claimed_by(const struct loader *loader, struct ag_str name)
{
	struct ag_domain domain =
	    ag_domains_find(&loader->policy->domains, name);

	return domain.is_account_domain ? domain.file : AG_SERVER_FILE;
}

static bool
has_changed(const struct loader *loader, const struct ag_scope *scope)
{
	const struct ag_policy *policy = loader->taker.asked->in_force;

	if (level_of(loader, scope->file) != AS_IT_IS)
		return false;
	if (policy == NULL)
		return true;
	for (size_t i = 0; i < policy->nfiles; i++)
		if (policy->files[i]->values == scope->values)
			return false;
	return true;
}

/* Of two files in conflict the one that changed steps back, or both. */
static void
settle(struct loader *loader, uint32_t first, uint32_t second,
    const struct ag_origin *at)
{
	const struct ag_scope *a = loader->policy->files[first];
	const struct ag_scope *b = loader->policy->files[second];
	struct ag_complaint complaint = { *at,
		"it claims a domain that another file claims too" };
	bool a_changed = has_changed(loader, a);
	bool b_changed = has_changed(loader, b) || !a_changed;

	if (a_changed)
		step_back(loader, a->file, &complaint);
	if (b_changed)
		step_back(loader, b->file, &complaint);
}

static void
claim_name(struct loader *loader, uint32_t number)
{
	struct ag_scope *scope = loader->policy->files[number];
	struct ag_origin at = whole_file(scope->file);
	struct ag_str subdomains = scope->values->value[AG_KEY_SUBDOMAINS].text;
	uint32_t before = claimed_by(loader, scope->name);

	check_memory(loader,
	    ag_domains_add_file(&loader->policy->domains, scope->name, number,
		ag_str_eq(subdomains, ag_str("yes")), &at, &loader->diag));
	if (before != AG_SERVER_FILE)
		settle(loader, before, number, &at);
}

static void
claim_aliases(struct loader *loader, uint32_t number)
{
	struct ag_scope *scope = loader->policy->files[number];
	const struct ag_value *value = &scope->values->value[AG_KEY_ALIASES];
	struct ag_str rest = value->text, word;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word)) {
		char name[AG_DOMAIN_MAX + 1];
		uint32_t before;

		ag_domain_parse(word, name);
		before = claimed_by(loader, ag_str(name));
		check_memory(loader,
		    ag_domains_add_alias(&loader->policy->domains, ag_str(name),
			scope->name, &value->origin, &loader->diag));
		if (before != AG_SERVER_FILE && before != number)
			settle(loader, before, number, &value->origin);
	}
}

/* A domain whose file is broken is ours all the same. */
static void
claim_names_only(struct loader *loader)
{
	const char *const *name = loader->names_only.items;
	struct ag_diag none = { .emit = NULL };

	for (size_t i = 0; i < loader->names_only.n && has_memory(loader);
	    i++) {
		struct ag_origin at = whole_file("domains");

		if (claimed_by(loader, ag_str(name[i])) == AG_SERVER_FILE)
			check_memory(loader,
			    ag_domains_add_file(&loader->policy->domains,
				ag_str(name[i]), AG_SERVER_FILE, false, &at,
				&none));
	}
}

/* ---- lists ---- */

/* The files that a value names, relative to the file it stands in. */
struct files {
	const char **shown;
	size_t n;
};

static struct files
files_of(struct loader *loader, const struct ag_scope *scope, enum ag_key key)
{
	struct ag_arena *arena = &loader->policy->arena;
	struct ag_str rest = scope->values->value[key].text, word, all = rest;
	struct files files = { NULL, 0 };
	size_t n = 0;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word))
		n++;
	files.shown = ag_arena_array(arena, n + 1, sizeof(*files.shown));
	while (
	    files.shown != NULL && ag_str_word(&all, AG_WORD_SEPARATORS, &word))
		files.shown[files.n++] =
		    ag_file_beside(arena, scope->file, word);
	return files;
}

/* A part of lists; NULL: there is none.  What failed has been seen to. */
static const struct ag_part *
take_list(struct loader *loader, struct ag_scope *scope,
    struct ag_wanted wanted)
{
	const struct ag_part *part = NULL;

	if (!has_memory(loader))
		return NULL;
	wanted.form = &loader->policy->form;
	if (ag_take(&loader->taker, &wanted, &part) == AG_FAILED &&
	    has_memory(loader))
		step_back(loader, scope->file, &loader->taker.complaint);
	return part;
}

static bool
read_domain_list(struct ag_part *part, struct ag_list *list, void *arg)
{
	(void)arg;
	return ag_list_domains(list, &part->domains);
}

static bool
finish_domain_list(struct ag_part *part, struct ag_diag *diag, void *arg)
{
	(void)diag;
	(void)arg;
	ag_domains_trim(&part->domains);
	return true;
}

static bool
begin_nets(struct ag_part *part)
{
	if (part->nets == NULL)
		part->nets = ag_nets_new();
	return part->nets != NULL;
}

static bool
finish_nets(struct ag_part *part, struct ag_diag *diag, void *arg)
{
	(void)arg;
	return ag_nets_finish(part->nets, diag);
}

static bool
read_kill_list(struct ag_part *part, struct ag_list *list, void *arg)
{
	(void)arg;
	return begin_nets(part) &&
	    ag_list_kill(list, part->nets, &part->logins, &part->senders);
}

static bool
read_relay_list(struct ag_part *part, struct ag_list *list, void *arg)
{
	(void)arg;
	list->relay = true;
	return begin_nets(part) && ag_list_networks(list, part->nets);
}

static bool
read_sender_map(struct ag_part *part, struct ag_list *list, void *arg)
{
	(void)arg;
	if (part->map == NULL)
		part->map = ag_senders_new();
	return part->map != NULL && ag_list_senders(list, part->map);
}

static bool
finish_sender_map(struct ag_part *part, struct ag_diag *diag, void *arg)
{
	(void)arg;
	if (part->map == NULL)
		part->map = ag_senders_new();
	return part->map != NULL && ag_senders_finish(part->map, diag);
}

static bool
read_accounts(struct ag_part *part, struct ag_list *list, void *arg)
{
	const struct ag_scope *scope = arg;

	return ag_list_accounts(list, scope->name, &part->accounts);
}

static bool
read_certificates(struct ag_part *part, struct ag_list *list, void *arg)
{
	(void)arg;
	return ag_certificates_read(&part->certificates, list);
}

/* All files of a key as one part; NULL: there is none. */
static const struct ag_part *
take_together(struct loader *loader, struct ag_scope *scope, enum ag_key key,
    struct ag_wanted wanted)
{
	struct files files = files_of(loader, scope, key);

	wanted.shown = files.shown;
	wanted.n = files.n;
	wanted.named = &scope->values->value[key];
	return take_list(loader, scope, wanted);
}

static void
load_domain_lists(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;
	const struct ag_part *part = NULL;

	if (policy->server.values->value[AG_KEY_LOCAL_DOMAINS].text.len > 0)
		part =
		    take_together(loader, &policy->server, AG_KEY_LOCAL_DOMAINS,
			(struct ag_wanted){ .kind = AG_PART_DOMAINS,
			    .read = read_domain_list,
			    .finish = finish_domain_list });
	if (part != NULL)
		policy->domains.listed = &part->domains;
}

static void
load_kill(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;
	struct files files = files_of(loader, &policy->server, AG_KEY_KILL);
	struct ag_arena *arena = &policy->arena;

	for (size_t i = 0; i < files.n; i++) {
		const struct ag_part *part = take_list(loader, &policy->server,
		    (struct ag_wanted){ .kind = AG_PART_KILL,
			.shown = &files.shown[i],
			.n = 1,
			.named = &policy->server.values->value[AG_KEY_KILL],
			.depends = loader->form_digest,
			.read = read_kill_list,
			.finish = finish_nets });

		if (part == NULL)
			continue;
		ag_nets_row_add(&policy->kill, arena, files.n, part->nets);
		ag_names_row_add(&policy->kill_logins, arena, files.n,
		    &part->logins);
		ag_names_row_add(&policy->kill_senders, arena, files.n,
		    &part->senders);
	}
}

/* ---- networks that are trusted ---- */

/* What [relay] allow says, which stands in an INI file. */
static bool
finish_allow(struct ag_part *part, struct ag_diag *diag, void *arg)
{
	const struct ag_value *allow = arg;
	struct ag_list list = { .text = allow->text,
		.at = allow->origin,
		.arena = &part->arena,
		.diag = diag };

	if (allow->origin.file != NULL)
		list.at.file =
		    ag_arena_str(&part->arena, ag_str(allow->origin.file)).ptr;
	return begin_nets(part) && ag_list_words(&list, part->nets) &&
	    ag_nets_finish(part->nets, diag);
}

static uint64_t
digest_of_value(const struct ag_value *value)
{
	uint64_t line = value->origin.line;
	uint64_t digest = XXH3_64bits(&line, sizeof(line));

	if (value->origin.file != NULL)
		digest = XXH3_64bits_withSeed(value->origin.file,
		    strlen(value->origin.file), digest);
	return XXH3_64bits_withSeed(value->text.len > 0 ? value->text.ptr : "",
	    value->text.len, digest);
}

static const struct ag_part *
take_allow(struct loader *loader, struct ag_scope *scope)
{
	struct ag_value allow = scope->values->value[AG_KEY_RELAY_ALLOW];

	return take_list(loader, scope,
	    (struct ag_wanted){ .kind = AG_PART_ALLOW,
		.shown = &scope->file,
		.named = &allow,
		.depends = digest_of_value(&allow),
		.finish = finish_allow,
		.arg = &allow });
}

/* Each file that a key names as a part of its own, in a row. */
static void
load_row(struct loader *loader, struct ag_scope *scope, enum ag_key key,
    enum ag_part_kind kind, struct ag_nets_row *row, size_t room)
{
	struct files files = files_of(loader, scope, key);

	for (size_t i = 0; i < files.n; i++) {
		const struct ag_part *part = take_list(loader, scope,
		    (struct ag_wanted){ .kind = kind,
			.shown = &files.shown[i],
			.n = 1,
			.named = &scope->values->value[key],
			.depends = loader->form_digest,
			.read = read_relay_list,
			.finish = finish_nets });

		if (part != NULL)
			ag_nets_row_add(row, &loader->policy->arena, room,
			    part->nets);
	}
}

/* [relay] allow, [relay] file and [lists] relay of one file are one list. */
static void
load_relay(struct loader *loader, struct ag_scope *scope)
{
	bool server = scope == &loader->policy->server;
	const struct ag_value *allow =
	    &scope->values->value[AG_KEY_RELAY_ALLOW];
	size_t room = 1 + files_of(loader, scope, AG_KEY_RELAY_FILE).n +
	    files_of(loader, scope, AG_KEY_RELAY).n;
	const struct ag_part *part = NULL;

	/* the default is the server's; a domain's own list begins empty */
	if (server || ag_value_is_given(allow))
		part = take_allow(loader, scope);
	if (part != NULL)
		ag_nets_row_add(&scope->relay, &loader->policy->arena, room,
		    part->nets);
	load_row(loader, scope, AG_KEY_RELAY_FILE, AG_PART_RELAY, &scope->relay,
	    room);
	if (server)
		load_row(loader, scope, AG_KEY_RELAY, AG_PART_RELAY,
		    &scope->relay, room);
}

/* A domain that names no such list has the server's. */
static void
load_from_exempt(struct loader *loader, struct ag_scope *scope)
{
	load_row(loader, scope, AG_KEY_FROM_HEADER_EXEMPT, AG_PART_EXEMPT,
	    &scope->from_exempt,
	    files_of(loader, scope, AG_KEY_FROM_HEADER_EXEMPT).n);
}

/* ---- other lists ---- */

static void
load_senders(struct loader *loader)
{
	const struct ag_part *part =
	    take_together(loader, &loader->policy->server, AG_KEY_SENDER_LOGINS,
		(struct ag_wanted){ .kind = AG_PART_SENDERS,
		    .depends = loader->form_digest,
		    .read = read_sender_map,
		    .finish = finish_sender_map });

	if (part != NULL)
		loader->policy->senders = part->map;
}

static void
load_certificates(struct loader *loader)
{
	const struct ag_part *part =
	    take_together(loader, &loader->policy->server, AG_KEY_CERTIFICATES,
		(struct ag_wanted){ .kind = AG_PART_CERTIFICATES,
		    .depends = loader->form_digest,
		    .read = read_certificates });

	if (part != NULL)
		loader->policy->certificates = &part->certificates;
}

static void
load_accounts(struct loader *loader, struct ag_scope *scope)
{
	const struct ag_part *part;

	if (scope->values->value[AG_KEY_ACCOUNTS].text.len == 0)
		return;
	part = take_together(loader, scope, AG_KEY_ACCOUNTS,
	    (struct ag_wanted){ .kind = AG_PART_ACCOUNTS,
		.depends = XXH3_64bits_withSeed(scope->name.ptr,
		    scope->name.len, loader->form_digest),
		.read = read_accounts,
		.arg = scope });
	if (part != NULL)
		scope->accounts = &part->accounts;
}

/* ---- all of it ---- */

static void
load_domains(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	load_domain_files(loader);
	for (uint32_t i = 0; i < policy->nfiles; i++)
		claim_name(loader, i);
	for (uint32_t i = 0; i < policy->nfiles && has_memory(loader); i++)
		claim_aliases(loader, i);
	claim_names_only(loader);
	if (has_memory(loader) && !loader->taker.asked->form_only)
		load_domain_lists(loader);
	ag_domains_trim(&policy->domains);
}

static void
load_scope(struct loader *loader, struct ag_scope *scope)
{
	ag_compile_domain(loader->policy, scope);
	load_relay(loader, scope);
	load_from_exempt(loader, scope);
	load_accounts(loader, scope);
}

static uint64_t
digest_of_key(const struct loader *loader, enum ag_key key, uint64_t seed)
{
	struct ag_str text = loader->policy->server.values->value[key].text;

	return XXH3_64bits_withSeed(text.len > 0 ? text.ptr : "", text.len,
	    seed);
}

/* A number made of all that decides how a login in a list is read. */
static uint64_t
digest_of_form(const struct loader *loader)
{
	static const enum ag_key keys[] = { AG_KEY_REALM, AG_KEY_REALM_REPLACES,
		AG_KEY_WINDOWS_DOMAINS, AG_KEY_RECIPIENT_DELIMITER };
	const struct ag_domains *domains = &loader->policy->domains;
	uint64_t digest = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		digest = digest_of_key(loader, keys[i], digest);
	for (uint32_t id = ag_strmap_first(&domains->aliases); id != AG_NO_ID;
	    id = ag_strmap_next(&domains->aliases, id)) {
		struct ag_str alias = ag_strmap_key(&domains->aliases, id);
		struct ag_str owner = ag_domains_fold(domains, alias);

		digest = XXH3_64bits_withSeed(alias.ptr, alias.len, digest);
		digest = XXH3_64bits_withSeed(owner.ptr, owner.len, digest);
	}
	return digest;
}

/* A number made of all parts, and of what has none. */
static uint64_t
digest_of_policy(const struct loader *loader)
{
	const struct ag_part *const *part = loader->policy->parts.items;
	const char *const *name = loader->names_only.items;
	uint64_t digest = 0;

	for (size_t i = 0; i < loader->policy->parts.n; i++)
		digest = XXH3_64bits_withSeed(&part[i]->digest,
		    sizeof(part[i]->digest), digest);
	for (size_t i = 0; i < loader->names_only.n; i++)
		digest = XXH3_64bits_withSeed(name[i], strlen(name[i]), digest);
	return digest;
}

static void
load_lists(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	loader->form_digest = digest_of_form(loader);
	/* first what needs most memory while it is read */
	load_senders(loader);
	load_certificates(loader);
	load_kill(loader);
	load_relay(loader, &policy->server);
	load_from_exempt(loader, &policy->server);
	for (size_t i = 0; i < policy->nfiles && has_memory(loader); i++)
		load_scope(loader, policy->files[i]);
}

static bool
is_good(const struct loader *loader)
{
	return has_memory(loader) && !loader->unusable && !loader->again &&
	    (keeps(loader) || loader->taker.asked->form_only ||
		loader->diag.errors == 0);
}

/* Without memory no step is taken on what the one before it left. */
static void
load_all(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	load_settings(loader);
	if (!has_memory(loader) || policy->server.values == NULL)
		return;
	load_domains(loader);
	if (!has_memory(loader))
		return;
	ag_compile_server(policy);
	if (loader->taker.asked->form_only)
		return;
	load_lists(loader);
	if (!has_memory(loader) || loader->again || loader->unusable)
		return;
	ag_take_sources(&loader->taker);
	policy->digest = digest_of_policy(loader);
	ag_compile_finish(policy);
	ag_compile_check(policy, &loader->diag);
	/* what is in error says nothing yet */
	if (!is_good(loader))
		return;
	ag_doubts_report(policy, &loader->diag);
	doubt_strays(loader);
}

bool
ag_policy_peek(const char *path, enum ag_key key, struct ag_buf *out)
{
	struct ag_arena arena = { 0 };
	struct ag_diag diag = { 0 };
	struct ag_values *values = ag_arena_alloc(&arena, sizeof(*values));
	struct ag_str text;
	int error = values != NULL ? ag_file_read(path, &text) : ENOMEM;

	if (error == 0) {
		ag_values_init(values);
		ag_ini_read(values, text, path, AG_SERVER, &arena, &diag);
		ag_buf_str(out, values->value[key].text);
		free((char *)text.ptr);
	}
	ag_arena_free(&arena);
	errno = error;
	return error == 0;
}

static bool
is_missing(const char *path)
{
	return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

static const char *
name_in_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* A policy with nothing in it; NULL: no memory. */
static struct ag_policy *
new_policy(void)
{
	static const struct ag_certificates no_certificates;
	struct ag_policy *policy = calloc(1, sizeof(*policy));

	if (policy == NULL)
		return NULL;
	atomic_init(&policy->shares, 1);
	policy->certificates = &no_certificates;
	return policy;
}

/* The one that was begun before is no good. */
static bool
begin_attempt(struct loader *loader)
{
	if (loader->policy != NULL)
		ag_policy_free(loader->policy);
	loader->again = false;
	ag_vec_free(&loader->strays);
	ag_vec_free(&loader->names_only);
	loader->policy = loader->taker.policy = new_policy();
	return loader->policy != NULL;
}

static void
try_all(struct loader *loader)
{
	do {
		if (!begin_attempt(loader)) {
			check_memory(loader, false);
			return;
		}
		load_all(loader);
	} while (loader->again && !loader->unusable && has_memory(loader));
}

static void
free_loader(struct loader *loader)
{
	ag_vec_free(&loader->strays);
	ag_vec_free(&loader->names_only);
	ag_vec_free(&loader->held);
	ag_record_free(&loader->found);
	ag_strmap_free(&loader->told);
	ag_taker_free(&loader->taker);
}

/* What came of it; the policy is given back where that is none. */
static enum ag_load_status
finish(struct loader *loader, const struct ag_policy **policy)
{
	bool memory = loader->policy != NULL && has_memory(loader);

	if (memory && is_good(loader)) {
		*policy = loader->policy;
		return AG_LOAD_OK;
	}
	if (loader->policy != NULL)
		ag_policy_free(loader->policy);
	return memory && !loader->taker.may_pass ? AG_LOAD_UNUSABLE :
						   AG_LOAD_NOT_NOW;
}

enum ag_load_status
ag_policy_load_with(struct ag_loading *loading, const struct ag_policy **policy)
{
	struct loader loader = { .main = name_in_folder(loading->path) };
	struct ag_origin at = { loader.main, 0 };
	enum ag_load_status status;

	*policy = NULL;
	loader.diag = (struct ag_diag){ .emit = tell_once, .arg = &loader };
	loader.taker.asked = loading;
	loader.taker.diag = &loader.diag;
	if (!keeps(&loader) && is_missing(loading->path)) {
		int error;

		if (loading->reading != NULL)
			loading->reading->file(loading->reading->arg, at.file,
			    ag_file_look(loading->path, &error),
			    ag_file_fingerprint(ENOENT, ag_str(NULL)), true);
		ag_diag_report(loading->diag, AG_ERROR, &at,
		    "there is no such file");
		return AG_LOAD_NO_FILE;
	}
	try_all(&loader);
	ag_record_tell(&loader.found, loading->diag);
	if (loader.policy == NULL || !has_memory(&loader))
		ag_diag_report(loading->diag, AG_ERROR, &at, NO_MEMORY);
	loading->may_pass = loader.taker.may_pass;
	status = finish(&loader, policy);
	free_loader(&loader);
	return status;
}

enum ag_load_status
ag_policy_load(const char *path, struct ag_diag *diag,
    const struct ag_policy **policy)
{
	struct ag_loading loading = { .path = path, .diag = diag };

	return ag_policy_load_with(&loading, policy);
}

enum ag_load_status
ag_policy_load_form(const char *path, struct ag_diag *diag,
    const struct ag_policy **policy)
{
	struct ag_loading loading = { .path = path,
		.diag = diag,
		.form_only = true };

	return ag_policy_load_with(&loading, policy);
}
