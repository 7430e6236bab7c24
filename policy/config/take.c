/* take.c - shares, makes or keeps each part of a policy */
#include "policy/config/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "policy/base/file.h"
#include "policy/config/fault.h"

/* A file, as this load found it. */
struct seen {
	const char *shown;
	uint64_t look;
	uint64_t fingerprint;
	int error;
	char *text; /* what it gave, until a part takes it; or NULL */
	size_t len;
};

static void
check_memory(struct ag_taker *taker, bool ok)
{
	taker->no_memory = taker->no_memory || !ok;
}

bool
ag_taker_keeps(const struct ag_taker *taker)
{
	return taker->asked->in_force != NULL || taker->asked->good != NULL;
}

void
ag_taker_free(struct ag_taker *taker)
{
	struct seen *seen = taker->seen.items;
	const struct ag_part **part = taker->made.items;

	for (size_t i = 0; i < taker->seen.n; i++)
		free(seen[i].text);
	for (size_t i = 0; i < taker->made.n; i++)
		ag_part_unref(part[i]);
	ag_vec_free(&taker->seen);
	ag_vec_free(&taker->made);
	ag_strmap_free(&taker->names);
	ag_strmap_free(&taker->digests);
	ag_arena_free(&taker->arena);
}

const char *
ag_take_reason(int error)
{
	if (error == EFBIG)
		return "it is larger than 1 GB";
	return error == EISDIR ? "not a regular file" : strerror(error);
}

void
ag_take_doubt_writers(struct ag_taker *taker, const char *path,
    const char *shown, const char *why)
{
	struct ag_origin at = { shown, 0 };

	if (path != NULL && ag_file_is_open_to_all(path))
		ag_diag_report(taker->diag, AG_WARNING, &at, "%s", why);
}

/* ---- files ---- */

static struct ag_str
bytes_of(const uint64_t *number)
{
	return (struct ag_str){ (const char *)number, sizeof(*number) };
}

/* What the policy in force knows of a file; NULL: nothing. */
static const struct ag_source *
source_in_force(const struct ag_taker *taker, const char *shown)
{
	const struct ag_policy *policy = taker->asked->in_force;
	const struct ag_source *source;
	uint32_t id;

	if (policy == NULL)
		return NULL;
	id = ag_strmap_find(&policy->names, ag_str(shown));
	source = policy->sources.items;
	return id != AG_NO_ID ? &source[ag_strmap_number(&policy->names, id)] :
				NULL;
}

static void
read_text(struct ag_taker *taker, const char *path, struct seen *seen)
{
	struct ag_str text;

	seen->error = path != NULL ? ag_file_read(path, &text) : ENOMEM;
	if (seen->error != 0)
		text = ag_str(NULL);
	seen->text = (char *)text.ptr;
	seen->len = text.len;
	seen->fingerprint = ag_file_fingerprint(seen->error, text);
	taker->may_pass =
	    taker->may_pass || ag_file_error_may_pass(seen->error);
}

/* A file that looks as it did says what it said. */
static void
look_and_read(struct ag_taker *taker, struct seen *seen)
{
	const struct ag_source *before = source_in_force(taker, seen->shown);
	const char *path = ag_file_beside(&taker->policy->arena,
	    taker->asked->path, ag_str(seen->shown));
	bool fresh;

	seen->look = path != NULL ? ag_file_look(path, &seen->error) : 0;
	fresh = seen->error != 0 || before == NULL || taker->asked->rereads ||
	    before->look != seen->look;
	if (fresh)
		read_text(taker, path, seen);
	else
		seen->fingerprint = before->fingerprint;
	if (taker->asked->reading != NULL)
		taker->asked->reading->file(taker->asked->reading->arg,
		    seen->shown, seen->look, seen->fingerprint, fresh);
	ag_take_doubt_writers(taker, path, seen->shown,
	    "everybody may write to this file");
}

