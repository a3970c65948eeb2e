#include "scimd/service/auth.h"

#include <gnutls/crypto.h>

#include "tests/unit/t.h"

static void token_set(struct conf_connection *connection, size_t index, const char *token)
{
	T_OK(gnutls_hash_fast(GNUTLS_DIG_SHA256, token, strlen(token),
			      connection->token_sha256[index]));
	connection->token_count = index + 1;
}

static void names_the_connection(void)
{
	static const struct {
		const char *header, *want;
	} cases[] = {
		{ "Bearer token-a", "a" },
		{ "bearer token-a", "a" },
		{ "BEARER   token-a  ", "a" },
		{ "token-a", "a" },
		{ "Bearer token-b-old", "b" },
		{ "Bearer token-b-new", "b" },
		{ "token-b-new", "b" },
		{ "Bearer token-c", NULL },
		{ "Bearer token-b-third", NULL }, /* beyond token_count */
		{ "Bearer TOKEN-A", NULL },
		{ "Bearertoken-a", NULL },
		{ "Bearer token-a x", NULL },
		{ "Bearer token-aa", NULL },
		{ "Bearer token-", NULL },
		{ "Basic token-a", NULL },
		{ "Bearer", NULL },
		{ "Bearer ", NULL },
		{ "", NULL },
		{ " ", NULL },
		{ NULL, NULL },
	};
	struct conf_connection connections[] = {
		{ .name = (char *)"a" }, { .name = (char *)"b" }, { .name = (char *)"empty" },
	};
	struct conf conf = { .connections = connections, .connection_count = 3 };

	token_set(&connections[0], 0, "token-a");
	token_set(&connections[1], 0, "token-b-old");
	token_set(&connections[1], 1, "token-b-new");
	token_set(&connections[0], 1, "token-b-third");
	connections[0].token_count = 1;
	token_set(&connections[2], 0, ""); /* even configured, no token is no token */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct conf_connection *got = auth_connection(&conf, cases[i].header,
									  NULL);

		T_STR(got ? got->name : NULL, cases[i].want);
	}
}

static void without_connections_nobody(void)
{
	struct conf conf = {};

	T_TRUE(!auth_connection(&conf, "Bearer x", NULL));
	T_TRUE(!auth_connection(&conf, NULL, NULL));
}

/* What was read is looked up again under another configuration, and the header is not read again. */
static void reads_once(void)
{
	struct conf_connection connection = { .name = (char *)"a" };
	struct conf before = {}, after = { .connections = &connection, .connection_count = 1 };
	struct request_token token = {}, none = {};

	token_set(&connection, 0, "token-a");
	T_TRUE(!auth_connection(&before, "Bearer token-a", &token));
	T_TRUE(auth_connection(&after, "Bearer token-b", &token) == &connection);
	token_set(&connection, 0, "");
	T_TRUE(!auth_connection(&after, NULL, &none));
	T_TRUE(none.is_read && !none.is_there);
	T_TRUE(!auth_connection(&after, "Bearer token-a", &none));
}

T_MAIN("auth", T(names_the_connection), T(without_connections_nobody),
       T(reads_once))
