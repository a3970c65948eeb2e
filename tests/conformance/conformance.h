/* conformance.h - runs files of requests and expectations against a SCIM server (README has the
 * format). Not part of the product. Threads: one. Lack of memory ends the program. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "shared/attrs.h"

/* --- text.c: text that grows, and variables ----------------------------------------------------- */

struct text {
	char *bytes; /* owned, always with a terminator behind size; NULL when empty */
	size_t size, room;
};

void text_add(struct text *text, const char *bytes, size_t size);
void text_puts(struct text *text, const char *string);
void text_done(struct text *text);

/* Names and values, and what they are put into. */
struct variables {
	struct {
		char *name, *value;
	} *items;
	size_t count;
};

void variable_set(struct variables *variables, const char *name, const char *value);
const char *variable_get(const struct variables *variables, const char *name);
void variables_done(struct variables *variables);

/* "${name}" becomes the value, "${json:name}" the value as a JSON string, "${repeat:N:TEXT}" TEXT N
 * times. False: there is no such variable, and its name is in *ret. */
bool variables_expand(const struct variables *variables, const char *from, struct text *ret);

/* "${hex:00ff}" becomes two bytes: the last thing that happens to a text, because they may be NULs. */
void text_unhex(struct text *text);

/* --- exchange.c: requests and what came back ---------------------------------------------------- */

struct request {
	char method[16];
	struct text target; /* "/Users?filter=userName eq \"x\"", below the base URL */
	struct text headers[16];
	size_t header_count;
	struct text body;
};

struct response {
	int status;
	struct text headers; /* "Name: value\n" for each */
	struct text body;
	struct json_object *json; /* owned; NULL if the body is not JSON */
	char problem[256];        /* why there is no answer; "" if there is one */
};

struct exchange;

/* base is a URL without a slash at its end, ca_file what its certificate is checked with. */
struct exchange *exchange_new(const char *base, const char *ca_file);
void exchange_free(struct exchange *exchange);

/* Send with the bearer token unless the request has a header Authorization. A header with the value
 * "-" is not sent at all. */
void exchange_send(struct exchange *exchange, const char *token, const struct request *request,
		   struct response *ret);

/* Write request->body to a new TLS connection as it is and read until the server has answered. */
void exchange_send_raw(struct exchange *exchange, const struct request *request,
		       struct response *ret);

/* The first header of this name without its case, owned; NULL without one. */
char *response_header(const struct response *response, const char *name);

void request_done(struct request *request);
void response_done(struct response *response);

/* --- expect.c: what is expected of an answer ---------------------------------------------------- */

/* One line such as `.active == false` (variables expanded already). Returns whether it holds; if
 * not, *ret_why says what is there instead. `-> name` sets a variable. */
bool expect_line(const struct response *response, const char *line, struct variables *variables,
		 struct text *ret_why);

/* What holds for every answer: the media type, and an Error with a status in a string (RFC 7644
 * section 3.12). */
bool expect_always(const struct request *request, const struct response *response,
		   struct text *ret_why);

/* --- script.c: a file --------------------------------------------------------------------------- */

struct totals {
	unsigned int passed, failed;
};

/* Run the file; what fails is printed. Returns false if the file itself is wrong. */
bool script_run(const char *file, struct exchange *exchange, struct variables *variables,
		struct totals *ret);

#endif