/* Its number among those seen; AG_NO_ID: no memory. */
static uint32_t
see(struct ag_taker *taker, const char *shown)
{
	uint32_t before = taker->names.n;
	uint32_t id = ag_strmap_put(&taker->names, ag_str(shown));
	struct seen *seen;

	if (id == AG_NO_ID || taker->names.n == before)
		return id == AG_NO_ID ? id :
					ag_strmap_number(&taker->names, id);
	seen = ag_vec_add(&taker->seen, sizeof(*seen));
	if (seen == NULL)
		return AG_NO_ID;
	ag_strmap_set_number(&taker->names, id, (uint32_t)taker->seen.n - 1);
	seen->shown = ag_arena_str(&taker->arena, ag_str(shown)).ptr;
	if (seen->shown == NULL)
		return AG_NO_ID;
	look_and_read(taker, seen);
	return (uint32_t)taker->seen.n - 1;
}

static struct seen *
seen_at(const struct ag_taker *taker, uint32_t number)
{
	return (struct seen *)taker->seen.items + number;
}

/* Its text, which is the caller's; it may have changed since it was seen. */
static struct ag_str
take_text(struct ag_taker *taker, struct seen *seen)
{
	struct ag_str text;

	if (seen->text == NULL && seen->error == 0)
		read_text(taker,
		    ag_file_beside(&taker->policy->arena, taker->asked->path,
			ag_str(seen->shown)),
		    seen);
	text = (struct ag_str){ seen->text, seen->len };
	seen->text = NULL;
	return text;
}

void
ag_take_sources(struct ag_taker *taker)
{
	struct ag_policy *policy = taker->policy;

	for (uint32_t i = 0; i < taker->seen.n; i++) {
		const struct seen *seen = seen_at(taker, i);
		struct ag_source *source =
		    ag_vec_add(&policy->sources, sizeof(*source));
		uint32_t id =
		    ag_strmap_put(&policy->names, ag_str(seen->shown));

		check_memory(taker, source != NULL && id != AG_NO_ID);
		if (taker->no_memory)
			return;
		source->shown =
		    ag_arena_str(&policy->arena, ag_str(seen->shown)).ptr;
		source->look = seen->look;
		source->fingerprint = seen->fingerprint;
		ag_strmap_set_number(&policy->names, id, i);
	}
}

/* ---- the texts of a part ---- */

/* Of each file of a part that is wanted. */
struct input {
	struct ag_str text; /* to be freed */
	uint64_t fingerprint;
	struct ag_str before; /* the last good one, where it is asked for */
	size_t entries_before;
};

static void
free_inputs(struct input *input, size_t n)
{
	for (size_t i = 0; input != NULL && i < n; i++) {
		free((char *)input[i].text.ptr);
		free((char *)input[i].before.ptr);
	}
	free(input);
}

/* A number made of what a part is made from. */
static uint64_t
digest_of(const struct ag_wanted *wanted, const struct input *input)
{
	uint64_t head[2] = { (uint64_t)wanted->kind, wanted->depends };
	uint64_t digest = XXH3_64bits(head, sizeof(head));

	for (size_t i = 0; i < wanted->n; i++) {
		digest = XXH3_64bits_withSeed(wanted->shown[i],
		    strlen(wanted->shown[i]) + 1, digest);
		digest = XXH3_64bits_withSeed(&input[i].fingerprint,
		    sizeof(input[i].fingerprint), digest);
	}
	return digest;
}

static const struct ag_part *
find_by_digest(const struct ag_vec *parts, const struct ag_strmap *digests,
    uint64_t digest)
{
	const struct ag_part *const *part = parts->items;
	uint32_t id = ag_strmap_find(digests, bytes_of(&digest));

	return id != AG_NO_ID ? part[ag_strmap_number(digests, id)] : NULL;
}

static const struct ag_part *
part_in_force(const struct ag_taker *taker, uint64_t digest)
{
	const struct ag_policy *policy = taker->asked->in_force;

	return policy != NULL ?
	    find_by_digest(&policy->parts, &policy->digests, digest) :
	    NULL;
}

/* One that was made from the same; NULL: none. */
static const struct ag_part *
find_part(const struct ag_taker *taker, uint64_t digest)
{
	const struct ag_part *part =
	    find_by_digest(&taker->made, &taker->digests, digest);

	return part != NULL ? part : part_in_force(taker, digest);
}

