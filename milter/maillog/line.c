/* line.c - takes apart what stands in front of a log line's text */
#include "milter/maillog/line.h"

#include "policy/base/number.h"

/* In front of a tag there are not more words than that. */
#define WORDS_MAX 16

/* Where a line has colours, one begins within so many bytes. */
#define COLOURED 64

/* A line, while its front is taken apart. */
struct reading {
	struct ag_logclock *clock;
	struct ag_str rest;
	bool dated;
	struct ag_str last; /* word in front of a bar */
	bool nested;        /* directly behind another program's tag */
	enum ag_logline_kind program; /* whose tag was found */
	struct ag_logline *line;
};

static struct ag_str
take_word(struct ag_str *rest)
{
	struct ag_str word = ag_str_head(*rest, ag_str_find(*rest, ' '));

	*rest = ag_str_skip(*rest, word.len + 1);
	return word;
}

static bool
is_one_of(struct ag_str word, const struct ag_str *names)
{
	for (; names->len > 0; names++)
		if (ag_str_eq(word, *names))
			return true;
	return false;
}

/* ---- whose line it is ---- */

static const struct ag_str programs[] = { AG_STR("anvil"), AG_STR("bounce"),
	AG_STR("cleanup"), AG_STR("defer"), AG_STR("discard"),
	AG_STR("dnsblog"), AG_STR("error"), AG_STR("flush"), AG_STR("lmtp"),
	AG_STR("local"), AG_STR("master"), AG_STR("nqmgr"), AG_STR("oqmgr"),
	AG_STR("pickup"), AG_STR("pipe"), AG_STR("postalias"),
	AG_STR("postdrop"), AG_STR("postfix"), AG_STR("postfix-script"),
	AG_STR("postlog"), AG_STR("postlogd"), AG_STR("postmap"),
	AG_STR("postqueue"), AG_STR("postscreen"), AG_STR("postsuper"),
	AG_STR("proxymap"), AG_STR("proxywrite"), AG_STR("qmgr"),
	AG_STR("qmqpd"), AG_STR("relay"), AG_STR("retry"), AG_STR("scache"),
	AG_STR("sendmail"), AG_STR("showq"), AG_STR("smtp"), AG_STR("smtpd"),
	AG_STR("spawn"), AG_STR("submission"), AG_STR("tlsmgr"),
	AG_STR("tlsproxy"), AG_STR("trace"), AG_STR("trivial-rewrite"),
	AG_STR("verify"), AG_STR("virtual"), { NULL, 0 } };

/* TAG is SYSLOG_NAME/PROGRAM. */
static bool
is_postfix(struct ag_str tag)
{
	size_t slash = ag_str_rfind(tag, '/');

	return slash > 0 && slash < tag.len &&
	    (ag_str_starts(tag, "postfix") ||
		is_one_of(ag_str_skip(tag, slash + 1), programs));
}

static bool
is_sendmail(struct ag_str tag)
{
	return ag_str_starts(tag, "sm-") ||
	    ag_str_eq(tag, (struct ag_str)AG_STR("sendmail"));
}

/* authgate's ident can be anything. */
static bool
is_own(struct ag_str text)
{
	return ag_str_starts(text, "verdict=") ||
	    (ag_str_starts(text, "s=") &&
		ag_str_starts(ag_str_skip(text, ag_str_find(text, ' ')),
		    " q="));
}

/* Solaris: "[ID 197553 mail.info] TEXT" */
static void
drop_message_id(struct ag_str *text)
{
	if (ag_str_starts(*text, "[ID "))
		*text = ag_str_skip(*text, ag_str_find(*text, ']') + 2);
}

static bool
is_of_mail(struct reading *reading)
{
	struct ag_logline *line = reading->line;

	drop_message_id(&line->text);
	if (is_own(line->text))
		reading->program = AG_LOGLINE_OWN;
	else if (is_postfix(line->tag))
		reading->program = AG_LOGLINE_POSTFIX;
	else if (is_sendmail(line->tag))
		reading->program = AG_LOGLINE_SENDMAIL;
	return reading->program != AG_LOGLINE_OTHER;
}

/* Takes "TAG[PID]: " or "TAG: ". */
static bool
take_tag(struct ag_str *rest, struct ag_logline *line)
{
	struct ag_str word = ag_str_head(*rest, ag_str_find(*rest, ' '));
	struct ag_str pid;

	if (word.len < 2 || word.ptr[word.len - 1] != ':')
		return false;
	line->tag = ag_str_head(word, word.len - 1);
	line->tag = ag_str_head(line->tag, ag_str_find(line->tag, '['));
	pid = ag_str_skip(word, line->tag.len + 1);
	line->pid = 0;
	ag_number_parse(ag_str_head(pid, ag_str_find(pid, ']')), UINT32_MAX,
	    &line->pid);
	*rest = ag_str_skip(*rest, word.len + 1);
	line->text = *rest;
	return line->tag.len > 0;
}

/* ---- what stands before the tag ---- */

static bool
take_time(struct reading *reading)
{
	int64_t time;

	if (!ag_logtime_take(reading->clock, &reading->rest, &time))
		return false;
	if (!reading->dated)
		reading->line->time = time;
	reading->dated = true;
	reading->nested = false;
	return true;
}

/* "<22>" or "<mail.info>", with or without a blank behind. */
static bool
take_priority(struct ag_str *rest)
{
	size_t end = ag_str_find(ag_str_head(*rest, 20), '>');

	if (!ag_str_starts(*rest, "<") || end >= 20 || end == rest->len)
		return false;
	*rest = ag_str_skip(*rest, end + 1);
	return true;
}

