#include "scimd/model/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"
#include "scimd/model/resource.h"
#include "scimd/model/utf8.h"

/* A detail may quote what the client sent, cut anywhere: make it printable UTF-8 again. */
static void make_printable(char *text)
{
	size_t len = strlen(text), out = 0;

	for (size_t at = 0; at < len;) {
		uint32_t character;
		int size = utf8_decode(text + at, len - at, &character);

		if (size < 0 && at + 4 > len && at > 0)
			break; /* the end, cut inside a character */
		if (size < 0 || character < 0x20 || character == 0x7f) {
			text[out++] = '?';
			at += size < 0 ? 1 : (size_t)size;
			continue;
		}
		memmove(text + out, text + at, (size_t)size);
		out += (size_t)size;
		at += (size_t)size;
	}
	text[out] = '\0';
}

int fault_set(struct fault *fault, int status, const char *scim_type, const char *fmt, ...)
{
	va_list args;

	fault->status = status;
	fault->scim_type = scim_type;
	fault->retry_after_s = 0;
	va_start(args, fmt);
	(void)vsnprintf(fault->detail, sizeof(fault->detail), fmt, args);
	va_end(args);
	make_printable(fault->detail);
	return -EPROTO;
}

char *fault_to_json(const struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *body = json_object_new_object();
	struct json_object *urns = json_object_new_array();
	char status[16];

	if (json_set(body, "schemas", urns) < 0 ||
	    json_append(urns, json_object_new_string(URN_ERROR)) < 0)
		return NULL;
	(void)snprintf(status, sizeof(status), "%d", fault->status);
	if (json_set(body, "status", json_object_new_string(status)) < 0)
		return NULL;
	if (fault->scim_type &&
	    json_set(body, "scimType", json_object_new_string(fault->scim_type)) < 0)
		return NULL;
	if (fault->detail[0] &&
	    json_set(body, "detail", json_object_new_string(fault->detail)) < 0)
		return NULL;
	return json_text(body);
}
