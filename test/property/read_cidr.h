/*
 * read_cidr.h - libcidr's reading of a text
 *
 * cidr_from_str() looks at the five bytes in front of the end for ".arpa",
 * also where the text is shorter; so it gets some bytes in front.
 */
#ifndef READ_CIDR_H
#define READ_CIDR_H

#include <stdio.h>

#include <libcidr.h>

/* NULL when libcidr refuses; else for cidr_free(). */
static inline CIDR *
read_cidr(const char *text)
{
	char padded[200];

	snprintf(padded, sizeof(padded), "        %s", text);
	return cidr_from_str(padded + 8);
}

#endif