/* "mail.info" of busybox, "mail:info" of AIX */
static bool
is_priority(struct ag_str word)
{
	static const struct ag_str levels[] = { AG_STR("emerg"),
		AG_STR("panic"), AG_STR("alert"), AG_STR("crit"), AG_STR("err"),
		AG_STR("error"), AG_STR("warn"), AG_STR("warning"),
		AG_STR("notice"), AG_STR("info"), AG_STR("debug"),
		{ NULL, 0 } };
	size_t n = ag_str_find(word, '.');

	if (n == word.len)
		n = ag_str_find(word, ':');
	return n > 0 && n < 12 && n < word.len &&
	    is_one_of(ag_str_skip(word, n + 1), levels);
}

/* What is no host's name. */
static bool
is_noise(struct ag_str word)
{
	static const struct ag_str known[] = { AG_STR("stdout"),
		AG_STR("stderr"), AG_STR("F"), AG_STR("P"), AG_STR("-"),
		AG_STR("Mon"), AG_STR("Tue"), AG_STR("Wed"), AG_STR("Thu"),
		AG_STR("Fri"), AG_STR("Sat"), AG_STR("Sun"), { NULL, 0 } };
	struct ag_str digits = word;

	digits = ag_str_skip_any(digits, "0123456789");
	return digits.len == 0 || is_one_of(word, known) || is_priority(word);
}

/*
 * The host is the last word that can be one.  In front of the time stamp that
 * is only what docker compose sets off with a bar: the container.
 */
static void
take_other(struct reading *reading)
{
	struct ag_str word = take_word(&reading->rest);

	if (ag_str_eq(word, ag_str("|")))
		reading->line->host = reading->last;
	else if (reading->dated && !is_noise(word))
		reading->line->host = word;
	reading->last = word;
}

/* ---- RFC 5424 ---- */

/* "-" or "[ID NAME="VALUE"]..."; a quoted bracket does not end it. */
static void
skip_structured_data(struct ag_str *rest)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == ' ' &&
		    (i == 0 || rest->ptr[0] != '[' || rest->ptr[i - 1] == ']'))
			break;
	}
	*rest = ag_str_skip(*rest, i + 1);
}

/* Takes "1 " in front of a time stamp or of "-", which means none. */
static bool
take_version(struct reading *reading)
{
	struct ag_str rest = reading->rest;

	if (!ag_str_starts(rest, "1 "))
		return false;
	reading->rest = ag_str_skip(rest, 2);
	if (take_time(reading))
		return true;
	reading->rest = rest;
	if (!ag_str_starts(rest, "1 - "))
		return false;
	reading->rest = ag_str_skip(rest, 4);
	return true;
}

/* "HOST APP PROCID MSGID DATA TEXT"; the text may be a line of its own. */
static bool
take_fields(struct reading *reading)
{
	struct ag_logline *line = reading->line;

	line->host = take_word(&reading->rest);
	line->tag = take_word(&reading->rest);
	line->pid = 0;
	ag_number_parse(take_word(&reading->rest), UINT32_MAX, &line->pid);
	take_word(&reading->rest);
	skip_structured_data(&reading->rest);
	ag_str_drop_mark(&reading->rest);
	line->text = reading->rest;
	reading->nested = true;
	return is_of_mail(reading);
}

/* ---- the whole front ---- */

static bool
find_tag(struct reading *reading)
{
	for (unsigned n = 0; n < WORDS_MAX && reading->rest.len > 0; n++) {
		if (reading->rest.ptr[0] == ' ' || reading->rest.ptr[0] == '\t')
			reading->rest =
			    ag_str_skip_any(reading->rest, AG_BLANKS);
		/* no other word ends in a colon, and a line has but one tag */
		if (take_tag(&reading->rest, reading->line)) {
			if (is_of_mail(reading))
				return true;
			reading->nested = true;
			continue;
		}
		if (take_time(reading) || take_priority(&reading->rest))
			continue;
		if (take_version(reading)) {
			if (take_fields(reading))
				return true;
		} else if (reading->nested) {
			return false;
		} else {
			take_other(reading);
		}
	}
	return false;
}

/* Without the colours of a terminal: ESC [ ... LETTER. */
static struct ag_str
drop_colours(struct ag_str text, char *to)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len && n < AG_LOGLINE_MAX; i++) {
		if (text.ptr[i] != '\x1b' || i + 1 == text.len ||
		    text.ptr[i + 1] != '[') {
			to[n++] = text.ptr[i];
			continue;
		}
		for (i += 2; i < text.len && text.ptr[i] < '@'; i++)
			;
	}
	return (struct ag_str){ to, n };
}

enum ag_logline_kind
ag_logline_read(struct ag_logclock *clock, struct ag_str text,
    char scratch[static AG_LOGLINE_MAX], struct ag_logline *line)
{
	struct reading reading = { .clock = clock, .line = line };

	*line = (struct ag_logline){ 0 };
	ag_str_drop_mark(&text);
	if (ag_str_starts(text, "{"))
		text = ag_logjson_flatten(text, scratch);
	if (ag_str_has(ag_str_head(text, COLOURED), '\x1b'))
		text = drop_colours(text, scratch);
	reading.rest = text;
	if (!find_tag(&reading))
		return AG_LOGLINE_OTHER;
	return reading.dated ? reading.program : AG_LOGLINE_UNDATED;
}
