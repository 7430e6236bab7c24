/*
 * part.h - what one file, or several that only make sense together, came to
 *
 * A policy is a set of parts.  A part never changes once made; it is counted,
 * and shared by all policies whose files say what it was made from.
 */
#ifndef AG_PART_H
#define AG_PART_H

#include <stdatomic.h>

#include "policy/base/packed.h"
#include "policy/base/record.h"
#include "policy/config/certificates.h"
#include "policy/config/settings.h"
#include "policy/table/domains.h"
#include "policy/table/names.h"
#include "policy/table/senders.h"

enum ag_part_kind {
	AG_PART_SETTINGS, /* the main file */
	AG_PART_DOMAIN,   /* domains/NAME.ini */
	AG_PART_DOMAINS,  /* the lists of local domains */
	AG_PART_SENDERS,  /* the sender map, of all its files */
	AG_PART_CERTIFICATES,
	AG_PART_KILL, /* of one file */
	AG_PART_RELAY,
	AG_PART_EXEMPT,
	AG_PART_ACCOUNTS, /* of one domain */
	AG_PART_ALLOW     /* networks that stand in an INI file itself */
};

/* A file of a part. */
struct ag_part_file {
	const char *shown;
	uint64_t fingerprint;  /* of what it was made from */
	struct ag_packed text; /* that; empty where no texts are kept */
	size_t entries;        /* of a list: lines with a good entry */
	size_t bad_lines;
	bool is_whole; /* its last line ends */
};

/* Only what its kind has is there. */
struct ag_part {
	atomic_uint shares;
	enum ag_part_kind kind;
	uint64_t digest; /* of what it was made from, settings included */
	struct ag_arena arena;
	struct ag_record findings;
	struct ag_part_file *file;
	size_t nfiles;

	struct ag_values *values;
	struct ag_nets *nets;
	struct ag_names logins;
	struct ag_names senders; /* killed ones */
	struct ag_names accounts;
	struct ag_domains domains;
	struct ag_senders *map;
	struct ag_certificates certificates;
};

/* With room for so many files; the caller's share of it; NULL: no memory. */
struct ag_part *ag_part_new(enum ag_part_kind kind, size_t nfiles);

const struct ag_part *ag_part_ref(const struct ag_part *part);
void ag_part_unref(const struct ag_part *part);

#endif
