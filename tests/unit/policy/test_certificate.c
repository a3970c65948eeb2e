/* Keys out of certificates: the same ones that ssh-keygen makes, only while the certificate is valid. */
#include "scimd/policy/certificate.h"

#include "scimd/policy/policy.h"
#include "tests/unit/policy/certificates.h"
#include "tests/unit/policy/policy_t.h"

#define NOW UINT64_C(1800000000) /* 2027-01-15 */

static void test_keys(void)
{
	static const struct {
		const char *certificate, *key;
	} cases[] = {
		{ CERTIFICATE_RSA, KEY_RSA },
		{ CERTIFICATE_P256, KEY_P256 },
		{ CERTIFICATE_P384, KEY_P384 },
		{ CERTIFICATE_P521, KEY_P521 },
		{ CERTIFICATE_ED25519, KEY_ED25519 },
		{ CERTIFICATE_P256_ZERO, KEY_P256_ZERO }, /* its x begins with a zero */
		{ CERTIFICATE_SIGNING, KEY_P256 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = NULL;
		char why[CERTIFICATE_WHY_SIZE] = "";
		const char *key;

		T_OK(certificate_key(cases[i].certificate, NOW, &line, why));
		T_STR(why, "");
		T_FATAL(line != NULL);
		T_TRUE(strncmp(line, "expiry-time=\"20980101000000Z\" ", 30) == 0);
		key = strchr(line, ' ') + 1;
		T_TRUE(policy_key_is_valid(key));
		T_TRUE(strncmp(key, cases[i].key, strlen(cases[i].key)) == 0);
		T_STR(key + strlen(cases[i].key), " x509");
	}
}

static void test_refused(void)
{
	static const struct {
		const char *certificate;
		uint64_t now_s;
		const char *why;
	} cases[] = {
		{ CERTIFICATE_P256, UINT64_C(4100000000), "it expired on 2098-01-01" },
		{ CERTIFICATE_ENCIPHERING, NOW, "its key usage has no digitalSignature" },
		{ CERTIFICATE_ED448, NOW, "its key is none that sshd takes (RSA, ECDSA, Ed25519)" },
		{ "", NOW, "it is no X.509 certificate in DER" },
		{ "AAAA", NOW, "it is no X.509 certificate in DER" },
		{ "MIIB", NOW, "it is no X.509 certificate in DER" },
		{ "?", NOW, "it is not in base64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[CERTIFICATE_WHY_SIZE] = "", *line = NULL;

		T_INT(certificate_key(cases[i].certificate, cases[i].now_s, &line, why), -EINVAL);
		T_STR(why, cases[i].why);
		T_TRUE(line == NULL);
	}
}

/* Refused, but not for ever. */
static void test_not_valid_yet(void)
{
	char why[CERTIFICATE_WHY_SIZE] = "", *line = NULL;

	T_INT(certificate_key(CERTIFICATE_P256, UINT64_C(1500000000), &line, why), -EAGAIN);
	T_STR(why, "it is not valid before 2020-01-01");
	T_TRUE(line == NULL);
}

/* A curve that sshd does not know; what the reader says about it is its own affair. */
static void test_other_curve(void)
{
	char why[CERTIFICATE_WHY_SIZE] = "", *line = NULL;

	T_INT(certificate_key(CERTIFICATE_K256, NOW, &line, why), -EINVAL);
	T_TRUE(why[0] != '\0' && line == NULL);
}

/* Cut anywhere, or with any byte another: a key or a refusal, never anything else. */
static void test_damaged(void)
{
	char text[] = CERTIFICATE_P256;

	for (size_t i = 0; i < strlen(CERTIFICATE_P256); i++) {
		char why[CERTIFICATE_WHY_SIZE] = "", *line = NULL;
		int r;

		text[i] = text[i] == 'A' ? 'B' : 'A';
		r = certificate_key(text, NOW, &line, why);
		T_TRUE((r == 0 && line) || (r == -EINVAL && !line && why[0]));
		free(line);
		line = NULL;
		text[i] = '\0';
		T_INT(certificate_key(text, NOW, &line, why), -EINVAL);
		text[i] = CERTIFICATE_P256[i];
	}
}

/* In what policy makes of a person: by configuration, only for who may be here, with a word about the
 * others. */
static void test_policy(void)
{
	static const struct {
		const char *conf, *resource;
		size_t keys;
		const char *ignored;
	} cases[] = {
		{ "", "{\"userName\":\"ada\",\"active\":true,\"x509Certificates\":[{\"value\":\""
		  CERTIFICATE_P256 "\"},{\"value\":\"" CERTIFICATE_RSA "\"}]}", 2, NULL },
		{ "[identity]\ncertificate_keys = off\n",
		  "{\"userName\":\"ada\",\"active\":true,\"x509Certificates\":[{\"value\":\""
		  CERTIFICATE_P256 "\"}]}", 0, NULL },
		{ "", "{\"userName\":\"ada\",\"active\":false,\"x509Certificates\":[{\"value\":\""
		  CERTIFICATE_P256 "\"}]}", 0, NULL },
		{ "", "{\"userName\":\"ada\",\"active\":true,\"x509Certificates\":[{\"value\":\""
		  CERTIFICATE_P256 "\"},{\"value\":\"" CERTIFICATE_ENCIPHERING "\"}]}", 1,
		  "x509Certificates[1] is ignored: its key usage has no digitalSignature" },
		{ "", "{\"userName\":\"ada\",\"active\":true,\"" URN_POSIX_USER "\":{\"sshPublicKeys\":["
		  "\"command=\\\"x\\\" " KEY_P256 "\",\"" KEY_P256 "\"]}}", 1,
		  "sshPublicKeys[0] is ignored: it is no SSH public key of a known type, or has options "
		  "that key_options does not allow" },
		{ "[identity]\nkey_options = from, Command\n",
		  "{\"userName\":\"ada\",\"active\":true,\"" URN_POSIX_USER "\":{\"sshPublicKeys\":["
		  "\"command=\\\"x\\\" " KEY_P256 "\",\"" KEY_P256 "\"]}}", 2, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(conf_freep) struct conf *conf = conf_from(cases[i].conf);
		_cleanup_(json_putp) struct json_object *resource = resource_from(cases[i].resource);
		_cleanup_(identity_done) struct identity identity = { 0 };
		struct fault fault = { 0 };
		size_t count = 0;

		T_FATAL(policy_user(conf, resource, NULL, 0, &identity, &fault) == 0);
		while (identity.keys[count])
			count++;
		T_INT(count, cases[i].keys);
		T_STR(identity.ignored[0], cases[i].ignored);
	}
}

T_MAIN("certificate", T(test_keys), T(test_refused), T(test_not_valid_yet), T(test_other_curve),
       T(test_damaged), T(test_policy))
