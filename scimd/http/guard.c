#include "scimd/http/guard.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Headers that say one thing. Twice means that somebody in between may have read the other one. */
static const char *const single[] = {
	"Content-Length", "Transfer-Encoding", "Host",     "Authorization",
	"Content-Type",   "Content-Encoding",  "If-Match", "If-None-Match",
};

/* Bytes that the library overwrites between two texts; a line may end with LF alone. */
enum { SPACE = 1, COLON = 1, LINE_END = 2 };

enum { SINGLE_LENGTH, SINGLE_TRANSFER, SINGLE_HOST, SINGLE_CODING = 5 };

struct seen {
	unsigned int count[ARRAY_SIZE(single)];
	const char *value[ARRAY_SIZE(single)];
	bool malformed, hidden;
	const char *end; /* of what was seen last */
};

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7F;
}

/* Nothing but letters, digits and these marks. */
static bool is_made_of(const char *text, size_t size, const char *marks)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '\0' || !strchr(marks, c))
			return false;
	}
	return true;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *text, size_t size)
{
	return size > 0 && is_made_of(text, size, "!#$%&'*+-.^_`|~");
}

bool guard_is_authority(const char *text, size_t size)
{
	return is_made_of(text, size, "-._~%!$&'()*+;=:[]");
}

static bool target_is_clean(const char *target)
{
	for (const char *p = target; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7F || strncmp(p, "%00", 3) == 0)
			return false;
	return true;
}

/* libmicrohttpd before 1.0 takes texts as C strings, so that a raw NUL hides the rest of a header
 * or of the request line. What it gives us points into the one buffer that it has read the head
 * into, in which it has overwritten separators with NULs: between two texts there may be no more
 * NULs than separators, and behind a colon blanks. A folded header is moved away from its place
 * and so is refused, too (RFC 9112, 5.2). */
static bool only_separators(const char *from, const char *to, unsigned int separators)
{
	if ((uintptr_t)from > (uintptr_t)to)
		return false;
	for (; from < to; from++)
		if (*from != '\0' || separators-- == 0)
			return false;
	return true;
}

static bool only_colon(const char *from, const char *to)
{
	while ((uintptr_t)from < (uintptr_t)to && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	return only_separators(from, to, COLON);
}

static const char *head_end(struct MHD_Connection *connection, const struct guard_line *line)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info ? line->method + info->header_size : line->method;
}

int guard_line(const struct guard_line *line, const char *path, const char *query,
	       struct fault *fault)
{
	if (strcmp(line->version, "HTTP/1.1") != 0 && strcmp(line->version, "HTTP/1.0") != 0)
		return fault_set(fault, 505, NULL, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	if (!is_token(line->method, strlen(line->method)))
		return fault_set(fault, 400, NULL, "the request's method is malformed");
	if (path[0] != '/')
		return fault_set(fault, 400, NULL, "the request target must be an absolute path");
	if (!target_is_clean(path) || !target_is_clean(query))
		return fault_set(fault, 400, NULL,
				 "the request target holds a NUL, a space or a control character");
	if (!only_separators(line->target_end, line->version, SPACE))
		return fault_set(fault, 400, NULL, "the request target holds a NUL");
	return 0;
}

static enum MHD_Result see_header(void *context, enum MHD_ValueKind kind, const char *name,
				  size_t name_size, const char *value, size_t value_size)
{
	struct seen *seen = context;

	(void)kind;
	if (!only_separators(seen->end, name, LINE_END) ||
	    !only_colon(name + name_size, value))
		seen->hidden = true;
	seen->end = value + value_size;
	if (!is_token(name, name_size))
		seen->malformed = true;
	for (size_t i = 0; i < value_size; i++)
		if (is_control(value[i]))
			seen->malformed = true;
	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (strcasecmp(name, single[i]) == 0) {
			seen->count[i]++;
			seen->value[i] = value;
		}
	return MHD_YES;
}

static int length_check(const char *text, uint64_t max_body, uint64_t *ret, struct fault *fault)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t length = 0;

	if (digits == 0 || text[digits] != '\0')
		return fault_set(fault, 400, NULL, "Content-Length is not a decimal number");
	for (; *text; text++) {
		if (length > max_body) /* so it cannot overflow: max_body is far below */
			break;
		length = length * 10 + (uint64_t)(*text - '0');
	}
	if (length > max_body)
		return fault_set(fault, 413, NULL,
				 "the request's body exceeds %llu bytes (maxPayloadSize)",
				 (unsigned long long)max_body);
	*ret = length;
	return 0;
}

static int transfer_check(const struct seen *seen, const char *version, struct fault *fault)
{
	if (seen->count[SINGLE_LENGTH] > 0)
		return fault_set(fault, 400, NULL,
				 "Content-Length and Transfer-Encoding exclude each other");
	if (strcmp(version, "HTTP/1.1") != 0)
		return fault_set(fault, 400, NULL, "Transfer-Encoding needs HTTP/1.1");
	if (strcasecmp(seen->value[SINGLE_TRANSFER], "chunked") != 0)
		return fault_set(fault, 501, NULL, "the only transfer coding here is chunked");
	return 0;
}

/* A header's value without blanks behind it: the library has taken away those in front. */
static size_t value_size(const char *value)
{
	size_t size = strlen(value);

	while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
		size--;
	return size;
}

static int host_check(const struct seen *seen, const char *version, struct fault *fault)
{
	const char *host = seen->value[SINGLE_HOST];

	if (!host && strcmp(version, "HTTP/1.1") == 0)
		return fault_set(fault, 400, NULL, "header Host is missing");
	if (host && !guard_is_authority(host, value_size(host)))
		return fault_set(fault, 400, NULL, "header Host names no host");
	return 0;
}

/* A body that is packed would be read as if it were not. */
static int coding_check(const struct seen *seen, struct fault *fault)
{
	const char *coding = seen->value[SINGLE_CODING];
	size_t size = coding ? value_size(coding) : 0;

	if (size == 0 || (size == 8 && strncasecmp(coding, "identity", size) == 0))
		return 0;
	return fault_set(fault, 415, NULL, "no content coding is understood here");
}

int guard_headers(struct MHD_Connection *connection, const struct guard_line *line,
		  uint64_t max_body, uint64_t *ret_length, struct fault *fault)
{
	struct seen seen = { .end = line->version + strlen(line->version) };
	uint64_t length = 0;
	int r;

	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, see_header, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (seen.count[i] > 1)
			return fault_set(fault, 400, NULL, "header %s came more than once",
					 single[i]);
	if (seen.hidden || !only_separators(seen.end, head_end(connection, line), 2 * LINE_END))
		return fault_set(fault, 400, NULL, "a header is folded or holds a NUL");
	if (seen.malformed)
		return fault_set(fault, 400, NULL, "a header holds a control character");
	r = host_check(&seen, line->version, fault);
	if (r < 0)
		return r;
	if (seen.count[SINGLE_TRANSFER] > 0) {
		r = transfer_check(&seen, line->version, fault);
		if (r < 0)
			return r;
	}
	if (seen.count[SINGLE_LENGTH] > 0) {
		r = length_check(seen.value[SINGLE_LENGTH], max_body, &length, fault);
		if (r < 0)
			return r;
	}
	if (length > 0 || seen.count[SINGLE_TRANSFER] > 0) {
		r = coding_check(&seen, fault);
		if (r < 0)
			return r;
	}
	*ret_length = length;
	return 0;
}

size_t guard_unescape(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}
