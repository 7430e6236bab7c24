#include "findings.h"

#include "policy/address/ip.h"

static void
test_addresses(void **state)
{
	static const struct {
		const char *text;
		const char *expected; /* "unknown" when it is none */
	} table[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "[192.0.2.1]", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "[2001:db8::1]", "2001:db8::1" },
		{ "IPv6:2001:db8::1", "2001:db8::1" },
		{ "[IPv6:2001:db8::1]", "2001:db8::1" },
		{ "ipv6:::1", "::1" },
		{ "::", "::" },
		/* the mapped address is the IPv4 address */
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "IPv6:::ffff:192.0.2.1", "192.0.2.1" },
		{ "0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1" },
		/* neighbours of the mapped ones are not */
		{ "::fffe:192.0.2.1", "::fffe:c000:201" },
		{ "::1:ffff:192.0.2.1", "::1:ffff:c000:201" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
		{ "", "unknown" },
		{ "[]", "unknown" },
		{ "[", "unknown" },
		{ "unknown", "unknown" },
		{ "localhost", "unknown" },
		{ "10", "unknown" },
		{ "10.1", "unknown" },
		{ "10.1.2", "unknown" },
		{ "10.1.2.3.4", "unknown" },
		{ "10.1.2.3.", "unknown" },
		{ ".10.1.2.3", "unknown" },
		{ "10..2.3", "unknown" },
		{ "10.1.2.256", "unknown" },
		{ "010.1.2.3", "unknown" },
		{ "0x0a.1.2.3", "unknown" },
		{ "10.1.2.-3", "unknown" },
		{ "10.1.2.3/32", "unknown" },
		{ " 10.1.2.3", "unknown" },
		{ "10.1.2.3 ", "unknown" },
		{ "[10.1.2.3", "unknown" },
		{ "10.1.2.3]", "unknown" },
		{ "[[10.1.2.3]]", "unknown" },
		{ "IPv6:10.1.2.3", "unknown" },
		{ "IPv6:", "unknown" },
		{ "IPv4:10.1.2.3", "unknown" },
		{ "1:2:3:4:5:6:7", "unknown" },
		{ "1:2:3:4:5:6:7:8:9", "unknown" },
		{ "1::2::3", "unknown" },
		{ ":::", "unknown" },
		{ "2001:db8::12345", "unknown" },
		{ "fe80::1%eth0", "unknown" },
		{ "::ffff:010.1.2.3", "unknown" },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
		    "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char text[AG_IP_TEXT_MAX];
		struct ag_ip ip;
		bool ok = ag_ip_parse(&ip, ag_str(table[i].text));

		expect_text(table[i].text, ag_ip_write(&ip, text),
		    table[i].expected);
		expect_number(table[i].text, ok, ip.family != AG_IP_UNKNOWN);
	}
}

static void
test_address_with_nul(void **state)
{
	static const struct ag_str v4 = AG_STR("192.0.2.1\0"),
				   v6 = AG_STR("::1\0");
	struct ag_ip ip;

	(void)state;
	assert_false(ag_ip_parse(&ip, v4));
	assert_false(ag_ip_parse(&ip, v6));
	assert_false(ag_ip_parse(&ip, ag_str(NULL)));
	assert_int_equal(ip.family, AG_IP_UNKNOWN);
}

static void
test_longest_address(void **state)
{
	const char *longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe";
	char text[AG_IP_TEXT_MAX];
	struct ag_ip ip;

	(void)state;
	assert_true(ag_ip_parse(&ip, ag_str(longest)));
	expect_text(longest, ag_ip_write(&ip, text), longest);
}

static void
test_addresses_from_bytes(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 200 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0xfe };
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 200 };
	char text[AG_IP_TEXT_MAX];
	struct ag_ip ip = ag_ip_from_v4(v4), same = ag_ip_from_v6(mapped);

	(void)state;
	expect_text("v4", ag_ip_write(&ip, text), "192.0.2.200");
	assert_int_equal(ip.family, same.family);
	assert_true(ip.hi == same.hi && ip.lo == same.lo);
	ip = ag_ip_from_v6(v6);
	expect_text("v6", ag_ip_write(&ip, text), "2001:db8::fe");
}

