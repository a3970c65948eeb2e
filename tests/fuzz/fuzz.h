/* fuzz.h - what the fuzzers share. Each fuzz_X.c has LLVMFuzzerTestOneInput and is built twice: with
 * replay.c, to run the kept corpus in `make check`, and with clang's libFuzzer by `make fuzz`. A broken
 * property aborts, as a sanitizer would. Threads: one. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "shared/attrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code under test. */
#define HOLDS(x)                                                                              \
	do {                                                                                  \
		if (!(x)) {                                                                   \
			(void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__,         \
				      __LINE__, #x);                                          \
			abort();                                                              \
		}                                                                             \
	} while (0)

/* Bytes taken from the front of an input; zeros when it is used up. */
struct bytes {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t bytes_take(struct bytes *bytes)
{
	if (bytes->left == 0)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

static inline uint32_t bytes_below(struct bytes *bytes, uint32_t limit)
{
	return (uint32_t)(bytes_take(bytes) << 8 | bytes_take(bytes)) % limit;
}

/* What stands before the first separator (all, without one), moving behind it. */
static inline struct bytes bytes_line(struct bytes *bytes, char separator)
{
	const uint8_t *end = bytes->left ? memchr(bytes->at, separator, bytes->left) : NULL;
	struct bytes line = { bytes->at, end ? (size_t)(end - bytes->at) : bytes->left };

	bytes->at += line.left + (end != NULL);
	bytes->left -= line.left + (end != NULL);
	return line;
}

/* A copy with a terminator, exactly as large, so that reading further is noticed. Owned. */
static inline char *bytes_string(struct bytes bytes)
{
	char *string = malloc(bytes.left + 1);

	HOLDS(string != NULL);
	if (bytes.left > 0)
		memcpy(string, bytes.at, bytes.left);
	string[bytes.left] = '\0';
	return string;
}

#endif
