/* Requests as bytes: what reaches the handler, how, and what must not. */
#include <errno.h>
#include <sys/mman.h>

#include "tests/unit/http/harness.h"
#include "tests/unit/t.h"

static char reply[HARNESS_REPLY_SIZE];

#define END "Connection: close\r\n\r\n"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *name;
	const char *bytes;
	size_t size;
	int status; /* 0: the library hangs up */
	bool ours; /* our own error: a SCIM body, and the connection ends */
} framing[] = {
	{ "two lengths, the same",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
	  400, true },
	{ "two lengths",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\n{}"),
	  400, true },
	{ "length and coding",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	  400, true },
	{ "coding and length, odd case",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\ntransfer-ENCODING: chunked\r\n"
		"content-LENGTH: 5\r\n\r\n0\r\n\r\n"),
	  400, true },
	{ "coding twice",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	  400, true },
	{ "unknown coding",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n{}"), 501, true },
	{ "two codings",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
		"0\r\n\r\n"),
	  501, true },
	{ "coding in 1.0",
	  BYTES("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
	  true },
	{ "two hosts", BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400, true },
	{ "two tokens",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nauthorization: b\r\n\r\n"), 400,
	  true },
	{ "two types",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n"), 400,
	  true },
	{ "two encodings",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nContent-Encoding: a\r\nContent-Encoding: b\r\n\r\n"),
	  400, true },
	{ "two other preconditions",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"1\"\r\nIf-None-Match: \"2\"\r\n\r\n"),
	  400, true },
	{ "two preconditions",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nIf-Match: \"1\"\r\nIf-Match: \"2\"\r\n\r\n"), 400,
	  true },
	{ "NUL escaped in the path", BYTES("GET /Users/a%00b HTTP/1.1\r\nHost: h\r\n\r\n"), 400,
	  true },
	{ "NUL escaped in the query", BYTES("GET /Users?x=%00 HTTP/1.1\r\nHost: h\r\n\r\n"), 400,
	  true },
	{ "NUL in the path", BYTES("GET /Users/a\0b HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "NUL in the query", BYTES("GET /U?a=b\0&c=d HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "NUL in a header",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nIf-Match: a\0b\r\nAccept: a\r\n\r\n"), 400, true },
	{ "NULs in the last header",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nIf-Match: a\0\0\0b\r\n\r\n"), 400, true },
	{ "NUL in the length",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\0002\r\n\r\n{}"), 400, true },
	{ "folded header", BYTES("GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\n b\r\n\r\n"), 400,
	  true },
	{ "NUL in a header's name", BYTES("GET / HTTP/1.1\r\nHost: h\r\nX\0Y: a\r\n\r\n"), 400,
	  false },
	{ "control character in the path", BYTES("GET /Users/\001 HTTP/1.1\r\nHost: h\r\n\r\n"),
	  400, true },
	{ "escape in the query", BYTES("GET /Users?a=\033[2J HTTP/1.1\r\nHost: h\r\n\r\n"), 400,
	  true },
	{ "tab in the path", BYTES("GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "space in the path", BYTES("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), 0, false },
	{ "control character in a header",
	  BYTES("GET / HTTP/1.1\r\nHost: h\r\nAccept: a\001\r\n\r\n"), 400, true },
	{ "delete in a header", BYTES("GET / HTTP/1.1\r\nHost: h\r\nAccept: \177\r\n\r\n"), 400,
	  true },
	{ "header name with a bracket", BYTES("GET / HTTP/1.1\r\nHost: h\r\nA(b): c\r\n\r\n"), 400,
	  true },
	{ "space before the colon", BYTES("GET / HTTP/1.1\r\nHost: h\r\nAccept : c\r\n\r\n"), 400,
	  false },
	{ "no host", BYTES("GET / HTTP/1.1\r\n\r\n"), 400, false },
	{ "length with a sign", BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\n{}"),
	  400, false },
	{ "length below zero", BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -2\r\n\r\n{}"),
	  400, false },
	{ "length as a list",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2, 2\r\n\r\n{}"), 400, false },
	{ "length in letters", BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n{}"),
	  400, false },
	{ "length beyond 64 bits",
	  BYTES("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551618\r\n\r\n{}"),
	  413, false },
	{ "whole URL", BYTES("GET http://h/Users HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "asterisk", BYTES("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "odd method", BYTES("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"), 400, true },
	{ "version 3", BYTES("GET / HTTP/3.0\r\nHost: h\r\n\r\n"), 505, false },
};

static void test_framing(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_FATAL(port != 0);
	for (size_t i = 0; i < ARRAY_SIZE(framing); i++) {
		int before = harness_calls, status;

		status = harness_ask(port, framing[i].bytes, framing[i].size, reply);
		if (status != framing[i].status || harness_calls != before)
			fprintf(stderr, "%s: %d\n%s\n", framing[i].name, status, reply);
		T_INT(status, framing[i].status);
		T_INT(harness_calls, before);
		if (!framing[i].ours)
			continue;
		T_TRUE(harness_has(reply, "Content-Type: application/scim+json\r\n"));
		T_TRUE(harness_has(reply, "Connection: close\r\n"));
		T_TRUE(harness_has(reply, "urn:ietf:params:scim:api:messages:2.0:Error"));
		T_TRUE(harness_has(reply, "\"detail\""));
	}
}

static void test_request_arrives(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_INT(harness_ask(port,
			  BYTES("PATCH /scim/v2/Users/a%2Fb%20+c?filter=a+eq+%22b%22&x HTTP/1.1\r\n"
				"Host: example.org\r\naUTHORIZATION: Bearer abc\r\n"
				"Content-Type: application/json\r\n"
				"Accept: application/scim+json\r\n"
				"If-Match: W/\"1\"\r\nIf-None-Match: W/\"2\"\r\n"
				"Content-Length: 7\r\n" END "{\"a\":1}"),
			  reply),
	      200);
	T_TRUE(harness_has(reply, "method=PATCH\n"));
	T_TRUE(harness_has(reply, "path=/scim/v2/Users/a%2Fb%20+c\n"));
	T_TRUE(harness_has(reply, "query=filter=a+eq+%22b%22&x\n"));
	T_TRUE(harness_has(reply, "authorization=Bearer abc\n"));
	T_TRUE(harness_has(reply, "content_type=application/json\n"));
	T_TRUE(harness_has(reply, "accept=application/scim+json\n"));
	T_TRUE(harness_has(reply, "if_match=W/\"1\"\n"));
	T_TRUE(harness_has(reply, "if_none_match=W/\"2\"\n"));
	T_TRUE(harness_has(reply, "host=example.org\n"));
	T_TRUE(harness_has(reply, "peer=127.0.0.1\n"));
	T_TRUE(harness_has(reply, "uid=4294967295\n"));
	T_TRUE(harness_has(reply, "body_size=7\nbody={\"a\":1}\n"));
	T_TRUE(harness_has(reply, "ETag: W/\"7\"\r\n"));
	T_TRUE(harness_has(reply, "Content-Type: text/plain\r\n"));
	T_INT(harness_signal_mask_open, 0);
}

/* Legal, if unusual: nobody must be turned away for it. */
static void test_odd_but_legal(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	static const char *const odd[] = {
		"GET / HTTP/1.1\r\nHost:h\r\nAccept:a\r\n" END,
		"GET / HTTP/1.1\r\nHost:   h  \r\nAccept: \ta\t \r\n" END,
		"GET / HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Empty-Too: \r\nAccept: a\r\n" END,
		"GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=\"d\"\r\nCookie: e\r\n"
		"Accept: a\r\n" END,
		"GET /? HTTP/1.1\r\nHost: h\r\nAccept: a\r\n" END,
		"GET /?a=b&c&d=%20+&&= HTTP/1.1\r\nHost: h\r\nAccept: a\r\n" END,
		"\r\nGET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\n" END,
		"GET / HTTP/1.1\r\nHost: h:1\r\nAccept: a\r\nX-Time: 10:15:30\r\n" END,
		"GET / HTTP/1.0\r\nAccept: a\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		int status = harness_ask(port, odd[i], strlen(odd[i]), reply);

		if (status != 200)
			fprintf(stderr, "%s", odd[i]);
		T_INT(status, 200);
		T_TRUE(harness_has(reply, "accept=a\n"));
	}
}

/* The library's buffer grows while it reads; the guards look into that buffer. */
static void test_long_head_in_pieces(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	char line[1024];
	int fd = harness_connect(port);

	harness_send(fd, BYTES("POST /long?query HTTP/1.1\r\nHost: h\r\n"));
	for (int i = 0; i < 40; i++) {
		int size = snprintf(line, sizeof(line), "X-Long-%d: %0800d\r\n", i, i);

		harness_send(fd, line, (size_t)size / 2);
		(void)usleep(1000);
		harness_send(fd, line + size / 2, (size_t)(size - size / 2));
	}
	harness_send(fd, BYTES("Content-Length: 4\r\n" END));
	(void)usleep(1000);
	harness_send(fd, BYTES("body"));
	T_TRUE(harness_read(fd, reply));
	(void)close(fd);
	T_INT(harness_status(reply), 200);
	T_TRUE(harness_has(reply, "body=body\n"));
}

static void test_chunked(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_INT(harness_ask(port,
			  BYTES("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" END
				"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
			  reply),
	      200);
	T_TRUE(harness_has(reply, "body_size=7\nbody=abcdefg\n"));
}

static void test_identifiers_differ(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	char first[37] = "";
	const char *id;

	for (int i = 0; i < 2; i++) {
		T_INT(harness_ask(port, BYTES("GET / HTTP/1.1\r\nHost: h\r\n" END), reply), 200);
		id = strstr(reply, "id=");
		T_FATAL(id != NULL && strlen(id) > 40);
		T_INT(id[3 + 14], '4');
		T_INT(id[3 + 36], '\n');
		T_TRUE(strncmp(first, id + 3, 36) != 0);
		memcpy(first, id + 3, 36);
	}
}

static void test_keep_alive(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	int fd = harness_connect(port);

	for (int i = 0; i < 3; i++) {
		harness_send(fd, BYTES("POST /k HTTP/1.1\r\nHost: h\r\n"
				       "Content-Length: 2\r\n\r\nhi"));
		T_TRUE(harness_read_one(fd, reply));
		T_INT(harness_status(reply), 200);
		T_TRUE(harness_has(reply, "body=hi\n"));
	}
	(void)close(fd);
}

static void test_head(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	const char *end;
	int before = harness_calls;

	T_INT(harness_ask(port, BYTES("HEAD /Users HTTP/1.1\r\nHost: h\r\n" END), reply), 200);
	T_INT(harness_calls, before + 1);
	end = strstr(reply, "\r\n\r\n");
	T_FATAL(end != NULL);
	T_STR(end + 4, "");
	T_TRUE(harness_has(reply, "X-Method: GET\r\n"));
	T_TRUE(harness_has(reply, "ETag: W/\"7\"\r\n"));
	T_TRUE(harness_has(reply, "Content-Length: "));
}

static void test_answers_without_body(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);

	T_INT(harness_ask(port, BYTES("DELETE /none HTTP/1.1\r\nHost: h\r\n" END), reply), 204);
	T_TRUE(strstr(reply, "Content-Type") == NULL);
	T_INT(harness_ask(port, BYTES("GET /silent HTTP/1.1\r\nHost: h\r\n" END), reply), 500);
	T_TRUE(harness_has(reply, "application/scim+json"));
	T_TRUE(harness_has(reply, "Connection: close\r\n"));
}

static void test_incomplete_requests_stay_out(void)
{
	struct http_options options = harness_options();
	_cleanup_(http_server_closep) struct http_server *server = NULL;
	in_port_t port = harness_start(&options, &server);
	static const char *const cut[] = {
		"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{\"a\"",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
		"DELETE /Users/1 HTTP/1.1\r\nHost: h\r\n",
		"DELETE /Us",
	};
	int before = harness_calls;

	for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
		int fd = harness_connect(port);

		harness_send(fd, cut[i], strlen(cut[i]));
		(void)shutdown(fd, SHUT_WR);
		T_TRUE(harness_read(fd, reply));
		T_TRUE(harness_status(reply) == 0 || harness_status(reply) == 400);
		(void)close(fd);
	}
	T_INT(harness_calls, before);
}

/* What is read and found leaves no line in the log: changes and refusals would drown. */
static void test_log_leaves_reads_out(void)
{
	static const struct {
		const char *request;
		bool logged;
	} cases[] = {
		{ "GET /1 HTTP/1.1\r\nHost: h\r\n" END, false },
		{ "HEAD /2 HTTP/1.1\r\nHost: h\r\n" END, false },
		{ "POST /3/.search HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" END "{}", false },
		{ "POST /4 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" END "{}", true },
		{ "POST /5.search HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n" END "{}", true },
		{ "DELETE /6/.search HTTP/1.1\r\nHost: h\r\n" END, true },
		{ "PATCH /7 HTTP/1.1\r\nHost: h\r\n" END, true },
		{ "GET /unknown HTTP/1.1\r\nHost: h\r\n" END, true },
		{ "GET /silent HTTP/1.1\r\nHost: h\r\n" END, true },
		{ "GET /8 HTTP/1.1\r\n" END, true },
	};
	struct http_options options = harness_options();
	int before = dup(STDERR_FILENO);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(http_server_closep) struct http_server *server = NULL;
		in_port_t port = harness_start(&options, &server);
		_cleanup_close_ int log = memfd_create("log", MFD_CLOEXEC);

		(void)dup2(log, STDERR_FILENO);
		(void)harness_ask(port, cases[i].request, strlen(cases[i].request), reply);
		http_server_closep(&server); /* all is logged */
		(void)dup2(before, STDERR_FILENO);
		T_INT(lseek(log, 0, SEEK_END) > 0, cases[i].logged);
	}
	(void)close(before);
}

T_MAIN("http", T(test_framing), T(test_request_arrives), T(test_odd_but_legal),
       T(test_long_head_in_pieces), T(test_chunked),
       T(test_identifiers_differ), T(test_keep_alive), T(test_head), T(test_answers_without_body),
       T(test_incomplete_requests_stay_out),
       T(test_log_leaves_reads_out))
