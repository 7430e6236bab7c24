/* lists.c - reads list files line by line */
#include "policy/config/lists.h"

#include "policy/base/number.h"
#include "policy/config/words.h"

static void
bad(struct ag_list *list, enum ag_severity severity, struct ag_str entry,
    const char *why)
{
	ag_diag_report(list->diag, severity, &list->at, "%s %s",
	    AG_SHOWN(entry), why);
}

/* Whether the word, which is the entry or a part of it, can be one. */
static bool
word_is(struct ag_list *list, enum ag_word kind, struct ag_str word,
    struct ag_str entry)
{
	char reason[300];
	struct ag_buf why = AG_BUF(reason);

	if (ag_word_check(kind, word, &why))
		return true;
	bad(list, AG_BAD_LINE, entry, reason);
	return false;
}

static bool
word_can_be(enum ag_word kind, struct ag_str word)
{
	char reason[300];
	struct ag_buf why = AG_BUF(reason);

	return ag_word_check(kind, word, &why);
}

/* What a bad line is: skipping an exception would open a relay. */
static enum ag_severity
bad_line(const struct ag_list *list, struct ag_str entry)
{
	bool exception = entry.len > 0 && entry.ptr[0] == '!';

	return list->relay && exception ? AG_ERROR : AG_BAD_LINE;
}

/* ---- lines ---- */

/* One line: its words and its reason. */
struct list_line {
	struct ag_str entry;
	struct ag_str rest;  /* further words */
	struct ag_str glued; /* a comment of ";" or "//" right behind a word */
	struct ag_entry about;
};

/* Thousands of entries are mostly there for a few reasons, which are kept once.
 */
static const char *
keep_note(struct ag_list *list, struct ag_str note)
{
	size_t at = note.len + (unsigned char)note.ptr[0] +
	    7 * (unsigned char)note.ptr[note.len - 1];
	const char **place = &list->notes[at % AG_LIST_NOTES];

	if (*place == NULL || !ag_str_eq(ag_str(*place), note))
		*place = ag_arena_str(list->arena, note).ptr;
	return *place;
}

/* Where the signs of other programs' comments stand. */
enum signs { OF_A_WORD, ANYWHERE };

static size_t
sign_length(struct ag_str text)
{
	if (ag_str_starts(text, "//"))
		return 2;
	return ag_str_starts(text, ";") || ag_str_starts(text, "#") ? 1 : 0;
}

static bool
begins_word(struct ag_str text, size_t at)
{
	return at == 0 || text.ptr[at - 1] == ' ' || text.ptr[at - 1] == '\t' ||
	    text.ptr[at - 1] == ',';
}

/* The first ";" or "//", whichever begins with c, or the length. */
static size_t
find_sign(struct ag_str text, char c, enum signs signs)
{
	for (size_t at = ag_str_find(text, c); at < text.len;
	    at += 1 + ag_str_find(ag_str_skip(text, at + 1), c))
		if (sign_length(ag_str_skip(text, at)) > 0 &&
		    (signs == ANYWHERE || begins_word(text, at)))
			return at;
	return text.len;
}

/* Where the comment of a line begins, or its length. */
static size_t
find_comment(struct ag_str text, enum signs signs)
{
	text = ag_str_head(text, ag_str_find(text, '#'));
	text = ag_str_head(text, find_sign(text, ';', signs));
	return find_sign(text, '/', signs);
}

bool
ag_list_has_entries(struct ag_str text)
{
	struct ag_str line;

	while (ag_str_line(&text, &line))
		if (ag_str_trim(line).len > 0 &&
		    sign_length(ag_str_trim(line)) == 0)
			return true;
	return false;
}

/* Takes a line apart; false when it has no entry. */
static bool
read_line(struct ag_list *list, struct ag_str text, enum signs signs,
    struct list_line *line)
{
	size_t end = find_comment(text, signs);
	struct ag_str note = ag_str_skip(text, end);
	bool glued = !ag_str_starts(note, "#") && !begins_word(text, end);

