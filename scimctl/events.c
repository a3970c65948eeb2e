#include <stdio.h>

#include <curl/curl.h>

#include "scimctl/scimctl.h"

/* "&key=value" to out, with value percent-encoded. */
static void parameter_write(FILE *out, const char *key, const char *value)
{
	char *escaped = value ? curl_easy_escape(NULL, value, 0) : NULL;

	if (escaped)
		fprintf(out, "&%s=%s", key, escaped);
	curl_free(escaped);
}

static char *events_path(const struct context *context)
{
	char *path = NULL;
	size_t size;
	FILE *out = open_memstream(&path, &size);

	if (!out)
		return NULL;
	fprintf(out, "/v1/events?limit=%lu", context->limit);
	parameter_write(out, "user", context->user);
	parameter_write(out, "type", context->type);
	if (fclose(out) != 0) {
		free(path);
		return NULL;
	}
	return path;
}

int events_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "SEQUENCE", "sequence" },
		{ "TIME", "time" },
		{ "TYPE", "type" },
		{ "USER", "user" },
		{ "CONNECTION", "connection" },
		{ "DETAIL", "detail" },
	};
	_cleanup_free_ char *path = events_path(context);

	(void)operands;
	if (!path)
		return complain("out of memory");
	return show_table(context, path, columns, ARRAY_SIZE(columns));
}

int receipt_show(const struct context *context, char **operands)
{
	return show_object(context, "/v1/receipts", operands[0]);
}
