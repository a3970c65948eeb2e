#include "scimd/service/auth.h"

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

const struct conf_connection *auth_connection(const struct conf *conf, const char *authorization)
{
	unsigned char hash[CONF_TOKEN_HASH_BYTES];
	const struct conf_connection *found = NULL;
	size_t len;
	const char *token = token_find(authorization, &len);

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, len, hash) < 0)
		return NULL;
	for (size_t i = 0; i < conf->connection_count; i++) {
		const struct conf_connection *connection = &conf->connections[i];

		for (size_t j = 0; j < connection->token_count; j++)
			if (gnutls_memcmp(hash, connection->token_sha256[j], sizeof(hash)) == 0)
				found = connection;
	}
	explicit_bzero(hash, sizeof(hash));
	return len > 0 ? found : NULL;
}
