/* time.c - reads the time stamps of logs */
#include "milter/maillog/time.h"

#include <time.h>

#include "policy/base/number.h"

/* What is written.  Where there is no zone, it is local time. */
struct stamp {
	int year; /* 0: not said */
	int month, day, hour, minute, second;
	bool has_zone;
	int offset; /* of the zone, in seconds */
	int dst;    /* of local time; -1: not said */
};

void
ag_logclock_begin(struct ag_logclock *clock, int64_t end)
{
	*clock = (struct ag_logclock){ .end = end };
}

/* ---- pieces ---- */

static bool
take_either(struct ag_str *s, char a, char b)
{
	if (s->len == 0 || (s->ptr[0] != a && s->ptr[0] != b))
		return false;
	*s = ag_str_skip(*s, 1);
	return true;
}

static bool
take_char(struct ag_str *s, char c)
{
	return take_either(s, c, c);
}

static bool
take_blanks(struct ag_str *s)
{
	size_t n = 0;

	while (n < s->len && s->ptr[n] == ' ')
		n++;
	*s = ag_str_skip(*s, n);
	return n > 0;
}

/* A number of at least so many digits and at most so many. */
static bool
take_number(struct ag_str *s, size_t least, size_t most, int *n)
{
	size_t i = 0;

	for (*n = 0; i < s->len && i <= most && ag_is_digit(s->ptr[i]); i++)
		*n = *n * 10 + (s->ptr[i] - '0');
	*s = ag_str_skip(*s, i);
	return i >= least && i <= most;
}

/* Exactly two digits, of which most of a stamp is made. */
static bool
take_two(struct ag_str *s, int *n)
{
	if (s->len < 2 || !ag_is_digit(s->ptr[0]) || !ag_is_digit(s->ptr[1]))
		return false;
	*n = (s->ptr[0] - '0') * 10 + (s->ptr[1] - '0');
	*s = ag_str_skip(*s, 2);
	return true;
}

