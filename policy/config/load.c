/*
 * Reads the main file, the files of domains, and the lists they name, in the
 * order in which one needs the other: which domains are ours decides how a
 * login in a list is read.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/base/file.h"
#include "policy/config/compile.h"
#include "policy/config/doubts.h"
#include "policy/config/ini.h"
#include "policy/config/lists.h"
#include "policy/config/words.h"

#define NO_MEMORY "there is not enough memory"

struct loader {
	const char *path; /* of the main file, as given */
	const char *main; /* its name beside the others */
	struct ag_policy *policy;
	const struct ag_policy *in_force; /* NULL: nothing is held back */
	bool keeps_texts;                 /* for the next one */
	const struct ag_reading *reading; /* may be NULL */
	struct ag_diag *diag;
	unsigned errors; /* before */
	bool no_memory;
	bool may_pass;        /* something cannot be read, for now */
	struct ag_vec strays; /* const char *: other names in domains/ */
};

static void
check_memory(struct loader *loader, bool ok)
{
	loader->no_memory = loader->no_memory || !ok;
}

static bool
has_memory(const struct loader *loader)
{
	return !loader->no_memory && !loader->policy->arena.failed;
}

static void
tell(struct loader *loader, const char *shown, int error, struct ag_str text)
{
	loader->may_pass = loader->may_pass || ag_file_error_may_pass(error);
	if (loader->reading != NULL)
		loader->reading->file(loader->reading->arg, shown,
		    ag_file_fingerprint(error, text));
}

static struct ag_origin
whole_file(const char *file)
{
	return (struct ag_origin){ file, 0 };
}

/* Who can write there says what is refused. */
static void
doubt_writers(struct loader *loader, const char *path, const char *shown,
    const char *why)
{
	struct ag_origin at = whole_file(shown);

	if (path != NULL && ag_file_is_open_to_all(path))
		ag_diag_report(loader->diag, AG_WARNING, &at, "%s", why);
}

/*
 * Reads a file by the name that findings show, which is relative to the main
 * file's folder.  The caller frees text->ptr.
 */
static int
read_shown(struct loader *loader, const char *shown, struct ag_str *text)
{
	const char *path =
	    ag_file_beside(&loader->policy->arena, loader->path, ag_str(shown));
	int error;

	*text = ag_str(NULL);
	error = path != NULL ? ag_file_read(path, text) : ENOMEM;
	tell(loader, shown, error, *text);
	if (error == 0)
		doubt_writers(loader, path, shown,
		    "everybody may write to this file");
	return error;
}

static const char *
reason(int error)
{
	if (error == EFBIG)
		return "it is larger than 1 GB";
	return error == EISDIR ? "not a regular file" : strerror(error);
}

/* What is known of a file in the policy in force; NULL: nothing. */
static const struct ag_source *
source_in_force(const struct loader *loader, const char *shown)
{
	const struct ag_source *source;

	if (loader->in_force == NULL)
		return NULL;
	source = loader->in_force->sources.items;
	for (size_t i = 0; i < loader->in_force->sources.n; i++)
		if (strcmp(source[i].shown, shown) == 0)
			return &source[i];
	return NULL;
}

/* Keeps what a list says; what it said before is not packed again. */
static void
keep_text(struct loader *loader, struct ag_source *source, struct ag_str text)
{
	const struct ag_source *before = source_in_force(loader, source->shown);

	if (before != NULL && ag_packed_is(&before->text, text))
		source->text = ag_packed_share(&before->text);
	else
		check_memory(loader, ag_packed_make(&source->text, text));
}

/* Remembers a file, and of a list, if need be, what it says. */
static void
add_source(struct loader *loader, const char *shown, struct ag_str text)
{
	struct ag_source *source =
	    ag_vec_add(&loader->policy->sources, sizeof(*source));

	check_memory(loader, source != NULL);
	if (source == NULL)
		return;
	source->shown = shown;
	if (loader->keeps_texts && text.len > 0)
		keep_text(loader, source, text);
}

/* Every file counts, in the order in which they are read. */
static void
digest(struct ag_policy *policy, const char *shown, struct ag_str text)
{
	uint64_t name =
	    XXH3_64bits_withSeed(shown, strlen(shown) + 1, policy->digest);

	policy->digest =
	    XXH3_64bits_withSeed(text.len > 0 ? text.ptr : "", text.len, name);
}

/* ---- INI files ---- */

