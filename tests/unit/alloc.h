/* alloc.h - an allocator that fails once, at a chosen call of one thread. The Makefile has the linker send the
 * calls of our own code here; those that libraries make go on as ever. Include it in one file of a test
 * program that the Makefile links so. */
#ifndef TESTS_UNIT_ALLOC_H
#define TESTS_UNIT_ALLOC_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <json-c/json.h>

static _Atomic long calls_left = -1; /* of the victim's; the last of them fails; below 0: for ever */
static _Atomic pid_t victim;
static _Atomic bool has_failed;

static bool fails(void)
{
	if (calls_left < 0 || gettid() != victim || --calls_left > 0)
		return false;
	calls_left = -1;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size)
{
	return fails() ? NULL : __real_open_memstream(text, size);
}

struct json_object *__real_json_object_new_object(void);
struct json_object *__wrap_json_object_new_object(void);
struct json_object *__wrap_json_object_new_object(void)
{
	return fails() ? NULL : __real_json_object_new_object();
}

struct json_object *__real_json_object_new_array(void);
struct json_object *__wrap_json_object_new_array(void);
struct json_object *__wrap_json_object_new_array(void)
{
	return fails() ? NULL : __real_json_object_new_array();
}

struct json_object *__real_json_object_new_string(const char *text);
struct json_object *__wrap_json_object_new_string(const char *text);
struct json_object *__wrap_json_object_new_string(const char *text)
{
	return fails() ? NULL : __real_json_object_new_string(text);
}

struct json_object *__real_json_object_new_int64(int64_t number);
struct json_object *__wrap_json_object_new_int64(int64_t number);
struct json_object *__wrap_json_object_new_int64(int64_t number)
{
	return fails() ? NULL : __real_json_object_new_int64(number);
}

#endif
