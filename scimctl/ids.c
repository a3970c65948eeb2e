#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "scimctl/scimctl.h"
#include "shared/names.h"

int ids_export(const struct context *context, char **operands)
{
	_cleanup_(json_putp) struct json_object *array = NULL;
	int code = client_get(context, "/v1/ids", &array);

	(void)operands;
	if (code != EXIT_SUCCESS)
		return code;
	if (context->json)
		return print_json(array);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i), *number = NULL;
		const char *state = json_string(item, "state");

		(void)json_object_object_get_ex(item, "number", &number);
		if (strcmp(state, "user") == 0 || strcmp(state, "kept") == 0)
			printf("%s:x:%lld:%lld:::\n", json_string(item, "name"),
			       (long long)json_object_get_int64(number),
			       (long long)json_object_get_int64(number));
	}
	return EXIT_SUCCESS;
}

/* People alone: no system accounts, no names that nobody of ours can have. */
static bool is_person(const struct passwd *entry)
{
	size_t len = strlen(entry->pw_name);

	return !id_is_reserved(entry->pw_uid) && name_is_valid(entry->pw_name, len) &&
	       !name_is_reserved(entry->pw_name, len);
}

static int file_read(FILE *file, struct json_object *list, unsigned int *ret_skipped)
{
	const struct passwd *entry;

	errno = 0;
	while ((entry = fgetpwent(file))) {
		struct json_object *item;

		if (!is_person(entry)) {
			*ret_skipped += 1;
			continue;
		}
		item = json_object_new_object();
		if (!item ||
		    json_object_object_add(item, "name",
					   json_object_new_string(entry->pw_name)) < 0 ||
		    json_object_object_add(item, "number",
					   json_object_new_int64(entry->pw_uid)) < 0 ||
		    json_object_array_add(list, item) < 0)
			return -ENOMEM;
	}
	return ferror(file) ? -EIO : 0;
}

int ids_import(const struct context *context, char **operands)
{
	_cleanup_(json_putp) struct json_object *list = json_object_new_array(), *answer = NULL;
	bool standard = strcmp(operands[0], "-") == 0;
	FILE *file = standard ? stdin : fopen(operands[0], "re");
	unsigned int skipped = 0;
	int r, code;

	if (!file || !list)
		return complain("%s: %s", operands[0], strerror(errno));
	r = file_read(file, list, &skipped);
	if (!standard)
		fclose(file);
	if (r < 0)
		return complain("%s: %s", operands[0], strerror(-r));
	if (json_object_array_length(list) == 0)
		return complain("%s: there are no people in it", operands[0]);
	code = client_post_text(context, "/v1/ids", json_object_to_json_string(list), &answer);
	if (code == EXIT_SUCCESS && !context->quiet)
		printf("%zu numbers are kept, %u system accounts were passed over\n",
		       json_object_array_length(list), skipped);
	return code;
}
