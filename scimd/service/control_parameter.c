#include "scimd/service/control.h"

#include <string.h>

#include "scimd/service/query.h"

/* The decoded value of a parameter, owned in *ret, or NULL there if it is absent. */
int control_parameter(const struct request *request, const char *key, char **ret,
		      struct fault *fault)
{
	size_t key_len = strlen(key);
	const char *text = request->query ? request->query : "";
	int r;

	while (*text) {
		size_t len = strcspn(text, "&");

		if (len > key_len && text[key_len] == '=' && strncmp(text, key, key_len) == 0) {
			r = query_decode(text + key_len + 1, len - key_len - 1, true, ret);
			return r == -EINVAL ? fault_set(fault, 400, NULL, "bad value of %s", key)
					    : r;
		}
		text += len + (text[len] == '&');
	}
	*ret = NULL;
	return 0;
}

int control_parameter_number(const struct request *request, const char *key, uint64_t *ret,
			     struct fault *fault)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long number;
	char *end;
	int r = control_parameter(request, key, &text, fault);

	if (r < 0 || !text)
		return r;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end)
		return fault_set(fault, 400, NULL, "%s must be a number", key);
	*ret = number;
	return 0;
}