/* Adds a part, of which the caller's share is taken over. */
static bool
add_part(struct ag_vec *parts, struct ag_strmap *digests,
    const struct ag_part *part)
{
	const struct ag_part **place = ag_vec_add(parts, sizeof(*place));
	uint32_t id = ag_strmap_put(digests, bytes_of(&part->digest));

	if (place == NULL || id == AG_NO_ID) {
		if (place != NULL)
			parts->n--;
		ag_part_unref(part);
		return false;
	}
	*place = part;
	ag_strmap_set_number(digests, id, (uint32_t)parts->n - 1);
	return true;
}

/* Gives the policy a share of a part. */
static void
give(struct ag_taker *taker, const struct ag_part *part)
{
	check_memory(taker,
	    add_part(&taker->policy->parts, &taker->policy->digests,
		ag_part_ref(part)));
}

/* ---- what was last good ---- */

static bool
part_has_file(const struct ag_part *part, enum ag_part_kind kind,
    const char *shown, const struct ag_part_file **file)
{
	if (part->kind != kind)
		return false;
	for (size_t i = 0; i < part->nfiles; i++)
		if (strcmp(part->file[i].shown, shown) == 0) {
			*file = &part->file[i];
			return true;
		}
	return false;
}

/* What the policy in force was made from; NULL: it has no such file. */
static const struct ag_part_file *
file_in_force(const struct ag_taker *taker, enum ag_part_kind kind,
    const char *shown)
{
	const struct ag_policy *policy = taker->asked->in_force;
	const struct ag_part *const *part;
	const struct ag_part_file *file;

	if (policy == NULL)
		return NULL;
	part = policy->parts.items;
	for (size_t i = 0; i < policy->parts.n; i++)
		if (part_has_file(part[i], kind, shown, &file))
			return file;
	return NULL;
}

/* Whether there was no text to keep, and not only no place for it. */
static bool
is_empty(const struct ag_part_file *file)
{
	return file->fingerprint == ag_file_fingerprint(0, ag_str(NULL));
}

/* The last good text of a file, to be freed; false: none is known. */
static bool
find_good(struct ag_taker *taker, enum ag_part_kind kind, const char *shown,
    struct ag_str *text)
{
	const struct ag_part_file *file = file_in_force(taker, kind, shown);
	const struct ag_good *good = taker->asked->good;

	if (file == NULL)
		return good != NULL && good->text(good->arg, shown, text);
	if (file->text.bytes == NULL && !is_empty(file))
		return false;
	check_memory(taker, ag_packed_open(&file->text, text));
	return !taker->no_memory;
}

/* What the last good text was like; nothing where none is known. */
static struct ag_change
change_since_good(struct ag_taker *taker, enum ag_part_kind kind,
    const char *shown)
{
	const struct ag_part_file *file = file_in_force(taker, kind, shown);
	struct ag_change change = { .entries_before = 0 };
	struct ag_str text;

	if (file != NULL) {
		if (file->text.bytes != NULL)
			change.entries_before = file->entries;
		change.was_whole = file->is_whole;
	} else if (find_good(taker, kind, shown, &text)) {
		change.entries_before = ag_fault_count_entries(text);
		change.was_whole = ag_fault_is_whole(text);
		free((char *)text.ptr);
	}
	return change;
}

/* ---- making a part ---- */

static void
drop_mark(struct ag_list *list)
{
	if (ag_str_drop_mark(&list->text))
		ag_diag_report(list->diag, AG_WARNING, &list->at,
		    "the file begins with a byte order mark; save it as plain "
		    "UTF-8");
}

static void
read_file(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct ag_part *part, size_t i, struct ag_str text, struct ag_diag *diag)
{
	struct ag_part_file *file = &part->file[i];
	struct ag_list list = { .text = text,
		.at = { file->shown, 0 },
		.arena = &part->arena,
		.diag = diag,
		.form = wanted->form };

	if (wanted->named != NULL)
		drop_mark(&list);
	check_memory(taker, wanted->read(part, &list, wanted->arg));
}

/* What it was made from is kept where that may be asked for. */
static void
keep_text(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct ag_part_file *file, struct ag_str text)
{
	const struct ag_part_file *before;

	if (!taker->asked->keeps_texts || text.len == 0)
		return;
	before = file_in_force(taker, wanted->kind, file->shown);
	if (before != NULL && ag_packed_is(&before->text, text))
		file->text = ag_packed_share(&before->text);
	else
		check_memory(taker, ag_packed_make(&file->text, text));
}