static void
test_loopback(void **state)
{
	static const struct {
		const char *text;
		bool expected;
	} table[] = {
		{ "127.0.0.1", true },
		{ "127.255.255.255", true },
		{ "::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "126.255.255.255", false },
		{ "128.0.0.0", false },
		{ "::2", false },
		{ "::127.0.0.1", false },
		{ "0.0.0.1", false },
		{ "unknown", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		struct ag_ip ip;

		ag_ip_parse(&ip, ag_str(table[i].text));
		expect_number(table[i].text, ag_ip_is_loopback(&ip),
		    table[i].expected);
	}
}

/* The prefixes that make up a range, each with a blank behind it. */
static void
write_prefixes(struct ag_range range, struct ag_buf *out)
{
	char text[AG_IP_TEXT_MAX];
	struct ag_prefix prefix;

	while (ag_range_take_prefix(&range, &prefix))
		ag_buf_printf(out, "%s/%u ", ag_ip_write(&prefix.net, text),
		    prefix.bits);
}

/* What is made of a text: its prefixes, or why it is none. */
static void
expect_range(const char *text, const char *expected)
{
	char got[8192], reason[300];
	struct ag_buf out = AG_BUF(got), why = AG_BUF(reason);
	struct ag_range range;

	if (ag_range_parse(&range, ag_str(text), &why))
		write_prefixes(range, &out);
	else
		ag_buf_text(&out, reason);
	expect_text(text, got, expected);
}

struct range_row {
	const char *text;
	const char *expected;
};

static void
expect_ranges(const struct range_row *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_range(table[i].text, table[i].expected);
}

static void
test_networks(void **state)
{
	static const struct range_row table[] = {
		{ "192.0.2.1", "192.0.2.1/32 " },
		{ "192.0.2.0/24", "192.0.2.0/24 " },
		{ "192.0.2.0/255.255.255.0", "192.0.2.0/24 " },
		{ "192.0.2.7/255.255.255.255", "192.0.2.7/32 " },
		{ "0.0.0.0/0", "0.0.0.0/0 " },
		{ "0.0.0.0/0.0.0.0", "0.0.0.0/0 " },
		{ "128.0.0.0/1", "128.0.0.0/1 " },
		{ "192.0.2.1/32", "192.0.2.1/32 " },
		{ "2001:db8::/32", "2001:db8::/32 " },
		{ "2001:db8::1", "2001:db8::1/128 " },
		{ "2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65 " },
		{ "2001:db8::/64", "2001:db8::/64 " },
		{ "::/0", "::/0 " },
		{ "8000::/1", "8000::/1 " },
		/* IPv4-mapped networks are IPv4 networks */
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24 " },
		{ "::ffff:192.0.2.1", "192.0.2.1/32 " },
		{ "::ffff:192.0.2.1/128", "192.0.2.1/32 " },
		{ "::ffff:0:0/96", "0.0.0.0/0 " },
		{ "::fffe:0:0/95", "::fffe:0:0/95 " },
	};

	(void)state;
	expect_ranges(table, ROWS(table));
}

static void
test_ranges(void **state)
{
	static const struct range_row table[] = {
		{ "192.0.2.10-192.0.2.20",
		    "192.0.2.10/31 192.0.2.12/30 192.0.2.16/30 192.0.2.20/32 " },
		{ "192.0.2.1-192.0.2.1", "192.0.2.1/32 " },
		{ "192.0.2.0-192.0.2.255", "192.0.2.0/24 " },
		{ "192.0.2.255-192.0.3.0", "192.0.2.255/32 192.0.3.0/32 " },
		{ "0.0.0.0-255.255.255.255", "0.0.0.0/0 " },
		{ "0.0.0.1-255.255.255.255",
		    "0.0.0.1/32 0.0.0.2/31 0.0.0.4/30 0.0.0.8/29 0.0.0.16/28 "
		    "0.0.0.32/27 0.0.0.64/26 0.0.0.128/25 0.0.1.0/24 0.0.2.0/23 "
		    "0.0.4.0/22 0.0.8.0/21 0.0.16.0/20 0.0.32.0/19 0.0.64.0/18 "
		    "0.0.128.0/17 0.1.0.0/16 0.2.0.0/15 0.4.0.0/14 0.8.0.0/13 "
		    "0.16.0.0/12 0.32.0.0/11 0.64.0.0/10 0.128.0.0/9 1.0.0.0/8 "
		    "2.0.0.0/7 4.0.0.0/6 8.0.0.0/5 16.0.0.0/4 32.0.0.0/3 "
		    "64.0.0.0/2 128.0.0.0/1 " },
		{ "2001:db8::1-2001:db8::ff",
		    "2001:db8::1/128 2001:db8::2/127 2001:db8::4/126 "
		    "2001:db8::8/125 2001:db8::10/124 2001:db8::20/123 "
		    "2001:db8::40/122 2001:db8::80/121 " },
		{ "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0 " },
		/* across the middle of the number */
		{ "2001:db8:0:0:ffff:ffff:ffff:ffff-2001:db8:0:1::",
		    "2001:db8::ffff:ffff:ffff:ffff/128 2001:db8:0:1::/128 " },
		{ "2001:db8:0:1::-2001:db8:0:2:ffff:ffff:ffff:ffff",
		    "2001:db8:0:1::/64 2001:db8:0:2::/64 " },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe-"
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127 " },
		{ "::ffff:192.0.2.10-::ffff:192.0.2.11", "192.0.2.10/31 " },
		{ "::ffff:192.0.2.10-192.0.2.11", "192.0.2.10/31 " },
	};

	(void)state;
	expect_ranges(table, ROWS(table));
}

#define NO_ADDRESS "is not an IPv4 or IPv6 address or network"
#define NO_LENGTH_4 "has no prefix length from 0 to 32 or netmask behind the /"
#define NO_LENGTH_6 "has no prefix length from 0 to 128 behind the /"
#define NO_RANGE "is not a range FIRST-LAST of two addresses of one family"
#define BACKWARDS "runs backwards; write the lower address first"
#define HOST_BITS "has host bits set; the network is "

static void
test_bad_networks(void **state)
{
	static const struct range_row table[] = {
		/* what would be taken for a network that nobody meant */
		{ "10", NO_ADDRESS },
		{ "10.1", NO_ADDRESS },
		{ "10.1.2/24", NO_ADDRESS },
		{ "010.0.0.1", NO_ADDRESS },
		{ "010.0.0.0/8", NO_ADDRESS },
		{ "0x0a.0.0.1", NO_ADDRESS },
		{ "1.2.3.4/-1", NO_LENGTH_4 },
		{ "1.2.3.4/", NO_LENGTH_4 },
		{ "1.2.3.4/24x", NO_LENGTH_4 },
		{ "1.2.3.0/+24", NO_LENGTH_4 },
		{ "1.2.3.0/024", NO_LENGTH_4 },
		{ "1.2.3.0/33", NO_LENGTH_4 },
		{ "1.2.3.0/4294967320", NO_LENGTH_4 },
		{ "1.2.3.0/24/24", NO_LENGTH_4 },
		{ "1.2.3.0//24", NO_LENGTH_4 },
		{ "1.2.3.0/ 24", NO_LENGTH_4 },
		{ "1.2.3.0/255.0.255.0", NO_LENGTH_4 },
		{ "1.2.3.0/0.0.0.255", NO_LENGTH_4 },
		{ "1.2.3.0/255.255.255", NO_LENGTH_4 },
		{ "1.2.3.0/255.255.255.0.0", NO_LENGTH_4 },
		{ "1.2.3.0/0377.255.255.0", NO_LENGTH_4 },
		{ "1.2.3.0/2001:db8::", NO_LENGTH_4 },
		{ "2001:db8::/129", NO_LENGTH_6 },
		{ "2001:db8::/", NO_LENGTH_6 },
		{ "2001:db8::/-1", NO_LENGTH_6 },
		{ "2001:db8::/255.255.0.0", NO_LENGTH_6 },
		{ "::ffff:192.0.2.0/255.255.255.0", NO_LENGTH_6 },
		{ "2.0.192.in-addr.arpa", NO_ADDRESS },
		{ "1.2.0.192.in-addr.arpa.", NO_ADDRESS },
		{ "8.b.d.0.1.0.0.2.ip6.arpa", NO_ADDRESS },
		{ "mail.example.com", NO_ADDRESS },
		{ "*", NO_ADDRESS },
		{ "any", NO_ADDRESS },
		{ "192.0.2.*", NO_ADDRESS },
		{ "192.0.2.", NO_ADDRESS },
		{ "", NO_ADDRESS },
		{ "/", NO_ADDRESS },
		{ "/24", NO_ADDRESS },
		{ "[192.0.2.1", NO_ADDRESS },
		{ "192.0.2.1]", NO_ADDRESS },
		{ "[[::1]]", NO_ADDRESS },
		{ "[]", NO_ADDRESS },
		{ "[]/0", NO_ADDRESS },
		{ "[2001:db8::]32", NO_ADDRESS },
		{ "[2001:db8::/32]",
		    "has the length inside the brackets; write it behind "
		    "them" },
		{ "[2001:db8::1]/32",
		    "has host bits set; the network is 2001:db8::/32" },
		{ "[2001:db8::1-2001:db8::2]", NO_RANGE },
		{ "IPv6:2001:db8::1", NO_ADDRESS },
		{ "192.0.2.1:25", NO_ADDRESS },
		{ "fe80::1%eth0", NO_ADDRESS },
		{ "!192.0.2.1", NO_ADDRESS },
	};

	(void)state;
	expect_ranges(table, ROWS(table));
}

static void
test_host_bits(void **state)
{
	static const struct range_row table[] = {
		{ "192.0.2.5/24", HOST_BITS "192.0.2.0/24" },
		{ "192.0.2.5/255.255.255.0", HOST_BITS "192.0.2.0/24" },
		{ "10.1.2.3/8", HOST_BITS "10.0.0.0/8" },
		{ "1.2.3.4/0", HOST_BITS "0.0.0.0/0" },
		{ "192.0.2.1/31", HOST_BITS "192.0.2.0/31" },
		{ "2001:db8::1/32", HOST_BITS "2001:db8::/32" },
		{ "2001:db8:0:0:8000::/64", HOST_BITS "2001:db8::/64" },
		{ "::ffff:192.0.2.5/120", HOST_BITS "192.0.2.0/24" },
		/* shorter than the mapped networks' own 96 bits */
		{ "::ffff:0:0/95", HOST_BITS "::fffe:0:0/95" },
		{ "::ffff:192.0.2.0/64", HOST_BITS "::/64" },
	};

	(void)state;
	expect_ranges(table, ROWS(table));
}

static void
test_bad_ranges(void **state)
{
	static const struct range_row table[] = {
		{ "192.0.2.20-192.0.2.10", BACKWARDS },
		{ "2001:db8::ff-2001:db8::1", BACKWARDS },
		{ "2001:db8:1::-2001:db8::ffff", BACKWARDS },
		{ "192.0.2.1-2001:db8::1", NO_RANGE },
		{ "192.0.2.10-20", NO_RANGE },
		{ "192.0.2.10-", NO_RANGE },
		{ "-192.0.2.10", NO_ADDRESS },
		{ "-", NO_ADDRESS },
		{ "192.0.2.1-192.0.2.2-192.0.2.3", NO_RANGE },
		{ "192.0.2.1--192.0.2.3", NO_RANGE },
		{ "010.0.0.1-010.0.0.9", NO_RANGE },
		{ "::1-192.0.2.1", NO_RANGE },
		{ "mail-1.example.com", NO_ADDRESS },
		/* a prefix length is no end of a range */
		{ "192.0.2.0/24-192.0.3.0/24", NO_LENGTH_4 },
		{ "192.0.2.0-192.0.3.0/24", NO_RANGE },
	};

	(void)state;
	expect_ranges(table, ROWS(table));
}

/* The reader of the common forms: what it reads, and what it leaves. */
static void
test_common_forms(void **state)
{
	static const struct range_row table[] = {
		{ "0.0.0.0", "0.0.0.0/32 " },
		{ "255.255.255.255", "255.255.255.255/32 " },
		{ "256.0.0.1", "left" },
		{ "1.2.3.256", "left" },
		{ "1.2.3.1000", "left" },
		{ "1.2.3", "left" },
		{ "1.2.3.4.5", "left" },
		{ "1.2.3.4.", "left" },
		{ "1..3.4", "left" },
		{ "01.2.3.4", "left" },
		{ "1.2.3.00", "left" },
		{ "1.2.3.4 ", "left" },
		{ "0.0.0.0/0", "0.0.0.0/0 " },
		{ "128.0.0.0/1", "128.0.0.0/1 " },
		{ "192.0.2.2/31", "192.0.2.2/31 " },
		{ "192.0.2.1/32", "192.0.2.1/32 " },
		{ "192.0.2.1/33", "left" },
		{ "192.0.2.0/024", "left" },
		{ "192.0.2.0/", "left" },
		{ "192.0.2.0/24/", "left" },
		{ "192.0.2.0/24x", "left" },
		{ "192.0.2.1/31", "left" },
		{ "192.0.2.0/255.255.255.0", "left" },
		{ "192.0.2.1-192.0.2.1", "left" },
		{ "::", "::/128 " },
		{ "::/0", "::/0 " },
		{ "8000::/1", "8000::/1 " },
		{ "4000::/1", "left" },
		{ "::1", "::1/128 " },
		{ "1::", "1::/128 " },
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128 " },
		{ "1:2:3:4:5:6:7:8/", "left" },
		{ "1:2:3:4:5:6:7", "left" },
		{ "1:2:3:4:5:6:7:", "left" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128 " },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128 " },
		{ "1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8/128 " },
		{ "1:2:3:4:5:6:7:8:9", "left" },
		{ "1:2:3:4::5:6:7:8", "left" },
		{ "::1:2:3:4:5:6:7:8", "left" },
		{ "1:2:3:4:5:6:7:8::", "left" },
		{ ":1:2:3:4:5:6:7:8", "left" },
		{ ":", "left" },
		{ ":::", "left" },
		{ "1:::2", "left" },
		{ "1::2::3", "left" },
		{ ":1::", "left" },
		{ "1::2:", "left" },
		{ "FFFF:00ab::", "ffff:ab::/128 " },
		{ "12345::", "left" },
		{ "1::00000", "left" },
		{ "g::", "left" },
		{ "2001:db8::/64", "2001:db8::/64 " },
		{ "2001:db8:0:0:8000::/65", "2001:db8:0:0:8000::/65 " },
		{ "2001:db8:0:0:8000::/64", "left" },
		{ "2001:db8::2/127", "2001:db8::2/127 " },
		{ "2001:db8::2/128", "2001:db8::2/128 " },
		{ "2001:db8::2/126", "left" },
		{ "2001:db8::/129", "left" },
		{ "1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8/128 " },
		{ "::ffff:c000:201", "left" },
		{ "::ffff:0:0/96", "left" },
		{ "::fffe:0:0/95", "::fffe:0:0/95 " },
		{ "::1:ffff:0:0", "::1:ffff:0:0/128 " },
		{ "::192.0.2.1", "left" },
		{ "fe80::1%eth0", "left" },
		{ "", "left" },
		{ "/", "left" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(table); i++) {
		char got[100] = "left";
		struct ag_buf out = { got, sizeof(got), 0, false };
		struct ag_range range;

		if (ag_range_parse_common(&range, ag_str(table[i].text)))
			write_prefixes(range, &out);
		expect_text(table[i].text, got, table[i].expected);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_address_with_nul),
		cmocka_unit_test(test_longest_address),
		cmocka_unit_test(test_addresses_from_bytes),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bad_networks),
		cmocka_unit_test(test_host_bits),
		cmocka_unit_test(test_bad_ranges),
		cmocka_unit_test(test_common_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
