/* conf_value.h - the types of values in the configuration: reading, checking, printing them.
 * Layer: shared, libc only. Threads: no state. Part of conf.c, which alone includes it: whoever
 * needs the configuration links one object. */
#ifndef SHARED_CONF_VALUE_H
#define SHARED_CONF_VALUE_H

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/attrs.h"
#include "shared/conf.h"
#include "shared/names.h"

struct key;

/* set() replaces the value at field by what text (not empty, trimmed) says: 0; -EINVAL with
 * *ret_why, a literal that says what would be right; -ENOMEM. The field is untouched on failure. */
struct value_type {
	int (*set)(const struct key *key, void *field, const char *text, const char **ret_why);
	void (*print)(const struct key *key, const void *field, FILE *out);
	void (*clear)(void *field); /* NULL: nothing to free */
};

struct key {
	const char *name;
	const struct value_type *type;
	size_t offset;			 /* of the field in its section's struct */
	const char *default_text;	 /* NULL: nothing, an empty list */
	bool (*check)(const char *text); /* strings and the items of lists; NULL: anything */
	const char *what;		 /* what check and the limits want, for people */
	uint64_t min, max;		 /* numbers */
	bool required;
};

/* White space within a line. */
static inline bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

#define TEXT_NUMBER 24u /* an unsigned 64-bit number and its terminator */

static int string_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	char *copy;

	if (key->check && !key->check(text)) {
		*ret_why = key->what;
		return -EINVAL;
	}
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static void string_print(const struct key *key, const void *field, FILE *out)
{
	const char *text = *(char *const *)field;

	(void)key;
	fputs(text ? text : "", out);
}

static void string_clear(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static void list_clear(void *field)
{
	conf_list list = *(conf_list *)field;

	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
	*(conf_list *)field = NULL;
}

/* Append a copy of the trimmed item to list, which has room for it. */
static int list_add(const struct key *key, conf_list list, size_t at, const char *item, size_t len)
{
	while (len > 0 && blank(item[0])) {
		item++;
		len--;
	}
	while (len > 0 && blank(item[len - 1]))
		len--;
	if (len == 0)
		return -EINVAL;
	list[at] = strndup(item, len);
	if (!list[at])
		return -ENOMEM;
	return key->check && !key->check(list[at]) ? -EINVAL : 0;
}

static int list_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	_cleanup_(list_clear) conf_list list = NULL;
	size_t count = 1;
	int r;

	for (const char *p = text; *p; p++)
		count += *p == ',';
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; *text; i++) {
		size_t len = strcspn(text, ",");

		r = list_add(key, list, i, text, len);
		if (r < 0) {
			*ret_why = key->what ? key->what : "a list with commas between its items";
			return r;
		}
		text += len;
		if (*text == ',' && *++text == '\0') {
			*ret_why = "a list without a comma at its end";
			return -EINVAL;
		}
	}
	list_clear(field);
	*(conf_list *)field = TAKE_PTR(list);
	return 0;
}

static int list_empty(void *field)
{
	conf_list list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list_clear(field);
	*(conf_list *)field = list;
	return 0;
}

static void list_print(const struct key *key, const void *field, FILE *out)
{
	conf_list list = *(const conf_list *)field;

	(void)key;
	for (size_t i = 0; list && list[i]; i++)
		fprintf(out, "%s%s", i ? ", " : "", list[i]);
}

/* A decimal number without sign or leading blanks, at most max. */
static bool number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;

	if (!*text || strlen(text) >= TEXT_NUMBER)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(number, UINT64_C(10), &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return false;
	}
	if (number > max)
		return false;
	*ret = number;
	return true;
}

static int number_get(const struct key *key, const char *text, const char **ret_why, uint64_t *ret)
{
	uint64_t number;

	*ret_why = key->what;
	if (!number_parse(text, key->max, &number) || number < key->min)
		return -EINVAL;
	*ret = number;
	return 0;
}

static int u64_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	return number_get(key, text, ret_why, field);
}

