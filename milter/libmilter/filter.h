/*
 * filter.h - the callbacks for libmilter
 *
 * They only fetch what the MTA said, hand it to the session, and give back its
 * answer.  libmilter calls them on any of its threads, for one connection never
 * two at once.
 */
#ifndef AG_FILTER_H
#define AG_FILTER_H

#include <stdbool.h>

/* Registers with libmilter; name is borrowed. */
bool ag_filter_register(char *name);

#endif
