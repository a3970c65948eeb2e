#include "scimctl/scimctl.h"

int status_show(const struct context *context, char **operands)
{
	(void)operands;
	return show_object(context, "/v1/status", NULL);
}