static void
read_ini(struct loader *loader, struct ag_scope *scope, enum ag_place place)
{
	struct ag_origin at = whole_file(scope->file);
	struct ag_str text;
	int error = read_shown(loader, scope->file, &text);

	add_source(loader, scope->file, ag_str(NULL));
	digest(loader->policy, scope->file, text);
	ag_values_init(&scope->values);
	if (error == 0)
		ag_ini_read(&scope->values, text, scope->file, place,
		    &loader->policy->arena, loader->diag);
	else
		ag_diag_report(loader->diag, AG_ERROR, &at,
		    "the file cannot be read: %s", reason(error));
	free((char *)text.ptr);
}

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
remember_name(struct loader *loader, const char *name)
{
	const char **place = ag_vec_add(&loader->strays, sizeof(*place));

	check_memory(loader, place != NULL);
	if (place != NULL)
		*place = ag_arena_str(&loader->policy->arena, ag_str(name)).ptr;
}

/* Whether a file was read by another name, which begins with "/" or "..". */
static bool
is_read_by_another_name(struct loader *loader, const char *path)
{
	const struct ag_source *source = loader->policy->sources.items;

	for (size_t i = 0; i < loader->policy->sources.n; i++)
		if ((source[i].shown[0] == '/' ||
			strstr(source[i].shown, "..") != NULL) &&
		    ag_file_is_same(path,
			ag_file_beside(&loader->policy->arena, loader->path,
			    ag_str(source[i].shown))))
			return true;
	return false;
}

static void
doubt_stray(struct loader *loader, const char *name, const char *shown)
{
	struct ag_origin at = whole_file("domains");
	const char *path =
	    ag_file_beside(&loader->policy->arena, loader->path, ag_str(shown));

	if (path != NULL && ag_file_is_regular(path) &&
	    !is_read_by_another_name(loader, path))
		ag_diag_report(loader->diag, AG_WARNING, &at,
		    "%s is not read: the name of a domain's file ends in .ini",
		    AG_SHOWN(ag_str(name)));
}

/* The names of all files that were read, as findings show them. */
static bool
map_sources(const struct loader *loader, struct ag_strmap *map)
{
	const struct ag_source *source = loader->policy->sources.items;

	for (size_t i = 0; i < loader->policy->sources.n; i++)
		if (ag_strmap_put(map, ag_str(source[i].shown)) == AG_NO_ID)
			return false;
	return true;
}

/* So many are looked at. */
#define STRAYS 32

/* What lies in domains/ and is no list either, when all is read. */
static void
doubt_strays(struct loader *loader)
{
	const char *const *name = loader->strays.items;
	struct ag_strmap read = { 0 };
	unsigned looked = 0;

	check_memory(loader,
	    loader->strays.n == 0 || map_sources(loader, &read));
	for (size_t i = 0;
	    i < loader->strays.n && has_memory(loader) && looked < STRAYS;
	    i++) {
		char shown[AG_PATH_MAX];
		struct ag_buf buf = AG_BUF(shown);

		ag_buf_printf(&buf, "domains/%s", name[i]);
		if (ag_strmap_find(&read, ag_buf_get(&buf)) != AG_NO_ID)
			continue;
		doubt_stray(loader, name[i], shown);
		looked++;
	}
	ag_strmap_free(&read);
}

/* Reads domains/NAME.ini; NAME is the domain. */
static void
read_domain_file(struct loader *loader, const char *file)
{
	struct ag_policy *policy = loader->policy;
	struct ag_scope *scope = ag_arena_alloc(&policy->arena, sizeof(*scope));
	struct ag_str stem = ag_str_head(ag_str(file), strlen(file) - 4);
	char shown[AG_PATH_MAX], name[AG_DOMAIN_MAX + 1], reason_text[300];
	struct ag_buf buf = AG_BUF(shown), why = AG_BUF(reason_text);
	struct ag_origin at;

	ag_buf_printf(&buf, "domains/%s", file);
	at = whole_file(ag_arena_str(&policy->arena, ag_buf_get(&buf)).ptr);
	if (scope == NULL || at.file == NULL)
		return;
	scope->file = at.file;
	read_ini(loader, scope, AG_DOMAIN);
	if (!ag_word_check(AG_WORD_DOMAIN, stem, &why)) {
		ag_diag_report(loader->diag, AG_ERROR, &at,
		    "%s %s; the file's name is the domain", AG_SHOWN(stem),
		    reason_text);
		return;
	}
	ag_domain_parse(stem, name);
	scope->name = ag_arena_str(&policy->arena, ag_str(name));
	policy->files[policy->nfiles++] = scope;
}

