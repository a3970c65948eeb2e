#include "scimd/policy/user_name.h"

#include <string.h>

#include "shared/canary.h"

/* Whether word is among the words after the rule's first. */
static bool rule_has(const char *rule, const char *word)
{
	const char *at = rule + strcspn(rule, " \t");

	while (*(at += strspn(at, " \t"))) {
		size_t len = strcspn(at, " \t");

		if (len == strlen(word) && strncmp(at, word, len) == 0)
			return true;
		at += len;
	}
	return false;
}

static int source_read(const char *rule, struct json_object *resource, char **ret,
		       struct fault *fault)
{
	_cleanup_free_ char *path = strndup(rule, strcspn(rule, " \t"));
	int r;

	if (!path)
		return -ENOMEM;
	r = resource_value(RESOURCE_USER, resource, path, ret);
	if (r == -ENOENT)
		return fault_set(fault, 400, "invalidValue",
				 "No user name: it is made from %.128s ([identity] username), "
				 "which has no value here",
				 path);
	if (r == -EINVAL)
		return fault_set(fault, 400, "invalidValue",
				 "No user name: [identity] username = %.128s names no attribute "
				 "of a user",
				 path);
	return r;
}

int user_name_make(const struct conf *conf, struct json_object *resource,
		   char ret[static NAME_MAX_BYTES + 1], struct fault *fault)
{
	const char *rule = conf->identity.username;
	_cleanup_free_ char *name = NULL;
	size_t len;
	int r;

	r = source_read(rule, resource, &name, fault);
	if (r < 0)
		return r;
	if (rule_has(rule, "local-part"))
		name[strcspn(name, "@")] = '\0';
	len = strlen(name);
	for (size_t i = 0; rule_has(rule, "lower") && i < len; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
	if (!name_is_valid(name, len))
		return fault_set(fault, 400, "invalidValue",
				 "\"%.64s\", made by [identity] username = %.128s, is no user "
				 "name: it takes 1 to %u of a-z, 0-9, _ . and -, begins with a-z or _, "
				 "and does not end with a dot",
				 name, rule, NAME_MAX_BYTES);
	if (name_is_reserved(name, len) || strcmp(name, CANARY_NAME) == 0)
		return fault_set(fault, 400, "invalidValue",
				 "The user name \"%.64s\", made by [identity] username = %.128s, "
				 "is reserved for the system",
				 name, rule);
	memcpy(ret, name, len + 1);
	return 0;
}
