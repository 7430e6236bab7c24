/* name.c - makes and reads the file name of a copy */
#include "milter/archive/name.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/number.h"

#define HOST_MAX 64

/* Such that no name of a host breaks the name of a file. */
static void
write_host(struct ag_buf *name)
{
	char host[HOST_MAX + 1] = "";

	if (gethostname(host, HOST_MAX) != 0 || host[0] == '\0')
		snprintf(host, sizeof(host), "localhost");
	for (const char *c = host; *c != '\0'; c++)
		ag_buf_char(name,
		    *c == '/' || *c == ':' || *c == ',' || ag_is_control(*c) ?
			'_' :
			*c);
}

/* A number per process that no process of the same number had just before. */
static unsigned
random_of_process(void)
{
	static atomic_uint number;

	if (number == 0) {
		unsigned fresh = 1, zero = 0;

		if (getrandom(&fresh, sizeof(fresh), GRND_NONBLOCK) < 0)
			fresh = (unsigned)time(NULL);
		atomic_compare_exchange_strong(&number, &zero, fresh | 1);
	}
	return number;
}

void
ag_copyname_make(char name[static AG_COPYNAME_MAX], char day[static AG_DAY_MAX])
{
	static atomic_ulong count;
	struct ag_buf buf = ag_buf(name, AG_COPYNAME_MAX);
	char instant[AG_INSTANT_MAX];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ag_buf_printf(&buf, "%lld.M%06ldP%ldR%08xQ%lu.", (long long)now.tv_sec,
	    now.tv_nsec / 1000, (long)getpid(), random_of_process(),
	    atomic_fetch_add(&count, 1));
	write_host(&buf);
	ag_number_write_instant(now.tv_sec, instant);
	snprintf(day, AG_DAY_MAX, "%.10s", instant);
}

void
ag_copyname_finish(char name[static AG_COPYNAME_MAX], uint64_t size,
    uint64_t sum)
{
	size_t len = strlen(name);

	snprintf(name + len, AG_COPYNAME_MAX - len, ",S=%llu,X=%016llx",
	    (unsigned long long)size, (unsigned long long)sum);
}

/* Sixteen digits, in lower case. */
static bool
read_sum(struct ag_str text, uint64_t *out)
{
	uint64_t sum = 0;

	if (text.len != 16)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *digits = "0123456789abcdef";
		size_t digit = ag_str_find(ag_str(digits), text.ptr[i]);

		if (digit == 16)
			return false;
		sum = sum << 4 | digit;
	}
	*out = sum;
	return true;
}

/* The value of ",KEY=", of the fields behind the name proper. */
static struct ag_str
field(struct ag_str fields, char key)
{
	struct ag_str word;

	while (ag_str_word(&fields, ",", &word))
		if (word.len > 2 && word.ptr[0] == key && word.ptr[1] == '=')
			return ag_str_skip(word, 2);
	return ag_str(NULL);
}

/* Takes KEY and at least one digit off the front of *rest. */
static bool
take_number(struct ag_str *rest, char key, const char *digits)
{
	size_t n = 1;

	while (n < rest->len && ag_str_has(ag_str(digits), rest->ptr[n]))
		n++;
	if (n < 2 || rest->ptr[0] != key)
		return false;
	*rest = ag_str_skip(*rest, n);
	return true;
}

/* Whether it is ".MnumberPnumberRnumberQnumber.HOST". */
static bool
is_ours(struct ag_str text)
{
	struct ag_str rest = ag_str_skip(text, 1);

	return ag_str_starts(text, ".") &&
	    take_number(&rest, 'M', "0123456789") &&
	    take_number(&rest, 'P', "0123456789") &&
	    take_number(&rest, 'R', "0123456789abcdef") &&
	    take_number(&rest, 'Q', "0123456789") && rest.len > 1 &&
	    rest.ptr[0] == '.';
}

bool
ag_copyname_read(struct ag_str name, struct ag_copyname *out)
{
	struct ag_str base = ag_str_head(name, ag_str_find(name, ':'));
	struct ag_str unique = ag_str_head(base, ag_str_find(base, ','));
	struct ag_str fields = ag_str_skip(base, unique.len);
	size_t dot = ag_str_find(unique, '.');
	uint64_t seconds = 0;

	memset(out, 0, sizeof(*out));
	if (!ag_number_parse(ag_str_head(unique, dot), INT64_MAX, &seconds) ||
	    !is_ours(ag_str_skip(unique, dot)))
		return false;
	out->seconds = (int64_t)seconds;
	out->whole =
	    ag_number_parse(field(fields, 'S'), UINT64_MAX, &out->size) &&
	    read_sum(field(fields, 'X'), &out->sum);
	return true;
}

bool
ag_day_read(struct ag_str day, int64_t *out)
{
	char text[AG_INSTANT_MAX];
	struct ag_buf buf = AG_BUF(text);

	if (day.len != AG_DAY_MAX - 1)
		return false;
	ag_buf_str(&buf, day);
	ag_buf_text(&buf, "T00:00:00Z");
	return ag_number_instant(ag_buf_get(&buf), out);
}
