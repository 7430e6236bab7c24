/*
 * number.h - numbers, spans of time, sizes, truth values and dates, strictly
 *
 * Decimal digits only: no sign, no leading zero, no blank, nothing behind the
 * number but the unit.  Every function leaves *out alone and returns false
 * when the text is anything else or out of range.
 */
#ifndef AG_NUMBER_H
#define AG_NUMBER_H

#include "policy/base/text.h"

bool ag_number_parse(struct ag_str text, uint64_t max, uint64_t *out);

/* "90s", "15m", "2h", "30d" or "0"; in seconds, at most a hundred years. */
bool ag_number_time(struct ag_str text, int64_t *out);

/* "64K", "10M", "5G" or "0"; in bytes. */
bool ag_number_size(struct ag_str text, uint64_t *out);

/* "yes" or "no", nothing else, in lower case. */
bool ag_number_yesno(struct ag_str text, bool *out);

/*
 * A file mode, three or four octal digits such as 0660.
 */
bool ag_number_mode(struct ag_str text, unsigned *out);

/*
 * "2026-12-31T18:00:00Z", in seconds since 1970; years 1970 to 9999, no leap
 * second.
 */
bool ag_number_instant(struct ag_str text, int64_t *out);

/*
 * As an end: an instant, or "2026-12-31", which means the first second of the
 * day after it (UTC).
 */
bool ag_number_until(struct ag_str text, int64_t *out);

#define AG_INSTANT_MAX 24

/* Writes an instant as it is read; returns buf. */
char *ag_number_write_instant(int64_t instant, char buf[static AG_INSTANT_MAX]);

#endif
