#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "scimctl/scimctl.h"

#define CONNECT_TIMEOUT_MS 5000L
#define TIMEOUT_MS 120000L /* a reload evaluates everybody anew */
#define ANSWER_MAX (512u * 1024u * 1024u)

struct answer {
	char *text;
	size_t size;
};

static void answer_done(struct answer *answer)
{
	free(answer->text);
}

static void curl_donep(CURL **curl)
{
	curl_easy_cleanup(*curl);
}

void json_putp(struct json_object **object)
{
	json_object_put(*object);
	*object = NULL;
}

static size_t answer_take(char *data, size_t size, size_t count, void *context)
{
	struct answer *answer = context;
	size_t more = size * count;
	char *bigger;

	if (more > ANSWER_MAX - answer->size)
		return 0;
	bigger = realloc(answer->text, answer->size + more + 1);
	if (!bigger)
		return 0;
	memcpy(bigger + answer->size, data, more);
	answer->text = bigger;
	answer->size += more;
	bigger[answer->size] = '\0';
	return more;
}

char *client_path(const char *prefix, const char *name)
{
	char *escaped = curl_easy_escape(NULL, name, 0);
	char *path = NULL;

	if (escaped && asprintf(&path, "%s/%s", prefix, escaped) < 0)
		path = NULL;
	curl_free(escaped);
	return path;
}

static int client_prepare(CURL *curl, const struct context *context, const char *url,
			  struct answer *answer, char *error)
{
	const bool ok =
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, context->socket) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_take) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) == CURLE_OK;

	return ok ? 0 : -ENOMEM;
}

/* What the answer says is wrong. */
static int complain_answer(long status, struct json_object *object)
{
	const char *detail = json_string(object, "detail");

	return *detail ? complain("%s", detail) : complain("scimd answered %ld", status);
}

static int complain_connection(CURL *curl, const struct context *context)
{
	long error = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	if (error == ENOENT || error == ECONNREFUSED)
		return complain("scimd does not run: nobody listens on %s", context->socket);
	if (error == EACCES)
		return complain("you may not use %s: root and members of group scimd-admin may",
				context->socket);
	return complain("%s: %s", context->socket, error ? strerror((int)error) : "cannot connect");
}

/* The answer as JSON in *ret, or as text in *ret_text, whichever is asked for. */
static int client_perform(CURL *curl, const struct context *context, const char *path,
			  struct json_object **ret, char **ret_text)
{
	_cleanup_(answer_done) struct answer answer = { 0 };
	_cleanup_(json_putp) struct json_object *object = NULL;
	_cleanup_free_ char *url = NULL;
	char error[CURL_ERROR_SIZE] = "";
	CURLcode code;
	long status = 0;

	if (asprintf(&url, "http://localhost%s", path) < 0)
		return complain("out of memory");
	if (client_prepare(curl, context, url, &answer, error) < 0)
		return complain("cannot prepare the request");
	code = curl_easy_perform(curl);
	if (code == CURLE_COULDNT_CONNECT)
		return complain_connection(curl, context);
	if (code != CURLE_OK)
		return complain("%s: %s", context->socket,
				*error ? error : curl_easy_strerror(code));
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (ret_text && status >= 200 && status <= 299) {
		*ret_text = TAKE_PTR(answer.text);
		return *ret_text ? EXIT_SUCCESS : complain("scimd's answer is empty");
	}
	if (answer.size > 0)
		object = json_tokener_parse(answer.text);
	if (status < 200 || status > 299)
		return complain_answer(status, object);
	if (answer.size > 0 && !object)
		return complain("scimd's answer is no JSON");
	*ret = TAKE_PTR(object);
	return EXIT_SUCCESS;
}

int client_get(const struct context *context, const char *path, struct json_object **ret)
{
	_cleanup_(curl_donep) CURL *curl = curl_easy_init();

	if (!curl)
		return complain("out of memory");
	return client_perform(curl, context, path, ret, NULL);
}

int client_get_text(const struct context *context, const char *path, char **ret)
{
	_cleanup_(curl_donep) CURL *curl = curl_easy_init();

	if (!curl)
		return complain("out of memory");
	return client_perform(curl, context, path, NULL, ret);
}

int client_post(const struct context *context, const char *path, struct json_object **ret)
{
	return client_post_text(context, path, "", ret);
}

int client_post_text(const struct context *context, const char *path, const char *body,
		     struct json_object **ret)
{
	_cleanup_(curl_donep) CURL *curl = curl_easy_init();

	if (!curl || curl_easy_setopt(curl, CURLOPT_POST, 1L) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body)) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) != CURLE_OK)
		return complain("out of memory");
	return client_perform(curl, context, path, ret, NULL);
}