	note = ag_str_trim(ag_str_skip(note, sign_length(note)));
	line->glued = ag_str_head(note, glued ? note.len : 0);
	line->rest = ag_str_trim(ag_str_head(text, end));
	if (!ag_str_word(&line->rest, AG_BLANKS, &line->entry))
		return false;
	line->about = (struct ag_entry){ AG_NEVER, NULL, list->at };
	if (note.len > 0)
		line->about.note = keep_note(list, note);
	return true;
}

/* The next line that has an entry; false at the end. */
static bool
next_line(struct ag_list *list, enum signs signs, struct list_line *line)
{
	struct ag_str text;

	while (ag_str_line(&list->text, &text)) {
		list->at.line++;
		if (read_line(list, text, signs, line))
			return true;
	}
	return false;
}

/* Takes "until=..." from the rest of a line; false after a finding. */
static bool
take_until(struct ag_list *list, struct list_line *line)
{
	struct ag_str word;

	while (ag_str_word(&line->rest, AG_BLANKS, &word)) {
		const char *why = NULL;

		if (ag_str_eq(line->entry, ag_str("!")))
			why =
			    "must stand in front of a network without a blank";
		else if (!ag_str_starts(word, "until="))
			why = "is followed by something that is neither until= "
			      "nor a # comment";
		else if (line->about.until != AG_NEVER)
			why = "has until= twice";
		else if (!ag_number_until(ag_str_skip(word, 6),
			     &line->about.until))
			why = "has a bad until=; write until=2026-12-31 or "
			      "until=2026-12-31T18:00:00Z";
		if (why != NULL) {
			bad(list, bad_line(list, line->entry), line->entry,
			    why);
			return false;
		}
	}
	return true;
}

/* A byte that no editor shows is no part of any entry. */
static bool
is_clean(struct ag_list *list, const struct list_line *line)
{
	if (!ag_str_has_control(line->entry))
		return true;
	bad(list, bad_line(list, line->entry), line->entry,
	    "has a control byte; is this a text file?");
	return false;
}

/* Neither a blank nor a control byte, and begins no comment; 64 bytes a word.
 */
static bool
is_bare_byte(char c)
{
	static const uint64_t bare[4] = { UINT64_C(0xf7fffff600000000),
		UINT64_C(0x7fffffffffffffff), UINT64_MAX, UINT64_MAX };
	unsigned char byte = (unsigned char)c;

	return (bare[byte >> 6] >> (byte & 63) & 1) != 0;
}

static bool
is_bare(struct ag_str text, size_t at)
{
	return is_bare_byte(text.ptr[at]) &&
	    (text.ptr[at] != '/' || at + 1 == text.len ||
		text.ptr[at + 1] != '/');
}

/*
 * Takes a line that is one word of no control bytes, as nearly all are, in one
 * pass.
 */
static bool
take_bare_entry(struct ag_list *list, struct list_line *line)
{
	struct ag_str text = list->text;
	size_t n = 0;

	while (n < text.len && is_bare(text, n))
		n++;
	if (n == 0 || (n < text.len && text.ptr[n] != '\n'))
		return false;
	list->at.line++;
	list->text = ag_str_skip(text, n + 1);
	line->entry = ag_str_head(text, n);
	line->about = (struct ag_entry){ AG_NEVER, NULL, list->at };
	return true;
}

static bool
is_entry(struct ag_str word)
{
	char reason[200];
	struct ag_buf why = AG_BUF(reason);
	struct ag_range range;

	return ag_range_parse(&range, word, &why) ||
	    ag_str_starts(word, "login:") || ag_str_starts(word, "sender:");
}

/* "192.0.2.1;192.0.2.2" would lose the second one in a comment. */
static bool
is_alone(struct ag_list *list, struct list_line *line)
{
	struct ag_str word;

	if (!ag_str_word(&line->glued, "#,;/\t ", &word) || !is_entry(word))
		return true;
	bad(list, bad_line(list, line->entry), line->entry,
	    "has another entry behind it; write one a line");
	return false;
}

/* The next line with an entry and, behind it, nothing but until=. */
static bool
next_entry(struct ag_list *list, struct list_line *line)
{
	if (take_bare_entry(list, line))
		return true;
	while (next_line(list, ANYWHERE, line))
		if (is_clean(list, line) && is_alone(list, line) &&
		    take_until(list, line))
			return true;
	return false;
}

