/*
 * dialog.h - one connection's conversation: packets to the session, answers
 * to packets
 *
 * It knows what was negotiated, the macros of each stage, and the order of
 * commands as far as it matters.  It has no descriptor and waits for nothing: a
 * test drives a whole dialog from a buffer.  One thread at a time may call it.
 *
 * A packet that is not well-formed, or that cannot come where it comes (a
 * command before the negotiation, a second negotiation, a second CONNECT), ends
 * the connection.  Everything else is the session's to judge, in any order.
 */
#ifndef AG_DIALOG_H
#define AG_DIALOG_H

#include "milter/engine/frame.h"

/* Room that the answer to one packet takes at most. */
#define AG_DIALOG_ANSWER_MAX (16 * 1024)

struct ag_dialog;

enum ag_dialog_status {
	AG_DIALOG_GOES_ON,
	AG_DIALOG_ENDS, /* the MTA said so, or there is no memory */
	AG_DIALOG_BAD   /* *why says what is wrong with the packet */
};

/* NULL: no memory. */
struct ag_dialog *ag_dialog_new(void);

/* The session ends with it, and the message that is under way. */
void ag_dialog_free(struct ag_dialog *dialog);

/* How many bytes a packet may have behind its command. */
size_t ag_dialog_max(const struct ag_dialog *dialog);

/*
 * Takes a packet, and writes what is to be said at the end of out, which has
 * room for AG_DIALOG_ANSWER_MAX bytes.  Where the dialog does not go on, what
 * is in out is still to be said.
 */
enum ag_dialog_status ag_dialog_take(struct ag_dialog *dialog,
    const struct ag_frame *frame, struct ag_buf *out, const char **why);

/*
 * Whether what the packet asks for takes the disk: a copy is kept.  Then
 * ag_dialog_take() may wait.
 */
bool ag_dialog_needs_disk(const struct ag_dialog *dialog,
    const struct ag_frame *frame);

/* The disk cannot be had: no copy is kept, and [archive] on_error decides. */
void ag_dialog_lose_copy(struct ag_dialog *dialog, const char *why);

/* Whether a message is under way, of which the MTA awaits the end. */
bool ag_dialog_is_in_message(const struct ag_dialog *dialog);

#endif
