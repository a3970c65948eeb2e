#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "scimctl/dropin.h"
#include "scimctl/scimctl.h"
#include "shared/conf.h"

#define TOKEN_RANDOM_BYTES 32u
#define TOKEN_SIZE (TOKEN_RANDOM_BYTES * 4 / 3 + 2) /* base64url without padding */
#define NAME_MAX_LENGTH 32u
#define SCIM_PATH "/scim/v2"

/* A token and its hash; the token is wiped at the end of scope. */
struct token {
	char text[TOKEN_SIZE];
	unsigned char hash[CONF_TOKEN_HASH_BYTES];
};

static void token_wipe(struct token *token)
{
	explicit_bzero(token, sizeof(*token));
}

bool connection_name_is_good(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return len > 0 && len <= NAME_MAX_LENGTH && name[len] == '\0';
}

static void base64url(const unsigned char *bytes, size_t count, char *ret)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned int bits = 0, have = 0;

	for (size_t i = 0; i < count; i++) {
		bits = (bits << 8 | bytes[i]) & 0xffffffu;
		for (have += 8; have >= 6; have -= 6)
			*ret++ = digits[bits >> (have - 6) & 63u];
	}
	if (have > 0)
		*ret++ = digits[bits << (6 - have) & 63u];
	*ret = '\0';
	explicit_bzero(&bits, sizeof(bits));
}

static int token_make(struct token *ret)
{
	unsigned char bytes[TOKEN_RANDOM_BYTES];
	int r;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return complain("no random numbers: %s", strerror(errno));
	base64url(bytes, sizeof(bytes), ret->text);
	explicit_bzero(bytes, sizeof(bytes));
	r = gnutls_hash_fast(GNUTLS_DIG_SHA256, ret->text, strlen(ret->text), ret->hash);
	return r < 0 ? complain("SHA-256: %s", gnutls_strerror(r)) : EXIT_SUCCESS;
}

static int conf_read(const struct context *context, struct conf **ret)
{
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_free_ char *file = NULL;
	_cleanup_free_ char *dropins = NULL;
	int r;

	if (asprintf(&file, "%s/scimd.conf", context->directory) < 0 ||
	    asprintf(&dropins, "%s/scimd.conf.d", context->directory) < 0)
		return complain("out of memory");
	r = conf_load(file, dropins, ret, &problems);
	for (size_t i = 0; i < problems.count; i++) {
		const struct conf_problem *problem = &problems.items[i];

		if (problem->line) /* none: the file itself cannot be read */
			complain("%s:%u: %s", problem->file, problem->line, problem->message);
		else
			complain("%s: %s", problem->file, problem->message);
	}
	if (r < 0 && problems.count == 0)
		complain("%s: %s", file, strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const struct conf_connection *connection_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->connection_count; i++)
		if (strcmp(conf->connections[i].name, name) == 0)
			return &conf->connections[i];
	return NULL;
}

/* The drop-in's text: the new hash (or NULL) and the old one (or NULL). Owned; NULL without memory.
 */
