/* The guards in front of requests. The input is the head of a request as it came; the library's parser
 * is played here: it overwrites separators with NULs and takes texts as C strings, so that what stands
 * behind a NUL is hidden from it. What the guards let through must have been read by everybody alike. */
#include <stdbool.h>
#include <strings.h>

#include "scimd/http/guard.h"
#include "tests/fuzz/fuzz.h"

#define HEADERS_MAX 64
#define MAX_BODY 65536u

static struct {
	struct {
		const char *name, *value;
		size_t name_size, value_size;
	} items[HEADERS_MAX];
	size_t count;
	union MHD_ConnectionInfo size;
} head;

int MHD_get_connection_values_n(struct MHD_Connection *connection, enum MHD_ValueKind kind,
				MHD_KeyValueIteratorN iterator, void *context)
{
	(void)connection;
	for (size_t i = 0; i < head.count; i++)
		if (iterator(context, kind, head.items[i].name, head.items[i].name_size,
			     head.items[i].value, head.items[i].value_size) != MHD_YES)
			break;
	return (int)head.count;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
							 enum MHD_ConnectionInfoType type, ...)
{
	(void)connection;
	return type == MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE ? &head.size : NULL;
}

static char *line_cut(char **at, char *end)
{
	char *line = *at, *newline = memchr(line, '\n', (size_t)(end - line));

	if (!newline)
		return NULL;
	*newline = '\0';
	if (newline > line && newline[-1] == '\r')
		newline[-1] = '\0';
	*at = newline + 1;
	return line;
}

static bool headers_cut(char **at, char *end)
{
	char *line;

	head.count = 0;
	while ((line = line_cut(at, end)) && *line) {
		char *colon = strchr(line, ':'), *value;

		if (!colon || head.count == HEADERS_MAX)
			return false;
		*colon = '\0';
		value = colon + 1 + strspn(colon + 1, " \t");
		head.items[head.count].name = line;
		head.items[head.count].name_size = strlen(line);
		head.items[head.count].value = value;
		head.items[head.count++].value_size = strlen(value);
	}
	return line != NULL;
}

static size_t times(const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < head.count; i++)
		count += strcasecmp(head.items[i].name, name) == 0;
	return count;
}

/* Right before an LF without a CR a NUL looks like the CR that the library has overwritten; and the
 * empty line's own separators may be three. */
static bool hides_nothing(struct bytes rest)
{
	while (rest.left > 0 && *rest.at == '\0')
		(void)bytes_take(&rest);
	if (rest.left > 0 && *rest.at == '\r')
		(void)bytes_take(&rest);
	return rest.left > 0 && *rest.at == '\n';
}

/* All that the guards promise, checked against the bytes as they came. */
static void check_accepted(struct bytes raw, uint64_t length)
{
	for (size_t i = 0; i < raw.left; i++)
		HOLDS(raw.at[i] != '\0' || hides_nothing((struct bytes){ raw.at + i, raw.left - i }));
	HOLDS(times("Content-Length") + times("Transfer-Encoding") <= 1);
	HOLDS(times("Host") <= 1 && times("Authorization") <= 1);
	HOLDS(times("Content-Type") <= 1 && times("If-Match") <= 1);
	HOLDS(length <= MAX_BODY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *buffer = bytes_string((struct bytes){ data, size });
	char *at = buffer, *end = buffer + size, *first = line_cut(&at, end), *target, *query;
	struct guard_line line = { .method = first };
	struct fault fault = { 0 };
	char *space = first ? strchr(first, ' ') : NULL;
	uint64_t length = 0;

	if (!space)
		return 0;
	*space = '\0';
	target = space + 1;
	space = strchr(target, ' ');
	line.target_end = target + strlen(target);
	if (!space) /* a NUL is in the way: the version is what comes behind the next blank */
		space = memchr(target, ' ', (size_t)(at - target));
	if (!space)
		return 0;
	if (line.target_end > space)
		line.target_end = space;
	*space = '\0';
	line.version = space + 1;
	query = strchr(target, '?');
	if (query)
		*query++ = '\0';
	if (!headers_cut(&at, end))
		return 0;
	head.size.header_size = (size_t)(at - buffer);
	if (guard_line(&line, target, query ? query : "", &fault) < 0 ||
	    guard_headers(NULL, &line, MAX_BODY, &length, &fault) < 0) {
		HOLDS(fault.status >= 400 && fault.detail[0] != '\0');
		return 0;
	}
	check_accepted((struct bytes){ data, (size_t)(at - buffer) }, length);
	return 0;
}
