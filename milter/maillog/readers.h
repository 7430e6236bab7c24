/*
 * readers.h - what reads one program's lines: postfix.c, sendmail.c, own.c
 */
#ifndef AG_READERS_H
#define AG_READERS_H

#include "milter/maillog/book.h"

void ag_postfix_line(struct ag_maillog *log, const struct ag_logline *line);
void ag_sendmail_line(struct ag_maillog *log, const struct ag_logline *line);
void ag_own_line(struct ag_maillog *log, const struct ag_logline *line);

#endif
