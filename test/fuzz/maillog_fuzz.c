/* A mail log. */
#include "fuzz.h"

#include <string.h>

#include "milter/maillog/maillog.h"

/* So few that the oldest has to go. */
#define UNDER_WAY 3

static void
check_text(const char *text)
{
	if (text != NULL)
		HOLDS(memchr(text, '\n', strlen(text)) == NULL);
}

static void
check_rcpts(const struct ag_mail *mail)
{
	const struct ag_mail_rcpt *rcpt = mail->rcpts.items;

	HOLDS(mail->rcpts.n <= AG_MAIL_RCPT_MAX);
	for (size_t i = 0; i < mail->rcpts.n; i++) {
		HOLDS(rcpt[i].to != NULL);
		check_text(rcpt[i].addr);
		for (size_t j = 0; j < i && i < 100; j++)
			HOLDS(strcmp(rcpt[i].to, rcpt[j].to) != 0);
	}
}

static void
check_mail(void *arg, const struct ag_mail *mail)
{
	size_t *n = arg;

	(*n)++;
	HOLDS(mail->way < AG_WAY_COUNT);
	HOLDS(mail->id[0] != '\0' && mail->id > mail->key);
	HOLDS(mail->fate < AG_FATE_COUNT);
	HOLDS(mail->opened || mail->exact || mail->from != NULL ||
	    mail->way == AG_WAY_MADE);
	HOLDS(mail->login == NULL || !mail->no_login);
	check_text(mail->listener);
	check_text(mail->login);
	check_rcpts(mail);
}

/*
 * Each line may give out the one it is about, make room for another, and end
 * that at once.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ag_str text = fuzz_text(data, size), line;
	struct ag_maillog log;
	size_t given = 0, before;

	HOLDS(ag_maillog_begin(&log, check_mail, &given));
	log.max = UNDER_WAY;
	ag_maillog_file(&log, INT64_C(1800000000));
	while (ag_str_line(&text, &line)) {
		before = given;
		ag_maillog_line(&log, line);
		HOLDS(given <= before + 3);
		HOLDS(log.mails.n <= UNDER_WAY);
		HOLDS(!log.failed && log.undated <= log.mail_lines);
		HOLDS(log.lines == log.mail_lines + log.other_lines);
	}
	ag_maillog_end(&log);
	HOLDS(log.mails.n == 0 && log.own.n == 0);
	HOLDS(given == log.begun);
	ag_maillog_free(&log);
	return 0;
}
