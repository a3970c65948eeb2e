#include "scimd/model/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST_BYTES ((size_t)1024)

/* Room for size more bytes and a terminator. */
static bool text_reserve(struct text *text, size_t size)
{
	size_t need = text->size + size + 1, room = text->room ? text->room : ROOM_FIRST_BYTES;
	char *grown;

	if (text->failed)
		return false;
	if (need <= text->room)
		return true;
	while (room < need)
		room *= 2;
	grown = realloc(text->data, room);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->data = grown;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
	if (!text_reserve(text, size))
		return;
	memcpy(text->data + text->size, bytes, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void text_put(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

/* How many bytes from here on need no escape. */
static size_t plain_size(const char *string)
{
	size_t size = 0;

	while ((unsigned char)string[size] >= 0x20 && string[size] != '"' && string[size] != '\\')
		size++;
	return size;
}

void text_put_quoted(struct text *text, const char *string)
{
	char escape[8];

	text_add(text, "\"", 1);
	for (;;) {
		size_t size = plain_size(string);
		char c = string[size];

		text_add(text, string, size);
		if (c == '\0')
			break;
		if (c == '"' || c == '\\')
			(void)snprintf(escape, sizeof(escape), "\\%c", c);
		else
			(void)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned int)c);
		text_put(text, escape);
		string += size + 1;
	}
	text_add(text, "\"", 1);
}

char *text_take(struct text *text)
{
	char *taken;

	text_add(text, "", 0); /* nothing is a text, too */
	taken = text->failed ? NULL : TAKE_PTR(text->data);
	text_done(text);
	return taken;
}

void text_done(struct text *text)
{
	int saved = errno;

	free(text->data);
	*text = (struct text){ .data = NULL };
	errno = saved;
}
