/* metrics.c - serves /metrics and /healthz over HTTP */
#include "milter/daemon/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <microhttpd.h>

#include "policy/base/number.h"
#include "milter/base/clock.h"
#include "milter/daemon/exposition.h"
#include "milter/daemon/watch.h"

/* With what listens, fewer descriptors than limits.h sets aside. */
#define CONNECTIONS_MAX 16u
#define MEMORY_OF_EACH ((size_t)8 * 1024)

/* For a request and its answer as a whole; and so long where others wait. */
#define PATIENCE_MS 10000
#define CROWDED_MS 2000

/* How often is looked whether others wait, while all places are taken. */
#define CROWD_LOOK_MS 200

/* Those beyond CONNECTIONS_MAX wait in the kernel. */
#define BACKLOG 64

static int listener = -1;
static struct MHD_Daemon *server;

/* ---- the port ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The text has been checked.  Returns the length. */
static socklen_t
make_address(struct ag_str text, union address *out)
{
	char written[AG_IP_TEXT_MAX];
	struct ag_ip ip = { AG_IP_UNKNOWN, 0, 0 };
	unsigned port = 0;

	ag_endpoint_parse(text, &ip, &port);
	ag_ip_write(&ip, written);
	memset(out, 0, sizeof(*out));
	if (ip.family == AG_IP_V4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, written, &out->v4.sin_addr);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons((uint16_t)port);
	inet_pton(AF_INET6, written, &out->v6.sin6_addr);
	return sizeof(out->v6);
}

/* A descriptor, or -1 and errno. */
static int
listen_at(const union address *address, socklen_t len)
{
	static const int yes = 1, no = 0;
	int fd = socket(address->any.sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -1;
	/* [::] is every address of this host, whatever the system's default */
	if (address->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, &address->any, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
ag_metrics_open(const struct ag_policy *policy)
{
	const struct ag_value *value =
	    ag_policy_value(policy, ag_str(NULL), AG_KEY_METRICS_LISTEN);
	char place[AG_ORIGIN_MAX];
	struct ag_buf at = AG_BUF(place);
	union address address;
	socklen_t len;
	int error;

	if (value->text.len == 0)
		return 0;
	len = make_address(value->text, &address);
	listener = listen_at(&address, len);
	if (listener >= 0)
		return 0;
	error = errno;
	ag_origin_write(&value->origin, &at);
	ag_log(LOG_ERR,
	    "%s: error: [metrics] listen: cannot listen on %.*s: %s", place,
	    AG_STR_ARG(value->text), strerror(error));
	return error == EACCES || error == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
}

/* ---- the pages ---- */

static void
gather(struct ag_numbers *numbers)
{
	numbers->facts = ag_state_facts();
	numbers->engine = ag_engine_facts();
	numbers->sessions_open = ag_count_sessions_open();
	numbers->sessions = ag_count_sessions();
	numbers->messages = ag_count_messages();
	numbers->recipients = ag_count_recipients();
	for (unsigned rule = 0; rule <= AG_RULE_COUNT; rule++)
		for (unsigned i = 0; i < AG_COUNT_KINDS; i++)
			numbers->decisions[rule][i] =
			    ag_count_decisions((enum ag_rule)rule,
				(enum ag_counted)i);
	for (unsigned i = 0; i < AG_COPY_KINDS; i++)
		numbers->copies[i] = ag_count_copies((enum ag_copied)i);
	numbers->log = ag_log_counts();
	for (unsigned i = 0; i < AG_SHORTAGES; i++)
		numbers->shortages[i] = ag_count_shortages((enum ag_shortage)i);
}

static void
write_metrics(struct ag_buf *out)
{
	struct ag_numbers numbers;

	gather(&numbers);
	ag_exposition_write(&numbers, out);
}

/* A failed reload is no illness: mail is judged, and a restart would fail. */
static void
write_health(struct ag_buf *out)
{
	struct ag_facts facts = ag_state_facts();
	char since[AG_INSTANT_MAX];

	ag_buf_text(out, "ok\n");
	if (facts.kept > 0)
		ag_buf_printf(out, "kept as last good: %s\n", facts.kept_names);
	else if (facts.failed)
		ag_buf_printf(out,
		    "the last reload failed; the policy of %s stays in force\n",
		    ag_number_write_instant(facts.since, since));
}

static void
write_not_found(struct ag_buf *out)
{
	ag_buf_text(out, "not found; there are /metrics and /healthz\n");
}

static void
write_not_allowed(struct ag_buf *out)
{
	ag_buf_text(out, "only GET and HEAD are served\n");
}

#define PLAIN "text/plain; charset=utf-8"

struct page {
	unsigned status;
	const char *path;
	const char *type;
	void (*write)(struct ag_buf *out);
};

static const struct page pages[] = {
	{ MHD_HTTP_OK, "/metrics", "text/plain; version=0.0.4; charset=utf-8",
	    write_metrics },
	{ MHD_HTTP_OK, "/healthz", PLAIN, write_health },
};
static const struct page not_found = { MHD_HTTP_NOT_FOUND, NULL, PLAIN,
	write_not_found };
static const struct page not_allowed = { MHD_HTTP_METHOD_NOT_ALLOWED, NULL,
	PLAIN, write_not_allowed };

static const struct page *
find_page(const char *path, const char *method)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		return strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
			strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ?
		    &pages[i] :
		    &not_allowed;
	}
	return &not_found;
}

/* ---- HTTP ---- */

/* NULL: no memory. */
static struct MHD_Response *
make_response(const struct page *page)
{
	struct MHD_Response *response;
	char *text = malloc(AG_EXPOSITION_MAX);
	struct ag_buf out;

	if (text == NULL)
		return NULL;
	out = ag_buf(text, AG_EXPOSITION_MAX);
	page->write(&out);
	response = MHD_create_response_from_buffer(out.len, text,
	    MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	return response;
}

static bool
add_headers(struct MHD_Response *response, const struct page *page)
{
	return MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
		   page->type) == MHD_YES &&
	    /* the next one may be waiting for this connection's end */
	    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
		"close") == MHD_YES &&
	    (page != &not_allowed ||
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
		    "GET, HEAD") == MHD_YES);
}

