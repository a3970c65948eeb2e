#include "scimd/policy/match.h"

#include <stdbool.h>
#include <string.h>

#include "scimd/model/json.h"

static bool is_ascii(const char *text)
{
	while (*text)
		if ((unsigned char)*text++ >= 0x80)
			return false;
	return true;
}

int match_name(conf_list list, const char *name)
{
	_cleanup_free_ char *folded = NULL;

	if (conf_list_has(list, name))
		return 1;
	/* Beyond ASCII the same letter has more than one form. */
	for (size_t i = 0; list && list[i]; i++) {
		_cleanup_free_ char *item = NULL;

		if (is_ascii(list[i]) && is_ascii(name))
			continue;
		if (!folded)
			folded = json_fold(name);
		item = json_fold(list[i]);
		if (!folded || !item)
			return -ENOMEM;
		if (strcmp(item, folded) == 0)
			return 1;
	}
	return 0;
}

int match_groups(conf_list list, const struct policy_group *groups, size_t count, size_t *ret_index)
{
	for (size_t i = 0; list && list[0] && i < count; i++) {
		int r = match_name(list, groups[i].name);

		if (r < 0)
			return r;
		if (r == 0 && !conf_list_has(list, groups[i].id))
			continue;
		*ret_index = i;
		return 1;
	}
	return 0;
}

int policy_group_decides(const struct conf *conf, const struct policy_group *group)
{
	size_t index;
	int r = match_groups(conf->access.deny_groups, group, 1, &index);

	if (r == 0)
		r = match_groups(conf->access.allow_groups, group, 1, &index);
	for (size_t i = 0; r == 0 && i < conf->role_count; i++)
		r = match_groups(conf->roles[i].groups, group, 1, &index);
	return r;
}