static void
read_domain_entry(struct loader *loader, const char *name)
{
	if (is_ini(name))
		read_domain_file(loader, name);
	else if (is_misnamed(name))
		remember_name(loader, name);
}

static void
read_domain_files(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;
	const char *path =
	    ag_file_beside(&policy->arena, loader->path, ag_str("domains"));
	struct ag_origin at = whole_file("domains");
	struct dirent **entry = NULL;
	int n = path != NULL ? scandir(path, &entry, NULL, alphasort) : 0;

	if (n < 0) {
		loader->may_pass =
		    loader->may_pass || ag_file_error_may_pass(errno);
		if (errno != ENOENT)
			ag_diag_report(loader->diag, AG_ERROR, &at,
			    "the folder cannot be read: %s", strerror(errno));
		return;
	}
	doubt_writers(loader, path, at.file,
	    "everybody may put files into this folder");
	policy->files = ag_arena_array(&policy->arena, (size_t)n + 1,
	    sizeof(struct ag_scope *));
	for (int i = 0; i < n; i++) {
		if (has_memory(loader))
			read_domain_entry(loader, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
}

/* ---- which domains are ours ---- */

static void
claim_name(struct loader *loader, uint32_t number)
{
	struct ag_scope *scope = loader->policy->files[number];
	struct ag_origin at = whole_file(scope->file);
	struct ag_str subdomains = scope->values.value[AG_KEY_SUBDOMAINS].text;

	check_memory(loader,
	    ag_domains_add_file(&loader->policy->domains, scope->name, number,
		ag_str_eq(subdomains, ag_str("yes")), &at, loader->diag));
}

static void
claim_aliases(struct loader *loader, uint32_t number)
{
	struct ag_scope *scope = loader->policy->files[number];
	const struct ag_value *value = &scope->values.value[AG_KEY_ALIASES];
	struct ag_str rest = value->text, word;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word)) {
		char name[AG_DOMAIN_MAX + 1];

		ag_domain_parse(word, name);
		check_memory(loader,
		    ag_domains_add_alias(&loader->policy->domains, ag_str(name),
			scope->name, &value->origin, loader->diag));
	}
}

/* ---- lists ---- */

/* What to do with the text of one list. */
typedef bool read_list_fn(struct ag_list *list, struct loader *loader,
    void *arg);

static void
drop_mark(struct ag_list *list)
{
	if (ag_str_drop_mark(&list->text))
		ag_diag_report(list->diag, AG_WARNING, &list->at,
		    "the file begins with a byte order mark; save it as plain "
		    "UTF-8");
}

/* What a list said when it was read for the policy in force; to be freed. */
static struct ag_str
text_in_force(struct loader *loader, const char *shown)
{
	const struct ag_source *source = source_in_force(loader, shown);
	struct ag_str text = ag_str(NULL);

	if (source != NULL)
		check_memory(loader, ag_packed_open(&source->text, &text));
	return text;
}

/* Puts what the list said in place of nothing. */
static void
hold_back(struct loader *loader, const char *shown, struct ag_str *text)
{
	struct ag_origin at = whole_file(shown);
	struct ag_str old;

	if (text->len > 0)
		return;
	old = text_in_force(loader, shown);
	if (!ag_list_has_entries(old)) {
		free((char *)old.ptr);
		return;
	}
	free((char *)text->ptr);
	*text = old;
	ag_diag_report(loader->diag, AG_WARNING, &at,
	    "the file has no bytes; its old content stays until it has some, "
	    "or until SIGHUP");
}

static void
read_list(struct loader *loader, const char *shown,
    const struct ag_value *value, read_list_fn *read, void *arg)
{
	struct ag_list list = { .at = whole_file(shown),
		.arena = &loader->policy->arena,
		.diag = loader->diag,
		.form = &loader->policy->form };
	struct ag_str text = ag_str(NULL);
	int error = shown != NULL ? read_shown(loader, shown, &text) : ENOMEM;

	if (error == 0) {
		hold_back(loader, shown, &text);
		digest(loader->policy, shown, text);
		list.text = text;
		drop_mark(&list);
		check_memory(loader, read(&list, loader, arg));
	} else if (error != ENOENT || ag_value_is_given(value)) {
		/* the lists that are there by default may be absent */
		ag_diag_report(loader->diag, AG_ERROR,
		    ag_value_is_given(value) ? &value->origin : &list.at,
		    "%s cannot be read: %s", shown, reason(error));
	}
	if (shown != NULL)
		add_source(loader, shown, text);
	free((char *)text.ptr);
}

