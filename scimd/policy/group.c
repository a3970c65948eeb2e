#include <stdio.h>
#include <string.h>

#include "scimd/model/json.h"
#include "scimd/policy/match.h"
#include "scimd/policy/number.h"
#include "scimd/policy/policy.h"
#include "shared/canary.h"

static bool is_edge(char c)
{
	return c == '-' || c == '.';
}

/* "Linux Admins (EU)" becomes "linux-admins-eu". What comes out need not be a valid name. */
static void name_make(const char *display_name, char ret[static NAME_MAX_BYTES + 1])
{
	size_t len = 0;

	for (const char *p = display_name; *p && len < NAME_MAX_BYTES; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.')
			c = '-';
		if (is_edge(c) && (len == 0 || (c == '-' && ret[len - 1] == '-')))
			continue;
		ret[len++] = c;
	}
	while (len > 0 && is_edge(ret[len - 1]))
		len--;
	ret[len] = '\0';
}

/* Why the group gets no name on this host; "" if it does. -ENOMEM. */
static int reason_find(const struct conf *conf, const char *display_name, const char *name,
		       char *ret, size_t size)
{
	size_t len = strlen(name);
	int r = conf_list_has(conf->identity.expose_groups, "*")
			? 1
			: match_name(conf->identity.expose_groups, display_name);

	if (r < 0)
		return r;
	*ret = '\0';
	if (r == 0)
		(void)snprintf(ret, size, "not in expose_groups of the configuration");
	else if (len == 0)
		(void)snprintf(ret, size, "nothing in its name can be in a POSIX group's name");
	else if (!name_is_valid(name, len))
		(void)snprintf(ret, size,
			       "\"%s\", made from its name, is no name for a POSIX group: "
			       "it must begin with a-z or _",
			       name);
	else if (name_is_reserved(name, len) || strcmp(name, CANARY_NAME) == 0)
		(void)snprintf(ret, size, "\"%s\", made from its name, is reserved for the system",
			       name);
	return 0;
}

int policy_group(const struct conf *conf, struct json_object *resource, struct group_identity *ret,
		 struct fault *fault)
{
	const char *display_name = json_get_string(resource, "displayName");
	struct group_identity group = { .exposed = false };
	int r;

	if (!display_name)
		return fault_set(fault, 400, "invalidValue", "A group needs a displayName");
	name_make(display_name, group.name);
	r = reason_find(conf, display_name, group.name, group.reason, sizeof(group.reason));
	if (r < 0)
		return r;
	group.exposed = group.reason[0] == '\0';
	if (!group.exposed)
		group.name[0] = '\0';
	group.wanted_gid = number_read(json_get(resource, URN_POSIX_GROUP), "gidNumber");
	*ret = group;
	return 0;
}
