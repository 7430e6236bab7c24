/*
 * ini.h - reads one INI file into values
 *
 * iniparser forgives too much: a comment sign cuts a value, the second of two
 * equal keys wins, nothing has a line; and its releases differ in what a value
 * in quotes is.  So the text is scanned here, every mistake is reported, and
 * what this reading gives is in force.  iniparser is given what has passed, and
 * where it reads something else, that is an error.  Not for several threads at
 * once: iniparser's error callback is global.
 */
#ifndef AG_INI_H
#define AG_INI_H

#include "policy/config/settings.h"

/*
 * Reads text, which came from the file shown, over the defaults in *values.
 * Every finding goes to diag; a value with an error keeps its default.  What is
 * kept is copied into the arena; shown is borrowed.
 */
void ag_ini_read(struct ag_values *values, struct ag_str text,
    const char *shown, enum ag_place place, struct ag_arena *arena,
    struct ag_diag *diag);

#endif