/* ---- networks, logins and senders ---- */

static bool
parse_network(struct ag_list *list, enum ag_severity severity,
    struct ag_item *item)
{
	char reason[200];
	struct ag_buf why = AG_BUF(reason);

	item->except = item->entry.ptr[0] == '!';
	if (ag_range_parse(&item->range, ag_str_skip(item->entry, item->except),
		&why))
		return true;
	bad(list, severity, item->entry, reason);
	return false;
}

static bool
parse_login(struct ag_list *list, struct ag_item *item)
{
	struct ag_str text = ag_str_skip(item->entry, sizeof("login:") - 1);
	struct ag_mailbox login;

	if (!word_is(list, AG_WORD_LOGIN, text, item->entry))
		return false;
	if (!ag_login_parse(&login, text)) {
		bad(list, AG_BAD_LINE, item->entry, "names no login");
		return false;
	}
	ag_login_complete(&login, list->form);
	ag_login_write(&login, item->name);
	return true;
}

/* "a@b", "@b" or ".b", in the form in which eval looks it up. */
static bool
sender_key(struct ag_str text, char buf[static AG_ADDRESS_MAX])
{
	struct ag_mailbox mailbox;
	struct ag_buf out = ag_buf(buf, AG_ADDRESS_MAX);
	char domain[AG_DOMAIN_MAX + 1];

	if (text.len > 0 && (text.ptr[0] == '@' || text.ptr[0] == '.')) {
		ag_buf_char(&out, text.ptr[0]);
		if (ag_domain_parse(ag_str_skip(text, 1), domain) !=
		    AG_DOMAIN_OK)
			return false;
		ag_buf_text(&out, domain);
		return true;
	}
	if (!ag_mailbox_parse(&mailbox, text) ||
	    !ag_domain_is_listable(ag_mailbox_domain(&mailbox)))
		return false;
	ag_login_write(&mailbox, buf);
	return true;
}

static bool
parse_sender(struct ag_list *list, struct ag_item *item)
{
	struct ag_str text = ag_str_skip(item->entry, sizeof("sender:") - 1);

	if (!word_is(list, AG_WORD_SENDER, text, item->entry))
		return false;
	if (sender_key(text, item->name))
		return true;
	bad(list, AG_BAD_LINE, item->entry, "names no sender");
	return false;
}

/* False after a finding. */
static bool
parse_item(struct ag_list *list, struct ag_item *item)
{
	item->kind = AG_ITEM_NETWORK;
	if (list->names && ag_str_starts(item->entry, "login:")) {
		item->kind = AG_ITEM_LOGIN;
		return parse_login(list, item);
	}
	if (list->names && ag_str_starts(item->entry, "sender:")) {
		item->kind = AG_ITEM_SENDER;
		return parse_sender(list, item);
	}
	return parse_network(list, bad_line(list, item->entry), item);
}

bool
ag_list_next(struct ag_list *list, struct ag_item *item)
{
	struct list_line line;

	while (next_entry(list, &line)) {
		item->entry = line.entry;
		item->about = line.about;
		if (parse_item(list, item))
			return true;
	}
	return false;
}

/* Adds the prefixes of a network; false: no memory. */
static bool
add_network(const struct ag_item *item, struct ag_nets *nets)
{
	struct ag_range range = item->range;
	struct ag_prefix prefix;

	while (ag_range_take_prefix(&range, &prefix)) {
		struct ag_net net = { prefix, item->except, item->about };

		if (!ag_nets_add(nets, &net))
			return false;
	}
	return true;
}

bool
ag_list_networks(struct ag_list *list, struct ag_nets *nets)
{
	struct ag_item item;

	while (ag_list_next(list, &item))
		if (!add_network(&item, nets))
			return false;
	return true;
}

bool
ag_list_kill(struct ag_list *list, struct ag_nets *nets,
    struct ag_names *logins, struct ag_names *senders)
{
	struct ag_item item;
	bool ok = true;

	list->names = true;
	while (ok && ag_list_next(list, &item)) {
		if (item.kind == AG_ITEM_NETWORK)
			ok = add_network(&item, nets);
		else
			ok = ag_names_add(item.kind == AG_ITEM_LOGIN ? logins :
								       senders,
			    ag_str(item.name), &item.about, list->diag);
	}
	return ok;
}

