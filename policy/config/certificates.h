/*
 * certificates.h - which client certificate is which login
 *
 *	alice@example.com, alice@example.com	the CN, as Postfix tells it
 *	/O=Example/CN=Alice Doe, alice		the subject, as Sendmail tells
 *it 7A:0C:...:51, bob			a fingerprint
 *
 * What stands in front of the last comma of a line is the certificate; in
 *double quotes it may hold "#" and blanks at its ends.  It is compared byte by
 *byte, a fingerprint without regard to case.  Only the MTA knows whether a
 * certificate is good; nothing here is asked of one that it has not verified.
 */
#ifndef AG_CERTIFICATES_H
#define AG_CERTIFICATES_H

#include "policy/config/lists.h"
#include "policy/table/strmap.h"

/* A certificate that the MTA has verified; what is not known is empty. */
struct ag_certificate {
	struct ag_str subject; /* "/O=Example/CN=Alice+20Doe" */
	struct ag_str cn;
	bool encoded; /* so is the CN: "+20" is a blank */
	struct ag_str fingerprint;
};

/* Sets subject or CN, whichever the text is. */
void ag_certificate_set_subject(struct ag_certificate *certificate,
    struct ag_str text);

/* All zero bytes are an empty table. */
struct ag_certificates {
	struct ag_strmap map;
	struct ag_vec lines; /* struct ag_certificate_line, by number */
};

/* Reads the whole list; false only when there is no memory. */
bool ag_certificates_read(struct ag_certificates *certificates,
    struct ag_list *list);

/*
 * The login in form of the certificate, by its fingerprint, its subject, or its
 * CN; empty where no line has it.  It is the table's.
 */
struct ag_str ag_certificates_login(const struct ag_certificates *certificates,
    const struct ag_certificate *certificate);

void ag_certificates_free(struct ag_certificates *certificates);

#endif
