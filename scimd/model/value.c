#include "scimd/model/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "scimd/model/json.h"
#include "scimd/model/json_private.h"

static int bad(const struct schema_attribute *parent, const struct schema_attribute *attribute,
	       const char *what, struct fault *fault)
{
	return fault_set(fault, 400, "invalidValue", "%s%s%s %s", parent ? parent->name : "",
			 parent ? "." : "", attribute->name, what);
}

bool value_is_unassigned(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return true;
	case json_type_array:
		return json_object_array_length(value) == 0;
	case json_type_object:
		return json_object_object_length(value) == 0;
	default:
		return false;
	}
}

bool value_is_primary(struct json_object *element)
{
	return json_object_get_boolean(json_member(element, "primary"));
}

int value_boolean(const char *text)
{
	if (strcasecmp(text, "true") == 0)
		return 1;
	return strcasecmp(text, "false") == 0 ? 0 : -EINVAL;
}

static bool read_digits(const char **at, int count, int *ret)
{
	*ret = 0;
	for (; count > 0; count--, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*ret = *ret * 10 + (**at - '0');
	}
	return true;
}

static bool read_char(const char **at, char wanted)
{
	if (**at != wanted)
		return false;
	(*at)++;
	return true;
}

/* "Z", "+02:00" or nothing, at the end of the text. */
static bool read_zone(const char *at, int *ret_minutes)
{
	int sign = *at == '-' ? -1 : 1, hours, minutes;

	*ret_minutes = 0;
	if (*at == '\0' || strcasecmp(at, "Z") == 0)
		return true;
	if (*at != '+' && *at != '-')
		return false;
	at++;
	if (!read_digits(&at, 2, &hours) || !read_char(&at, ':') ||
	    !read_digits(&at, 2, &minutes) || *at || hours > 14 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* month is 1 to 12. */
static int days_of_month(int year, int month)
{
	int next_year = month == 12 ? year + 1 : year, next = month == 12 ? 1 : month + 1;

	return (int)(days_from_date(next_year, next, 1) - days_from_date(year, month, 1));
}

int value_time(const char *text, int64_t *ret_us)
{
	int year, month, day, hour, minute, second, zone, micros = 0;
	const char *at = text;

	if (!read_digits(&at, 4, &year) || !read_char(&at, '-') || !read_digits(&at, 2, &month) ||
	    !read_char(&at, '-') || !read_digits(&at, 2, &day) ||
	    (!read_char(&at, 'T') && !read_char(&at, 't')) || !read_digits(&at, 2, &hour) ||
	    !read_char(&at, ':') || !read_digits(&at, 2, &minute) || !read_char(&at, ':') ||
	    !read_digits(&at, 2, &second))
		return -EINVAL;
	if (read_char(&at, '.')) {
		int unit = 100000;

		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		for (; isdigit((unsigned char)*at); at++, unit /= 10)
			micros += (*at - '0') * unit;
	}
	if (!read_zone(at, &zone) || year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > days_of_month(year, month) || hour > 24 ||
	    (hour == 24 && (minute || second || micros)) || minute > 59 || second > 60)
		return -EINVAL;
	*ret_us = (((days_from_date(year, month, day) * 24 + hour) * 60 + minute - zone) * 60 +
		   second) * 1000000 + micros;
	return 0;
}

static size_t text_max(const struct schema_attribute *attribute)
{
	if (attribute->type == SCHEMA_BINARY)
		return VALUE_BINARY_MAX;
	return attribute->multi_valued ? VALUE_SSH_KEY_MAX : VALUE_TEXT_MAX;
}

static bool is_base64(const char *text, size_t len)
{
	size_t padding = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '=')
			padding++;
		else if (padding || (!isalnum(c) && !strchr("+/-_\r\n", c)))
			return false;
	}
	return padding <= 2;
}

static int check_text(const struct schema_attribute *parent,
		      const struct schema_attribute *attribute, struct json_object *value,
		      struct json_object **ret, struct fault *fault)
{
	const char *text;
	int64_t us;