/* Reads each file that a value names, relative to the file it stands in. */
static void
read_lists(struct loader *loader, const struct ag_scope *scope, enum ag_key key,
    read_list_fn *read, void *arg)
{
	const struct ag_value *value = &scope->values.value[key];
	struct ag_str rest = value->text, word;

	while (ag_str_word(&rest, AG_WORD_SEPARATORS, &word))
		read_list(loader,
		    ag_file_beside(&loader->policy->arena, scope->file, word),
		    value, read, arg);
}

static bool
read_domain_list(struct ag_list *list, struct loader *loader, void *arg)
{
	(void)arg;
	return ag_list_domains(list, &loader->policy->domains);
}

static bool
read_kill_list(struct ag_list *list, struct loader *loader, void *arg)
{
	struct ag_policy *policy = loader->policy;

	return ag_list_kill(list, arg, &policy->kill_logins,
	    &policy->kill_senders);
}

static bool
read_relay_list(struct ag_list *list, struct loader *loader, void *arg)
{
	(void)loader;
	list->relay = true;
	return ag_list_networks(list, arg);
}

static bool
read_sender_map(struct ag_list *list, struct loader *loader, void *arg)
{
	(void)arg;
	return ag_list_senders(list, loader->policy->senders);
}

static bool
read_accounts(struct ag_list *list, struct loader *loader, void *arg)
{
	struct ag_scope *scope = arg;

	(void)loader;
	return ag_list_accounts(list, scope->name, &scope->accounts);
}

static bool
read_certificates(struct ag_list *list, struct loader *loader, void *arg)
{
	(void)arg;
	return ag_certificates_read(&loader->policy->certificates, list);
}

static struct ag_nets *
begin_nets(struct loader *loader)
{
	struct ag_nets *nets = ag_nets_new();

	check_memory(loader, nets != NULL);
	return nets;
}

static void
finish_nets(struct loader *loader, struct ag_nets *nets)
{
	if (has_memory(loader))
		check_memory(loader, ag_nets_finish(nets, loader->diag));
}

static void
load_kill(struct loader *loader)
{
	struct ag_nets *nets = begin_nets(loader);

	loader->policy->kill = nets;
	if (nets == NULL)
		return;
	read_lists(loader, &loader->policy->server, AG_KEY_KILL, read_kill_list,
	    nets);
	finish_nets(loader, nets);
}

/* [relay] allow, [relay] file and [lists] relay of one file are one list. */
static void
load_relay(struct loader *loader, struct ag_scope *scope)
{
	const struct ag_value *allow = &scope->values.value[AG_KEY_RELAY_ALLOW];
	bool server = scope == &loader->policy->server;
	struct ag_list list = { .text = allow->text,
		.at = allow->origin,
		.arena = &loader->policy->arena,
		.diag = loader->diag };
	struct ag_nets *nets = begin_nets(loader);

	scope->relay = nets;
	if (nets == NULL)
		return;
	/* the default is the server's; a domain's own list begins empty */
	if (server || ag_value_is_given(allow))
		check_memory(loader, ag_list_words(&list, nets));
	read_lists(loader, scope, AG_KEY_RELAY_FILE, read_relay_list, nets);
	if (server)
		read_lists(loader, scope, AG_KEY_RELAY, read_relay_list, nets);
	finish_nets(loader, nets);
}

/* A domain that names no such list has the server's. */
static void
load_from_exempt(struct loader *loader, struct ag_scope *scope)
{
	struct ag_nets *nets = begin_nets(loader);

	scope->from_exempt = nets;
	if (nets == NULL)
		return;
	read_lists(loader, scope, AG_KEY_FROM_HEADER_EXEMPT, read_relay_list,
	    nets);
	finish_nets(loader, nets);
}

static void
load_senders(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	policy->senders = ag_senders_new();
	check_memory(loader, policy->senders != NULL);
	if (policy->senders == NULL)
		return;
	read_lists(loader, &policy->server, AG_KEY_SENDER_LOGINS,
	    read_sender_map, NULL);
	if (has_memory(loader))
		check_memory(loader,
		    ag_senders_finish(policy->senders, loader->diag));
}

