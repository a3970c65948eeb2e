#include "scimctl/scimctl.h"

int users_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NAME", "name" },
		{ "UID", "uid" },
		{ "STATUS", "status" },
		{ "ROLES", "roles" },
		{ "CONNECTION", "connection" },
		{ "USER NAME", "userName" },
		{ "REASON", "reason" },
	};

	(void)operands;
	return show_table(context, "/v1/users", columns, ARRAY_SIZE(columns));
}

int users_show(const struct context *context, char **operands)
{
	return show_object(context, "/v1/users", operands[0]);
}
