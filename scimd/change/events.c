/* Each change has an event, so it is written as text at once, without a tree of it. */
#include "scimd/change/internal.h"

#include <string.h>

#include "scimd/base/clock.h"

/* One part of the text; members without a value are left out. */
struct member {
	const char *key, *value;
};

/* What stands for the byte in a JSON string; the bytes of UTF-8 stand for themselves. Returns its size. */
static size_t escape(unsigned char c, char ret[static 6])
{
	static const char hex[] = "0123456789abcdef", plain[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof(plain); i += 2)
		if ((unsigned char)plain[i] == c) {
			ret[0] = '\\';
			ret[1] = plain[i + 1];
			return 2;
		}
	if (c >= ' ') {
		ret[0] = (char)c;
		return 1;
	}
	memcpy(ret, "\\u00", 4);
	ret[4] = hex[c >> 4];
	ret[5] = hex[c & 15];
	return 6;
}

static bool is_plain(unsigned char c)
{
	return c >= ' ' && c != '"' && c != '\\';
}

/* How long the text is as a JSON string, without quotes; and it at `to`, unless that is NULL. */
static size_t put_escaped(const char *text, char *to)
{
	char one[6];
	size_t size = 0;

	for (; *text; text++) {
		if (is_plain((unsigned char)*text)) {
			if (to)
				to[size] = *text;
			size++;
			continue;
		}
		size_t more = escape((unsigned char)*text, one);

		if (to)
			memcpy(to + size, one, more);
		size += more;
	}
	return size;
}

/* An object of the members in this order; owned. */
static char *object_text(const struct member *members, size_t count)
{
	size_t size = sizeof("{}");
	char *text, *to;

	for (size_t i = 0; i < count; i++)
		if (members[i].value)
			size += strlen(members[i].key) + sizeof("\"\":\"\",") +
				put_escaped(members[i].value, NULL);
	text = to = malloc(size);
	if (!text)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (!members[i].value)
			continue;
		*to = to == text ? '{' : ',';
		to++;
		*to++ = '"';
		to = stpcpy(to, members[i].key);
		to = stpcpy(to, "\":\"");
		to += put_escaped(members[i].value, to);
		*to++ = '"';
	}
	strcpy(to, to == text ? "{}" : "}");
	return text;
}

int event_add(struct change *change, const char *type, const char *user, const char *detail)
{
	static const struct change_source nobody;
	const struct change_source *source = change->source ? change->source : &nobody;
	_cleanup_free_ char *text = NULL;
	char time[CLOCK_TEXT_SIZE];
	uint64_t sequence;

	text = object_text((const struct member[]){
		{ "type", type },
		{ "time", clock_format(clock_now_us(), time) },
		{ "user", user && *user ? user : NULL },
		{ "detail", detail },
		{ "connection", source->connection },
		{ "request_id", source->request_id },
		{ "peer", source->peer },
		{ "request", source->request },
		{ "payload", source->payload },
		{ "service", source->service },
	}, 10);
	if (!text)
		return -ENOMEM;
	return store_event_append(change->txn, type, user ? user : "", text, &sequence);
}
