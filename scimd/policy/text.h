/* text.h - text from outside made fit for a passwd field or an environment, and lists of it.
 * Layer: policy, private. Threads: any; no state. */
#ifndef SCIMD_POLICY_TEXT_H
#define SCIMD_POLICY_TEXT_H

#include <stddef.h>

#include "shared/attrs.h"

/* An owned copy in which control characters, bytes that are not UTF-8 and the ASCII characters of
 * `also` became spaces, of at most max bytes, cut at a character. NULL without memory. */
char *text_clean(const char *text, const char *also, size_t max);

/* A NULL-terminated list that takes at most bytes_max bytes of text. Owned; text_list_done. */
struct text_list {
	char **items;
	size_t count, bytes, bytes_max;
};

_must_use_ int text_list_new(size_t bytes_max, struct text_list *ret);

/* Takes text, also on failure; NULL means that it could not be made. What goes beyond bytes_max is
 * left out: a message to the warden is bounded, and so is what one person can put there. */
_must_use_ int text_list_add(struct text_list *list, char *text);
void text_list_done(struct text_list *list);

#endif