/* Called when the header is there; of a body nothing is read.  MHD_NO hangs up.
 */
static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *body,
    size_t *body_size, void **request)
{
	const struct page *page = find_page(path, method);
	struct MHD_Response *response = make_response(page);
	enum MHD_Result result = MHD_NO;

	(void)arg, (void)version, (void)body, (void)body_size, (void)request;
	if (response == NULL)
		return MHD_NO;
	if (add_headers(response, page))
		result = MHD_queue_response(connection, page->status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- who is connected ---- */

struct guest {
	int fd; /* -1: nobody */
	int64_t since;
};

static struct guest guests[CONNECTIONS_MAX];
static unsigned nguests;

static struct guest *
find_guest(int fd)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (guests[i].fd == fd)
			return &guests[i];
	return NULL;
}

static int
descriptor_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD)
	    ->connect_fd;
}

/* The library tells of each that comes and goes, in the thread below. */
static void
note_guest(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode what)
{
	bool comes = what == MHD_CONNECTION_NOTIFY_STARTED;
	int fd = descriptor_of(connection);
	struct guest *guest = find_guest(comes ? -1 : fd);

	(void)arg, (void)context;
	if (guest == NULL)
		return;
	*guest = (struct guest){ comes ? fd : -1, ag_clock_now() };
	nguests = comes ? nguests + 1 : nguests - 1;
}

/* Its end is noticed by the library, which closes it. */
static void
hang_up_on_the_slow(int64_t patience)
{
	int64_t now = ag_clock_now();

	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (guests[i].fd >= 0 && now - guests[i].since >= patience)
			shutdown(guests[i].fd, SHUT_RDWR);
}

static int64_t
oldest_age(void)
{
	int64_t now = ag_clock_now(), age = 0;

	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		if (guests[i].fd >= 0 && now - guests[i].since > age)
			age = now - guests[i].since;
	return age;
}

/* ---- the thread ---- */

static pthread_t thread;
static int ending = -1;

static void
take_guest(void)
{
	union address address;
	socklen_t len = sizeof(address);
	int fd =
	    accept4(listener, &address.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	/* it closes what it does not take */
	if (fd >= 0)
		MHD_add_connection(server, fd, &address.any, len);
}

static bool
is_crowded(void)
{
	struct pollfd fd = { listener, POLLIN, 0 };

	return nguests == CONNECTIONS_MAX && poll(&fd, 1, 0) > 0;
}

static int
timeout(void)
{
	int64_t wait = PATIENCE_MS - oldest_age();
	MHD_UNSIGNED_LONG_LONG asked;

	if (nguests == CONNECTIONS_MAX && wait > CROWD_LOOK_MS)
		wait = CROWD_LOOK_MS;
	if (MHD_get_timeout(server, &asked) == MHD_YES && (int64_t)asked < wait)
		wait = (int64_t)asked;
	return nguests == 0 ? -1 : wait > 0 ? (int)wait : 0;
}

/* Returns false at the end. */
static bool
wait_for_guests(int work)
{
	struct pollfd fds[] = { { ending, POLLIN, 0 }, { work, POLLIN, 0 },
		{ nguests < CONNECTIONS_MAX ? listener : -1, POLLIN, 0 } };

	poll(fds, 3, timeout());
	if (fds[2].revents != 0)
		take_guest();
	return fds[0].revents == 0;
}

static void *
serve(void *arg)
{
	int work =
	    MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

	while (wait_for_guests(work)) {
		MHD_run(server);
		hang_up_on_the_slow(is_crowded() ? CROWDED_MS : PATIENCE_MS);
	}
	return arg;
}

/*
 * The library has no time limit for a whole request, and who sends a byte now
 * and then would keep a place for ever: connections are taken here.
 */
static int
start_server(void)
{
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
		guests[i].fd = -1;
	errno = ENOMEM;
	/* not select(), which knows no descriptor above 1023 */
	server = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0,
	    NULL, NULL, answer, NULL, MHD_OPTION_CONNECTION_LIMIT,
	    CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_OF_EACH,
	    MHD_OPTION_NOTIFY_CONNECTION, note_guest, NULL, MHD_OPTION_END);
	if (server == NULL)
		return errno;
	ending = eventfd(0, EFD_CLOEXEC);
	return ending >= 0 ? 0 : errno;
}

int
ag_metrics_start(void)
{
	int error;

	if (listener < 0)
		return 0;
	error = start_server();
	return error != 0 ? error : pthread_create(&thread, NULL, serve, NULL);
}

void
ag_metrics_stop(void)
{
	if (server == NULL)
		return;
	eventfd_write(ending, 1);
	pthread_join(thread, NULL);
	MHD_stop_daemon(server);
	server = NULL;
	close(ending);
	close(listener);
}