static void
count_entries(struct ag_part_file *file, struct ag_str text)
{
	size_t all = ag_fault_count_entries(text);

	file->entries = all > file->bad_lines ? all - file->bad_lines : 0;
	file->is_whole = ag_fault_is_whole(text);
}

static void
make_file(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct ag_part *part, size_t i, const struct input *input,
    struct ag_diag *diag)
{
	struct ag_part_file *file = &part->file[i];
	unsigned bad = diag->bad_lines;

	file->shown = ag_arena_str(&part->arena, ag_str(wanted->shown[i])).ptr;
	file->fingerprint = input->fingerprint;
	if (part->arena.failed || taker->no_memory)
		return;
	read_file(taker, wanted, part, i, input->text, diag);
	file->bad_lines = diag->bad_lines - bad;
	if (wanted->named != NULL && taker->asked->keeps_texts)
		count_entries(file, input->text);
	keep_text(taker, wanted, file, input->text);
}

/* NULL: no memory.  What was found has gone to diag. */
static struct ag_part *
make_part(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct input *input, struct ag_diag *diag)
{
	struct ag_part *part = ag_part_new(wanted->kind, wanted->n);

	check_memory(taker, part != NULL);
	if (part == NULL)
		return NULL;
	part->digest = digest_of(wanted, input);
	for (size_t i = 0; i < wanted->n; i++)
		make_file(taker, wanted, part, i, &input[i], diag);
	check_memory(taker, !part->arena.failed);
	if (wanted->finish != NULL && !taker->no_memory)
		check_memory(taker, wanted->finish(part, diag, wanted->arg));
	if (!taker->no_memory)
		return part;
	ag_part_unref(part);
	return NULL;
}

/* The same, with its findings kept in it. */
static struct ag_part *
make_recorded(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct input *input, struct ag_diag *diag)
{
	struct ag_record record = { .failed = false };
	struct ag_part *part;

	*diag = ag_record_sink(&record);
	part = make_part(taker, wanted, input, diag);
	check_memory(taker, !record.failed);
	if (part == NULL || taker->no_memory) {
		ag_part_unref(part);
		ag_record_free(&record);
		return NULL;
	}
	part->findings = record;
	return part;
}

/* ---- keeping ---- */

static void
note_kept(struct ag_taker *taker, const char *shown,
    const struct ag_complaint *complaint)
{
	struct ag_policy *policy = taker->policy;
	struct ag_kept *kept = ag_vec_add(&policy->kept, sizeof(*kept));

	check_memory(taker, kept != NULL);
	if (kept == NULL)
		return;
	kept->shown = ag_arena_str(&policy->arena, ag_str(shown)).ptr;
	kept->at.file =
	    ag_arena_str(&policy->arena, ag_str(complaint->at.file)).ptr;
	kept->at.line = complaint->at.line;
	kept->why = ag_arena_str(&policy->arena, ag_str(complaint->why)).ptr;
}

/* All last good texts of a part, or none. */
static bool
find_all_good(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input)
{
	for (size_t i = 0; i < wanted->n; i++) {
		free((char *)input[i].text.ptr);
		input[i].text = ag_str(NULL);
		if (!find_good(taker, wanted->kind, wanted->shown[i],
			&input[i].text))
			return false;
		input[i].fingerprint = ag_file_fingerprint(0, input[i].text);
	}
	return true;
}

/* What was found in the last good version was told when it was new. */
static enum ag_taken
take_last_good(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, const struct ag_part **part)
{
	struct ag_diag diag;
	struct ag_part *made;

	if (wanted->n == 0 || !find_all_good(taker, wanted, input))
		return AG_FAILED;
	*part = find_part(taker, digest_of(wanted, input));
	if (*part == NULL) {
		*part = made = make_recorded(taker, wanted, input, &diag);
		if (made == NULL ||
		    !add_part(&taker->made, &taker->digests, made)) {
			check_memory(taker, false);
			return AG_FAILED;
		}
	}
	give(taker, *part);
	return AG_TAKEN;
}