/* Takes "until=..." off the front, if it stands there. */
static bool
take_word_until(struct ag_str *rest, struct ag_str *until)
{
	struct ag_str after = *rest;

	if (!ag_str_word(&after, AG_WORD_SEPARATORS, until) ||
	    !ag_str_starts(*until, "until="))
		return false;
	*rest = after;
	return true;
}

bool
ag_list_words(struct ag_list *list, struct ag_nets *nets)
{
	struct ag_str until;
	struct ag_item item = { .kind = AG_ITEM_NETWORK };

	while (ag_str_word(&list->text, AG_WORD_SEPARATORS, &item.entry)) {
		item.about = (struct ag_entry){ AG_NEVER, NULL, list->at };
		if (take_word_until(&list->text, &until) &&
		    !ag_number_until(ag_str_skip(until, 6), &item.about.until))
			bad(list, AG_ERROR, item.entry,
			    "has a bad until=; write until=2026-12-31");
		else if (parse_network(list, AG_ERROR, &item) &&
		    !add_network(&item, nets))
			return false;
	}
	return true;
}

/* ---- local domains ---- */

/* Whether an entry that is not the text's first byte has a blank in front. */
static bool
is_indented(struct ag_str text, struct ag_str entry)
{
	return entry.ptr > text.ptr &&
	    (entry.ptr[-1] == ' ' || entry.ptr[-1] == '\t');
}

/* Of a Postfix table the second word is what is looked up, no domain. */
static void
warn_of_second_domain(struct ag_list *list, struct list_line *line)
{
	struct ag_str word;

	if (ag_str_word(&line->rest, AG_BLANKS, &word) &&
	    ag_str_has(word, '.') && word_can_be(AG_WORD_DOMAINS, word))
		ag_diag_report(list->diag, AG_WARNING, &list->at,
		    "%s is not read: of a line only the first word counts; "
		    "write one domain a line",
		    AG_SHOWN(word));
}

bool
ag_list_domains(struct ag_list *list, struct ag_domains *domains)
{
	struct ag_str text = list->text;
	struct list_line line;
	bool table = false; /* an entry begins its line, as in Postfix's */

	/* a Postfix table may stand here: only the first word counts */
	while (next_line(list, OF_A_WORD, &line)) {
		bool below = line.entry.ptr[0] == '.';
		char name[AG_DOMAIN_MAX + 1];

		table = table || !is_indented(text, line.entry);
		if (table && is_indented(text, line.entry))
			bad(list, AG_BAD_LINE, line.entry,
			    "has a blank in front, and would go on with the "
			    "line above in a Postfix table; write it there, or "
			    "without the blank");
		else if (word_is(list, AG_WORD_DOMAINS, line.entry,
			     line.entry)) {
			ag_domain_parse(ag_str_skip(line.entry, below), name);
			warn_of_second_domain(list, &line);
			if (!ag_domains_add_listed(domains, ag_str(name), below,
				&list->at, list->diag))
				return false;
		}
	}
	return true;
}

/* ---- accounts ---- */

/* Reads an account of the owner's domain; false when it is none. */
static bool
parse_account(const struct ag_list *list, struct ag_str entry,
    struct ag_str owner, struct ag_mailbox *account)
{
	struct ag_domain domain;

	if (ag_mailbox_parse_local(account, entry))
		return true;
	if (!ag_mailbox_parse(account, entry))
		return false;
	domain =
	    ag_domains_find(list->form->domains, ag_mailbox_domain(account));
	return domain.is_account_domain && ag_str_eq(domain.folded, owner);
}

/* A table may stand here too: behind the first word only until= counts. */
static bool
next_account(struct ag_list *list, struct list_line *line)
{
	if (take_bare_entry(list, line))
		return true;
	while (next_line(list, OF_A_WORD, line)) {
		line->rest = ag_str_skip_any(line->rest, AG_BLANKS);
		if (is_clean(list, line) &&
		    (!ag_str_starts(line->rest, "until=") ||
			take_until(list, line)))
			return true;
	}
	return false;
}

bool
ag_list_accounts(struct ag_list *list, struct ag_str owner,
    struct ag_names *accounts)
{
	struct list_line line;

