#include "scimctl/scimctl.h"

int groups_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NAME", "name", false },
		{ "GID", "gid", false },
		{ "EXPOSED", "exposed", false },
		{ "MEMBERS", "members", false },
		{ "CONNECTION", "connection", true },
		{ "DISPLAY NAME", "displayName", true },
		{ "REASON", "reason", false },
	};

	(void)operands;
	return show_table(context, "/v1/groups", columns, ARRAY_SIZE(columns));
}

int groups_show(const struct context *context, char **operands)
{
	return show_object(context, "/v1/groups", operands[0]);
}
