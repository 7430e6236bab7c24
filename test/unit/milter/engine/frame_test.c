#include "findings.h"

#include "milter/engine/frame.h"

/* Bytes of a literal, without its terminator. */
#define BYTES(literal) { (literal), sizeof(literal) - 1 }

/* ---- packets ---- */

/* "C5 " for each packet with its command and bytes, and how it ends. */
static void
write_packets(struct ag_str bytes, size_t max, struct ag_buf *out)
{
	struct ag_frame frame;
	const char *why;

	for (;;) {
		switch (ag_frame_take(&bytes, max, &frame, &why)) {
		case AG_FRAME_WHOLE:
			ag_buf_printf(out, "%c%zu ", frame.command,
			    frame.data.len);
			continue;
		case AG_FRAME_PART:
			ag_buf_printf(out, "%zu left", bytes.len);
			return;
		case AG_FRAME_BAD:
			ag_buf_printf(out, "bad: %s", why);
			return;
		}
	}
}

static void
test_packets(void **state)
{
	static const struct {
		const char *name;
		struct ag_str bytes;
		const char *expected;
	} rows[] = {
		{ "nothing", BYTES(""), "0 left" },
		{ "part of a length", BYTES("\0\0\0"), "3 left" },
		{ "a length", BYTES("\0\0\0\1"), "4 left" },
		{ "no data", BYTES("\0\0\0\1A"), "A0 0 left" },
		{ "data", BYTES("\0\0\0\3Ba\0"), "B2 0 left" },
		{ "several", BYTES("\0\0\0\1A\0\0\0\2Bx\0\0\0\1Q"),
		    "A0 B1 Q0 0 left" },
		{ "one and a half", BYTES("\0\0\0\1A\0\0\0\3Bx"), "A0 6 left" },
		{ "no command", BYTES("\0\0\0\0"), "bad: it has no command" },
		{ "the longest",
		    BYTES("\0\0\0\x11"
			  "B0123456789abcdef"),
		    "B16 0 left" },
		{ "too long, known by its length", BYTES("\0\0\0\x12"),
		    "bad: it is longer than was agreed on" },
		{ "much too long", BYTES("\xff\xff\xff\xff"),
		    "bad: it is longer than was agreed on" },
		{ "no such command, known by itself", BYTES("\0\0\0\5z"),
		    "bad: there is no such command" },
		{ "NUL as a command", BYTES("\0\0\0\1\0"),
		    "bad: there is no such command" },
		{ "lower case", BYTES("\0\0\0\1m"),
		    "bad: there is no such command" },
		{ "bad behind good", BYTES("\0\0\0\1A\0\0\0\1?"),
		    "A0 bad: there is no such command" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[200];
		struct ag_buf out = AG_BUF(text);

		write_packets(rows[i].bytes, 16, &out);
		expect_text(rows[i].name, text, rows[i].expected);
	}
}

/* Every command that an MTA has, and no other byte. */
static void
test_commands(void **state)
{
	static const char commands[] = "ABCDEHKLMNOQRTU";

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		char bytes[] = { 0, 0, 0, 1, (char)c };
		struct ag_str rest = { bytes, sizeof(bytes) };
		struct ag_frame frame;
		const char *why;

		expect_number("command",
		    ag_frame_take(&rest, 16, &frame, &why) == AG_FRAME_WHOLE,
		    memchr(commands, (int)c, sizeof(commands) - 1) != NULL);
	}
}

static void
test_size(void **state)
{
	static const struct ag_str part = BYTES("\0\0\1"),
				   some = BYTES("\0\0\1\2Bx");

	(void)state;
	expect_number("part of a length", (int64_t)ag_frame_size(part), 0);
	expect_number("a length", (int64_t)ag_frame_size(some), 4 + 0x102);
}

/* ---- what belongs to a command ---- */

