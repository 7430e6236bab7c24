/* part.c - a part of a policy: made, shared, freed */
#include "policy/config/part.h"

#include <stdlib.h>

struct ag_part *
ag_part_new(enum ag_part_kind kind, size_t nfiles)
{
	struct ag_part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return NULL;
	atomic_init(&part->shares, 1);
	part->kind = kind;
	part->nfiles = nfiles;
	part->file =
	    ag_arena_array(&part->arena, nfiles + 1, sizeof(*part->file));
	if (part->file == NULL) {
		ag_arena_free(&part->arena);
		free(part);
		return NULL;
	}
	return part;
}

const struct ag_part *
ag_part_ref(const struct ag_part *part)
{
	if (part != NULL)
		atomic_fetch_add(&((struct ag_part *)part)->shares, 1);
	return part;
}

static void
free_tables(struct ag_part *part)
{
	ag_nets_free(part->nets);
	ag_names_free(&part->logins);
	ag_names_free(&part->senders);
	ag_names_free(&part->accounts);
	ag_domains_free(&part->domains);
	ag_senders_free(part->map);
	ag_certificates_free(&part->certificates);
}

void
ag_part_unref(const struct ag_part *part)
{
	struct ag_part *mine = (struct ag_part *)part;

	if (mine == NULL || atomic_fetch_sub(&mine->shares, 1) != 1)
		return;
	free_tables(mine);
	for (size_t i = 0; i < mine->nfiles; i++)
		ag_packed_free(&mine->file[i].text);
	ag_record_free(&mine->findings);
	ag_arena_free(&mine->arena);
	free(mine);
}
