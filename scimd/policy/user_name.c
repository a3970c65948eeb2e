#include "scimd/policy/user_name.h"

#include <stdio.h>
#include <string.h>

#include "shared/canary.h"

#define RULE_MAX_BYTES 512u

/* One rule of [identity] username, taken apart. */
struct rule {
	char path[RULE_MAX_BYTES];
	bool local_part, lower;
};

static bool words_have(const char *words, size_t size, const char *word)
{
	size_t at = 0, len;

	for (; at += strspn(words + at, " \t"), at < size; at += len) {
		len = strcspn(words + at, " \t,");
		if (len == strlen(word) && strncmp(words + at, word, len) == 0)
			return true;
	}
	return false;
}

static void rule_read(const char *text, size_t size, struct rule *ret)
{
	size_t path = conf_path_size(text);

	(void)snprintf(ret->path, sizeof(ret->path), "%.*s", (int)path, text);
	ret->local_part = words_have(text + path, size - path, "local-part");
	ret->lower = words_have(text + path, size - path, "lower");
}

/* The first rule whose attribute has a value. */
static int source_read(const char *rules, struct json_object *resource, struct rule *ret_rule,
		       char **ret, struct fault *fault)
{
	for (const char *text = rules;;) {
		size_t size = conf_rule_size(text);
		int r;

		rule_read(text, size, ret_rule);
		r = resource_value(RESOURCE_USER, resource, ret_rule->path, ret);
		if (r == -EINVAL)
			return fault_set(fault, 400, "invalidValue",
					 "No user name: [identity] username = %.128s names no "
					 "attribute of a user",
					 ret_rule->path);
		if (r != -ENOENT)
			return r;
		if (!text[size])
			return fault_set(fault, 400, "invalidValue",
					 "No user name: it is made from %.128s ([identity] "
					 "username), which has no value here",
					 rules);
		text += size + 1;
		text += strspn(text, " \t");
	}
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/* Each character that no name can have becomes `by`, several in a row one; none at either end. In
 * place. */
static void characters_replace(char *name, char by)
{
	char *out = name;

	for (const char *p = name; *p; p++) {
		if (is_name_byte(*p))
			*out++ = *p;
		else if (out > name && out[-1] != by)
			*out++ = by;
	}
	while (out > name && out[-1] == by)
		out--;
	*out = '\0';
}

int user_name_make(const struct conf *conf, struct json_object *resource,
		   char ret[static NAME_MAX_BYTES + 1], struct fault *fault)
{
	const char *rules = conf->identity.username, *replacement = conf->identity.name_replacement;
	_cleanup_free_ char *name = NULL;
	struct rule rule;
	size_t len;
	int r;

	r = source_read(rules, resource, &rule, &name, fault);
	if (r < 0)
		return r;
	if (rule.local_part)
		name[strcspn(name, "@")] = '\0';
	for (char *c = name; rule.lower && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	if (replacement)
		characters_replace(name, *replacement);
	len = strlen(name);
	if (!name_is_valid(name, len))
		return fault_set(fault, 400, "invalidValue",
				 "\"%.64s\", made by [identity] username = %.128s, is no user "
				 "name: it takes 1 to %u of a-z, 0-9, _ . and -, begins with a-z or _, "
				 "and does not end with a dot",
				 name, rules, NAME_MAX_BYTES);
	if (name_is_reserved(name, len) || strcmp(name, CANARY_NAME) == 0)
		return fault_set(fault, 400, "invalidValue",
				 "The user name \"%.64s\", made by [identity] username = %.128s, "
				 "is reserved for the system",
				 name, rules);
	memcpy(ret, name, len + 1);
	return 0;
}