static int u32_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	uint64_t number;
	int r = number_get(key, text, ret_why, &number);

	if (r == 0)
		*(uint32_t *)field = (uint32_t)number;
	return r;
}

static int int_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	uint64_t number;
	int r = number_get(key, text, ret_why, &number);

	if (r == 0)
		*(int *)field = (int)number;
	return r;
}

static void u64_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	fprintf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
}

static void u32_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	fprintf(out, "%u", *(const uint32_t *)field);
}

static void int_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	fprintf(out, "%d", *(const int *)field);
}

static int bool_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "on or off";
	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return -EINVAL;
	*(bool *)field = strcmp(text, "on") == 0;
	return 0;
}

static void bool_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	fputs(*(const bool *)field ? "on" : "off", out);
}

static int role_loss_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "end-sessions or keep";
	if (strcmp(text, "end-sessions") == 0)
		*(enum conf_role_loss *)field = CONF_ROLE_LOSS_END_SESSIONS;
	else if (strcmp(text, "keep") == 0)
		*(enum conf_role_loss *)field = CONF_ROLE_LOSS_KEEP;
	else
		return -EINVAL;
	return 0;
}

static void role_loss_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	fputs(*(const enum conf_role_loss *)field == CONF_ROLE_LOSS_KEEP ? "keep" : "end-sessions",
	      out);
}

/* The place of text in a list of words that ends with NULL, as an enum. */
static int word_set(const char *const *words, void *field, const char *text)
{
	for (unsigned int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		memcpy(field, &i, sizeof(i));
		return 0;
	}
	return -EINVAL;
}

static void word_print(const char *const *words, const void *field, FILE *out)
{
	unsigned int i;

	memcpy(&i, field, sizeof(i));
	fputs(words[i], out);
}

static const char *const dialect_words[] = { "auto", "rfc", "entra", "okta", NULL };

static int dialect_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "auto, rfc, entra or okta";
	return word_set(dialect_words, field, text);
}

static void dialect_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	word_print(dialect_words, field, out);
}

static const char *const pending_words[] = { "refuse", "keep", NULL };

static int pending_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "refuse or keep";
	return word_set(pending_words, field, text);
}

static void pending_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	word_print(pending_words, field, out);
}

static const char *const unknown_words[] = { "ignore", "keep", NULL };

static int unknown_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "ignore or keep";
	return word_set(unknown_words, field, text);
}

static void unknown_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	word_print(unknown_words, field, out);
}

static const char *const resource_words[] = { "User", "Group", NULL };

static int resource_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	(void)key;
	*ret_why = "User or Group";
	return word_set(resource_words, field, text);
}

static void resource_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	word_print(resource_words, field, out);
}

static const char *const after_restore_words[] = { "hold", "allow", NULL };

static int after_restore_set(const struct key *key, void *field, const char *text,
			     const char **ret_why)
{
	(void)key;
	*ret_why = "hold or allow";
	return word_set(after_restore_words, field, text);
}

static void after_restore_print(const struct key *key, const void *field, FILE *out)
{
	(void)key;
	word_print(after_restore_words, field, out);
}

_Static_assert(sizeof(enum conf_dialect) == sizeof(unsigned int) &&
		       sizeof(enum conf_pending) == sizeof(unsigned int) &&
		       sizeof(enum conf_unknown) == sizeof(unsigned int) &&
		       sizeof(enum conf_resource) == sizeof(unsigned int) &&
		       sizeof(enum conf_after_restore) == sizeof(unsigned int),
	       "word_set writes an enum as an unsigned int");

/* MIN-MAX into two neighbouring uint32_t. A range is refused if its ends or any reserved range in
 * between would leave holes: ids are handed out in order and an admin should see where they go. */