	if (!json_object_is_type(value, json_type_string))
		return bad(parent, attribute, "must be a string", fault);
	text = json_object_get_string(value);
	if ((size_t)json_object_get_string_len(value) > text_max(attribute))
		return bad(parent, attribute, "is too long", fault);
	if (attribute->type == SCHEMA_BINARY && !is_base64(text, strlen(text)))
		return bad(parent, attribute, "must be base64", fault);
	if (attribute->type == SCHEMA_DATETIME && value_time(text, &us) < 0)
		return bad(parent, attribute, "must be a date and time", fault);
	*ret = json_object_get(value);
	return 0;
}

static int check_boolean(const struct schema_attribute *parent,
			 const struct schema_attribute *attribute, struct json_object *value,
			 struct json_object **ret, struct fault *fault)
{
	int truth = -EINVAL;

	if (json_object_is_type(value, json_type_boolean))
		truth = json_object_get_boolean(value);
	else if (json_object_is_type(value, json_type_string))
		truth = value_boolean(json_object_get_string(value));
	if (truth < 0)
		return bad(parent, attribute, "must be true or false", fault);
	*ret = json_object_new_boolean(truth);
	return *ret ? 0 : -ENOMEM;
}

/* Digits in a string, as some clients send numbers. */
static bool read_integer(const char *text, int64_t *ret)
{
	size_t len = strlen(text), sign = text[0] == '-';

	if (len == sign || len > 18 || strspn(text + sign, "0123456789") != len - sign)
		return false;
	*ret = strtoll(text, NULL, 10);
	return true;
}

static int check_integer(const struct schema_attribute *parent,
			 const struct schema_attribute *attribute, struct json_object *value,
			 struct json_object **ret, struct fault *fault)
{
	struct json_object *number;
	int64_t integer = 0;
	bool good = false;

	if (json_object_is_type(value, json_type_int)) {
		integer = json_object_get_int64(value);
		good = true;
	} else if (json_object_is_type(value, json_type_string)) {
		good = read_integer(json_object_get_string(value), &integer);
	}
	/* root's, and -1 which means none to the kernel, are no number to ask for; nor left out in silence. */
	if (attribute->id_number && (!good || integer < 1 || integer >= UINT32_MAX))
		return bad(parent, attribute, "must be a whole number from 1 to 4294967294",
			   fault);
	if (!good)
		return bad(parent, attribute, "must be a whole number", fault);
	number = json_object_new_int64(integer);
	if (!number)
		return -ENOMEM;
	*ret = number;
	return 0;
}

static int check_decimal(const struct schema_attribute *parent,
			 const struct schema_attribute *attribute, struct json_object *value,
			 struct json_object **ret, struct fault *fault)
{
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return bad(parent, attribute, "must be a number", fault);
	*ret = json_object_get(value);
	return 0;
}

int value_simple(const struct schema_attribute *parent, const struct schema_attribute *attribute,
		 struct json_object *value, struct json_object **ret, struct fault *fault)
{
	switch (attribute->type) {
	case SCHEMA_BOOLEAN:
		return check_boolean(parent, attribute, value, ret, fault);
	case SCHEMA_INTEGER:
		return check_integer(parent, attribute, value, ret, fault);
	case SCHEMA_DECIMAL:
		return check_decimal(parent, attribute, value, ret, fault);
	default:
		return check_text(parent, attribute, value, ret, fault);
	}
}

bool value_is_frozen(const struct schema_attribute *attribute, struct json_object *had,
		     struct json_object *now)
{
	return attribute->mutability == SCHEMA_IMMUTABLE && had && !json_object_equal(had, now);
}

