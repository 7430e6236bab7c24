/*
 * logline.h - what stands in front of a line's text, whoever wrote it there
 *
 * Between the beginning of a line and "TAG[PID]:" syslog daemons, journalctl,
 * container engines and routers write much: time stamps, priorities, the host,
 * colours.  It is taken apart word by word; the first time stamp is the line's.
 * Lines of RFC 5424 have the tag in fields of their own, and so do those of
 * JSON.
 */
#ifndef AG_LOGLINE_H
#define AG_LOGLINE_H

#include "milter/maillog/time.h"

enum ag_logline_kind {
	AG_LOGLINE_OTHER,   /* of no mail program */
	AG_LOGLINE_UNDATED, /* of one, but it has no time stamp */
	AG_LOGLINE_POSTFIX,
	AG_LOGLINE_SENDMAIL,
	AG_LOGLINE_OWN
};

struct ag_logline {
	int64_t time;
	struct ag_str host; /* may be empty */
	struct ag_str tag;
	uint64_t pid; /* 0: none */
	struct ag_str text;
};

/* Of a line so much is read; scratch has that size. */
#define AG_LOGLINE_MAX ((size_t)64 * 1024)

/* What is in *line leads into text or into scratch. */
enum ag_logline_kind ag_logline_read(struct ag_logclock *clock,
    struct ag_str text, char scratch[static AG_LOGLINE_MAX],
    struct ag_logline *line);

/*
 * Turns a line that is a JSON object, of Docker or of journalctl, into one that
 * is none; the empty text where it is another.
 */
struct ag_str ag_logjson_flatten(struct ag_str text,
    char scratch[static AG_LOGLINE_MAX]);

#endif
