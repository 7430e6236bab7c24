/*
 * command.h - the subcommands, and what they share
 */
#ifndef AG_COMMAND_H
#define AG_COMMAND_H

#include <stdio.h>

#include "policy/policy.h"

struct ag_command {
	const char *name;
	int (*run)(int argc, char **argv); /* returns an exit status */
	const char *usage;                 /* behind the name */
	const char *summary;               /* one line */
	const char *help;                  /* options and an example */
};

int ag_archive_command(int argc, char **argv);
int ag_check_command(int argc, char **argv);
int ag_explain_command(int argc, char **argv);
int ag_kill_command(int argc, char **argv);
int ag_relay_command(int argc, char **argv);
int ag_reload_command(int argc, char **argv);
int ag_replay_command(int argc, char **argv);
int ag_senders_command(int argc, char **argv);
int ag_show_command(int argc, char **argv);
int ag_status_command(int argc, char **argv);

/* Which commands there are, to be told before all else; borrowed. */
void ag_command_table(const struct ag_command *commands, size_t n);

/* The command of that name or NULL. */
const struct ag_command *ag_command_find(const char *name);

/* Prints how a command is used to standard output; returns 0. */
int ag_command_help(const char *name);

/*
 * Prints a message, if there is one, and where to find help, to standard
 * error; returns EX_USAGE.
 */
int ag_command_usage(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The same for a word that no command line has there, with a hint where it is
 * the path of a file.
 */
int ag_command_unexpected(const char *name, const char *word);

/*
 * Reads the options of a command that has only -c, --json and --help, and
 * leaves optind at the first word behind them.  Returns -1 to go on, or an exit
 * status.
 */
int ag_command_options(const char *name, int argc, char **argv,
    const char **config, bool *json);

/*
 * Loads the policy for a command that needs one.  Errors and bad lines go to
 * standard error.  Returns 0, or the exit status: EX_NOINPUT when there is no
 * main file, EX_CONFIG when it cannot be used.
 */
int ag_command_load(const char *config, const struct ag_policy **policy);

#endif
