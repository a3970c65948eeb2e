#include "tests/conformance/conformance.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define ANSWER_TIMEOUT_MS 20000

struct exchange {
	CURL *kept; /* keep-alive for all requests */
	const char *base, *ca_file;
};

struct exchange *exchange_new(const char *base, const char *ca_file)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		exit(2);
	exchange->kept = curl_easy_init();
	if (!exchange->kept)
		exit(2);
	exchange->base = base;
	exchange->ca_file = ca_file;
	return exchange;
}

void exchange_free(struct exchange *exchange)
{
	curl_easy_cleanup(exchange->kept);
	curl_global_cleanup();
	free(exchange);
}

void request_done(struct request *request)
{
	text_done(&request->target);
	for (size_t i = 0; i < request->header_count; i++)
		text_done(&request->headers[i]);
	text_done(&request->body);
	*request = (struct request){ .header_count = 0 };
}

void response_done(struct response *response)
{
	text_done(&response->headers);
	text_done(&response->body);
	json_object_put(response->json);
	*response = (struct response){ .status = 0 };
}

char *response_header(const struct response *response, const char *name)
{
	const char *line = response->headers.bytes;
	size_t len = strlen(name);

	for (; line && *line; line = strchr(line, '\n') + 1) {
		const char *value = line + len + 1;

		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		value += strspn(value, " \t");
		return strndup(value, strcspn(value, "\r\n"));
	}
	return NULL;
}

/* What a URL cannot hold as it is; a '%' and a '+' are meant as they are. */
static void url_add(struct text *url, const char *target)
{
	for (; *target; target++) {
		char escaped[4];

		(void)snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)*target);
		if ((unsigned char)*target <= ' ' || (unsigned char)*target >= 0x7f ||
		    strchr("\"<>[]\\^`{}|", *target))
			text_puts(url, escaped);
		else
			text_add(url, target, 1);
	}
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	text_add(context, data, size * count);
	return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
	size_t bytes = size * count;

	while (bytes > 0 && (data[bytes - 1] == '\n' || data[bytes - 1] == '\r'))
		bytes--;
	if (bytes > 5 && strncmp(data, "HTTP/", 5) == 0)
		text_done(context); /* of a 100 before it */
	text_add(context, data, bytes);
	text_puts(context, "\n");
	return size * count;
}

static bool has_header(const struct request *request, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < request->header_count; i++)
		if (strncasecmp(request->headers[i].bytes, name, len) == 0 &&
		    request->headers[i].bytes[len] == ':')
			return true;
	return false;
}

/* "Name: -" makes curl leave a header out that it would send. */
static struct curl_slist *header_add(struct curl_slist *list, const char *line)
{
	const char *colon = strchr(line, ':');
	_cleanup_free_ char *bare = NULL;

	if (!colon || strcmp(colon, ": -") != 0)
		return curl_slist_append(list, line);
	bare = strndup(line, (size_t)(colon - line + 1));
	return curl_slist_append(list, bare ? bare : line);
}

static struct curl_slist *headers_make(const char *token, const struct request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char authorization[512];

	(void)snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
	if (!has_header(request, "Authorization"))
		list = curl_slist_append(list, authorization);
	if (!has_header(request, "Content-Type"))
		list = curl_slist_append(list, request->body.bytes ?
						 "Content-Type: application/scim+json" :
						 "Content-Type:");
	if (!has_header(request, "Accept"))
		list = curl_slist_append(list, "Accept: application/scim+json");
	for (size_t i = 0; i < request->header_count; i++)
		list = header_add(list, request->headers[i].bytes);
	return list;
}

static void json_read(struct response *response)
{
	if (response->body.size > 0)
		response->json = json_tokener_parse(response->body.bytes);
}

static void options_common(const struct exchange *exchange, CURL *curl)
{
	(void)curl_easy_setopt(curl, CURLOPT_CAINFO, exchange->ca_file);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_TIMEOUT_MS);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
}

