#include <stdio.h>
#include <string.h>

#include "scimctl/scimctl.h"

static int confirm_post(const struct context *context, const char *path, const char *whom)
{
	_cleanup_(json_putp) struct json_object *answer = NULL;
	int code = client_post(context, path, &answer);

	if (code == EXIT_SUCCESS && !context->quiet)
		printf("%s confirmed: the identity provider decides again\n", whom);
	return code;
}

int user_confirm(const struct context *context, char **operands)
{
	int code = EXIT_SUCCESS;

	if (context->all == (operands[0] != NULL)) {
		complain("confirm takes names, or --all");
		return EXIT_USAGE;
	}
	if (context->all)
		return confirm_post(context, "/v1/confirm", "everybody is");
	for (; *operands; operands++) {
		_cleanup_free_ char *path = client_path("/v1/confirm", *operands), *whom = NULL;
		int one;

		if (!path || asprintf(&whom, "%s is", *operands) < 0) {
			whom = NULL; /* undefined after a failure */
			return complain("out of memory");
		}
		one = confirm_post(context, path, whom);
		code = code == EXIT_SUCCESS ? one : code;
	}
	return code;
}
