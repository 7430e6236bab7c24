/*
 * inforce.h - whether the daemon has taken a change of one of its files
 */
#ifndef AG_INFORCE_H
#define AG_INFORCE_H

/*
 * Makes the daemon of the main file at config look at the file at path, which
 * a command has just changed, and says what came of that.  Returns 0 where the
 * change is in force or no daemon is running; else EX_TEMPFAIL.
 */
int ag_inforce(const char *command, const char *config, const char *path);

#endif
