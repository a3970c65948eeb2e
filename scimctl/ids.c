#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "scimctl/scimctl.h"
#include "shared/names.h"

static bool item_is(struct json_object *item, const char *type)
{
	return strcmp(json_string(item, "type"), type) == 0 &&
	       strcmp(json_string(item, "state"), "retired") != 0;
}

/* Lines of a passwd file, or of a group file. */
static void export_print(struct json_object *array, bool groups)
{
	for (size_t i = 0; i < json_count(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i), *number = NULL;
		const char *name = json_string(item, "name");

		(void)json_object_object_get_ex(item, "number", &number);
		/* What is no name might be lines of its own. */
		if (!item_is(item, groups ? "group" : "user") ||
		    !name_is_valid(name, strlen(name)))
			continue;
		if (groups)
			printf("%s:x:%lld:\n", name, (long long)json_object_get_int64(number));
		else
			printf("%s:x:%lld:%lld:::\n", name, (long long)json_object_get_int64(number),
			       (long long)json_object_get_int64(number));
	}
}

int ids_export(const struct context *context, char **operands)
{
	bool groups = operands[0] && strcmp(operands[0], "groups") == 0;
	_cleanup_(json_putp) struct json_object *array = NULL;
	int code;

	if (operands[0] && (operands[1] || (!groups && strcmp(operands[0], "users") != 0))) {
		complain("ids export takes `users` or `groups`");
		return EXIT_USAGE;
	}
	code = client_get(context, "/v1/ids", &array);
	if (code != EXIT_SUCCESS)
		return code;
	if (context->json)
		return print_json(array);
	export_print(array, groups);
	return EXIT_SUCCESS;
}

/* What is read from the files. */
struct import {
	struct json_object *list; /* owned */
	unsigned int people, groups, skipped;
};

static void import_done(struct import *import)
{
	json_putp(&import->list);
}

/* No system accounts, no names that nobody of ours can have. */
static bool is_ours(const char *name, uint32_t number)
{
	size_t len = strlen(name);

	return !id_is_reserved(number) && name_is_valid(name, len) && !name_is_reserved(name, len);
}

static int import_add(struct import *import, const char *type, const char *name, uint32_t number)
{
	struct json_object *item = json_object_new_object();

	if (!item || json_object_object_add(item, "type", json_object_new_string(type)) < 0 ||
	    json_object_object_add(item, "name", json_object_new_string(name)) < 0 ||
	    json_object_object_add(item, "number", json_object_new_int64(number)) < 0 ||
	    json_object_array_add(import->list, item) < 0)
		return -ENOMEM;
	return 0;
}

/* Whether somebody of the name was in the passwd file: the group is theirs alone, and comes with them,
 * by the uid's number. */
static bool is_private(const struct import *import, const struct group *entry)
{
	for (size_t i = 0; i < import->people; i++) {
		struct json_object *item = json_object_array_get_idx(import->list, i), *number = NULL;

		if (strcmp(json_string(item, "name"), entry->gr_name) != 0)
			continue;
		(void)json_object_object_get_ex(item, "number", &number);
		if (json_object_get_int64(number) != entry->gr_gid)
			complain("%s: the group's number %u will be %lld here: look for files of it",
				 entry->gr_name, entry->gr_gid,
				 (long long)json_object_get_int64(number));
		return true;
	}
	return false;
}

static int people_read(FILE *file, struct import *import)
{
	const struct passwd *entry;
	int r = 0;

	while (r == 0 && (entry = fgetpwent(file))) {
		if (!is_ours(entry->pw_name, entry->pw_uid)) {
			import->skipped++;
			continue;
		}
		r = import_add(import, "user", entry->pw_name, entry->pw_uid);
		import->people++;
	}
	return ferror(file) ? -EIO : r;
}

static int groups_read(FILE *file, struct import *import)
{
	const struct group *entry;
	int r = 0;

	while (r == 0 && (entry = fgetgrent(file))) {
		if (!is_ours(entry->gr_name, entry->gr_gid) || is_private(import, entry)) {
			import->skipped++;
			continue;
		}
		r = import_add(import, "group", entry->gr_name, entry->gr_gid);
		import->groups++;
	}
	return ferror(file) ? -EIO : r;
}

static int file_read(const char *path, int (*read)(FILE *file, struct import *import),
		     struct import *import)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "re");
	int r;

	if (!file)
		return complain("%s: %s", path, strerror(errno));
	r = read(file, import);
	if (!standard)
		fclose(file);
	return r < 0 ? complain("%s: %s", path, strerror(-r)) : EXIT_SUCCESS;
}

int ids_import(const struct context *context, char **operands)
{
	_cleanup_(import_done) struct import import = { .list = json_object_new_array() };
	_cleanup_(json_putp) struct json_object *answer = NULL;
	int code = EXIT_SUCCESS;

	if (!import.list)
		return complain("out of memory");
	if (operands[0] ? operands[1] != NULL : !context->group) {
		complain("ids import takes a passwd file, --group with a group file, or both");
		return EXIT_USAGE;
	}
	if (operands[0])
		code = file_read(operands[0], people_read, &import);
	if (code == EXIT_SUCCESS && context->group)
		code = file_read(context->group, groups_read, &import);
	if (code != EXIT_SUCCESS)
		return code;
	if (import.people + import.groups == 0)
		return complain("there is nobody whose number could be kept");
	code = client_post_text(context, "/v1/ids", json_object_to_json_string(import.list),
				&answer);
	if (code == EXIT_SUCCESS && !context->quiet)
		printf("%u numbers of people and %u of groups are kept, %u others were passed over\n",
		       import.people, import.groups, import.skipped);
	return code;
}
