/* text.h - a text that grows. Layer: model. Threads: one at a time. A lack of memory is remembered and
 * said once, by text_take. Zeroed at first; text_done frees. */
#ifndef SCIMD_MODEL_TEXT_H
#define SCIMD_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/attrs.h"

struct text {
	char *data; /* owned; terminated if there is any */
	size_t size, room;
	bool failed;
};

void text_add(struct text *text, const char *bytes, size_t size);
void text_put(struct text *text, const char *string);

/* As a JSON string, in quotes. */
void text_put_quoted(struct text *text, const char *string);

/* What was put, as an owned string: *text is empty again. NULL if the memory did not suffice. */
char *text_take(struct text *text);

void text_done(struct text *text);

#endif
