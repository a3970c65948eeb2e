/* Values that no other resource may have, by schemas of the configuration. They lie in the index of emails,
 * and a schema that is newer than a resource may want more of it there. */
#include "scimd/change/internal.h"

#include <string.h>

#include "scimd/model/json.h"
#include "scimd/model/resource.h"
#include "scimd/model/schema.h"

static bool has_line(const char *lines, const char *line, size_t size)
{
	for (const char *at = lines; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") == size && strncmp(at, line, size) == 0)
			return true;
	return false;
}

/* 1: some of the lines were not on the list, and all of it with them behind it (owned). */
static int lines_add(const char *list, const char *lines, char **ret)
{
	size_t room = strlen(list) + strlen(lines) + 1, size;
	_cleanup_free_ char *longer = malloc(room);
	char *to;

	if (!longer)
		return -ENOMEM;
	to = stpcpy(longer, list);
	for (; *lines; lines += size + 1) {
		size = strcspn(lines, "\n"); /* each ends with one */
		if (has_line(longer, lines, size))
			continue;
		memcpy(to, lines, size + 1);
		to += size + 1;
		*to = '\0';
	}
	if (strcmp(longer, list) == 0)
		return 0;
	*ret = TAKE_PTR(longer);
	return 1;
}

int unique_missing(const struct store_resource *row, char **ret_emails)
{
	_cleanup_(json_putp) struct json_object *resource = NULL;
	_cleanup_free_ char *lines = NULL;
	int r;

	if (!schema_all()[SCHEMA_BUILT_IN])
		return 0;
	resource = json_tokener_parse(row->json);
	if (!resource)
		return -EIO;
	r = resource_unique_values(row->type, resource, &lines);
	return r < 0 ? r : lines_add(row->emails ? row->emails : "", lines, ret_emails);
}

int unique_group(struct change *change, const char *id)
{
	_cleanup_(store_resource_done) struct store_resource row = { 0 };
	enum store_index taken;
	char *emails;
	int r;

	if (!schema_all()[SCHEMA_BUILT_IN])
		return 0;
	r = store_resource_get(change->txn, id, &row);
	if (r == 0)
		r = unique_missing(&row, &emails);
	if (r <= 0)
		return r;
	free(row.emails);
	row.emails = emails;
	return store_resource_put(change->txn, &row, &taken);
}
