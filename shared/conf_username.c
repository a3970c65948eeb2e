#include "shared/conf.h"

#include <string.h>

/* Up to the first of `stop` outside of brackets. */
static size_t size_to(const char *text, const char *stop)
{
	size_t size = 0;
	bool filter = false;

	for (; text[size] && (filter || !strchr(stop, text[size])); size++) {
		if (text[size] == '[')
			filter = true;
		else if (text[size] == ']')
			filter = false;
	}
	return size;
}

size_t conf_rule_size(const char *text)
{
	return size_to(text, ",");
}

size_t conf_path_size(const char *text)
{
	return size_to(text, " \t,");
}