static int range_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	const char *dash = strchr(text, '-');
	char low_text[TEXT_NUMBER];
	uint64_t low, high;
	uint32_t *range = field;

	(void)key;
	*ret_why = "MIN-MAX with 1000 <= MIN <= MAX <= 2147483647 and no reserved id "
		   "(61184-65519, 65534, 65535) inside";
	if (!dash)
		return -EINVAL;
	snprintf(low_text, sizeof(low_text), "%.*s", (int)strcspn(text, " \t-"), text);
	if (text[strlen(low_text) + strspn(text + strlen(low_text), " \t")] != '-')
		return -EINVAL;
	dash += 1 + strspn(dash + 1, " \t");
	if (!number_parse(low_text, UINT32_MAX, &low) || !number_parse(dash, UINT32_MAX, &high))
		return -EINVAL;
	if (low > high || id_is_reserved((uint32_t)low) || id_is_reserved((uint32_t)high))
		return -EINVAL;
	/* Below 65536 lie all reserved ids that are not at an end of the number line. */
	for (uint64_t id = low; id <= high && id <= 65535; id++)
		if (id_is_reserved((uint32_t)id))
			return -EINVAL;
	range[0] = (uint32_t)low;
	range[1] = (uint32_t)high;
	return 0;
}

static void range_print(const struct key *key, const void *field, FILE *out)
{
	const uint32_t *range = field;

	(void)key;
	fprintf(out, "%u-%u", range[0], range[1]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hash_parse(const char *text, unsigned char ret[static CONF_TOKEN_HASH_BYTES])
{
	for (size_t i = 0; i < CONF_TOKEN_HASH_BYTES; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		ret[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static int tokens_set(const struct key *key, void *field, const char *text, const char **ret_why)
{
	struct conf_connection *connection = field;
	unsigned char hashes[2][CONF_TOKEN_HASH_BYTES];
	size_t count = 0;

	(void)key;
	*ret_why = "one or two SHA-256 hashes of 64 hexadecimal digits each, not a token";
	while (*text) {
		size_t len = strcspn(text, " \t");

		if (count == 2 || len != 2 * CONF_TOKEN_HASH_BYTES ||
		    !hash_parse(text, hashes[count]))
			return -EINVAL;
		count++;
		text += len;
		text += strspn(text, " \t");
	}
	memcpy(connection->token_sha256, hashes, count * sizeof(hashes[0]));
	connection->token_count = count;
	return 0;
}

static void tokens_print(const struct key *key, const void *field, FILE *out)
{
	const struct conf_connection *connection = field;

	(void)key;
	for (size_t i = 0; i < connection->token_count; i++) {
		const unsigned char *hash = connection->token_sha256[i];

		fprintf(out, "%s%02x%02x%02x%02x…", i ? " " : "", hash[0], hash[1], hash[2],
			hash[3]);
	}
}

/* Fields: char *; conf_list; uint64_t; uint32_t; int; bool; two uint32_t; enums; the
 * whole struct conf_connection, because hashes and their count go together. */
static const struct value_type type_string = { string_set, string_print, string_clear };
static const struct value_type type_list = { list_set, list_print, list_clear };
static const struct value_type type_u64 = { u64_set, u64_print, NULL };
static const struct value_type type_u32 = { u32_set, u32_print, NULL };
static const struct value_type type_int = { int_set, int_print, NULL };
static const struct value_type type_bool = { bool_set, bool_print, NULL };
static const struct value_type type_range = { range_set, range_print, NULL };
static const struct value_type type_role_loss = { role_loss_set, role_loss_print, NULL };
static const struct value_type type_dialect = { dialect_set, dialect_print, NULL };
static const struct value_type type_pending = { pending_set, pending_print, NULL };
static const struct value_type type_unknown = { unknown_set, unknown_print, NULL };
static const struct value_type type_resource = { resource_set, resource_print, NULL };
static const struct value_type type_after_restore = { after_restore_set, after_restore_print, NULL };
static const struct value_type type_tokens = { tokens_set, tokens_print, NULL };

static bool check_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	unsigned char address[sizeof(struct in6_addr)];
	char host[INET6_ADDRSTRLEN];
	uint64_t port;
	size_t len;
	int family = AF_INET;

	if (!colon || !number_parse(colon + 1, 65535, &port) || port == 0)
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (len < 2 || text[len - 1] != ']')
			return false;
		family = AF_INET6;
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return inet_pton(family, host, address) == 1;
}

static bool check_path(const char *text)
{
	return path_is_valid(text, strlen(text));
}

static bool check_url(const char *text)
{
	const char *rest = NULL;

	if (strncmp(text, "https://", 8) == 0)
		rest = text + 8;
	else if (strncmp(text, "http://", 7) == 0)
		rest = text + 7;
	if (!rest || (!isalnum((unsigned char)*rest) && *rest != '['))
		return false;
	for (; *rest; rest++)
		if ((unsigned char)*rest <= ' ' || (unsigned char)*rest >= 0x7f ||
		    strchr("\"<>\\^`{|}", *rest))
			return false;
	return true;
}

/* What an event says goes over a network encrypted or not at all, and no password is shown with the
 * configuration. */
static bool check_webhook(const char *text)
{
	static const char *const here[] = { "127.0.0.1", "[::1]", "localhost" };
	const char *host = strstr(text, "://");
	size_t size;

	if (!host || !check_url(text))
		return false;
	host += 3;
	size = strcspn(host, "/?#");
	if (memchr(host, '@', size))
		return false;
	if (strncmp(text, "https:", 6) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(here); i++) {
		size_t len = strlen(here[i]);

		if (strncmp(host, here[i], len) == 0 && (size == len || host[len] == ':'))
			return true;
	}
	return false;
}

static bool check_home(const char *text)
{
	if (!check_path(text))
		return false;
	for (; *text; text++) {
		if (*text != '%')
			continue;
		text++;
		if (*text != 'u' && *text != 'U' && *text != '%')
			return false;
	}
	return true;
}

static bool check_attribute_path(const char *text)
{
	if (!isalpha((unsigned char)text[0]))
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* "ATTRIBUTE [local-part] [lower]" */
/* One rule of username: an attribute's path, in which a filter in brackets may hold blanks and commas,
 * then words. */
static bool check_username_rule(const char *text, size_t size)
{
	size_t at = conf_path_size(text), len;
	bool local_part = false, lower = false;

	if (at == 0 || at > size || !isalpha((unsigned char)text[0]))
		return false;
	if (memchr(text, '[', at) && !memchr(text, ']', at))
		return false;
	for (; at += strspn(text + at, " \t"), at < size; at += len) {
		len = strcspn(text + at, " \t,");
		if (!local_part && !lower && len == 10 && strncmp(text + at, "local-part", len) == 0)
			local_part = true;
		else if (!lower && len == 5 && strncmp(text + at, "lower", len) == 0)
			lower = true;
		else
			return false;
	}
	return true;
}

static bool check_username(const char *text)
{
	const char *rule = text;

	for (;;) {
		size_t size = conf_rule_size(rule);

		if (!check_username_rule(rule, size))
			return false;
		if (!rule[size])
			return true;
		rule += size + 1;
		rule += strspn(rule, " \t");
	}
}

static bool check_replacement(const char *text)
{
	return strlen(text) == 1 && strchr("_.-", *text);
}

static bool check_gecos(const char *text)
{
	return strcmp(text, "room") == 0 || strcmp(text, "work_phone") == 0 ||
	       strcmp(text, "home_phone") == 0 || strcmp(text, "other") == 0;
}

static bool check_posix_name(const char *text)
{
	return name_is_valid(text, strlen(text));
}

/* Not those by which a key lets others in (cert-authority, principals) or brings an environment or a
 * network device along. */
static bool check_key_option(const char *text)
{
	static const char *const known[] = {
		"restrict", "no-agent-forwarding", "no-port-forwarding", "no-pty", "no-user-rc",
		"no-x11-forwarding", "agent-forwarding", "port-forwarding", "pty", "user-rc",
		"x11-forwarding", "command", "expiry-time", "from", "no-touch-required",
		"permitlisten", "permitopen", "verify-required",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(known[i], text) == 0)
			return true;
	return false;
}

static bool check_env(const char *text)
{
	return conf_env_is_good(text, strlen(text));
}

#endif
