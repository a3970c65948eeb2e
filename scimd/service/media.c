#include "scimd/service/media.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const media_types[] = { "application/scim+json", "application/json" };

static bool word_is(const char *word, size_t len, const char *want)
{
	return len == strlen(want) && strncasecmp(word, want, len) == 0;
}

static size_t trim_end(const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	return len;
}

/* JSON between systems is UTF-8 (RFC 8259 section 8.1): another charset would be read wrongly.
 * parameters starts at the first ';', or is NULL. */
static bool charset_is_utf8(const char *parameters)
{
	while (parameters) {
		size_t len;

		parameters += 1 + strspn(parameters + 1, " \t");
		if (strncasecmp(parameters, "charset=", 8) == 0) {
			parameters += 8;
			parameters += *parameters == '"';
			len = strcspn(parameters, "\"; \t");
			return word_is(parameters, len, "utf-8") ||
			       word_is(parameters, len, "utf8") ||
			       word_is(parameters, len, "us-ascii");
		}
		parameters = strchr(parameters, ';');
	}
	return true;
}

bool media_is_scim(const char *content_type)
{
	size_t len;

	if (!content_type)
		return true;
	content_type += strspn(content_type, " \t");
	len = trim_end(content_type, strcspn(content_type, ";"));
	if (!word_is(content_type, len, media_types[0]) &&
	    !word_is(content_type, len, media_types[1]))
		return false;
	return charset_is_utf8(strchr(content_type, ';'));
}

/* How closely a media range names the type: 3 the type, 2 "application/…", 1 everything, 0 not. */
static int range_rank(const char *range, size_t len, const char *type)
{
	if (word_is(range, len, type))
		return 3;
	if (word_is(range, len, "application/*"))
		return 2;
	return word_is(range, len, "*/*") ? 1 : 0;
}

/* Whether the parameters of one range (from its first ';') give it a weight of zero. */
static bool weight_is_zero(const char *parameters, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		size_t at = i + 1;

		if (parameters[i] != ';')
			continue;
		while (at + 2 < len && isspace((unsigned char)parameters[at]))
			at++;
		if (at + 2 < len && strncasecmp(parameters + at, "q=0", 3) == 0) {
			at += 3;
			while (at < len && (parameters[at] == '.' || parameters[at] == '0'))
				at++;
			return at == len || !isdigit((unsigned char)parameters[at]);
		}
	}
	return false;
}

/* The closest range decides (RFC 9110 section 12.5.1). */
static bool type_is_accepted(const char *accept, const char *type)
{
	bool accepted = false;
	int best = 0;

	while (*accept) {
		size_t len, name_len;
		int rank;

		accept += strspn(accept, ", \t");
		len = strcspn(accept, ",");
		name_len = trim_end(accept, strcspn(accept, ";,"));
		rank = range_rank(accept, name_len, type);
		if (rank > best) {
			best = rank;
			accepted = !weight_is_zero(accept + name_len, len - name_len);
		}
		accept += len;
	}
	return accepted;
}

bool media_is_accepted(const char *accept)
{
	if (!accept || accept[strspn(accept, ", \t")] == '\0')
		return true;
	return type_is_accepted(accept, media_types[0]) || type_is_accepted(accept, media_types[1]);
}

bool media_etag_matches(const char *tags, const char *tag)
{
	const char *opaque = strchr(tag, '"');
	size_t opaque_len = strlen(opaque);

	while (*tags) {
		size_t len;

		tags += strspn(tags, ", \t");
		len = trim_end(tags, strcspn(tags, ","));
		if (len == 1 && *tags == '*')
			return true;
		if (len > 2 && strncmp(tags, "W/", 2) == 0) {
			tags += 2;
			len -= 2;
		}
		if (len == opaque_len && strncmp(tags, opaque, opaque_len) == 0)
			return true;
		tags += strcspn(tags, ",");
	}
	return false;
}