	while (next_account(list, &line)) {
		struct ag_mailbox account;

		if (!word_is(list, AG_WORD_ACCOUNT, line.entry, line.entry))
			continue;
		if (!parse_account(list, line.entry, owner, &account))
			bad(list, AG_BAD_LINE, line.entry,
			    "is neither an address nor a local part of this "
			    "domain");
		else if (!ag_names_add(accounts, ag_mailbox_local(&account),
			     &line.about, list->diag))
			return false;
	}
	return true;
}

/* ---- the sender map ---- */

#define MAP_SEPARATORS ", \t\r"

/* What is still to be read of an entry that may go on in further lines. */
struct map_words {
	struct ag_str code; /* of the current line, without a comment */
	struct ag_str rest; /* the lines behind it */
	unsigned line;      /* its number */
};

static void
begin_map_line(struct map_words *words)
{
	struct ag_str line;

	ag_str_line(&words->rest, &line);
	words->code = ag_str_head(line, find_comment(line, OF_A_WORD));
	words->line++;
}

/* The next word, which is in words->line; false at the end. */
static bool
next_map_word(struct map_words *words, struct ag_str *word)
{
	while (!ag_str_word(&words->code, MAP_SEPARATORS, word)) {
		if (words->rest.len == 0)
			return false;
		begin_map_line(words);
	}
	return true;
}

/* What is blank or a comment has nothing that could go on. */
static bool
begins(struct ag_str line)
{
	line = ag_str_skip_any(line, MAP_SEPARATORS);
	return line.len > 0 && sign_length(line) == 0;
}

static bool
goes_on(struct ag_str text)
{
	struct ag_str line, code;

	/* nearly always another line begins */
	if ((unsigned char)text.ptr[0] > '#' && sign_length(text) == 0)
		return false;
	line = ag_str_head(text, ag_str_find(text, '\n'));
	code = ag_str_trim(ag_str_head(line, find_comment(line, OF_A_WORD)));
	return code.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t';
}

/*
 * Takes a line with all that continues it.  *lines counts the lines it has.
 */
static bool
next_map_line(struct ag_list *list, struct ag_str *text, unsigned *lines)
{
	struct ag_str start = list->text, line;
	bool more;

	if (!ag_str_line(&list->text, &line))
		return false;
	*lines = 1;
	more = begins(line);
	while (more && list->text.len > 0 && goes_on(list->text)) {
		ag_str_line(&list->text, &line);
		++*lines;
	}
	*text = ag_str_head(start, start.len - list->text.len);
	return true;
}

static bool
is_no_alias(struct ag_list *list, struct ag_str domain)
{
	/* one line mostly has one domain */
	if (ag_str_eq(domain, list->folded))
		return true;
	if (ag_domains_fold(list->form->domains, domain).ptr != domain.ptr)
		return false;
	list->folded = domain;
	return true;
}

/* Whether the word is an address in form already, no alias in it. */
static bool
is_in_form(struct ag_list *list, struct ag_str word)
{
	struct ag_str domain;

	return ag_mailbox_is_settled(word, &domain) &&
	    is_no_alias(list, domain);
}

/*
 * What a word of the map stands for; domains folded, bare users completed.  The
 * key is the word itself or in buf.
 */
static bool
map_key(struct ag_list *list, struct ag_str word,
    char buf[static AG_ADDRESS_MAX], struct ag_str *key)
{
	struct ag_login_form form;
	struct ag_mailbox mailbox;

	*key = word;
	if (is_in_form(list, word))
		return true;
	form = *list->form;
	form.realm_replaces = false;
	if (word.len > 1 && word.ptr[0] == '@') {
		char domain[AG_DOMAIN_MAX + 1];

		if (ag_domain_parse(ag_str_skip(word, 1), domain) !=
		    AG_DOMAIN_OK)
			return false;
		*key = ag_address_write(ag_str(NULL),
		    ag_domains_fold(form.domains, ag_str(domain)), buf);
		return true;
	}
	if (!ag_mailbox_parse(&mailbox, word) &&
	    !ag_mailbox_parse_local(&mailbox, word))
		return false;
	if (!ag_domain_is_listable(ag_mailbox_domain(&mailbox)))
		return false;
	ag_login_complete(&mailbox, &form);
	*key = ag_login_write(&mailbox, buf);
	return true;
}

