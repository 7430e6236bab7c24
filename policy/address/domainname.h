/*
 * domainname.h - domain names in the one form in which they are compared
 *
 * Lower-case A-labels without a final dot.  An ASCII name is taken as it is
 * (underscores and "--" included); any other is converted by libidn2 as
 * UTS 46 (non-transitional) and IDNA 2008 say, which may allocate.
 */
#ifndef AG_DOMAINNAME_H
#define AG_DOMAINNAME_H

#include "policy/base/text.h"

#define AG_DOMAIN_MAX 255

enum ag_domain_status {
	AG_DOMAIN_OK,
	AG_DOMAIN_UNCONVERTIBLE, /* *out holds the name in lower case */
	AG_DOMAIN_NO_MEMORY,     /* *out holds the name in lower case */
	AG_DOMAIN_BAD            /* empty, empty label, odd byte, too long */
};

/* Reads a name, U-label or A-label, in any case, with or without final dot. */
enum ag_domain_status ag_domain_parse(struct ag_str name,
    char out[static AG_DOMAIN_MAX + 1]);

/* Whether a parsed name can be in a list: an unconvertible one is in none. */
bool ag_domain_is_listable(struct ag_str name);

/* "a.b.example" -> "b.example" -> "example" -> empty. */
struct ag_str ag_domain_parent(struct ag_str name);

#endif
