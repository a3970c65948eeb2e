#include "scimd/service/auth.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

/* The token within the header: what follows "Bearer", or all of it. */
static const char *token_find(const char *authorization, size_t *ret_len)
{
	static const char scheme[] = "Bearer";
	const char *token = authorization;
	size_t len;

	if (!token) {
		*ret_len = 0;
		return "";
	}
	token += strspn(token, " \t");
	if (strncasecmp(token, scheme, strlen(scheme)) == 0 &&
	    strspn(token + strlen(scheme), " \t") > 0) {
		token += strlen(scheme);
		token += strspn(token, " \t");
	}
	len = strlen(token);
	while (len > 0 && (token[len - 1] == ' ' || token[len - 1] == '\t'))
		len--;
	*ret_len = len;
	return token;
}

static int token_read(const char *authorization, struct request_token *ret)
{
	size_t len;
	const char *token = token_find(authorization, &len);

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, len, ret->sha256) < 0)
		return -ENOMEM;
	ret->is_there = len > 0;
	ret->is_read = true;
	return 0;
}

const struct conf_connection *auth_connection(const struct conf *conf, const char *authorization,
					      struct request_token *token)
{
	const struct conf_connection *found = NULL;
	struct request_token ours = { 0 };

	if (!token)
		token = &ours;
	if (!token->is_read && token_read(authorization, token) < 0)
		return NULL;
	for (size_t i = 0; i < conf->connection_count; i++) {
		const struct conf_connection *connection = &conf->connections[i];

		for (size_t j = 0; j < connection->token_count; j++)
			if (gnutls_memcmp(token->sha256, connection->token_sha256[j],
					  sizeof(token->sha256)) == 0)
				found = connection;
	}
	found = token->is_there ? found : NULL;
	explicit_bzero(&ours, sizeof(ours));
	return found;
}
