/* bench_scim - the client of bench/scim/run: fills a SCIM server with people and groups over TLS with
 * keep-alive, then measures one kind of request after the other.
 *
 * bench_scim --base URL --ca FILE --token TOKEN --users N [--requests N] [--seconds S] [--big]
 *	[--lenient] [--limit]
 *
 * A line for each row: NAME, 50th and 99th percentile in microseconds, requests (or people) per
 * second, how many; separated by tabs. "# NAME VALUE" for what is no row. --requests bounds a row and
 * --seconds too, whichever is first. --big also has the rows with very large requests. Any answer
 * that is not the expected one ends it: a row of errors is not a figure; with --lenient a filter that
 * finds the wrong people is only left out. --limit has only the rows that limit.c can answer.
 * Threads: one for each connection; each writes its own samples. */
#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#define ID_SIZE 64
#define CONNECTIONS_MAX 32u
#define USERS_MAX 400000u
#define BULK_OPERATIONS 100u
#define SYNC_MEMBERS 20u
#define BIG_ADD 10000u

static struct {
	const char *base, *ca, *token;
	size_t users, requests;
	double seconds;
	bool big, lenient, limit;
} options = { .requests = 2000, .seconds = 10 };

/* Everybody who was made: by number, with the id that the server gave. */
static char (*user_ids)[ID_SIZE];
static size_t user_count; /* atomically */

struct text {
	char *data;
	size_t size, room;
};

struct connection {
	pthread_t thread;
	CURL *curl;
	struct curl_slist *headers;
	struct text body, answer;
	unsigned int random;
	struct row *row;
	uint64_t *samples_ns;
	size_t sample_count;
};

/* One kind of request. next fills the connection's body and url and says which status is right. */
struct request {
	const char *method;
	char path[512];
	long expected;
	size_t worth; /* what it counts for: people in a Bulk */
};

struct row {
	const char *name;
	unsigned int connections;
	size_t requests; /* in all */
	size_t begun;    /* atomically */
	uint64_t until_ns;
	void (*prepare)(struct connection *connection, size_t index, struct request *ret);
	void (*finish)(struct connection *connection, size_t index);
	const char *argument; /* of the row's own */
	bool wrong;           /* an answer is not what was asked for: not a row */
	size_t worth;
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;