static void
note_complaint(struct ag_taker *taker, const struct ag_complaint *complaint)
{
	taker->complaint = (struct ag_complaint){
		{ ag_arena_str(&taker->arena, ag_str(complaint->at.file)).ptr,
		    complaint->at.line },
		ag_arena_str(&taker->arena, ag_str(complaint->why)).ptr
	};
}

static enum ag_taken
keep(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, const char *shown,
    const struct ag_complaint *complaint, const struct ag_part **part)
{
	enum ag_taken taken = AG_FAILED;

	note_complaint(taker, complaint);
	if (ag_taker_keeps(taker))
		taken = take_last_good(taker, wanted, input, part);
	if (taken == AG_TAKEN)
		note_kept(taker, shown, complaint);
	return taken;
}

enum ag_taken
ag_take_good(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct ag_complaint *complaint, const struct ag_part **part)
{
	struct input *input = calloc(wanted->n + 1, sizeof(*input));
	enum ag_taken taken = AG_FAILED;

	check_memory(taker, input != NULL);
	for (size_t i = 0; i < wanted->n && !taker->no_memory; i++)
		check_memory(taker, see(taker, wanted->shown[i]) != AG_NO_ID);
	if (!taker->no_memory)
		taken = keep(taker, wanted, input, wanted->shown[0], complaint,
		    part);
	free_inputs(input, wanted->n);
	return taken;
}

/* ---- what is broken ---- */

static bool
is_accepted(const struct ag_taker *taker, const char *shown, struct ag_str text)
{
	const struct ag_loading *asked = taker->asked;

	return (asked->hangup && text.len == 0) ||
	    (asked->accept != NULL && strcmp(asked->accept, shown) == 0);
}

static const char *
fault_of_list(struct ag_taker *taker, const struct ag_part *part, size_t i,
    const struct input *input)
{
	const struct ag_part_file *file = &part->file[i];
	struct ag_change change =
	    change_since_good(taker, part->kind, file->shown);

	change.text = input->text;
	change.entries = file->entries;
	change.bad_lines = file->bad_lines;
	return ag_fault_find(&change);
}

/* An INI file without a byte says that all is as by default: hardly meant. */
static const char *
fault_of_ini(struct ag_taker *taker, const struct ag_part *part, size_t i,
    const struct input *input)
{
	struct ag_str before = ag_str(NULL);
	bool had_some;

	if (input->text.len > 0)
		return NULL;
	had_some = find_good(taker, part->kind, part->file[i].shown, &before) &&
	    before.len > 0;
	free((char *)before.ptr);
	return had_some ? "the file has no bytes" : NULL;
}