static bool
is_any(struct ag_str word)
{
	return word.len == 1 && word.ptr[0] == '*';
}

/* A right side, as written; in_form: it is the login too. */
struct map_right {
	struct ag_sender_text word;
	bool in_form;
};

/* A line, taken apart; used again for a later one. */
struct map_line {
	unsigned number;
	struct ag_sender_text left; /* as it is compared */
	char buf[AG_ADDRESS_MAX];
	struct ag_vec rights; /* struct map_right */
	bool no_memory;
};

/* Lines that were taken and are not added yet (ag_senders_expect()). */
#define MAP_LINES 8

static bool
take_right(struct map_line *line, struct ag_str word, bool in_form)
{
	struct map_right *place = ag_vec_add(&line->rights, sizeof(*place));

	line->no_memory = place == NULL;
	if (place != NULL) {
		place->word.text = word;
		place->in_form = in_form;
	}
	return place != NULL;
}

/*
 * Takes an address off the front of *text that is a word as it stands, and the
 * separators behind it.
 */
static bool
take_settled_word(struct ag_str *text, struct ag_str *word,
    struct ag_str *domain)
{
	size_t n = ag_mailbox_settled_part(*text, domain);
	struct ag_str rest = ag_str_skip(*text, n);

	*word = ag_str_head(*text, n);
	*text = ag_str_skip_any(rest, MAP_SEPARATORS);
	return n > 0 &&
	    (text->len < rest.len || rest.len == 0 || rest.ptr[0] == '\n');
}

/*
 * Takes a line of settled words that is not continued, as nearly all are, in
 * one pass.  What it does not take is left to the reader of every form; what it
 * takes, that one takes as the same.
 */
static bool
take_settled_line(struct ag_list *list, struct map_line *line)
{
	struct ag_str text = list->text, word, domain;

	line->rights.n = 0;
	if (!take_settled_word(&text, &line->left.text, &domain) ||
	    !is_no_alias(list, domain))
		return false;
	while (text.len > 0 && text.ptr[0] != '\n')
		if (!take_settled_word(&text, &word, &domain) ||
		    !take_right(line, word,
			!list->form->realm_replaces &&
			    is_no_alias(list, domain)))
			return false;
	text = ag_str_skip(text, 1);
	if (line->rights.n == 0 || (text.len > 0 && goes_on(text)))
		return false;
	list->text = text;
	return true;
}

/* Whether the word was taken; false after a finding, or for want of memory. */
static bool
take_right_word(struct ag_list *list, struct ag_str word, struct map_line *line)
{
	return (is_any(word) || word_is(list, AG_WORD_RIGHT, word, word)) &&
	    take_right(line, word, false);
}

/*
 * Every right side; of an entry of several lines a bad one is left out.  False
 * when nothing is left of it, or an end was meant that nobody minds.
 */
static bool
take_rights(struct ag_list *list, struct ag_str left, struct map_words *words,
    struct map_line *line)
{
	unsigned number = words->line; /* of the line that is read */
	size_t before = 0;             /* right sides in front of it */
	struct ag_str word;
	bool good = true;

	line->rights.n = 0;
	while (next_map_word(words, &word)) {
		if (words->line != number)
			before = line->rights.n;
		list->at.line = number = words->line;
		if (take_right_word(list, word, line))
			continue;
		if (number == line->number || line->no_memory ||
		    ag_str_starts(word, "until="))
			return false;
		line->rights.n = before;
		words->code.len = 0;
		good = false;
	}
	if (line->rights.n == 0 && good)
		bad(list, AG_BAD_LINE, left, "has no login behind it");
	return line->rights.n > 0;
}

static bool
take_left(struct ag_list *list, struct ag_str left, struct map_line *line)
{
	line->left.text = left;
	if (is_any(left))
		return true;
	if (!word_is(list, AG_WORD_LEFT, left, left))
		return false;
	if (map_key(list, left, line->buf, &line->left.text))
		return true;
	bad(list, AG_BAD_LINE, left, "is not an address");
	return false;
}

