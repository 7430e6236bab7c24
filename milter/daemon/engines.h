/*
 * engines.h - who speaks the milter protocol, by [milter] engine
 */
#ifndef AG_ENGINES_H
#define AG_ENGINES_H

#include "policy/base/text.h"
#include "milter/base/socket.h"

struct ag_engine {
	const char *name;
	/* before it listens; timeout: seconds that a connection may say
	 * nothing; false: no memory */
	bool (*prepare)(unsigned timeout);
	ag_socket_listen_fn *listen;
	/*
	 * A descriptor that can be read once there is a wish to stop that the
	 * socket has to be knocked at for; -2: none is needed; -1 with errno.
	 */
	int (*open_stop)(void);
	/* begins to serve, where that takes threads of its own: an errno */
	int (*begin)(void);
	/* serves until there is a wish to stop: 0, or an exit status */
	int (*serve)(void);
	/* then ends what is left, within some seconds */
	void (*end)(void);
};

#define AG_NO_KNOCKS (-2)

/* The one that is to serve; NULL: this authgate was built without it. */
const struct ag_engine *ag_engine_choose(struct ag_str name);

/* What can be said of it in numbers; any thread may ask. */
struct ag_engine_facts {
	const char *name;
	unsigned threads; /* 0: one for each connection */
	unsigned connections;
	uint64_t bad_packets; /* since the start; libmilter does not tell */
};
struct ag_engine_facts ag_engine_facts(void);

#endif
