/* What a server puts up with: sizes, slowness, numbers; and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/http/harness.h"
#include "tests/unit/t.h"

static char reply[HARNESS_REPLY_SIZE];

#define END "Connection: close\r\n\r\n"
#define BYTES(text) text, sizeof(text) - 1

/* A POST with a token and a body of so many bytes, announced or in chunks. Returns the status. */
static int post_as(in_port_t port, const char *token, size_t body, bool chunked)
{
	static char request[HARNESS_MAX_BODY * 4];
	size_t used, chunk;

	/* Whoever is refused is not asked whether to keep the connection. */
	used = (size_t)snprintf(request, sizeof(request),
				"POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %s\r\n%s", token,
				body > HARNESS_MAX_BODY ? "" : "Connection: close\r\n");
	if (!chunked)
		used += (size_t)snprintf(request + used, sizeof(request) - used,
					 "Content-Length: %zu\r\n\r\n", body);
	else
		used += (size_t)snprintf(request + used, sizeof(request) - used,
					 "Transfer-Encoding: chunked\r\n\r\n");
	for (; body > 0; body -= chunk) {
		chunk = chunked && body > 1000 ? 1000 : body;
		if (chunked)
			used += (size_t)snprintf(request + used, sizeof(request) - used, "%zx\r\n",
						 chunk);
		memset(request + used, 'x', chunk);
		used += chunk;
		if (chunked)
			used += (size_t)snprintf(request + used, sizeof(request) - used, "\r\n");
	}
	if (chunked)
		used += (size_t)snprintf(request + used, sizeof(request) - used, "0\r\n\r\n");
	return harness_ask(port, request, used, reply);
}

static int post(in_port_t port, size_t body, bool chunked)
{
	return post_as(port, "x", body, chunked);
}

static void test_body_size(void)
{
	static const struct {
		size_t size;
		bool chunked;
		int status; /* 0: hung up */
	} cases[] = {
		{ 0, false, 200 },
		{ 0, true, 200 },
		{ HARNESS_MAX_BODY, false, 200 },
		{ HARNESS_MAX_BODY, true, 200 },
		{ HARNESS_MAX_BODY + 1, false, 413 },
		{ HARNESS_MAX_BODY + 1, true, 413 },
		{ HARNESS_MAX_BODY * 3, false, 413 },
		{ HARNESS_MAX_BODY * 3, true, 0 }, /* throwing away has an end, too */
	};
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_FATAL(port != 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int before = harness_calls;
		char size[64];

		T_INT(post(port, cases[i].size, cases[i].chunked), cases[i].status);
		T_INT(harness_calls - before, cases[i].status == 200);
		(void)snprintf(size, sizeof(size), "body_size=%zu\n", cases[i].size);
		if (cases[i].status == 200)
			T_TRUE(harness_has(reply, size));
		if (cases[i].status == 413)
			T_TRUE(harness_has(reply, "Connection: close\r\n") &&
			       harness_has(reply, "application/scim+json"));
	}
}

/* The refusal comes before the body: a client that waits for leave to send is told at once. */
static void test_refused_before_the_body(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_INT(harness_ask(port,
			  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000\r\n"
				"Expect: 100-continue\r\n\r\n"),
			  reply),
	      413);
	T_TRUE(strstr(reply, "100 Continue") == NULL);
}

/* Of those who show no token that is known the body is read, lest the answer be lost, but takes no
 * room; and there is an end to that. */
static void test_strangers_bodies(void)
{
	static const struct {
		const char *token;
		size_t size;
		bool chunked;
		int status;  /* 0: hung up */
		size_t kept;
	} cases[] = {
		{ "friend", HARNESS_MAX_BODY, false, 200, HARNESS_MAX_BODY },
		{ "friend", HARNESS_MAX_BODY, true, 200, HARNESS_MAX_BODY },
		{ "foe", HARNESS_MAX_BODY, false, 200, 0 }, /* which the handler would make a 401 */
		{ "foe", HARNESS_MAX_BODY, true, 200, 0 },
		{ "foe", 0, false, 200, 0 },
		{ "foe", HARNESS_MAX_BODY + 1, false, 413, 0 },
		{ "foe", HARNESS_MAX_BODY + 1, true, 0, 0 },
	};
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port;

	options.knows = harness_knows;
	port = harness_start(&options, &server);
	T_FATAL(port != 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char size[64];

		T_INT(post_as(port, cases[i].token, cases[i].size, cases[i].chunked),
		      cases[i].status);
		(void)snprintf(size, sizeof(size), "body_size=%zu\n", cases[i].kept);
		if (cases[i].status == 200)
			T_TRUE(harness_has(reply, size));
	}
}

/* Who is not known begins anew for each attempt; who only comes too often may stay. */
static void test_strangers_connections(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_INT(harness_ask(port, BYTES("GET /unknown HTTP/1.1\r\nHost: h\r\n\r\n"
				      "GET / HTTP/1.1\r\nHost: h\r\n" END),
			  reply),
	      401);
	T_TRUE(harness_has(reply, "Connection: close\r\n") && !strstr(reply, " 200 "));
	T_INT(harness_ask(port, BYTES("GET /often HTTP/1.1\r\nHost: h\r\n\r\n"
				      "GET / HTTP/1.1\r\nHost: h\r\n" END),
			  reply),
	      429);
	T_TRUE(strstr(reply, " 200 ") != NULL);
}