/* ---- what a map says and hardly means ---- */

/* Of many lines of a kind a few are enough. */
#define DOUBTS 8

static void
doubt(struct ag_list *list, struct ag_str word, const char *why)
{
	list->doubts++;
	if (list->doubts <= DOUBTS)
		ag_diag_report(list->diag, AG_WARNING, &list->at, "%s %s%s",
		    AG_SHOWN(word), why,
		    list->doubts == DOUBTS ? "; more such lines are not shown" :
					     "");
}

/* A user may have a dot in the name; a domain has no business there. */
static bool
is_domain_in_place_of_user(const struct ag_list *list, struct ag_str left)
{
	char name[AG_DOMAIN_MAX + 1];

	if (!ag_str_has(left, '.') || ag_str_has(left, '@'))
		return false;
	return ag_word_looks_like_domain(left) ||
	    (ag_domain_parse(left, name) == AG_DOMAIN_OK &&
		ag_domains_find(list->form->domains, ag_str(name)).local);
}

static void
doubt_left(struct ag_list *list, struct ag_str left)
{
	if (ag_str_starts(left, "."))
		doubt(list, left,
		    "is taken for a user: no left side stands for subdomains; "
		    "write @example.com for each domain");
	else if (is_domain_in_place_of_user(list, left))
		doubt(list, left,
		    "is taken for a user, not a domain; for all addresses of "
		    "the domain write it with an @ in front");
}

/* How the words of a line stand side by side. */
struct spacing {
	struct ag_str first;
	unsigned gaps; /* with no comma in them */
	bool ends_in_comma;
};

static struct spacing
spacing_of(struct ag_str line)
{
	struct ag_str code =
	    ag_str_trim(ag_str_head(line, find_comment(line, OF_A_WORD)));
	struct spacing spacing = { .gaps = 0 };
	struct ag_str word;

	ag_str_word(&code, MAP_SEPARATORS, &spacing.first);
	while (code.len > 0) {
		struct ag_str rest = ag_str_skip_any(code, MAP_SEPARATORS);
		struct ag_str gap = ag_str_head(code, code.len - rest.len);

		spacing.ends_in_comma = rest.len == 0;
		spacing.gaps += rest.len > 0 && !ag_str_has(gap, ',');
		ag_str_word(&rest, MAP_SEPARATORS, &word);
		code = rest;
	}
	return spacing;
}

/*
 * "ADDRESS LOGIN" with a blank in front: it belongs to the line above, which
 * was complete, and had commas between its logins, if any.
 */
static void
doubt_indented(struct ag_list *list, struct ag_str text, unsigned number)
{
	struct ag_str line;
	bool complete = false;

	for (unsigned i = 0; ag_str_line(&text, &line); i++) {
		struct spacing spacing = spacing_of(line);
		bool indented = line.ptr[0] == ' ' || line.ptr[0] == '\t';

		if (spacing.first.len == 0)
			continue;
		list->at.line = number + i;
		if (indented && i == 0)
			doubt(list, spacing.first,
			    "has a blank in front; Postfix would read it as "
			    "the rest of a line above");
		else if (complete && spacing.gaps == 1 &&
		    ag_str_has(spacing.first, '@'))
			doubt(list, spacing.first,
			    "has a blank in front, and so is one more login of "
			    "the entry above; write an entry of its own "
			    "without");
		complete = spacing.gaps <= 1 && !spacing.ends_in_comma &&
		    (i > 0 || spacing.gaps == 1);
	}
}

/* False when there is nothing good in it. */
static bool
take_map_line(struct ag_list *list, struct ag_str text, struct map_line *line)
{
	struct map_words words = { { NULL, 0 }, text, line->number - 1 };
	struct ag_str left;

	if (!next_map_word(&words, &left))
		return false;
	list->at.line = words.line;
	line->left.text = left;
	if (!take_left(list, left, line) ||
	    !take_rights(list, left, &words, line))
		return false;
	list->at.line = line->number;
	doubt_left(list, left);
	doubt_indented(list, text, line->number);
	return true;
}

