#include "scimd/policy/text.h"

#include <stdbool.h>
#include <string.h>

#include "scimd/model/resource.h"
#include "shared/names.h"

/* How many bytes the character at text says it has, no more than are left. */
static size_t character_size(const char *text, size_t left)
{
	unsigned char first = (unsigned char)*text;
	size_t size = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return size < left ? size : left;
}

static bool character_is_kept(const char *text, size_t size, const char *also)
{
	if (size == 1 && *text == ':') /* the one printable character no field may hold */
		return !strchr(also, ':');
	if (size == 1 && strchr(also, *text))
		return false;
	return field_is_valid(text, size);
}

/* C1 controls are two bytes and become one space; bytes that are no character go one by one. */
static size_t refused_size(const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;

	return size == 2 && bytes[0] == 0xc2 && bytes[1] >= 0x80 && bytes[1] <= 0x9f ? 2 : 1;
}

char *text_clean(const char *text, const char *also, size_t max)
{
	size_t len = strlen(text), out = 0;
	char *clean = malloc((len < max ? len : max) + 1);

	if (!clean)
		return NULL;
	for (size_t at = 0; at < len;) {
		size_t size = character_size(text + at, len - at);
		bool kept = character_is_kept(text + at, size, also);
		size_t written = kept ? size : 1;

		if (out + written > max)
			break;
		if (kept)
			memcpy(clean + out, text + at, size);
		else
			clean[out] = ' ';
		out += written;
		at += kept ? size : refused_size(text + at, size);
	}
	clean[out] = '\0';
	return clean;
}

int text_list_new(size_t bytes_max, struct text_list *ret)
{
	char **items = calloc(1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	*ret = (struct text_list){ .items = items, .bytes_max = bytes_max };
	return 0;
}

int text_list_add(struct text_list *list, char *text)
{
	char **bigger;
	size_t size;

	if (!text)
		return -ENOMEM;
	size = strlen(text) + 1;
	if (size > list->bytes_max - list->bytes) {
		free(text);
		return 0;
	}
	bigger = reallocarray(list->items, list->count + 2, sizeof(*bigger));
	if (!bigger) {
		free(text);
		return -ENOMEM;
	}
	list->items = bigger;
	list->items[list->count++] = text;
	list->items[list->count] = NULL;
	list->bytes += size;
	return 0;
}

void text_list_done(struct text_list *list)
{
	string_list_freep(&list->items);
	list->count = 0;
}