/* The object that a complex value stands for, as an owned reference. */
static int value_object(const struct schema_attribute *attribute, struct json_object *value,
			struct json_object **ret, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *object = NULL;

	if (!attribute->multi_valued && json_object_is_type(value, json_type_array) &&
	    json_object_array_length(value) == 1)
		value = json_object_array_get_idx(value, 0);
	if (json_object_is_type(value, json_type_object)) {
		*ret = json_object_get(value);
		return 0;
	}
	if (!json_object_is_type(value, json_type_string) ||
	    !schema_attribute_find(attribute->sub, "value", 5))
		return bad(NULL, attribute, "must be an object", fault);
	object = json_object_new_object();
	if (json_set(object, "value", json_object_get(value)) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(object);
	return 0;
}

static int frozen(const struct schema_attribute *attribute, const struct schema_attribute *sub,
		  struct fault *fault)
{
	return fault_set(fault, 400, "mutability", "%s.%s is immutable", attribute->name,
			 sub->name);
}

static int merge_sub(const struct schema_attribute *attribute, const struct schema_attribute *sub,
		     struct json_object *target, struct json_object *value, struct fault *fault)
{
	struct json_object *checked;
	int r;

	if (value_is_unassigned(value)) {
		if (value_is_frozen(sub, json_member(target, sub->name), NULL))
			return frozen(attribute, sub, fault);
		json_object_object_del(target, sub->name);
		return 0;
	}
	r = value_simple(attribute, sub, value, &checked, fault);
	if (r < 0)
		return r;
	if (value_is_frozen(sub, json_member(target, sub->name), checked)) {
		json_object_put(checked);
		return frozen(attribute, sub, fault);
	}
	return json_set(target, sub->name, checked);
}

int value_merge(const struct schema_attribute *attribute, struct json_object *target,
		struct json_object *value, bool strict, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *object = NULL;
	size_t known = 0;
	int r;

	r = value_object(attribute, value, &object, fault);
	if (r < 0)
		return r;
	json_object_object_foreach(object, key, member) {
		const struct schema_attribute *sub =
			schema_attribute_find(attribute->sub, key, strlen(key));

		if (!sub)
			continue;
		known++;
		if (json_count(object, key) > 1)
			return bad(attribute, sub, "is given twice", fault);
		if (sub->mutability == SCHEMA_READ_ONLY)
			continue;
		r = merge_sub(attribute, sub, target, member, fault);
		if (r < 0)
			return r;
	}
	if (strict && known == 0 && json_object_object_length(object) > 0)
		return bad(NULL, attribute, "has none of the known sub-attributes", fault);
	return 0;
}

/* One element, owned; *ret is NULL for one without content. */
static int element_new(const struct schema_attribute *attribute, struct json_object *value,
		       bool strict, struct json_object **ret, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *element = NULL;
	int r;

	*ret = NULL;
	if (attribute->type != SCHEMA_COMPLEX) {
		if (json_object_is_type(value, json_type_object))
			value = json_get(value, "value");
		return value_simple(NULL, attribute, value, ret, fault);
	}
	element = json_object_new_object();
	if (!element)
		return -ENOMEM;
	r = value_merge(attribute, element, value, strict, fault);
	if (r < 0)
		return r;
	if (json_object_object_length(element) > 0)
		*ret = TAKE_PTR(element);
	return 0;
}

int value_elements(const struct schema_attribute *attribute, struct json_object *value, bool strict,
		   struct json_object **ret, struct fault *fault)
{
	_cleanup_(json_putp) struct json_object *elements = json_object_new_array();
	bool is_list = json_object_is_type(value, json_type_array);
	size_t count = is_list ? json_object_array_length(value) : 1, primaries = 0;

	if (!elements)
		return -ENOMEM;
	if (count > VALUE_ELEMENTS_MAX)
		return bad(NULL, attribute, "has too many values", fault);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = is_list ? json_object_array_get_idx(value, i) : value;
		struct json_object *element;
		int r;

		if (!item)
			continue;
		r = element_new(attribute, item, strict, &element, fault);
		if (r < 0)
			return r;
		if (element && json_append(elements, element) < 0)
			return -ENOMEM;
		primaries += value_is_primary(element);
	}
	if (primaries > 1)
		return bad(NULL, attribute, "has more than one primary value", fault);
	*ret = TAKE_PTR(elements);
	return 0;
}