static char *dropin_text(const char *name, const unsigned char *hash, const unsigned char *old)
{
	const unsigned char *const hashes[] = { hash, old };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "# Written by scimctl.\n[connection %s]\ntoken_sha256 =", name);
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i])
			fputc(' ', out);
		for (size_t j = 0; hashes[i] && j < CONF_TOKEN_HASH_BYTES; j++)
			fprintf(out, "%02x", hashes[i][j]);
	}
	fputc('\n', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Make the configuration hold just these hashes for name (none: no such connection) and have scimd
 * take it over; else everything stays as it was. */
static int connection_put(const struct context *context, const char *name,
			  const unsigned char *hash, const unsigned char *old)
{
	_cleanup_(dropin_done) struct dropin dropin = { 0 };
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(json_putp) struct json_object *answer = NULL;
	_cleanup_free_ char *text = hash ? dropin_text(name, hash, old) : NULL;
	const struct conf_connection *connection;
	int code;

	if (hash && !text)
		return complain("out of memory");
	code = dropin_change(&dropin, context->directory, name, text);
	if (code == EXIT_SUCCESS)
		code = conf_read(context, &conf);
	if (code != EXIT_SUCCESS)
		return code;
	connection = connection_find(conf, name);
	if (hash ? !connection ||
			    memcmp(connection->token_sha256[0], hash, CONF_TOKEN_HASH_BYTES) != 0
		 : connection != NULL)
		return complain("another file in %s says something else about connection %s",
				context->directory, name);
	code = client_post(context, "/v1/reload", &answer);
	if (code != EXIT_SUCCESS)
		return complain("nothing was changed, because scimd did not take it over");
	dropin_keep(&dropin);
	return EXIT_SUCCESS;
}

/* "https://HOST:PORT/scim/v2" as others reach this host; owned, NULL without memory. */
static char *base_url(const struct conf *conf)
{
	const char *url = conf->server.public_url, *listen = conf->server.listen;
	char host[256] = "localhost", *text = NULL;
	size_t len, path = strlen(SCIM_PATH);
	int r;

	if (url) {
		for (len = strlen(url); len > 0 && url[len - 1] == '/';)
			len--;
		if (len >= path && strncmp(url + len - path, SCIM_PATH, path) == 0)
			len -= path;
		r = asprintf(&text, "%.*s" SCIM_PATH, (int)len, url);
		return r < 0 ? NULL : text;
	}
	if (strncmp(listen, "0.0.0.0:", 8) != 0 && strncmp(listen, "[::]:", 5) != 0)
		return asprintf(&text, "https://%s" SCIM_PATH, listen) < 0 ? NULL : text;
	(void)gethostname(host, sizeof(host) - 1);
	return asprintf(&text, "https://%s%s" SCIM_PATH, host, strrchr(listen, ':')) < 0 ? NULL
											 : text;
}

static int token_print_json(const char *name, const char *url, const struct token *token)
{
	_cleanup_(json_putp) struct json_object *object = json_object_new_object();

	if (!object || json_object_object_add(object, "name", json_object_new_string(name)) < 0 ||
	    json_object_object_add(object, "base_url", json_object_new_string(url)) < 0 ||
	    json_object_object_add(object, "token", json_object_new_string(token->text)) < 0)
		return complain("out of memory");
	return print_json(object);
}

static int token_print(const struct context *context, const char *name, const struct conf *conf,
		       const struct token *token)
{
	_cleanup_free_ char *url = base_url(conf);
	int code = EXIT_SUCCESS;

	if (!url)
		return complain("out of memory");
	if (context->json)
		code = token_print_json(name, url, token);
	else
		printf("Base URL:  %s\nToken:     %s\n", url, token->text);
	if (code == EXIT_SUCCESS && fflush(stdout) != 0)
		code = complain("the token could not be written: %s", strerror(errno));
	if (code == EXIT_SUCCESS && !context->json)
		fputs("The token is not kept here and will not be shown again.\n", stderr);
	if (code == EXIT_SUCCESS && !context->json && !conf->server.public_url)
		fprintf(stderr, "public_url is not set, and scimd listens on %s: see that identity "
				"providers reach this base URL.\n", conf->server.listen);
	return code;
}

int connection_add(const struct context *context, char **operands)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(token_wipe) struct token token = { 0 };
	const char *name = operands[0];
	int code;

	if (!connection_name_is_good(name)) {
		complain("a connection's name has 1 to 32 characters a-z, 0-9, - and _");
		return EXIT_USAGE;
	}
	code = conf_read(context, &conf);
	if (code != EXIT_SUCCESS)
		return code;
	if (connection_find(conf, name))
		return complain("there is a connection %s already; `connection rotate` gives it "
				"another token",
				name);
	code = token_make(&token);
	if (code == EXIT_SUCCESS)
		code = connection_put(context, name, token.hash, NULL);
	return code == EXIT_SUCCESS ? token_print(context, name, conf, &token) : code;
}

int connection_rotate(const struct context *context, char **operands)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(token_wipe) struct token token = { 0 };
	const struct conf_connection *connection;
	const char *name = operands[0];
	int code = conf_read(context, &conf);

	if (code != EXIT_SUCCESS)
		return code;
	connection = connection_find(conf, name);
	if (!connection)
		return complain("there is no connection %s", name);
	/* The newest comes first. */
	if (context->finish)
		return connection_put(context, name, connection->token_sha256[0], NULL);
	code = token_make(&token);
	if (code == EXIT_SUCCESS)
		code = connection_put(context, name, token.hash, connection->token_sha256[0]);
	return code == EXIT_SUCCESS ? token_print(context, name, conf, &token) : code;
}

int connection_remove(const struct context *context, char **operands)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	const char *name = operands[0];
	int code = conf_read(context, &conf);

	if (code != EXIT_SUCCESS)
		return code;
	if (!connection_find(conf, name))
		return complain("there is no connection %s", name);
	return connection_put(context, name, NULL, NULL);
}

int connection_list(const struct context *context, char **operands)
{
	static const struct column columns[] = {
		{ "NAME", "name", false },
		{ "TOKENS", "tokens", false },
		{ "REQUESTS", "requests", true },
		{ "ERRORS", "errors", true },
		{ "LAST USED", "last_used", true },
		{ "LAST PUSH", "last_push", false },
	};

	(void)operands;
	return show_table(context, "/v1/connections", columns, ARRAY_SIZE(columns));
}
