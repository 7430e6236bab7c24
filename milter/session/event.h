/*
 * event.h - what is logged and answered when something has been judged, or
 * could not be
 */
#ifndef AG_EVENT_H
#define AG_EVENT_H

#include "milter/base/count.h"
#include "milter/session/message.h"

/* A line is about a request, judged by a snapshot. */
struct ag_event {
	struct ag_session *session;
	const struct ag_request *request;
	struct ag_snapshot snapshot;
	const struct ag_path *rcpt; /* NULL: no recipient */
};

/* A line; finding's reply may be NULL. */
void ag_event_log(const struct ag_event *event, enum ag_counted verdict,
    enum ag_stage stage, const struct ag_finding *finding, int priority);

/* A line of the message's ids alone, once all is over. */
void ag_event_log_id(const struct ag_session *session);

/* A line, counted: a refusal; what a monitored rule has to say, for ag_trace
 * with the event as its arg; a recipient let through, if that is logged. */
void ag_event_log_refusal(const struct ag_event *event, enum ag_stage stage,
    const struct ag_finding *finding);
void ag_event_log_monitored(void *arg, enum ag_outcome outcome,
    const struct ag_finding *finding);
void ag_event_log_accepted(const struct ag_event *event,
    const struct ag_finding *finding);

/* Says nothing; what the finding says. */
void ag_answer_clear(struct ag_answer *answer);
void ag_event_answer(const struct ag_event *event,
    const struct ag_finding *finding, struct ag_answer *answer);

/* A finding of what cannot be judged; why is borrowed. */
struct ag_finding ag_event_unjudged(const char *why);

/*
 * Lets pass what cannot be judged, and logs it, where [milter] on_error says
 * so; else false.
 */
bool ag_event_passes(const struct ag_event *event, enum ag_stage stage,
    const struct ag_finding *finding);

/* What cannot be judged at a stage: on_error decides. */
void ag_event_error(const struct ag_event *event, enum ag_stage stage,
    const char *why, struct ag_answer *answer);

/* What was refused at MAIL, and held, is said. */
void ag_event_say_held(const struct ag_event *event, struct ag_answer *answer);

/* Whether the policy lets go on what cannot be copied: [archive] on_error. */
bool ag_event_passes_uncopied(const struct ag_policy *policy);

/*
 * The answer where there is nothing to judge with: on_error decides, but no
 * mail passes by it of which the policy in force has to have a copy.
 */
void ag_answer_unjudged(struct ag_answer *answer);

#endif
