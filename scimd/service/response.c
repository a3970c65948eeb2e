#include "scimd/service/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void response_done(struct response *response)
{
	int saved = errno;

	free(response->body);
	for (size_t i = 0; i < response->header_count; i++)
		free(response->headers[i].value);
	*response = (struct response){ 0 };
	errno = saved;
}

void response_header(struct response *response, const char *name, const char *fmt, ...)
{
	char *value = NULL;
	va_list args;
	int r;

	if (response->header_count >= RESPONSE_HEADERS_MAX)
		return;
	va_start(args, fmt);
	r = vasprintf(&value, fmt, args);
	va_end(args);
	if (r < 0)
		return;
	response->headers[response->header_count].name = name;
	response->headers[response->header_count++].value = value;
}