static void test_head_size(void)
{
	static const size_t sizes[] = { 16 * 1024, 100 * 1024 };
	static const bool accepted[] = { true, false };
	static char request[128 * 1024];
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	int status, before;
	size_t used;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		used = (size_t)snprintf(request, sizeof(request),
					"GET / HTTP/1.1\r\nHost: h\r\nX-Big: ");
		memset(request + used, 'y', sizes[i]);
		used += sizes[i];
		used += (size_t)snprintf(request + used, sizeof(request) - used, "\r\n" END);
		before = harness_calls;
		status = harness_ask(port, request, used, reply);
		T_TRUE(accepted[i] ? status == 200 : status == 0 || status >= 400);
		T_INT(harness_calls - before, accepted[i]);
	}
}

/* A client that has stopped in the middle of a request is cut off after the idle time. */
static void test_idle_timeout(void)
{
	static const char *const stopped[] = {
		"", "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab",
	};
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	int fds[ARRAY_SIZE(stopped)], before = harness_calls;
	uint64_t start_us = clock_monotonic_us();
	in_port_t port;

	options.idle_timeout_s = 2;
	port = harness_start(&options, &server);
	for (size_t i = 0; i < ARRAY_SIZE(stopped); i++) {
		fds[i] = harness_connect(port);
		harness_send(fds[i], stopped[i], strlen(stopped[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(stopped); i++) {
		T_TRUE(harness_read(fds[i], reply));
		T_STR(reply, "");
		(void)close(fds[i]);
	}
	/* Before the whole request's time is up, which is twice as long. */
	T_TRUE(clock_monotonic_us() - start_us < 3900000);
	T_INT(harness_calls, before);
}

/* One that drips a byte now and then is never idle; its time ends all the same. */
static void test_dripping_header_is_bounded(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	uint64_t start_us = clock_monotonic_us();
	bool open = true;
	in_port_t port;
	char c;
	int fd;

	options.idle_timeout_s = 1;
	port = harness_start(&options, &server);
	fd = harness_connect(port);
	harness_send(fd, BYTES("GET / HTTP/1.1\r\nHost: h\r\nX-Drip: "));
	while (open && clock_monotonic_us() - start_us < 10000000) {
		harness_send(fd, "z", 1);
		(void)usleep(100000);
		open = recv(fd, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
	}
	(void)close(fd);
	T_TRUE(!open);
	T_TRUE(clock_monotonic_us() - start_us >= 1500000);
	T_TRUE(clock_monotonic_us() - start_us < 6000000);
}

/* Our own time is not the client's: an offboarding may take longer than a client may be idle. */
static void test_slow_handler_is_answered(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port;
	int fd;

	options.idle_timeout_s = 1;
	port = harness_start(&options, &server);
	fd = harness_connect(port);
	for (int i = 0; i < 2; i++) {
		harness_send(fd, BYTES("POST /slow HTTP/1.1\r\nHost: h\r\n"
				       "Content-Length: 2\r\n\r\nhi"));
		T_TRUE(harness_read_one(fd, reply));
		T_INT(harness_status(reply), 200);
		T_TRUE(harness_has(reply, "body=hi\n"));
	}
	/* And afterwards the idle time holds again. */
	T_TRUE(harness_read(fd, reply));
	T_STR(reply, "");
	(void)close(fd);
}

static void *ask_slowly(void *context)
{
	static char answer[HARNESS_REPLY_SIZE];
	const in_port_t *port = context;

	return (void *)(intptr_t)harness_ask(
		*port, BYTES("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" END),
		answer);
}

/* Whoever asked before the end gets the answer; who only holds a connection does not delay it. */
static void test_close_answers_what_was_asked(void)
{
	struct http_options options = harness_options();
	struct http_server *server = NULL;
	uint64_t start_us;
	pthread_t thread;
	in_port_t port;
	void *status;
	int fd;

	options.idle_timeout_s = 30;
	port = harness_start(&options, &server);
	fd = harness_connect(port);
	T_FATAL(pthread_create(&thread, NULL, ask_slowly, &port) == 0);
	(void)usleep(500000);
	start_us = clock_monotonic_us();
	http_server_closep(&server);
	T_TRUE(server == NULL);
	T_TRUE(clock_monotonic_us() - start_us > 1000000);
	T_TRUE(clock_monotonic_us() - start_us < 5000000);
	(void)pthread_join(thread, &status);
	T_INT((intptr_t)status, 200);
	T_TRUE(harness_read(fd, reply));
	(void)close(fd);
}

static void test_connections_per_address(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	int fds[4], answered = 0;
	in_port_t port;

	options.connections_per_address_max = 3;
	port = harness_start(&options, &server);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = harness_connect(port);
		harness_send(fds[i], BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
		answered += harness_read_one(fds[i], reply);
	}
	T_INT(answered, 3);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		(void)close(fds[i]);
}

/* Many who say nothing take all the room there is, and others are turned away: they lose it in seconds,
 * long before the idle time, and whoever comes again gets it. Who has said something keeps the idle time. */
static void test_crowd(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	uint64_t start_us = clock_monotonic_us();
	int silent[40], known, status = 0;
	in_port_t port;
	char c;

	options.connections_max = 16;
	options.idle_timeout_s = 60;
	port = harness_start(&options, &server);
	T_FATAL(port != 0);
	known = harness_connect(port);
	harness_send(known, BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	T_TRUE(harness_read_one(known, reply));
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
		silent[i] = harness_connect(port);
		harness_send(silent[i], BYTES("GET / HTTP/1.1\r\nHost: h\r\nX-Slow: "));
	}
	while (status != 200 && clock_monotonic_us() - start_us < 15000000) {
		status = harness_ask(port, BYTES("GET / HTTP/1.1\r\nHost: h\r\n" END), reply);
		(void)usleep(200000);
	}
	T_INT(status, 200);
	T_TRUE(clock_monotonic_us() - start_us > 2000000);
	T_TRUE(recv(known, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	harness_send(known, BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
	T_TRUE(harness_read_one(known, reply));
	(void)close(known);
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		(void)close(silent[i]);
}

static int ask_unix(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	T_FATAL(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
	harness_patience(fd);
	harness_send(fd, BYTES("GET /status?a=b HTTP/1.1\r\nHost: localhost\r\n" END));
	T_TRUE(harness_read(fd, reply));
	(void)close(fd);
	return harness_status(reply);
}

/* Connections of nobody's, none of which says all that it has to. Never returns. */
static void guests_come(const struct sockaddr_un *address, int ready)
{
	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	for (size_t i = 0; i < 40; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
			_exit(1);
		harness_send(fd, BYTES("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET"));
	}
	(void)close(ready);
	(void)pause();
	_exit(0);
}

/* Those who may only look leave room for root, who has somebody to lock out. */
static void test_guests_leave_room(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[] = "/tmp/scimd-http-XXXXXX", c;
	int ready[2], status = 0;
	uint64_t start_us;
	pid_t guests;

	T_FATAL(geteuid() == 0 && mkdtemp(directory) != NULL && chmod(directory, 0755) == 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", directory);
	options.listen_fd = http_listen_unix(address.sun_path, 0666);
	options.connections_max = 16;
	options.idle_timeout_s = 60;
	T_FATAL(options.listen_fd >= 0 && http_server_open(&options, &server) == 0);
	T_FATAL(pipe2(ready, O_CLOEXEC) == 0);
	guests = fork();
	T_FATAL(guests >= 0);
	if (guests == 0)
		guests_come(&address, ready[1]);
	(void)close(ready[1]);
	T_INT(read(ready[0], &c, 1), 0);
	T_INT(waitpid(guests, NULL, WNOHANG), 0);
	start_us = clock_monotonic_us();
	while (status != 200 && clock_monotonic_us() - start_us < 1500000) {
		status = ask_unix(&address); /* those of them that are cut are a moment in going */
		(void)usleep(10000);
	}
	T_INT(status, 200);
	(void)kill(guests, SIGKILL);
	(void)waitpid(guests, NULL, 0);
	(void)close(ready[0]);
	(void)unlink(address.sun_path);
	(void)rmdir(directory);
}

static void test_unix_socket_tells_the_peer(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char directory[] = "/tmp/scimd-http-XXXXXX", uid[32];

	T_FATAL(mkdtemp(directory) != NULL);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", directory);
	options.listen_fd = http_listen_unix(address.sun_path, 0600);
	T_FATAL(options.listen_fd >= 0);
	T_FATAL(http_server_open(&options, &server) == 0);
	T_INT(ask_unix(&address), 200);
	(void)snprintf(uid, sizeof(uid), "uid=%u\n", (unsigned int)geteuid());
	T_TRUE(harness_has(reply, "peer=unix\n"));
	T_TRUE(harness_has(reply, uid));
	(void)unlink(address.sun_path);
	(void)rmdir(directory);
}

static void test_open_fails_cleanly(void)
{
	struct http_options options = harness_options();
	struct http_server *server = NULL;

	options.listen_fd = http_listen_tcp("127.0.0.1:0");
	options.certificate = "nonsense";
	options.key = "nonsense";
	T_TRUE(http_server_open(&options, &server) < 0);
	T_INT(fcntl(options.listen_fd, F_GETFD), -1); /* taken all the same */
	T_TRUE(server == NULL);
}

T_MAIN("http limits", T(test_body_size), T(test_refused_before_the_body), T(test_strangers_bodies),
       T(test_strangers_connections), T(test_head_size),
       T(test_idle_timeout), T(test_dripping_header_is_bounded), T(test_slow_handler_is_answered),
       T(test_close_answers_what_was_asked), T(test_connections_per_address),
       T(test_crowd), T(test_guests_leave_room),
       T(test_unix_socket_tells_the_peer), T(test_open_fails_cleanly))