static void
load_accounts(struct loader *loader, struct ag_scope *scope)
{
	scope->has_accounts = scope->values.value[AG_KEY_ACCOUNTS].text.len > 0;
	read_lists(loader, scope, AG_KEY_ACCOUNTS, read_accounts, scope);
}

/* ---- all of it ---- */

static void
load_domains(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	read_domain_files(loader);
	for (uint32_t i = 0; i < policy->nfiles; i++)
		claim_name(loader, i);
	for (uint32_t i = 0; i < policy->nfiles && has_memory(loader); i++)
		claim_aliases(loader, i);
	read_lists(loader, &policy->server, AG_KEY_LOCAL_DOMAINS,
	    read_domain_list, NULL);
	ag_domains_trim(&policy->domains);
}

static void
load_domain_lists(struct loader *loader, struct ag_scope *scope)
{
	ag_compile_domain(loader->policy, scope);
	load_relay(loader, scope);
	load_from_exempt(loader, scope);
	load_accounts(loader, scope);
}

/* NULL: no memory. */
static const char *
folder_of(const struct loader *loader)
{
	return ag_file_beside(&loader->policy->arena, loader->path,
	    ag_str("."));
}

/* Without memory no step is taken on what the one before it left. */
static void
load_all(struct loader *loader)
{
	struct ag_policy *policy = loader->policy;

	read_ini(loader, &policy->server, AG_SERVER);
	doubt_writers(loader, folder_of(loader), loader->main,
	    "everybody may put files into its folder");
	if (has_memory(loader))
		load_domains(loader);
	if (!has_memory(loader))
		return;
	ag_compile_server(policy);
	/* first what needs most memory while it is read */
	load_senders(loader);
	read_lists(loader, &policy->server, AG_KEY_CERTIFICATES,
	    read_certificates, NULL);
	load_kill(loader);
	load_relay(loader, &policy->server);
	load_from_exempt(loader, &policy->server);
	for (size_t i = 0; i < policy->nfiles && has_memory(loader); i++)
		load_domain_lists(loader, policy->files[i]);
	if (!has_memory(loader))
		return;
	ag_compile_finish(policy);
	ag_compile_check(policy, loader->diag);
	/* what is in error says nothing yet */
	if (loader->diag->errors > loader->errors)
		return;
	ag_doubts_report(policy, loader->diag);
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

static enum ag_load_status
load(struct loader loader, const struct ag_policy **policy)
{
	const char *path = loader.path;
	struct ag_diag *diag = loader.diag;
	struct ag_origin at = { name_in_folder(path), 0 };

	loader.errors = diag->errors;
	*policy = NULL;
	if (is_missing(path)) {
		tell(&loader, at.file, ENOENT, ag_str(NULL));
		ag_diag_report(diag, AG_ERROR, &at, "there is no such file");
		return AG_LOAD_NO_FILE;
	}
	loader.policy = calloc(1, sizeof(*loader.policy));
	if (loader.policy != NULL)
		loader.main =
		    ag_arena_str(&loader.policy->arena, ag_str(at.file)).ptr;
	if (loader.main == NULL) {
		ag_diag_report(diag, AG_ERROR, &at, NO_MEMORY);
		if (loader.policy != NULL)
			ag_policy_free(loader.policy);
		return AG_LOAD_NOT_NOW;
	}
	loader.policy->server.file = loader.main;
	atomic_init(&loader.policy->shares, 1);
	load_all(&loader);
	ag_vec_free(&loader.strays);
	if (!has_memory(&loader))
		ag_diag_report(diag, AG_ERROR, &at, NO_MEMORY);
	if (diag->errors > loader.errors) {
		bool may_pass = loader.may_pass || !has_memory(&loader);

		ag_policy_free(loader.policy);
		return may_pass ? AG_LOAD_NOT_NOW : AG_LOAD_UNUSABLE;
	}
	*policy = loader.policy;
	return AG_LOAD_OK;
}

enum ag_load_status
ag_policy_load(const char *path, struct ag_diag *diag,
    const struct ag_policy **policy)
{
	return load((struct loader){ .path = path, .diag = diag }, policy);
}

enum ag_load_status
ag_policy_load_beside(const char *path, const struct ag_policy *in_force,
    const struct ag_reading *reading, struct ag_diag *diag,
    const struct ag_policy **policy)
{
	return load((struct loader){ .path = path,
			.in_force = in_force,
			.keeps_texts = true,
			.reading = reading,
			.diag = diag },
	    policy);
}
