/* A request's line and headers, a line each: query, path, Content-Type, Accept, ETag list. */
#include "scimd/service/media.h"
#include "scimd/service/query.h"
#include "scimd/service/route.h"
#include "tests/fuzz/fuzz.h"

static void check_query(const char *text)
{
	struct query query = { .filter = NULL };
	struct fault fault = { 0 };
	int r = query_parse(text, &query, &fault);

	if (r < 0) {
		HOLDS(r == -EPROTO && fault.status == 400 && fault.detail[0] != '\0');
		HOLDS(!query.filter && !query.attributes && !query.excluded);
		return;
	}
	HOLDS(query.start >= 1);
	HOLDS(!(query.attributes && query.excluded));
	query_done(&query);
}

/* Decoding what was encoded gives the same, whatever the bytes. */
static void check_decode(const char *text)
{
	_cleanup_free_ char *decoded = NULL, *again = NULL;
	_cleanup_free_ char *encoded = NULL;
	size_t len;

	if (query_decode(text, strlen(text), true, &decoded) < 0)
		return;
	len = strlen(decoded);
	HOLDS(len <= strlen(text));
	encoded = malloc(3 * len + 1);
	HOLDS(encoded != NULL);
	for (size_t i = 0; i < len; i++)
		(void)sprintf(encoded + 3 * i, "%%%02x", (unsigned char)decoded[i]);
	encoded[3 * len] = '\0';
	HOLDS(query_decode(encoded, 3 * len, true, &again) == 0);
	HOLDS(strcmp(decoded, again) == 0);
}

static void check_route(const char *path)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct route_match match = { .action = ROUTE_NONE };
		struct fault fault = { 0 };
		int r = route_find(methods[i], path, &match, &fault);

		if (r < 0)
			HOLDS(r == -EPROTO && fault.status >= 400 && fault.detail[0] != '\0');
		else
			HOLDS(match.action > ROUTE_NONE && match.action < ROUTE_ACTIONS &&
			      strlen(match.id) < ROUTE_ID_SIZE && strncmp(path, "/scim/v2", 8) == 0);
		if (r < 0 && fault.status == 405)
			HOLDS(match.allow[0] != '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	char *lines[5];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		lines[i] = bytes_string(bytes_line(&bytes, '\n'));
	check_query(lines[0]);
	check_decode(lines[0]);
	check_route(lines[1]);
	(void)media_is_scim(lines[2]);
	(void)media_is_accepted(lines[3]);
	if (media_etag_matches(lines[4], "W/\"42\""))
		HOLDS(strchr(lines[4], '*') || strstr(lines[4], "\"42\""));
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		free(lines[i]);
	return 0;
}