void exchange_send(struct exchange *exchange, const char *token, const struct request *request,
		   struct response *ret)
{
	CURL *curl = exchange->kept;
	struct curl_slist *headers = headers_make(token, request);
	_cleanup_(text_done) struct text url = { .bytes = NULL };
	CURLcode code;
	long status = 0;

	text_puts(&url, exchange->base);
	url_add(&url, request->target.bytes);
	curl_easy_reset(curl); /* keeps the connection */
	options_common(exchange, curl);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url.bytes);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->body);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &ret->headers);
	if (request->body.bytes) {
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->body.size);
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.bytes);
	}
	(void)curl_easy_setopt(curl, CURLOPT_NOBODY, (long)(strcmp(request->method, "HEAD") == 0));
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	if (code != CURLE_OK) {
		(void)snprintf(ret->problem, sizeof(ret->problem), "%s", curl_easy_strerror(code));
		return;
	}
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = (int)status;
	json_read(ret);
}

static bool wait_for(CURL *curl, short events)
{
	struct pollfd fd = { .fd = -1, .events = events };
	curl_socket_t socket = CURL_SOCKET_BAD;

	(void)curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &socket);
	fd.fd = socket;
	return socket != CURL_SOCKET_BAD && poll(&fd, 1, ANSWER_TIMEOUT_MS) > 0;
}

static void raw_write(CURL *curl, const struct text *bytes)
{
	size_t sent = 0;

	while (sent < bytes->size) {
		size_t more = 0;
		CURLcode code = curl_easy_send(curl, bytes->bytes + sent, bytes->size - sent, &more);

		sent += more;
		if (code == CURLE_AGAIN && wait_for(curl, POLLOUT))
			continue;
		if (code != CURLE_OK)
			return; /* it may have answered and closed before the end */
	}
}

/* Whether all that Content-Length announces is there. */
static bool raw_is_whole(const struct text *all)
{
	const char *body = all->bytes ? strstr(all->bytes, "\r\n\r\n") : NULL;
	const char *length = body ? strcasestr(all->bytes, "\r\nContent-Length:") : NULL;

	if (!body || !length || length > body)
		return false;
	body += 4;
	return all->size - (size_t)(body - all->bytes) >= strtoul(length + 17, NULL, 10);
}

static void raw_read(CURL *curl, struct text *all)
{
	while (!raw_is_whole(all)) {
		char buffer[4096];
		size_t got = 0;
		CURLcode code = curl_easy_recv(curl, buffer, sizeof(buffer), &got);

		if (code == CURLE_AGAIN && wait_for(curl, POLLIN))
			continue;
		if (code != CURLE_OK || got == 0)
			return;
		text_add(all, buffer, got);
	}
}

static void raw_parse(const struct text *all, struct response *ret)
{
	const char *body = all->bytes ? strstr(all->bytes, "\r\n\r\n") : NULL;

	if (!body || sscanf(all->bytes, "HTTP/1.%*1[01] %3d", &ret->status) != 1) {
		(void)snprintf(ret->problem, sizeof(ret->problem), "no answer but an end");
		return;
	}
	text_add(&ret->headers, all->bytes, (size_t)(body - all->bytes) + 2);
	text_puts(&ret->body, body + 4);
	json_read(ret);
}

void exchange_send_raw(struct exchange *exchange, const struct request *request,
		       struct response *ret)
{
	_cleanup_(text_done) struct text all = { .bytes = NULL };
	CURL *curl = curl_easy_init();
	CURLcode code;

	if (!curl)
		exit(2);
	options_common(exchange, curl);
	(void)curl_easy_setopt(curl, CURLOPT_URL, exchange->base);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK) {
		raw_write(curl, &request->body);
		raw_read(curl, &all);
		raw_parse(&all, ret);
	} else {
		(void)snprintf(ret->problem, sizeof(ret->problem), "%s", curl_easy_strerror(code));
	}
	curl_easy_cleanup(curl);
}
