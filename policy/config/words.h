/*
 * words.h - what one word of a list or of a value can be
 *
 * The one place that says what a domain, a login, a sender and the other words
 * of all lists and keys look like (networks: ip.h).  What could never match is
 * none of them: a pattern, quotes that nobody takes off, two names with a comma
 * between them.  Nothing here knows which domains are ours.
 */
#ifndef AG_WORDS_H
#define AG_WORDS_H

#include "policy/base/text.h"

enum ag_word {
	AG_WORD_DOMAIN,    /* example.com */
	AG_WORD_DOMAINS,   /* the same, or .example.com */
	AG_WORD_LOGIN,     /* behind login: in a kill list */
	AG_WORD_SENDER,    /* behind sender: */
	AG_WORD_LEFT,      /* of a sender map */
	AG_WORD_RIGHT,     /* of a sender map */
	AG_WORD_ACCOUNT,   /* an address or a local part */
	AG_WORD_LOCAL,     /* what stands in front of an @ */
	AG_WORD_MECHANISM, /* of SASL */
	AG_WORD_LISTENER,  /* a name or a port */
	AG_WORD_FILE,      /* its name */
	AG_WORD_ANY        /* anything that stands for itself */
};

/*
 * Whether the word, which has no blanks, can be one.  When false, why is what
 * to say behind the word: what is wrong and, where that is clear, what to
 * write.
 */
bool ag_word_check(enum ag_word kind, struct ag_str word, struct ag_buf *why);

/*
 * Whether each word of a value can be one.  When false, why says which cannot
 * and why not: "has WORD, which ...".
 */
bool ag_words_check(enum ag_word kind, struct ag_str text, struct ag_buf *why);

/*
 * Whether a word that may be a user as well looks like a domain: it ends in a
 * label that many domains end in.
 */
bool ag_word_looks_like_domain(struct ag_str word);

/*
 * The known SASL mechanism that the word is, in whatever case, or else was
 * perhaps meant to be; empty when none is like it.
 */
struct ag_str ag_word_nearest_mechanism(struct ag_str word);

#endif