static const char *
find_fault(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct ag_part *part, const struct input *input, size_t *which)
{
	for (size_t i = 0; i < wanted->n; i++) {
		const char *fault;

		*which = i;
		if (is_accepted(taker, wanted->shown[i], input[i].text))
			continue;
		fault = wanted->named == NULL ?
		    fault_of_ini(taker, part, i, &input[i]) :
		    fault_of_list(taker, part, i, &input[i]);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static void
report_fault(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct ag_complaint *complaint, bool no_bytes)
{
	if (no_bytes)
		ag_diag_report(taker->diag, AG_ERROR, &complaint->at,
		    "%s; its last good version stays in force until it has "
		    "some, or until SIGHUP",
		    complaint->why);
	else if (wanted->named != NULL)
		ag_diag_report(taker->diag, AG_ERROR, &complaint->at,
		    "%s; its last good version stays in force; \"authgate "
		    "reload --accept %s\" takes it as it is",
		    complaint->why, complaint->at.file);
}

/* The part is given back: its files are broken. */
static enum ag_taken
refuse(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, struct ag_part *made, const char *fault, size_t which,
    const struct ag_part **part)
{
	struct ag_complaint complaint = { { wanted->shown[which], 0 }, fault };
	enum ag_taken taken;

	ag_record_tell(&made->findings, taker->diag);
	if (fault != NULL)
		report_fault(taker, wanted, &complaint,
		    input[which].text.len == 0);
	else
		ag_record_worst(&made->findings, &complaint.at, &complaint.why);
	taken = keep(taker, wanted, input,
	    fault != NULL ? wanted->shown[which] : complaint.at.file,
	    &complaint, part);
	ag_part_unref(made);
	return taken;
}

/* Makes the part of what the files say now. */
static enum ag_taken
take_new(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, const struct ag_part **part)
{
	struct ag_diag diag;
	struct ag_part *made = make_recorded(taker, wanted, input, &diag);
	const char *fault = NULL;
	size_t which = 0;

	if (made == NULL)
		return AG_FAILED;
	if (ag_taker_keeps(taker)) {
		fault = find_fault(taker, wanted, made, input, &which);
		if (fault != NULL || diag.errors > 0)
			return refuse(taker, wanted, input, made, fault, which,
			    part);
	}
	ag_record_tell(&made->findings, taker->diag);
	*part = made;
	check_memory(taker, add_part(&taker->made, &taker->digests, made));
	if (!taker->no_memory)
		give(taker, made);
	return taker->no_memory ? AG_FAILED : AG_TAKEN;
}

/* ---- taking ---- */

/* The lists that are there by default may be absent, but not go. */
static bool
may_be_absent(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct seen *seen)
{
	if (seen->error != ENOENT || wanted->named == NULL ||
	    ag_value_is_given(wanted->named))
		return false;
	return !ag_taker_keeps(taker) ||
	    is_accepted(taker, seen->shown, ag_str("?")) ||
	    change_since_good(taker, wanted->kind, seen->shown)
		.entries_before == 0;
}

/* What is named where, or the file itself, cannot be read. */
static enum ag_taken
take_unreadable(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, const struct seen *seen, const struct ag_part **part)
{
	char text[400];
	struct ag_buf why = AG_BUF(text);
	bool named = wanted->named != NULL && ag_value_is_given(wanted->named);
	struct ag_complaint complaint = { { seen->shown, 0 }, text };

	if (named)
		complaint.at = wanted->named->origin;
	ag_buf_printf(&why, "%s cannot be read: %s",
	    wanted->named != NULL ? seen->shown : "the file",
	    ag_take_reason(seen->error));
	ag_diag_report(taker->diag, AG_ERROR, &complaint.at, "%s", text);
	return keep(taker, wanted, input, seen->shown, &complaint, part);
}

/* The number of the first file that cannot be read; AG_NO_ID: all can. */
static uint32_t
see_all(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input)
{
	uint32_t bad = AG_NO_ID;

	for (size_t i = 0; i < wanted->n; i++) {
		uint32_t number = see(taker, wanted->shown[i]);

		check_memory(taker, number != AG_NO_ID);
		if (taker->no_memory)
			return AG_NO_ID;
		input[i].fingerprint = seen_at(taker, number)->fingerprint;
		if (bad == AG_NO_ID && seen_at(taker, number)->error != 0)
			bad = number;
	}
	return bad;
}

static void
take_texts(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input)
{
	for (size_t i = 0; i < wanted->n; i++) {
		struct seen *seen =
		    seen_at(taker, see(taker, wanted->shown[i]));

		input[i].text = take_text(taker, seen);
		input[i].fingerprint = seen->fingerprint;
	}
}

static enum ag_taken
take(struct ag_taker *taker, const struct ag_wanted *wanted,
    struct input *input, const struct ag_part **part)
{
	uint32_t bad = see_all(taker, wanted, input);

	if (taker->no_memory)
		return AG_FAILED;
	if (bad != AG_NO_ID)
		return may_be_absent(taker, wanted, seen_at(taker, bad)) ?
		    AG_ABSENT :
		    take_unreadable(taker, wanted, input, seen_at(taker, bad),
			part);
	*part = find_part(taker, digest_of(wanted, input));
	if (*part == NULL) {
		take_texts(taker, wanted, input);
		return take_new(taker, wanted, input, part);
	}
	ag_record_tell(&(*part)->findings, taker->diag);
	give(taker, *part);
	return AG_TAKEN;
}

enum ag_taken
ag_take(struct ag_taker *taker, const struct ag_wanted *wanted,
    const struct ag_part **part)
{
	struct input *input = calloc(wanted->n + 1, sizeof(*input));
	enum ag_taken taken = AG_FAILED;

	*part = NULL;
	check_memory(taker, input != NULL);
	if (!taker->no_memory)
		taken = take(taker, wanted, input, part);
	free_inputs(input, wanted->n);
	return taken;
}
