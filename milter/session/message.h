/*
 * message.h - what a session is made of; for session, event and content alone
 */
#ifndef AG_MESSAGE_H
#define AG_MESSAGE_H

#include "policy/address/authorfield.h"
#include "policy/base/vec.h"
#include "milter/archive/copy.h"
#include "milter/base/store.h"
#include "milter/session/fields.h"
#include "milter/session/session.h"

/* As much of each as is kept, with its terminator. */
#define AG_NAME_KEPT 256
#define AG_MECHANISM_KEPT 64
#define AG_QUEUE_ID_KEPT 64

/* What belongs to one message; all zero bytes are none. */
struct ag_message {
	bool open;
	struct ag_snapshot snapshot; /* in force at its MAIL, until it ends */
	char *argument;              /* of MAIL; the sender borrows it */
	struct ag_path sender;
	struct ag_mailbox login;
	char mechanism[AG_MECHANISM_KEPT];
	bool tls;
	char mta_name[AG_NAME_KEPT];
	bool mta_completes; /* names without a domain, in the header */
	char queue_id[AG_QUEUE_ID_KEPT];
	bool logged;    /* something was, so say the queue id */
	bool undecided; /* let through at MAIL by on_error, not judged */
	bool held;      /* refused at MAIL, still to be said */
	enum ag_stage held_stage;
	struct ag_finding refusal;
	struct ag_resent resent;
	struct ag_fields *fields[AG_FIELD_COUNT]; /* each made with its first */
	const char *header_error; /* why the header cannot be judged, or NULL */
	char results_id[AG_NAME_KEPT]; /* empty: results are left alone */
	unsigned results;              /* fields of that name, so far */
	struct ag_vec forged;  /* unsigned: which of them claim to be ours */
	struct ag_copy *copy;  /* NULL: none is kept */
	const char *copy_lost; /* why it is not kept although it should be */
};

struct ag_session {
	struct ag_snapshot snapshot; /* of the negotiation, until CONNECT */
	unsigned id;
	unsigned messages;
	bool has_room;
	bool negotiated; /* else it follows another on one connection */
	struct ag_agreed agreed;
	char name[AG_NAME_KEPT];
	char listener[AG_NAME_KEPT];
	unsigned port;
	struct ag_ip client;
	bool local_submission;
	struct ag_message message;
};

/* What is asked of the policy at a stage; it borrows from the session. */
struct ag_request ag_message_request(const struct ag_session *session,
    enum ag_stage stage);

/* queue_id may be NULL: it is not known yet. */
void ag_message_set_queue_id(struct ag_message *message, const char *queue_id);

#endif
