/* utf8.h - one UTF-8 character at a time (RFC 3629). Layer: model, private. Threads: any; no
 * state. */
#ifndef SCIMD_MODEL_UTF8_H
#define SCIMD_MODEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decode the first character of len > 0 bytes: its length in bytes, or -EILSEQ for anything that
 * is not UTF-8 (overlong forms, surrogates, beyond U+10FFFF, cut off). */
int utf8_decode(const char *text, size_t len, uint32_t *ret);

/* Write a character that is valid; returns how many bytes it took. */
size_t utf8_encode(uint32_t character, char ret[static 4]);

#endif
