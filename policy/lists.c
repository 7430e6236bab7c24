#include "lists.h"

#include "number.h"
#include "settings.h"

static void
bad(struct ag_list *list, enum ag_severity severity, struct ag_str entry,
    const char *why)
{
	ag_diag_report(list->diag, severity, &list->at, "%.*s %s",
	    AG_STR_ARG(entry), why);
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
	struct ag_str rest; /* further words */
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

/* The next line that has an entry; false at the end. */
static bool
next_line(struct ag_list *list, struct list_line *line)
{
	struct ag_str text;

	while (ag_str_line(&list->text, &text)) {
		size_t hash = ag_str_find(text, '#');
		struct ag_str note = ag_str_trim(ag_str_skip(text, hash + 1));

		list->at.line++;
		line->rest = ag_str_trim(ag_str_head(text, hash));
		if (!ag_str_word(&line->rest, AG_BLANKS, &line->entry))
			continue;
		line->about = (struct ag_entry){ AG_NEVER, NULL, list->at };
		if (note.len > 0)
			line->about.note = keep_note(list, note);
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

/* Neither a blank nor a control byte, and begins no comment. */
static bool
is_bare_byte(char c)
{
	return (unsigned char)c > ' ' && c != '#' && c != 0x7f;
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

	while (n < text.len && is_bare_byte(text.ptr[n]))
		n++;
	if (n == 0 || (n < text.len && text.ptr[n] != '\n'))
		return false;
	list->at.line++;
	list->text = ag_str_skip(text, n + 1);
	line->entry = ag_str_head(text, n);
	line->about = (struct ag_entry){ AG_NEVER, NULL, list->at };
	return true;
}

/* The next line with an entry and, behind it, nothing but until=. */
static bool
next_entry(struct ag_list *list, struct list_line *line)
{
	if (take_bare_entry(list, line))
		return true;
	while (next_line(list, line))
		if (is_clean(list, line) && take_until(list, line))
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

	if (text.len == 0 || !ag_login_parse(&login, text) ||
	    !ag_domain_is_listable(ag_mailbox_domain(&login))) {
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
	if (sender_key(ag_str_skip(item->entry, sizeof("sender:") - 1),
		item->name))
		return true;
	bad(list, AG_BAD_LINE, item->entry,
	    "names no sender; write sender:user@example.net, "
	    "sender:@example.net or sender:.example.net");
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

bool
ag_list_domains(struct ag_list *list, struct ag_domains *domains)
{
	struct ag_str text = list->text;
	struct list_line line;
	bool table = false; /* an entry begins its line, as in Postfix's */

	/* a Postfix table may stand here: only the first word counts */
	while (next_line(list, &line)) {
		bool below = line.entry.ptr[0] == '.';
		char name[AG_DOMAIN_MAX + 1];

		table = table || !is_indented(text, line.entry);
		if (table && is_indented(text, line.entry))
			bad(list, AG_BAD_LINE, line.entry,
			    "has a blank in front, and would go on with the "
			    "line above in a Postfix table; write it there, or "
			    "without the blank");
		else if (ag_domain_parse(ag_str_skip(line.entry, below),
			     name) != AG_DOMAIN_OK)
			bad(list, AG_BAD_LINE, line.entry,
			    "is not a domain name; write example.com or "
			    ".example.com");
		else if (!ag_domains_add_listed(domains, ag_str(name), below,
			     &list->at, list->diag))
			return false;
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

bool
ag_list_accounts(struct ag_list *list, struct ag_str owner,
    struct ag_names *accounts)
{
	struct list_line line;

	while (next_entry(list, &line)) {
		struct ag_mailbox account;

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
	words->code = ag_str_head(line, ag_str_find(line, '#'));
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
	return line.len > 0 && line.ptr[0] != '#';
}

static bool
goes_on(struct ag_str text)
{
	struct ag_str line, code;

	/* nearly always another line begins */
	if ((unsigned char)text.ptr[0] > '#')
		return false;
	line = ag_str_head(text, ag_str_find(text, '\n'));
	code = ag_str_trim(ag_str_head(line, ag_str_find(line, '#')));
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

/* NULL, or why the word cannot be a login. */
static const char *
map_login_fault(struct ag_str word)
{
	struct ag_mailbox login;
	struct ag_str domain;

	if (ag_mailbox_is_settled(word, &domain))
		return NULL;
	if (word.ptr[0] == '@')
		return "is not a login; a domain may stand on the left only";
	if (ag_str_starts(word, "until="))
		return "is not for this list, whose lines have no end date";
	if (ag_str_has_control(word))
		return "has a control byte; is this a text file?";
	return ag_login_parse(&login, word) ? NULL : "is too long for a login";
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
	const char *why = map_login_fault(word);

	if (why != NULL)
		bad(list, AG_BAD_LINE, word, why);
	return why == NULL && take_right(line, word, false);
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
	if (!is_any(left) &&
	    !map_key(list, left, line->buf, &line->left.text)) {
		bad(list, AG_BAD_LINE, left,
		    "is not an address; write user@example.com, @example.com, "
		    "user or *");
		return false;
	}
	return take_rights(list, left, &words, line);
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
