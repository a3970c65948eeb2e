/* A certificate in DER, as an identity provider could send it: refused with a sentence, or a line that
 * sshd can read, with nothing in it but an end, a key and a comment. */
#include "scimd/policy/certificate.h"

#include <gnutls/gnutls.h>

#include "scimd/policy/policy.h"
#include "tests/fuzz/fuzz.h"

#define NOW UINT64_C(1800000000)
#define EXPIRY "expiry-time=\"20YYMMDDHHMMSSZ\" "

static void check_line(const char *line)
{
	if (*line == 'e') {
		HOLDS(strncmp(line, EXPIRY, 13) == 0 && strspn(line + 13, "0123456789") >= 14);
		line = strchr(line, ' ');
		HOLDS(line != NULL && line[-1] == '"' && line[-2] == 'Z');
		line++;
	}
	HOLDS(policy_key_is_valid(line));
	HOLDS(strcmp(line + strlen(line) - 5, " x509") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gnutls_datum_t der = { (unsigned char *)(uintptr_t)data, (unsigned int)size };
	gnutls_datum_t text = { NULL, 0 };
	char why[CERTIFICATE_WHY_SIZE] = "", *line = NULL, *base64;
	int r;

	if (size == 0 || size > 16384 || gnutls_base64_encode2(&der, &text) < 0)
		return 0;
	base64 = bytes_string((struct bytes){ text.data, text.size });
	r = certificate_key(base64, NOW, &line, why);
	HOLDS(r == 0 ? line && !why[0] : r == -EINVAL && !line && why[0]);
	if (r == 0)
		check_line(line);
	free(line);
	free(base64);
	gnutls_free(text.data);
	return 0;
}
