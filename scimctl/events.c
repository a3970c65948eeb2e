#include <stdio.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "scimctl/scimctl.h"

#define FOLLOW_MS 500
#define TIME_WIDTH 16
#define FOLLOW_LIMIT 100000u

static const struct column event_columns[] = {
	{ "SEQUENCE", "sequence", true },
	{ "TIME", "time", false },
	{ "TYPE", "type", false },
	{ "USER", "user", false },
	{ "CONNECTION", "connection", true },
	{ "DETAIL", "detail", false },
};

/* "&key=value" to out, with value percent-encoded. */
static void parameter_write(FILE *out, const char *key, const char *value)
{
	char *escaped = value ? curl_easy_escape(NULL, value, 0) : NULL;

	if (escaped)
		fprintf(out, "&%s=%s", key, escaped);
	curl_free(escaped);
}

/* "30m", "12h", "7d", "2026-01-31" or "2026-01-31T15:30:00Z" (UTC) as seconds of the epoch. */
static int since_parse(const char *text, int64_t *ret)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct tm tm = { 0 };
	const char *rest;
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*text >= '0' && *text <= '9' && *end == units[i].unit && !end[1] &&
		    number < 1000000) {
			*ret = (int64_t)time(NULL) - (int64_t)number * units[i].seconds;
			return 0;
		}
	rest = strptime(text, "%Y-%m-%d", &tm);
	if (rest && *rest == 'T')
		rest = strptime(rest, "T%H:%M:%S", &tm);
	if (!rest || (*rest && strcmp(rest, "Z") != 0))
		return -EINVAL;
	*ret = (int64_t)timegm(&tm);
	return 0;
}

static int since_usage(void)
{
	complain("--since takes 30m, 12h, 7d, 2026-01-31 or 2026-01-31T15:30:00Z");
	return EXIT_USAGE;
}

/* after: only events with a higher number. */
static char *events_path(const struct context *context, int64_t since, uint64_t after)
{
	char *path = NULL;
	size_t size;
	FILE *out = open_memstream(&path, &size);

	if (!out)
		return NULL;
	fprintf(out, "/v1/events?limit=%lu", context->limit);
	if (since)
		fprintf(out, "&since=%lld", (long long)since);
	if (after)
		fprintf(out, "&after=%llu", (unsigned long long)after);
	parameter_write(out, "user", context->user);
	parameter_write(out, "type", context->type);
	parameter_write(out, "connection", context->connection);
	if (fclose(out) != 0) {
		free(path);
		return NULL;
	}
	return path;
}

static int events_get(const struct context *context, int64_t since, uint64_t after,
		      struct json_object **ret)
{
	_cleanup_free_ char *path = events_path(context, since, after);

	return path ? client_get(context, path, ret) : complain("out of memory");
}

/* While following, each event is a line: its columns, or one JSON object. */
static void event_print(const struct context *context, struct json_object *event)
{
	_cleanup_free_ char *time = time_text(json_string(event, "time"));

	if (context->json) {
		(void)print_json_line(event);
		return;
	}
	print_styled(STYLE_DIM, TIME_WIDTH, time ? time : "-");
	print_styled(STYLE_HEADING, 24, json_string(event, "type"));
	print_tame(json_string(event, "user"));
	for (size_t i = 4; i < ARRAY_SIZE(event_columns); i++) {
		const char *text = json_string(event, event_columns[i].key);

		if (*text)
			putchar(' ');
		print_tame(text);
	}
	putchar('\n');
}

static int events_follow(struct context context, int64_t since)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
	uint64_t after = 0;

	for (;;) {
		_cleanup_(json_putp) struct json_object *events = NULL;
		struct json_object *sequence;
		int code = events_get(&context, since, after, &events);

		if (code != EXIT_SUCCESS)
			return code;
		for (size_t i = 0; i < json_count(events); i++) {
			struct json_object *event = json_object_array_get_idx(events, i);

			event_print(&context, event);
			if (json_object_object_get_ex(event, "sequence", &sequence))
				after = json_object_get_uint64(sequence);
		}
		context.limit = FOLLOW_LIMIT; /* of what is new nothing is left out */
		if (fflush(stdout) != 0)
			return complain("standard output: %s", strerror(errno));
		(void)nanosleep(&pause, NULL); /* cut short is fine */
	}
}

int events_list(const struct context *context, char **operands)
{
	_cleanup_(json_putp) struct json_object *events = NULL;
	int64_t since = 0;
	int code;

	(void)operands;
	if (context->since && since_parse(context->since, &since) < 0)
		return since_usage();
	if (context->follow)
		return events_follow(*context, since);
	code = events_get(context, since, 0, &events);
	if (code != EXIT_SUCCESS)
		return code;
	return context->json ? print_json(events)
			     : print_table(context, events, event_columns,
					   ARRAY_SIZE(event_columns));
}

int receipt_show(const struct context *context, char **operands)
{
	return show_object(context, "/v1/receipts", operands[0]);
}

int receipts_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NUMBER", "number", true },
		{ "RECEIVED", "received", false },
		{ "USER", "user", false },
		{ "STATE", "state", false },
		{ "ENDED", "processes_ended", true },
		{ "LEFT", "processes_left", true },
		{ "TOOK (US)", "took_us", true },
		{ "REASON", "reason", false },
	};
	_cleanup_free_ char *path = NULL;
	int64_t since = 0;
	char *user;

	(void)operands;
	if (context->since && since_parse(context->since, &since) < 0)
		return since_usage();
	user = context->user ? curl_easy_escape(NULL, context->user, 0) : NULL;
	if (asprintf(&path, "/v1/receipts?limit=%lu&since=%lld%s%s", context->limit,
		     (long long)since, user ? "&user=" : "", user ? user : "") < 0)
		path = NULL;
	curl_free(user);
	return path ? show_table(context, path, columns, ARRAY_SIZE(columns))
		    : complain("out of memory");
}
