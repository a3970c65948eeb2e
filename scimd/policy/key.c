#include "scimd/policy/policy.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#define KEY_MAX_BYTES 16384u
#define BLOB_MAX_BYTES (KEY_MAX_BYTES / 4 * 3)
#define OPTION_NAME_SIZE 32u

/* What a public key's blob is made of (RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709
 * section 4, OpenSSH's PROTOCOL.u2f): so many strings, the type being the first. */
static const struct {
	const char *name;
	size_t strings;
} types[] = {
	{ "ssh-ed25519", 2 },
	{ "ssh-rsa", 3 },
	{ "ecdsa-sha2-nistp256", 3 },
	{ "ecdsa-sha2-nistp384", 3 },
	{ "ecdsa-sha2-nistp521", 3 },
	{ "sk-ssh-ed25519@openssh.com", 3 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", 4 },
};

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* With padding and without stray bits (RFC 4648 sections 3.2 and 3.5), at most BLOB_MAX_BYTES. */
static bool base64_decode(const char *text, size_t len, unsigned char *ret, size_t *ret_len)
{
	size_t padding = 0, out = 0;
	uint32_t bits = 0;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 > BLOB_MAX_BYTES)
		return false;
	while (padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 == 3) {
			ret[out++] = (unsigned char)(bits >> 16);
			ret[out++] = (unsigned char)(bits >> 8);
			ret[out++] = (unsigned char)bits;
		}
	}
	if (padding == 1) {
		ret[out++] = (unsigned char)(bits >> 10);
		ret[out++] = (unsigned char)(bits >> 2);
	} else if (padding == 2) {
		ret[out++] = (unsigned char)(bits >> 4);
	}
	*ret_len = out;
	return padding == 0 || (bits & (padding == 1 ? 0x3u : 0xfu)) == 0;
}

/* The blob is exactly `strings` strings, none of them empty, and the first is type. */
static bool blob_is_key(const unsigned char *blob, size_t len, const char *type, size_t strings)
{
	size_t at = 0;

	for (size_t i = 0; i < strings; i++) {
		uint32_t size;

		if (len - at < 4)
			return false;
		size = (uint32_t)blob[at] << 24 | (uint32_t)blob[at + 1] << 16 |
		       (uint32_t)blob[at + 2] << 8 | blob[at + 3];
		at += 4;
		if (size == 0 || size > len - at)
			return false;
		if (i == 0 && (size != strlen(type) || memcmp(blob + at, type, size) != 0))
			return false;
		at += size;
	}
	return at == len;
}

static bool has_control_character(const char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < 0x20 || *line == 0x7f)
			return true;
	return false;
}

bool policy_key_is_valid(const char *line)
{
	unsigned char blob[BLOB_MAX_BYTES];
	size_t type_len = strcspn(line, " "), len;
	const char *data = line + type_len + strspn(line + type_len, " ");

	if (strlen(line) > KEY_MAX_BYTES || has_control_character(line))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const char *name = types[i].name;

		if (strlen(name) != type_len || strncmp(name, line, type_len) != 0)
			continue;
		return base64_decode(data, strcspn(data, " "), blob, &len) &&
		       blob_is_key(blob, len, name, types[i].strings);
	}
	return false;
}

/* --- options --- */

static bool option_has_value(const char *name)
{
	static const char *const valued[] = { "command", "expiry-time", "from", "permitlisten",
					      "permitopen" };

	for (size_t i = 0; i < ARRAY_SIZE(valued); i++)
		if (strcasecmp(valued[i], name) == 0)
			return true;
	return false;
}

/* The text after "…" at quoted, in which \" is a quote as it is for sshd; NULL if it does not end. */
static const char *quotes_skip(const char *quoted)
{
	if (*quoted++ != '"')
		return NULL;
	for (; *quoted != '"'; quoted++) {
		if (!*quoted)
			return NULL;
		if (quoted[0] == '\\' && quoted[1] == '"')
			quoted++;
	}
	return quoted + 1;
}

/* The text after one option at text, if it may be there; else NULL. */
static const char *option_skip(const char *text, conf_list allowed)
{
	size_t len = strcspn(text, "=, \"");
	char name[OPTION_NAME_SIZE];

	if (len >= sizeof(name))
		return NULL;
	memcpy(name, text, len);
	name[len] = '\0';
	text += len;
	if (!conf_list_has(allowed, name) || option_has_value(name) != (*text == '='))
		return NULL;
	return *text == '=' ? quotes_skip(text + 1) : text;
}

bool policy_key_is_allowed(const char *line, conf_list allowed)
{
	const char *rest = line;

	if (policy_key_is_valid(line))
		return true;
	if (strlen(line) > KEY_MAX_BYTES || has_control_character(line))
		return false;
	while ((rest = option_skip(rest, allowed)) && *rest == ',')
		rest++;
	return rest && *rest == ' ' && policy_key_is_valid(rest + strspn(rest, " "));
}
