/* scimctl.h - what the commands share: options, the control socket, and printing.
 * Layer: scimctl (uses shared). Single thread. Functions that return int print what went wrong to
 * standard error themselves and return an exit code: EXIT_SUCCESS, EXIT_FAILURE, EXIT_USAGE. */
#ifndef SCIMCTL_SCIMCTL_H
#define SCIMCTL_SCIMCTL_H

#include <stdarg.h>
#include <stdbool.h>

#include <json-c/json.h>

#include "shared/attrs.h"

#define EXIT_USAGE 2

struct context {
	const char *socket;    /* of scimd's control API */
	const char *directory; /* of scimd.conf and scimd.conf.d */
	bool json;
	bool quiet; /* only what was asked for: no headings, no sentences */
	bool all, finish, follow;
	const char *reason; /* of a lock, or NULL */
	const char *user, *type, *connection, *since; /* filters of events, or NULL */
	const char *group; /* file of ids import, or NULL */
	const char *file;  /* of directory dump and verify, or NULL */
	unsigned long limit;	 /* of events */
};

/* The commands. operands ends with NULL; their number is checked already. */
int connection_add(const struct context *context, char **operands);
int connection_list(const struct context *context, char **operands);
int connection_remove(const struct context *context, char **operands);
int connection_rotate(const struct context *context, char **operands);
int users_list(const struct context *context, char **operands);
int users_show(const struct context *context, char **operands);
int groups_list(const struct context *context, char **operands);
int groups_show(const struct context *context, char **operands);
int events_list(const struct context *context, char **operands);
int sessions_list(const struct context *context, char **operands);
int receipts_list(const struct context *context, char **operands);
int receipt_show(const struct context *context, char **operands);
int user_lock(const struct context *context, char **operands);
int user_confirm(const struct context *context, char **operands);
int backup_make(const struct context *context, char **operands);
int backup_restore(const struct context *context, char **operands);
int user_unlock(const struct context *context, char **operands);
int doctor_examine(const struct context *context, char **operands);
int directory_dump(const struct context *context, char **operands);
int directory_check(const struct context *context, char **operands);
int host_enable(const struct context *context, char **operands);
int host_disable(const struct context *context, char **operands);
int ids_export(const struct context *context, char **operands);
int ids_import(const struct context *context, char **operands);
int metrics_show(const struct context *context, char **operands);
int status_show(const struct context *context, char **operands);

/* connection.c: 1 to 32 characters a-z, 0-9, - and _. */
bool connection_name_is_good(const char *name);

/* Print "scimctl: …" to standard error, with what controls a terminal replaced; returns EXIT_FAILURE. */
int complain(const char *fmt, ...) _printf_(1, 2);

/* --- client.c: the control API --- */

/* GET path, or POST it with an empty body. The answer is owned in *ret (json_putp), NULL when it
 * has no body. */
_must_use_ int client_get(const struct context *context, const char *path,
			  struct json_object **ret);
/* The same for an answer that is no JSON: owned text. */
_must_use_ int client_get_text(const struct context *context, const char *path, char **ret);
_must_use_ int client_post(const struct context *context, const char *path,
			   struct json_object **ret);
_must_use_ int client_post_text(const struct context *context, const char *path, const char *body,
				struct json_object **ret);

/* "PREFIX/NAME" with name percent-encoded; owned, NULL without memory. */
char *client_path(const char *prefix, const char *name);

void json_putp(struct json_object **object);

/* --- print.c --- */

struct column {
	const char *title;
	const char *key;
	bool optional; /* left out where the terminal has no room */
};

/* Colour on a terminal, unless NO_COLOR is set (no-color.org); width: padded to at least that. */
enum style { STYLE_PLAIN, STYLE_HEADING, STYLE_GOOD, STYLE_ATTENTION, STYLE_BAD, STYLE_DIM };
void print_styled(enum style style, size_t width, const char *text);

/* A time as JSON has it, as tables have it: of this place, to the minute. Owned; NULL without memory. */
char *time_text(const char *time);

/* Names and reasons come from outside and must not control the terminal: control characters, those that
 * turn the line's direction, and what is no UTF-8 become question marks. */
void text_tame(char *text);

/* As vprintf has it, tamed. Owned; NULL without memory. */
char *text_format(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));

/* Text from outside, tamed. */
void print_tame(const char *text);

/* A line of it. */
void print_line(const char *fmt, ...) _printf_(1, 2);

/* A number member, 0 if there is none. */
long long json_number(struct json_object *object, const char *key);

/* A string member, borrowed; "" if there is none. */
const char *json_string(struct json_object *object, const char *key);

/* How many items an array has; 0 of what is none, whatever scimd answered. */
size_t json_count(struct json_object *array);

/* The array (or object) as JSON text of several lines, or of one. */
int print_json(struct json_object *object);
int print_json_line(struct json_object *object);

/* An array of objects as a table: one line each, columns as wide as what is in them, and narrower if
 * the terminal is. Control characters from outside are replaced. Quiet: the first column alone. */
int print_table(const struct context *context, struct json_object *array,
		const struct column *columns, size_t count);

/* An object as "key: value" lines, what is inside it indented. */
int print_object(struct json_object *object);

/* The usual end of a command that shows what GET path answers. */
int show_table(const struct context *context, const char *path, const struct column *columns,
	       size_t count);
int show_object(const struct context *context, const char *prefix, const char *name);

#endif
