/* number.c - reads numbers, times, sizes and dates strictly */
#include "policy/base/number.h"

#include <time.h>

bool
ag_number_parse(struct ag_str text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint64_t digit = (uint64_t)(text.ptr[i] - '0');

		if (!ag_is_digit(text.ptr[i]) || digit > max ||
		    n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*out = n;
	return true;
}

struct unit {
	char letter;
	uint64_t factor;
};

static bool
parse_with_unit(struct ag_str text, const struct unit *units, uint64_t max,
    uint64_t *out)
{
	if (ag_str_eq(text, ag_str("0"))) {
		*out = 0;
		return true;
	}
	if (text.len < 2)
		return false;
	for (; units->letter != '\0'; units++)
		if (text.ptr[text.len - 1] == units->letter)
			break;
	if (units->letter == '\0' ||
	    !ag_number_parse(ag_str_head(text, text.len - 1),
		max / units->factor, out))
		return false;
	*out *= units->factor;
	return true;
}

bool
ag_number_time(struct ag_str text, int64_t *out)
{
	static const struct unit units[] = { { 's', 1 }, { 'm', 60 },
		{ 'h', 3600 }, { 'd', 86400 }, { '\0', 0 } };
	uint64_t seconds;

	if (!parse_with_unit(text, units, UINT64_C(36525) * 86400, &seconds))
		return false;
	*out = (int64_t)seconds;
	return true;
}

bool
ag_number_size(struct ag_str text, uint64_t *out)
{
	static const struct unit units[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 },
		{ 'G', 1 << 30 }, { '\0', 0 } };

	return parse_with_unit(text, units, INT64_MAX, out);
}

bool
ag_number_yesno(struct ag_str text, bool *out)
{
	bool yes = ag_str_eq(text, ag_str("yes"));

	if (!yes && !ag_str_eq(text, ag_str("no")))
		return false;
	*out = yes;
	return true;
}

bool
ag_number_mode(struct ag_str text, unsigned *out)
{
	unsigned mode = 0;

	if (text.len < 3 || text.len > 4)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '7')
			return false;
		mode = mode * 8 + (unsigned)(text.ptr[i] - '0');
	}
	if (mode > 0777)
		return false;
	*out = mode;
	return true;
}

/* A number of exactly n digits, leading zeros allowed. */
static bool
parse_digits(struct ag_str *text, size_t n, int *out)
{
	int value = 0;

	if (text->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ag_is_digit(text->ptr[i]))
			return false;
		value = value * 10 + (text->ptr[i] - '0');
	}
	*text = ag_str_skip(*text, n);
	*out = value;
	return true;
}

static bool
parse_char(struct ag_str *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c)
		return false;
	*text = ag_str_skip(*text, 1);
	return true;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01; the date must exist. */
static int64_t
days_from_date(int year, int month, int day)
{
	int64_t y = year - 1;
	int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;

	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1;
}

static bool
parse_date(struct ag_str *text, int64_t *days)
{
	int year, month, day;

	if (!parse_digits(text, 4, &year) || !parse_char(text, '-') ||
	    !parse_digits(text, 2, &month) || !parse_char(text, '-') ||
	    !parse_digits(text, 2, &day))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days_in_month(year, month))
		return false;
	*days = days_from_date(year, month, day);
	return true;
}

static bool
parse_clock(struct ag_str *text, int64_t *seconds)
{
	int hour, minute, second;

	if (!parse_digits(text, 2, &hour) || !parse_char(text, ':') ||
	    !parse_digits(text, 2, &minute) || !parse_char(text, ':') ||
	    !parse_digits(text, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*seconds = (hour * 60 + minute) * 60 + second;
	return true;
}

bool
ag_number_instant(struct ag_str text, int64_t *out)
{
	int64_t days, seconds;

	if (!parse_date(&text, &days) || !parse_char(&text, 'T') ||
	    !parse_clock(&text, &seconds) || !parse_char(&text, 'Z') ||
	    text.len > 0)
		return false;
	*out = days * 86400 + seconds;
	return true;
}

bool
ag_number_until(struct ag_str text, int64_t *out)
{
	int64_t days;

	if (ag_number_instant(text, out))
		return true;
	if (!parse_date(&text, &days) || text.len > 0)
		return false;
	*out = (days + 1) * 86400;
	return true;
}

char *
ag_number_write_instant(int64_t instant, char buf[static AG_INSTANT_MAX])
{
	time_t t = (time_t)instant;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, AG_INSTANT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		buf[0] = '\0';
	return buf;
}