/* The login that a right side is; the text may be in buf. */
static bool
map_login(const struct ag_list *list, struct ag_str word,
    char buf[static AG_ADDRESS_MAX], struct ag_str *text)
{
	struct ag_mailbox login;

	if (!ag_login_parse(&login, word))
		return false;
	ag_login_complete(&login, list->form);
	*text = ag_login_write(&login, buf);
	return true;
}

static bool
add_right(struct ag_list *list, struct ag_senders *senders, uint32_t left,
    struct ag_str word)
{
	char login_buf[AG_ADDRESS_MAX], buf[AG_ADDRESS_MAX];
	struct ag_sender_text login, written;

	if (is_any(word))
		return ag_senders_add_any(senders, left);
	if (!map_login(list, word, login_buf, &login.text))
		return false;
	login = ag_senders_expect(senders, login.text);
	/* what no left side can be leads nowhere: it is its own text */
	if (!map_key(list, word, buf, &written.text))
		return ag_senders_add(senders, left, &login, NULL);
	written = ag_senders_expect(senders, written.text);
	return ag_senders_add(senders, left, &login, &written);
}

static bool
add_map_line(struct ag_list *list, struct ag_senders *senders,
    const struct map_line *line)
{
	const struct map_right *right = line->rights.items;
	uint32_t left;

	list->at.line = line->number;
	left = ag_senders_add_left(senders, &line->left, &list->at);
	if (left == AG_NO_LEFT)
		return false;
	for (size_t i = 0; i < line->rights.n; i++)
		if (right[i].in_form ?
			!ag_senders_add(senders, left, &right[i].word, NULL) :
			!add_right(list, senders, left, right[i].word.text))
			return false;
	return true;
}

static void
expect_map_line(const struct ag_senders *senders, struct map_line *line)
{
	struct map_right *right = line->rights.items;

	line->left = ag_senders_expect(senders, line->left.text);
	for (size_t i = 0; i < line->rights.n; i++)
		if (right[i].in_form)
			right[i].word =
			    ag_senders_expect(senders, right[i].word.text);
}

/* Takes a line of any form; false when there is nothing good in it. */
static bool
take_any_line(struct ag_list *list, struct map_line *line, unsigned *lines)
{
	struct ag_str text;

	return next_map_line(list, &text, lines) &&
	    take_map_line(list, text, line);
}

/* The next good line; false at the end, or for want of memory. */
static bool
next_good_map_line(struct ag_list *list, struct map_line *line, unsigned *after)
{
	while (list->text.len > 0 && !line->no_memory) {
		unsigned lines = 1;
		bool good;

		list->at.line = line->number = *after + 1;
		good = take_settled_line(list, line) ||
		    (!line->no_memory && take_any_line(list, line, &lines));
		*after += lines;
		if (good)
			return true;
	}
	return false;
}

/* When so many lines were added, the rest is taken to be like them. */
#define GUESS_AFTER 65536

static void
guess_rest(const struct ag_list *list, struct ag_senders *senders, size_t all)
{
	size_t rest = list->text.len;

	if (rest > all / 16)
		ag_senders_reserve(senders, (double)(all - rest) / (double)all);
}

static bool
read_map(struct ag_list *list, struct ag_senders *senders,
    struct map_line line[static MAP_LINES])
{
	size_t taken = 0, added = 0, all = list->text.len;
	unsigned after = 0;

	for (; next_good_map_line(list, &line[taken % MAP_LINES], &after);
	    taken++) {
		if (taken == GUESS_AFTER)
			guess_rest(list, senders, all);
		expect_map_line(senders, &line[taken % MAP_LINES]);
		/* the next one takes the place of the oldest */
		if (taken - added == MAP_LINES - 1 &&
		    !add_map_line(list, senders, &line[added++ % MAP_LINES]))
			return false;
	}
	if (line[taken % MAP_LINES].no_memory)
		return false;
	for (; added < taken; added++)
		if (!add_map_line(list, senders, &line[added % MAP_LINES]))
			return false;
	return true;
}

bool
ag_list_senders(struct ag_list *list, struct ag_senders *senders)
{
	struct map_line line[MAP_LINES] = { { .no_memory = false } };
	bool ok = read_map(list, senders, line);

	for (size_t i = 0; i < MAP_LINES; i++)
		ag_vec_free(&line[i].rights);
	return ok;
}