/* "12:00:00", ".123456" or ",123" */
static bool
take_clock(struct ag_str *s, struct stamp *stamp)
{
	if (!take_two(s, &stamp->hour) || !take_char(s, ':') ||
	    !take_two(s, &stamp->minute) || !take_char(s, ':') ||
	    !take_two(s, &stamp->second))
		return false;
	if (take_either(s, '.', ','))
		*s = ag_str_skip_any(*s, "0123456789");
	return true;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Of a day without a year, any year will do; a second may be a leap second. */
static bool
is_possible(const struct stamp *stamp)
{
	return (stamp->year == 0 || stamp->year >= 1970) && stamp->month >= 1 &&
	    stamp->month <= 12 && stamp->day >= 1 &&
	    stamp->day <= days_of(stamp->year, stamp->month) &&
	    stamp->hour < 24 && stamp->minute < 60 && stamp->second < 61;
}

/* ---- zones ---- */

/* "Z", "+01", "+0100" or "+01:00" */
static bool
take_offset(struct ag_str *s, struct stamp *stamp)
{
	int sign = s->len > 0 && s->ptr[0] == '-' ? -60 : 60;
	int hours, minutes = 0;
	struct ag_str rest = *s;

	stamp->has_zone = true;
	if (take_char(s, 'Z'))
		return true;
	if (!take_either(&rest, '+', '-') || !take_number(&rest, 2, 4, &hours))
		return false;
	if (hours > 99 || s->len - rest.len == 5) {
		minutes = hours % 100;
		hours /= 100;
	} else if (take_char(&rest, ':') && !take_two(&rest, &minutes)) {
		return false;
	}
	*s = rest;
	stamp->offset = (hours * 60 + minutes) * sign;
	return hours < 24 && minutes < 60;
}

/* The names of one meaning; what this host calls its own zone comes first. */
static bool
find_zone(struct ag_str name, struct stamp *stamp)
{
	static const struct {
		const char *name;
		int hours;
	} known[] = { { "UTC", 0 }, { "GMT", 0 }, { "WET", 0 }, { "WEST", 1 },
		{ "BST", 1 }, { "CET", 1 }, { "CEST", 2 }, { "EET", 2 },
		{ "EEST", 3 }, { "MSK", 3 }, { "EST", -5 }, { "EDT", -4 },
		{ "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 },
		{ "PST", -8 }, { "PDT", -7 }, { "JST", 9 }, { "AEST", 10 },
		{ "AEDT", 11 } };

	tzset();
	for (int dst = 0; dst < 2; dst++)
		if (ag_str_eq(name, ag_str(tzname[dst]))) {
			stamp->dst = dst;
			return true;
		}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ag_str_eq(name, ag_str(known[i].name))) {
			stamp->has_zone = true;
			stamp->offset = known[i].hours * 3600;
			return true;
		}
	return false;
}

/* A zone behind blanks, which may also be a host's name: then it stays. */
static void
take_zone_word(struct ag_str *s, struct stamp *stamp)
{
	struct ag_str word = *s, rest;
	struct stamp with = *stamp;

	take_blanks(&word);
	if (word.len == 0 ||
	    (word.ptr[0] != '+' && word.ptr[0] != '-' &&
		(word.ptr[0] < 'A' || word.ptr[0] > 'Z')))
		return;
	rest = word = ag_str_head(word, ag_str_find(word, ' '));
	if (!take_offset(&rest, &with) || rest.len > 0) {
		with = *stamp;
		if (!find_zone(word, &with))
			return;
	}
	*stamp = with;
	*s = ag_str_skip(*s, (size_t)(word.ptr + word.len - s->ptr));
}

/* ---- "Nov 21 12:00:00" ---- */

/*
 * As the C library has them (abmon of glibc's locales), without the full stop
 * that may stand behind.
 */
static const struct {
	const char *name;
	int month;
} months[] = { { "jan", 1 }, { "feb", 2 }, { "mar", 3 }, { "apr", 4 },
	{ "may", 5 }, { "jun", 6 }, { "jul", 7 }, { "aug", 8 }, { "sep", 9 },
	{ "oct", 10 }, { "nov", 11 }, { "dec", 12 },
	/* German */
	{ "j\xc3\xa4n", 1 }, { "m\xc3\xa4r", 3 }, { "mai", 5 }, { "okt", 10 },
	{ "dez", 12 },
	/* French, also of Canada, Belgium and Switzerland */
	{ "janv", 1 }, { "f\xc3\xa9vr", 2 }, { "f\xc3\xa9v", 2 }, { "mars", 3 },
	{ "avril", 4 }, { "avr", 4 }, { "juin", 6 }, { "juil", 7 },
	{ "jui", 7 }, { "ao\xc3\xbbt", 8 }, { "ao\xc3\xbb", 8 }, { "sept", 9 },
	{ "d\xc3\xa9"
	  "c",
	    12 },
	/* Spanish */
	{ "ene", 1 }, { "abr", 4 }, { "ago", 8 }, { "dic", 12 },
	/* Italian */
	{ "gen", 1 }, { "mag", 5 }, { "giu", 6 }, { "lug", 7 }, { "set", 9 },
	{ "ott", 10 } };

static bool
take_month(struct ag_str *s, int *month)
{
	struct ag_str name = ag_str_head(*s, 8);
	size_t len = name.len = ag_str_find(name, ' ');

	/* most words are none: a day stands behind a month */
	if (len + 2 >= s->len ||
	    (!ag_is_digit(s->ptr[len + 1]) && !ag_is_digit(s->ptr[len + 2])))
		return false;

	if (len > 0 && name.ptr[len - 1] == '.')
		name.len--;
	for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
		if (name.len > 0 &&
		    ag_lower(name.ptr[0]) == months[i].name[0] &&
		    ag_str_ieq(name, ag_str(months[i].name))) {
			*month = months[i].month;
			*s = ag_str_skip(*s, len);
			return true;
		}
	return false;
}

/* A year in front of a blank, taken with it. */
static void
take_year(struct ag_str *s, int *year)
{
	struct ag_str rest = *s;
	int n;

	if (rest.len > 0 && ag_is_digit(rest.ptr[0]) &&
	    take_number(&rest, 4, 4, &n) && n >= 1970 && take_blanks(&rest)) {
		*year = n;
		*s = rest;
	}
}

/* "Nov 21 12:00:00", "Nov 21 12:00:00 2026", "2026 Nov 21 12:00:00" */
static bool
read_traditional(struct ag_str *s, struct stamp *stamp)
{
	take_year(s, &stamp->year);
	if (!take_month(s, &stamp->month) || !take_blanks(s) ||
	    !take_number(s, 1, 2, &stamp->day) || !take_blanks(s))
		return false;
	if (stamp->year == 0)
		take_year(s, &stamp->year);
	if (!take_clock(s, stamp) || !take_blanks(s))
		return false;
	if (stamp->year == 0)
		take_year(s, &stamp->year);
	take_zone_word(s, stamp);
	take_blanks(s);
	return true;
}

/* ---- "2026-11-21T12:00:00.123456+01:00" ---- */

static bool
read_date(struct ag_str *s, struct stamp *stamp)
{
	if (!take_number(s, 4, 4, &stamp->year) || !take_either(s, '-', '/') ||
	    !take_two(s, &stamp->month) || !take_either(s, '-', '/') ||
	    !take_two(s, &stamp->day) || !take_either(s, 'T', ' ') ||
	    !take_clock(s, stamp) || s->len == 0)
		return false;
	if (s->ptr[0] != ' ')
		return take_offset(s, stamp) && take_blanks(s);
	take_zone_word(s, stamp);
	return take_blanks(s);
}

/* ---- "1795262400.123456" ---- */

static bool
take_seconds(struct ag_str *line, int64_t *time)
{
	struct ag_str rest = ag_str_skip(*line, 10);
	uint64_t seconds;

	if (line->len < 11 || line->ptr[4] == '-' ||
	    !ag_number_parse(ag_str_head(*line, 10), INT64_C(9999999999),
		&seconds) ||
	    seconds < 1000000000)
		return false;
	if (take_char(&rest, '.'))
		rest = ag_str_skip_any(rest, "0123456789");
	if (!take_blanks(&rest))
		return false;
	*time = (int64_t)seconds;
	*line = rest;
	return true;
}

/* ---- when that was ---- */

static int64_t
instant_of(int year, int month, int day, int hour, bool utc, int dst)
{
	struct tm tm = { .tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_isdst = dst };

	return utc ? timegm(&tm) : mktime(&tm);
}

static int
year_of(int64_t instant)
{
	time_t t = (time_t)instant;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_year + 1900 : 1970;
}

/* The year of the first line that has none. */
static int
first_year(int64_t end, int month, int day)
{
	int year = year_of(end + AG_LOGTIME_SLACK);

	while (day > days_of(year, month) ||
	    instant_of(year, month, day, 0, false, -1) > end + AG_LOGTIME_SLACK)
		year--;
	return year;
}

static int
follow_year(struct ag_logclock *clock, int month, int day)
{
	if (clock->year == 0)
		clock->year = first_year(clock->end, month, day);
	else if (month < clock->month - 6)
		clock->year++;
	else if (month > clock->month + 6)
		clock->year--; /* a late line of the old year */
	clock->month = month;
	return clock->year;
}

/* The hour is looked up only when it is another than the last line's. */
static int64_t
start_of_hour(struct ag_logclock *clock, const struct stamp *stamp)
{
	struct ag_loghour *last = &clock->hour;

	if (stamp->dst >= 0)
		return instant_of(stamp->year, stamp->month, stamp->day,
		    stamp->hour, false, stamp->dst);
	if (last->hour != stamp->hour || last->day != stamp->day ||
	    last->month != stamp->month || last->year != stamp->year ||
	    last->utc != stamp->has_zone)
		*last = (struct ag_loghour){ stamp->year, stamp->month,
			stamp->day, stamp->hour, stamp->has_zone,
			instant_of(stamp->year, stamp->month, stamp->day,
			    stamp->hour, stamp->has_zone, -1) };
	return last->start;
}

bool
ag_logtime_take(struct ag_logclock *clock, struct ag_str *line, int64_t *time)
{
	struct stamp stamp = { .dst = -1 };
	struct ag_str rest = *line;
	bool digit = rest.len > 0 && ag_is_digit(rest.ptr[0]);

	if (digit && take_seconds(line, time))
		return true;
	if (!digit || !read_date(&rest, &stamp)) {
		rest = *line;
		stamp = (struct stamp){ .dst = -1 };
		if (!read_traditional(&rest, &stamp))
			return false;
	}
	if (!is_possible(&stamp))
		return false;
	if (stamp.year == 0)
		stamp.year = follow_year(clock, stamp.month, stamp.day);
	*time = start_of_hour(clock, &stamp) + stamp.minute * 60 +
	    stamp.second - stamp.offset;
	*line = rest;
	return true;
}
