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

/* An ag_socket_listen_fn; before the privileges are dropped. */
bool ag_filter_listen(const char *place, bool replace);

/* Registers with libmilter; name is borrowed. */
bool ag_filter_register(char *name);

#endif
