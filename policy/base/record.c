/* record.c - keeps findings, and tells them again */
#include "policy/base/record.h"

struct item {
	enum ag_severity severity;
	bool has_origin;
	struct ag_origin at;
	const char *text;
};

/* Findings come in rows of one file, whose name is kept once. */
static const char *
keep_file(struct ag_record *record, const char *file)
{
	const struct item *items = record->items.items;
	size_t n = record->items.n;

	if (file == NULL)
		return NULL;
	/* the last item is the one that is being written */
	if (n > 1 && items[n - 2].at.file != NULL &&
	    ag_str_eq(ag_str(items[n - 2].at.file), ag_str(file)))
		return items[n - 2].at.file;
	return ag_arena_str(&record->arena, ag_str(file)).ptr;
}

static void
keep(void *arg, enum ag_severity severity, const struct ag_origin *where,
    const char *text)
{
	struct ag_record *record = arg;
	struct item *item = ag_vec_add(&record->items, sizeof(*item));

	if (item == NULL) {
		record->failed = true;
		return;
	}
	item->severity = severity;
	item->has_origin = where != NULL;
	if (where != NULL)
		item->at = (struct ag_origin){ keep_file(record, where->file),
			where->line };
	item->text = ag_arena_str(&record->arena, ag_str(text)).ptr;
	record->failed = record->failed || record->arena.failed;
}

struct ag_diag
ag_record_sink(struct ag_record *record)
{
	return (struct ag_diag){ .emit = keep, .arg = record };
}

void
ag_record_tell(const struct ag_record *record, struct ag_diag *diag)
{
	const struct item *item = record->items.items;

	for (size_t i = 0; i < record->items.n; i++)
		if (item[i].text != NULL)
			ag_diag_report(diag, item[i].severity,
			    item[i].has_origin ? &item[i].at : NULL, "%s",
			    item[i].text);
}

bool
ag_record_worst(const struct ag_record *record, struct ag_origin *at,
    const char **text)
{
	const struct item *item = record->items.items, *worst = NULL;

	for (size_t i = 0; i < record->items.n; i++)
		if (item[i].severity >= AG_BAD_LINE &&
		    (worst == NULL || item[i].severity > worst->severity))
			worst = &item[i];
	if (worst == NULL)
		return false;
	*at = worst->at;
	*text = worst->text;
	return true;
}

void
ag_record_free(struct ag_record *record)
{
	ag_vec_free(&record->items);
	ag_arena_free(&record->arena);
	*record = (struct ag_record){ 0 };
}
