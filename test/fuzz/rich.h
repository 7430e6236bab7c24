/*
 * rich.h - a policy in which every rule and every list has something to say
 */
#ifndef RICH_H
#define RICH_H

#include "policy/policy.h"

/* What the harness relies on. */
#define RICH_KILLED_LOGIN "mallory@example.com"
#define RICH_KILLED_CLIENT "203.0.113.7"

/*
 * Writes the files into a folder of its own, loads them and takes the folder
 * away again.  Without whole the sender map has fewer entries, and nothing else
 * differs.  Ends the program when something is wrong with them.
 */
const struct ag_policy *rich_policy(bool whole);

#endif