	fputs("bench_scim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- text --------------------------------------------------------------------------------------- */

static void text_reserve(struct text *text, size_t more)
{
	size_t room = text->room ? text->room : 4096;

	while (room < text->size + more + 1)
		room *= 2;
	if (room == text->room)
		return;
	text->data = realloc(text->data, room);
	if (!text->data)
		die("no memory");
	text->room = room;
}

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format,
							    ...)
{
	va_list args;
	int size;

	text_reserve(text, 1024);
	va_start(args, format);
	size = vsnprintf(text->data + text->size, 1024, format, args);
	va_end(args);
	if (size < 0 || size >= 1024)
		die("a text is too long");
	text->size += (size_t)size;
}

static size_t on_answer(char *data, size_t one, size_t size, void *context)
{
	struct text *answer = context;

	(void)one;
	text_reserve(answer, size);
	memcpy(answer->data + answer->size, data, size);
	answer->size += size;
	answer->data[answer->size] = '\0';
	return size;
}

/* The first "id" of an answer. */
static void id_take(const struct text *answer, char ret[static ID_SIZE])
{
	const char *at = answer->size ? strstr(answer->data, "\"id\":\"") : NULL;
	size_t size = at ? strcspn(at + 6, "\"") : 0;

	if (size == 0 || size >= ID_SIZE)
		die("no id in the answer: %.200s", answer->size ? answer->data : "");
	memcpy(ret, at + 6, size);
	ret[size] = '\0';
}

/* --- requests ----------------------------------------------------------------------------------- */

static void connection_open(struct connection *connection, unsigned int seed)
{
	char authorization[256];

	*connection = (struct connection){ .curl = curl_easy_init(), .random = seed * 7919u + 1 };
	if (!connection->curl)
		die("no memory");
	(void)snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
		       options.token);
	connection->headers = curl_slist_append(NULL, authorization);
	connection->headers = curl_slist_append(connection->headers,
						"Content-Type: application/scim+json");
	connection->headers = curl_slist_append(connection->headers, "Expect:");
	curl_easy_setopt(connection->curl, CURLOPT_HTTPHEADER, connection->headers);
	curl_easy_setopt(connection->curl, CURLOPT_CAINFO, options.ca);
	curl_easy_setopt(connection->curl, CURLOPT_SSL_VERIFYHOST, 0L); /* it has the host's name */
	curl_easy_setopt(connection->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(connection->curl, CURLOPT_WRITEDATA, &connection->answer);
	curl_easy_setopt(connection->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(connection->curl, CURLOPT_TIMEOUT, 600L);
}

static void connection_close(struct connection *connection)
{
	curl_easy_cleanup(connection->curl);
	curl_slist_free_all(connection->headers);
	free(connection->body.data);
	free(connection->answer.data);
	free(connection->samples_ns);
}

/* Send it and wait for all of the answer; how long that took. */
static uint64_t request_send(struct connection *connection, const struct request *request)
{
	bool has_body = strcmp(request->method, "GET") != 0;
	uint64_t begin_ns;
	char url[1024];
	CURLcode r;
	long status;

	(void)snprintf(url, sizeof(url), "%s%s", options.base, request->path);
	connection->answer.size = 0;
	curl_easy_setopt(connection->curl, CURLOPT_URL, url);
	if (has_body) {
		curl_easy_setopt(connection->curl, CURLOPT_POSTFIELDS, connection->body.data);
		curl_easy_setopt(connection->curl, CURLOPT_POSTFIELDSIZE,
				 (long)connection->body.size);
		curl_easy_setopt(connection->curl, CURLOPT_CUSTOMREQUEST, request->method);
	} else {
		curl_easy_setopt(connection->curl, CURLOPT_HTTPGET, 1L);
		curl_easy_setopt(connection->curl, CURLOPT_CUSTOMREQUEST, NULL);
	}
	begin_ns = now_ns();
	r = curl_easy_perform(connection->curl);
	begin_ns = now_ns() - begin_ns;
	if (r != CURLE_OK)
		die("%s %s: %s", request->method, request->path, curl_easy_strerror(r));
	curl_easy_getinfo(connection->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != request->expected && !(request->expected == 204 && status == 200))
		die("%s %s: %ld instead of %ld: %.300s", request->method, request->path, status,
		    request->expected, connection->answer.size ? connection->answer.data : "");
	return begin_ns;
}

/* --- rows --------------------------------------------------------------------------------------- */

static void *row_work(void *argument)
{
	struct connection *connection = argument;
	struct row *row = connection->row;

	for (;;) {
		size_t index = __atomic_fetch_add(&row->begun, 1, __ATOMIC_RELAXED);
		struct request request = { .expected = 200 };
		uint64_t took_ns;

		if (index >= row->requests || (row->until_ns && now_ns() > row->until_ns))
			return NULL;
		connection->body.size = 0;
		row->prepare(connection, index, &request);
		took_ns = request_send(connection, &request);
		connection->samples_ns[connection->sample_count++] = took_ns;
		if (row->finish)
			row->finish(connection, index);
	}
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void row_print(const struct row *row, uint64_t *samples_ns, size_t count, uint64_t took_ns)
{
	size_t worth = row->worth ? row->worth : 1;

	if (count == 0)
		die("%s: nothing was measured", row->name);
	qsort(samples_ns, count, sizeof(*samples_ns), compare_ns);
	printf("%s\t%.1f\t%.1f\t%.0f\t%zu\n", row->name, (double)samples_ns[count / 2] / 1e3,
	       (double)samples_ns[count * 99 / 100] / 1e3,
	       (double)(count * worth) * 1e9 / (double)took_ns, count);
	(void)fflush(stdout);
}

/* The first request of each connection opens it, and is left out. */
static void connections_warm(struct connection *connections, unsigned int count)
{
	struct request request = { .method = "GET", .path = "/ServiceProviderConfig",
				   .expected = 200 };

	for (unsigned int i = 0; i < count; i++)
		(void)request_send(&connections[i], &request);
}

static double row_run(struct row row)
{
	struct connection connections[CONNECTIONS_MAX];
	uint64_t *samples_ns, begin_ns;
	size_t count = 0;

	if (!row.connections)
		row.connections = 1;
	samples_ns = calloc(row.requests + 1, sizeof(*samples_ns));
	for (unsigned int i = 0; i < row.connections; i++) {
		connection_open(&connections[i], i);
		connections[i].row = &row;
		connections[i].samples_ns = calloc(row.requests + 1, sizeof(uint64_t));
		if (!samples_ns || !connections[i].samples_ns)
			die("no memory");
	}
	connections_warm(connections, row.connections);
	begin_ns = now_ns();
	if (row.until_ns)
		row.until_ns += begin_ns;
	for (unsigned int i = 0; i < row.connections; i++)
		if (pthread_create(&connections[i].thread, NULL, row_work, &connections[i]) != 0)
			die("no thread");
	for (unsigned int i = 0; i < row.connections; i++)
		pthread_join(connections[i].thread, NULL);
	begin_ns = now_ns() - begin_ns;
	for (unsigned int i = 0; i < row.connections; i++) {
		memcpy(samples_ns + count, connections[i].samples_ns,
		       connections[i].sample_count * sizeof(*samples_ns));
		count += connections[i].sample_count;
		connection_close(&connections[i]);
	}
	if (row.wrong)
		printf("# %s\tanswered wrongly\n", row.name);
	else if (row.name)
		row_print(&row, samples_ns, count, begin_ns);
	free(samples_ns);
	return (double)begin_ns / 1e9;
}

static size_t random_user(struct connection *connection)
{
	return ((size_t)rand_r(&connection->random) << 15 ^ (size_t)rand_r(&connection->random)) %
	       options.users;
}

static void user_body(struct text *body, size_t number)
{
	text_add(body,
		 "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],"
		 "\"userName\":\"user%zu@corp.example\",\"externalId\":\"00u%zu\","
		 "\"name\":{\"givenName\":\"Given%zu\",\"familyName\":\"Family%zu\"},"
		 "\"displayName\":\"Given%zu Family%zu\",\"title\":\"Engineer\","
		 "\"emails\":[{\"value\":\"user%zu@corp.example\",\"type\":\"work\","
		 "\"primary\":true}],"
		 "\"phoneNumbers\":[{\"value\":\"+1 555 %zu\",\"type\":\"work\"}],"
		 "\"active\":true}",
		 number, number, number, number, number, number, number, number);
}

static void post_user(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	request->method = "POST";
	(void)snprintf(request->path, sizeof(request->path), "/Users");
	request->expected = 201;
	index = __atomic_fetch_add(&user_count, 1, __ATOMIC_RELAXED);
	if (index >= USERS_MAX)
		die("more than %u users", USERS_MAX);
	user_body(&connection->body, index);
}

/* Which number it was is in its userName. */
static void posted_user(struct connection *connection, size_t index)
{
	const char *at = strstr(connection->answer.data, "\"userName\":\"user");

	(void)index;
	if (!at)
		die("no userName in the answer: %.200s", connection->answer.data);
	id_take(&connection->answer, user_ids[strtoul(at + 16, NULL, 10)]);
}

/* Somebody by a value that all have, each their own. */
static void filter_user(struct connection *connection, struct request *request,
			const char *attribute, const char *before, const char *after)
{
	char filter[128], *escaped;

	(void)snprintf(filter, sizeof(filter), "%s eq \"%s%zu%s\"", attribute, before,
		       random_user(connection), after);
	escaped = curl_easy_escape(connection->curl, filter, 0);
	request->method = "GET";
	(void)snprintf(request->path, sizeof(request->path), "/Users?filter=%s", escaped);
	curl_free(escaped);
}

static void get_by_name(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	filter_user(connection, request, "userName", "user", "@corp.example");
}

static void get_by_email(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	filter_user(connection, request, "emails.value", "user", "@corp.example");
}

static void get_by_external(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	filter_user(connection, request, "externalId", "00u", "");
}

/* Not indexed: everybody is looked at. */
static void get_by_family(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	filter_user(connection, request, "name.familyName", "Family", "");
}

static void get_group(struct connection *connection, size_t index, struct request *request)
{
	(void)connection;
	(void)index;
	request->method = "GET";
	(void)snprintf(request->path, sizeof(request->path),
		       "/Groups?filter=displayName%%20eq%%20%%22group-100%%22"
		       "&excludedAttributes=members");
}

/* One hit in the answer, so that no row measures quick nothings. */
static void found_one(struct connection *connection, size_t index)
{
	(void)index;
	if (strstr(connection->answer.data, "\"totalResults\":1,") ||
	    strstr(connection->answer.data, "\"totalResults\":1}"))
		return;
	if (!options.lenient)
		die("not found: %.200s", connection->answer.data);
	connection->row->wrong = true;
}

static void patch_active(struct connection *connection, size_t index, struct request *request)
{
	/* Each person is let go and taken back. */
	request->method = "PATCH";
	(void)snprintf(request->path, sizeof(request->path), "/Users/%s",
		       user_ids[index / 2 * 7919 % options.users]);
	text_add(&connection->body,
		 "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],"
		 "\"Operations\":[{\"op\":\"replace\",\"path\":\"active\",\"value\":%s}]}",
		 index % 2 ? "true" : "false");
}

static void list_page(struct connection *connection, size_t index, struct request *request)
{
	(void)index;
	request->method = "GET";
	(void)snprintf(request->path, sizeof(request->path), "/Users?startIndex=%s&count=100",
		       connection->row->argument);
}

static void bulk_post(struct connection *connection, size_t index, struct request *request)
{
	request->method = "POST";
	(void)snprintf(request->path, sizeof(request->path), "/Bulk");
	text_add(&connection->body,
		 "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:BulkRequest\"],"
		 "\"Operations\":[");
	for (size_t i = 0; i < BULK_OPERATIONS; i++) {
		size_t number = USERS_MAX + index * BULK_OPERATIONS + i;

		text_add(&connection->body,
			 "%s{\"method\":\"POST\",\"path\":\"/Users\",\"bulkId\":\"b%zu\",\"data\":",
			 i ? "," : "", i);
		user_body(&connection->body, number);
		text_add(&connection->body, "}");
	}
	text_add(&connection->body, "]}");
}

static void bulk_posted(struct connection *connection, size_t index)
{
	size_t count = 0;

	(void)index;
	for (const char *at = connection->answer.data; (at = strstr(at, "\"201\"")); at++)
		count++;
	if (count != BULK_OPERATIONS)
		die("%zu of %u in the answer: %.300s", count, BULK_OPERATIONS,
		    connection->answer.data);
}

/* --- groups ------------------------------------------------------------------------------------- */

static void group_body(struct text *body, const char *name, size_t first, size_t count)
{
	text_add(body,
		 "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:Group\"],"
		 "\"displayName\":\"%s\",\"members\":[", name);
	for (size_t i = 0; i < count; i++)
		text_add(body, "%s{\"value\":\"%s\"}", i ? "," : "", user_ids[first + i]);
	text_add(body, "]}");
}

/* A group with everybody from first on; its id. How long it took is printed if it is large. */
static void group_make(const char *name, size_t first, size_t count, char id[static ID_SIZE])
{
	struct request request = { .method = "POST", .path = "/Groups", .expected = 201 };
	struct connection connection;
	uint64_t took_ns;

	connection_open(&connection, 1);
	group_body(&connection.body, name, first, count);
	took_ns = request_send(&connection, &request);
	id_take(&connection.answer, id);
	if (count >= BIG_ADD)
		printf("# POST of a group with %zu members, ms\t%.0f\n", count,
		       (double)took_ns / 1e6);
	connection_close(&connection);
}

static void members_patch(struct text *body, size_t first, size_t count)
{
	text_add(body, "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],"
		       "\"Operations\":[{\"op\":\"add\",\"path\":\"members\",\"value\":[");
	for (size_t i = 0; i < count; i++)
		text_add(body, "%s{\"value\":\"%s\"}", i ? "," : "", user_ids[first + i]);
	text_add(body, "]}]}");
}

static void add_member(struct connection *connection, size_t index, struct request *request)
{
	request->method = "PATCH";
	request->expected = 204;
	(void)snprintf(request->path, sizeof(request->path), "/Groups/%s",
		       connection->row->argument);
	/* Those who are not in: they came after the group. */
	members_patch(&connection->body, options.users + index, 1);
}

static void member_row(const char *label, size_t size, size_t requests)
{
	char id[ID_SIZE], name[64], title[96];

	if (size > options.users)
		return;
	(void)snprintf(name, sizeof(name), "group-%s", label);
	(void)snprintf(title, sizeof(title), "add a member to a group of %zu", size);
	group_make(name, 0, size, id);
	(void)row_run((struct row){ .name = title, .prepare = add_member, .argument = id,
				    .requests = requests,
				    .until_ns = (uint64_t)(options.seconds * 1e9) });
}

/* Requests as large as they come: their cost must be that of what they change. */
static void big_rows(void)
{
	struct request request = { .method = "PATCH", .expected = 204 };
	struct connection connection;
	char id[ID_SIZE];

	connection_open(&connection, 1);
	for (size_t count = BIG_ADD / 4; count <= BIG_ADD && count <= options.users; count *= 2) {
		char name[64];

		(void)snprintf(name, sizeof(name), "big-%zu", count);
		group_make(name, 0, 0, id);
		(void)snprintf(request.path, sizeof(request.path), "/Groups/%s", id);
		connection.body.size = 0;
		members_patch(&connection.body, 0, count);
		printf("# PATCH that adds %zu members, ms\t%.1f\n", count,
		       (double)request_send(&connection, &request) / 1e6);
	}
	request.method = "PUT";
	request.expected = 200;
	group_make("big-all", 0, options.users, id);
	(void)snprintf(request.path, sizeof(request.path), "/Groups/%s?excludedAttributes=members",
		       id);
	for (size_t less = 1; less <= 3; less++) {
		connection.body.size = 0;
		group_body(&connection.body, "big-all", less, options.users - less);
		printf("# PUT of a group of %zu with one less, ms\t%.1f\n", options.users,
		       (double)request_send(&connection, &request) / 1e6);
	}
	connection_close(&connection);
}

static void post_group(struct connection *connection, size_t index, struct request *request)
{
	char name[64];

	request->method = "POST";
	(void)snprintf(request->path, sizeof(request->path), "/Groups");
	request->expected = 201;
	(void)snprintf(name, sizeof(name), "team-%zu", index);
	group_body(&connection->body, name, index * SYNC_MEMBERS % (options.users - SYNC_MEMBERS),
		   SYNC_MEMBERS);
}

/* --- the run ------------------------------------------------------------------------------------ */

/* What an identity provider does at first: everybody, and then a group for every 20 people. */
static void sync_all(void)
{
	double users_s, groups_s;
	size_t groups = options.users / SYNC_MEMBERS;

	users_s = row_run((struct row){ .connections = 32, .requests = options.users,
					.prepare = post_user, .finish = posted_user });
	printf("# initial sync of %zu users, s\t%.1f\n", options.users, users_s);
	if (options.limit)
		return;
	groups_s = row_run((struct row){ .connections = 32, .requests = groups,
					 .prepare = post_group });
	printf("# and %zu groups of %u, s\t%.1f\n", groups, SYNC_MEMBERS, groups_s);
	(void)fflush(stdout);
}

static void post_row(const char *name, unsigned int connections)
{
	(void)row_run((struct row){ .name = name, .connections = connections,
				    .requests = options.requests * (connections > 1 ? 2 : 1),
				    .prepare = post_user, .finish = posted_user,
				    .until_ns = (uint64_t)(options.seconds * 1e9) });
}

static void simple_row(const char *name, const char *argument, size_t requests,
		       void (*prepare)(struct connection *, size_t, struct request *),
		       void (*finish)(struct connection *, size_t))
{
	(void)row_run((struct row){ .name = name, .argument = argument, .requests = requests,
				    .prepare = prepare, .finish = finish,
				    .until_ns = (uint64_t)(options.seconds * 1e9) });
}

static void rows_run(void)
{
	size_t n = options.requests, few = n / 10 + 1;
	char middle[32], end[32];

	(void)snprintf(middle, sizeof(middle), "%zu", options.users / 2);
	(void)snprintf(end, sizeof(end), "%zu", options.users - 100);
	post_row("POST /Users, 1 connection", 1);
	post_row("POST /Users, 8 connections", 8);
	post_row("POST /Users, 32 connections", 32);
	simple_row("GET userName eq", NULL, n, get_by_name, found_one);
	if (options.limit)
		return;
	simple_row("GET emails.value eq", NULL, n, get_by_email, found_one);
	simple_row("GET externalId eq", NULL, n, get_by_external, found_one);
	simple_row("GET name.familyName eq (a scan)", NULL, 10, get_by_family, found_one);
	simple_row("PATCH active", NULL, n, patch_active, NULL);
	member_row("100", 100, n / 4);
	simple_row("GET group displayName eq", NULL, n, get_group, found_one);
	member_row("5000", 5000, n / 4);
	member_row("100000", 100000, n / 4);
	simple_row("list page of 100, start", "1", few, list_page, NULL);
	simple_row("list page of 100, middle", middle, few, list_page, NULL);
	simple_row("list page of 100, end", end, few, list_page, NULL);
	(void)row_run((struct row){ .name = "Bulk of 100 POSTs", .requests = few / 8 + 1,
				    .worth = BULK_OPERATIONS, .prepare = bulk_post,
				    .finish = bulk_posted,
				    .until_ns = (uint64_t)(options.seconds * 1e9) });
}

static void options_read(int argc, char **argv)
{
	static const struct option names[] = {
		{ "base", required_argument, NULL, 'b' }, { "ca", required_argument, NULL, 'c' },
		{ "token", required_argument, NULL, 't' }, { "users", required_argument, NULL, 'u' },
		{ "requests", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' }, { "big", no_argument, NULL, 'B' },
		{ "lenient", no_argument, NULL, 'l' }, { "limit", no_argument, NULL, 'L' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		switch (c) {
		case 'b':
			options.base = optarg;
			break;
		case 'c':
			options.ca = optarg;
			break;
		case 't':
			options.token = optarg;
			break;
		case 'u':
			options.users = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.requests = strtoul(optarg, NULL, 10);
			break;
		case 's':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'B':
			options.big = true;
			break;
		case 'l':
			options.lenient = true;
			break;
		case 'L':
			options.limit = true;
			break;
		default:
			die("see the top of bench_scim.c");
		}
	}
	if (!options.base || !options.ca || !options.token || options.users < 200 ||
	    options.requests < 40)
		die("see the top of bench_scim.c");
}

int main(int argc, char **argv)
{
	options_read(argc, argv);
	user_ids = calloc(USERS_MAX, sizeof(*user_ids));
	if (!user_ids || curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		die("no memory");
	sync_all();
	rows_run();
	if (options.big)
		big_rows();
	free(user_ids);
	curl_global_cleanup();
	return 0;
}