static void
test_offers(void **state)
{
	static const struct {
		const char *name;
		struct ag_str data;
		const char *expected;
	} rows[] = {
		{ "Sendmail", BYTES("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"),
		    "6 1ff 1fffff" },
		{ "lists behind it",
		    BYTES("\0\0\0\6\0\0\1\xff\0\x1f\xff\xff\0\0\0\0x\0"),
		    "6 1ff 1fffff" },
		{ "the oldest", BYTES("\0\0\0\2\0\0\0\x3f\0\0\0\x7f"),
		    "2 3f 7f" },
		{ "all bits",
		    BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		    "4294967295 ffffffff ffffffff" },
		{ "too old", BYTES("\0\0\0\1\0\0\0\x3f\0\0\0\x7f"),
		    "the MTA's version of the protocol is too old" },
		{ "too short", BYTES("\0\0\0\6\0\0\0\x3f\0\0\0"),
		    "an offer has three numbers" },
		{ "empty", BYTES(""), "an offer has three numbers" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[200];
		struct ag_buf out = AG_BUF(text);
		struct ag_offer offer;
		const char *why = ag_frame_read_offer(rows[i].data, &offer);

		if (why == NULL)
			ag_buf_printf(&out, "%u %x %x", offer.version,
			    offer.actions, offer.steps);
		expect_text(rows[i].name, why != NULL ? why : text,
		    rows[i].expected);
	}
}

static void
test_peers(void **state)
{
	static const struct {
		const char *name;
		struct ag_str data;
		const char *expected;
	} rows[] = {
		{ "IPv4",
		    BYTES("a.example\0"
			  "4\x1f\x90"
			  "192.0.2.1\0"),
		    "a.example 4 8080 192.0.2.1" },
		{ "IPv6",
		    BYTES("a.example\0"
			  "6\0\x19"
			  "IPv6:2001:db8::1\0"),
		    "a.example 6 25 IPv6:2001:db8::1" },
		{ "a path",
		    BYTES("localhost\0"
			  "L\0\0"
			  "/run/s\0"),
		    "localhost L 0 /run/s" },
		{ "unknown", BYTES("localhost\0U"), "localhost U 0 " },
		{ "unknown, and more", BYTES("localhost\0Uabc"),
		    "localhost U 0 " },
		{ "no name",
		    BYTES("\0"
			  "4\0\0"
			  "192.0.2.1\0"),
		    " 4 0 192.0.2.1" },
		{ "empty address",
		    BYTES("a\0"
			  "4\0\0\0"),
		    "a 4 0 " },
		{ "nothing", BYTES(""), "a text in it does not end" },
		{ "a name alone", BYTES("a"), "a text in it does not end" },
		{ "no family", BYTES("a\0"), "the client's family is missing" },
		{ "another family",
		    BYTES("a\0X\0\0"
			  "1\0"),
		    "there is no such family of addresses" },
		{ "NUL as a family",
		    BYTES("a\0\0\0\0"
			  "1\0"),
		    "there is no such family of addresses" },
		{ "no port",
		    BYTES("a\0"
			  "4"),
		    "a family is not followed by port and address" },
		{ "half a port",
		    BYTES("a\0"
			  "4\0"),
		    "a family is not followed by port and address" },
		{ "no address",
		    BYTES("a\0"
			  "4\0\0"),
		    "a family is not followed by port and address" },
		{ "an address without an end",
		    BYTES("a\0"
			  "4\0\0"
			  "192.0.2.1"),
		    "a text in it does not end" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[200];
		struct ag_buf out = AG_BUF(text);
		struct ag_peer peer;
		const char *why = ag_frame_read_peer(rows[i].data, &peer);

		if (why == NULL)
			ag_buf_printf(&out, "%s %c %u %s", peer.name,
			    peer.family, peer.port, peer.address);
		expect_text(rows[i].name, why != NULL ? why : text,
		    rows[i].expected);
	}
}

static void
test_texts(void **state)
{
	static const struct {
		const char *name;
		struct ag_str data;
		const char *expected;
	} rows[] = {
		{ "alone", BYTES("<a@b>\0"), "<a@b>" },
		{ "with arguments", BYTES("<a@b>\0SIZE=1\0BODY=8BITMIME\0"),
		    "<a@b>" },
		{ "empty", BYTES("\0"), "" },
		{ "missing", BYTES(""), "an argument is missing" },
		{ "without its end", BYTES("<a@b>"),
		    "a text in it does not end" },
		{ "the last without its end", BYTES("<a@b>\0SIZE=1"),
		    "a text in it does not end" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *text;
		const char *why = ag_frame_read_text(rows[i].data, &text);

		expect_text(rows[i].name, why != NULL ? why : text,
		    rows[i].expected);
	}
}

static void
test_fields(void **state)
{
	static const struct {
		const char *name;
		struct ag_str data;
		const char *expected;
	} rows[] = {
		{ "a field", BYTES("From\0 a@b\0"), "From: a@b" },
		{ "folded", BYTES("To\0a,\n\tb\0"), "To:a,\n\tb" },
		{ "no value", BYTES("From\0\0"), "From:" },
		{ "more behind it", BYTES("From\0a\0b\0"), "From:a" },
		{ "a name alone", BYTES("From\0"),
		    "a header field has no value" },
		{ "no name", BYTES("\0a\0"), "a header field has no name" },
		{ "without its end", BYTES("From\0a"),
		    "a text in it does not end" },
		{ "nothing", BYTES(""), "a text in it does not end" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[200];
		struct ag_buf out = AG_BUF(text);
		const char *name, *value;
		const char *why =
		    ag_frame_read_field(rows[i].data, &name, &value);

		if (why == NULL)
			ag_buf_printf(&out, "%s:%s", name, value);
		expect_text(rows[i].name, why != NULL ? why : text,
		    rows[i].expected);
	}
}

static void
test_macros(void **state)
{
	static const struct {
		const char *name;
		struct ag_str data;
		const char *expected;
	} rows[] = {
		{ "one",
		    BYTES("Mi\0"
			  "4XYZ\0"),
		    "M i=4XYZ" },
		{ "two", BYTES("C{daemon_name}\0smtp\0j\0mx.example\0"),
		    "C {daemon_name}=smtp j=mx.example" },
		{ "an empty value", BYTES("M{auth_authen}\0\0i\0x\0"),
		    "M {auth_authen}= i=x" },
		{ "an empty name", BYTES("M\0x\0"), "M =x" },
		{ "none", BYTES("M"), "M" },
		{ "of nothing", BYTES(""), "macros belong to no command" },
		{ "of no command", BYTES("?i\0x\0"),
		    "macros belong to no command" },
		{ "a name without a value", BYTES("Mi\0"),
		    "a macro has a name and no value" },
		{ "a second one", BYTES("Mi\0x\0j\0"),
		    "a macro has a name and no value" },
		{ "no end", BYTES("Mi\0x"), "a text in it does not end" },
		{ "no end, no NUL", BYTES("Mabc"),
		    "a text in it does not end" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[200];
		struct ag_buf out = AG_BUF(text);
		struct ag_macros macros;
		const char *name, *value;
		const char *why = ag_frame_read_macros(rows[i].data, &macros);

		if (why == NULL) {
			ag_buf_char(&out, macros.command);
			while (ag_macros_next(&macros, &name, &value))
				ag_buf_printf(&out, " %s=%s", name, value);
		}
		expect_text(rows[i].name, why != NULL ? why : text,
		    rows[i].expected);
	}
}

/* ---- replies ---- */

/* NUL as "0", other bytes that no editor shows as "#". */
static void
expect_bytes(const char *name, const struct ag_buf *out, const char *expected)
{
	char text[400];
	struct ag_buf shown = AG_BUF(text);

	for (size_t i = 0; i < out->len; i++) {
		char c = out->ptr[i];

		if ((unsigned char)c < 0x20)
			ag_buf_printf(&shown, "\\%d", c);
		else
			ag_buf_char(&shown, c);
	}
	expect_text(name, text, expected);
}

static void
test_replies(void **state)
{
	static const char *const lists[AG_FRAME_STAGES] = { "{daemon_name}",
		NULL, "i j", NULL, NULL, "", NULL };
	static const struct ag_offer offer = { 6, 0x111, 0x1ff };
	char bytes[400];
	struct ag_buf out = AG_BUF(bytes);

	(void)state;
	ag_frame_write(&out, 'c');
	expect_bytes("continue", &out, "\\0\\0\\0\\1c");
	out = AG_BUF(bytes);
	ag_frame_write_reply(&out, "550", "5.7.1", "no");
	expect_bytes("a reply", &out, "\\0\\0\\0\\14y550 5.7.1 no\\0");
	out = AG_BUF(bytes);
	ag_frame_write_reply(&out, "450", "4.7.1", "5% %s");
	expect_bytes("percents", &out, "\\0\\0\\0\\19y450 4.7.1 5%% %%s\\0");
	out = AG_BUF(bytes);
	ag_frame_write_removal(&out, 3, "A-R");
	expect_bytes("removal", &out, "\\0\\0\\0\\10m\\0\\0\\0\\3A-R\\0\\0");
	out = AG_BUF(bytes);
	ag_frame_write_insertion(&out, "A-R", " x");
	expect_bytes("insertion", &out,
	    "\\0\\0\\0\\12i\\0\\0\\0\\0A-R\\0 x\\0");
	out = AG_BUF(bytes);
	ag_frame_write_offer(&out, &offer, lists);
	expect_bytes("an offer", &out,
	    "\\0\\0\\0,O\\0\\0\\0\\6\\0\\0\\1\\17\\0\\0\\1\xff"
	    "\\0\\0\\0\\0{daemon_name}\\0"
	    "\\0\\0\\0\\2i j\\0\\0\\0\\0\\5\\0");
}

/* Half a reply would be worse than none. */
static void
test_full(void **state)
{
	(void)state;
	for (size_t room = 1; room < 30; room++) {
		char bytes[64];
		struct ag_buf out = ag_buf(bytes, room);
		size_t reply = 4 + 1 + sizeof("550 5.7.1 no");

		ag_frame_write_reply(&out, "550", "5.7.1", "no");
		expect_number("whole or nothing", (int64_t)out.len,
		    room > reply ? (int64_t)reply : 0);
		expect_number("said", out.cut, room <= reply);
		ag_frame_write(&out, 'c');
		expect_number("nothing behind it",
		    out.len == 0 || !out.cut || out.len == reply, true);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
