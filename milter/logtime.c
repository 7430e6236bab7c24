#include "logtime.h"

#include <time.h>

#include "../policy/number.h"

/* Clocks differ, and a file is written after its last line was. */
#define SLACK (2 * 24 * 3600)

void
ag_logclock_begin(struct ag_logclock *clock, int64_t end)
{
	*clock = (struct ag_logclock){ .end = end };
}

/* ---- "Nov 21 12:00:00" ---- */

/* 1 to 12, or 0. */
static int
month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(p, names + 3 * i, 3) == 0)
			return i + 1;
	return 0;
}

/* Two digits, of which the first may be a blank; below limit, else -1. */
static int
two_digits(const char *p, int limit)
{
	int n;

	if ((!ag_is_digit(p[0]) && p[0] != ' ') || !ag_is_digit(p[1]))
		return -1;
	n = (p[0] == ' ' ? 0 : p[0] - '0') * 10 + (p[1] - '0');
	return n < limit ? n : -1;
}

static int64_t
local_time(int year, int month, int day, int hour)
{
	struct tm tm = { .tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_isdst = -1 };

	return mktime(&tm);
}

static int
year_of(int64_t instant)
{
	time_t t = (time_t)instant;
	struct tm tm;

	return localtime_r(&t, &tm) != NULL ? tm.tm_year + 1900 : 1970;
}

static void
follow_year(struct ag_logclock *clock, int month, int day)
{
	if (clock->year == 0) {
		clock->year = year_of(clock->end + SLACK);
		if (local_time(clock->year, month, day, 0) > clock->end + SLACK)
			clock->year--;
	} else if (month < clock->month - 6) {
		clock->year++;
	} else if (month > clock->month + 6) {
		clock->year--; /* a late line of the old year */
	}
	clock->month = month;
}

/* The hour is looked up only when it is another than the last line's. */
static bool
find_hour(struct ag_logclock *clock, const char *p)
{
	int month, day, hour;

	if (memcmp(p, clock->hour, sizeof(clock->hour)) == 0)
		return true;
	month = month_of(p);
	day = two_digits(p + 4, 32);
	hour = two_digits(p + 7, 24);
	if (month == 0 || day < 1 || hour < 0 || p[3] != ' ' || p[6] != ' ')
		return false;
	follow_year(clock, month, day);
	clock->hour_start = local_time(clock->year, month, day, hour);
	memcpy(clock->hour, p, sizeof(clock->hour));
	return true;
}

static bool
take_traditional(struct ag_logclock *clock, struct ag_str *line, int64_t *time)
{
	const char *p = line->ptr;
	int minute, second;

	if (line->len < 16 || p[9] != ':' || p[12] != ':' || p[15] != ' ')
		return false;
	minute = two_digits(p + 10, 60);
	second = two_digits(p + 13, 61);
	if (minute < 0 || second < 0 || !find_hour(clock, p))
		return false;
	*time = clock->hour_start + minute * 60 + second;
	*line = ag_str_skip(*line, 15);
	return true;
}

/* ---- "2026-11-21T12:00:00.123456+01:00" ---- */

static struct ag_str
skip_fraction(struct ag_str s)
{
	size_t n = 1;

	if (s.len == 0 || s.ptr[0] != '.')
		return s;
	while (n < s.len && ag_is_digit(s.ptr[n]))
		n++;
	return ag_str_skip(s, n);
}

/* Takes "Z", "+01:00" or "+0100"; *offset is in seconds. */
static bool
take_zone(struct ag_str *s, int64_t *offset)
{
	size_t colon = s->len > 3 && s->ptr[3] == ':';
	int hours, minutes;

	*offset = 0;
	if (s->len > 0 && s->ptr[0] == 'Z') {
		*s = ag_str_skip(*s, 1);
		return true;
	}
	if (s->len < 5 + colon || (s->ptr[0] != '+' && s->ptr[0] != '-'))
		return false;
	hours = two_digits(s->ptr + 1, 24);
	minutes = two_digits(s->ptr + 3 + colon, 60);
	if (hours < 0 || minutes < 0)
		return false;
	*offset = (hours * 60 + minutes) * (s->ptr[0] == '-' ? -60 : 60);
	*s = ag_str_skip(*s, 5 + colon);
	return true;
}

static bool
take_rfc3339(struct ag_str *line, int64_t *time)
{
	char text[20] = "";
	struct ag_str rest = *line;
	int64_t instant, offset;

	if (rest.len < 20 || rest.ptr[10] != 'T')
		return false;
	memcpy(text, rest.ptr, 19);
	text[19] = 'Z';
	rest = skip_fraction(ag_str_skip(rest, 19));
	if (!ag_number_instant((struct ag_str){ text, 20 }, &instant) ||
	    !take_zone(&rest, &offset))
		return false;
	*time = instant - offset;
	*line = rest;
	return true;
}

bool
ag_logtime_take(struct ag_logclock *clock, struct ag_str *line, int64_t *time)
{
	if (!take_traditional(clock, line, time) && !take_rfc3339(line, time))
		return false;
	*line = ag_str_skip_any(*line, " ");
	return true;
}
