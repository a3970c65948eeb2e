#include "shared/conf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "shared/conf_file.h"
#include "shared/conf_value.h"

#define LINE_MAX_BYTES 4096u
#define FILE_MAX_BYTES (1024u * 1024u) /* far above any real configuration */
#define SECTION_NAME_MAX 32u
#define OBJECTS_MAX 4096u /* sections: they are found by a walk */

#define KEYS_MAX 12u

struct section {
	const char *name;
	const struct key *keys;
	size_t key_count;
	/* Sections with a name of their own are items of an array in struct conf. */
	size_t items_offset, count_offset, item_size;
	bool dash; /* such a name may hold '-' */
};

#define AT(member) offsetof(struct conf, member)
#define PATH_WANTED "an absolute path without . and .. components, ':' or control characters"
#define URL_WANTED "a URL that starts with https:// or http://"

static const struct key server_keys[] = {
	{ "listen", &type_string, AT(server.listen), "127.0.0.1:8643", check_listen,
	  "ADDRESS:PORT with a numeric address, IPv6 in brackets, and port 1-65535", 0, 0, false },
	{ "tls_cert", &type_string, AT(server.tls_cert), NULL, check_path, PATH_WANTED, 0, 0,
	  false },
	{ "tls_key", &type_string, AT(server.tls_key), NULL, check_path, PATH_WANTED, 0, 0, false },
	{ "public_url", &type_string, AT(server.public_url), NULL, check_url, URL_WANTED, 0, 0,
	  false },
	{ "rate_limit", &type_u32, AT(server.rate_limit), "0", NULL,
	  "requests per second, 0-1000000 (0: no limit)", 0, 1000000, false },
	{ "max_body", &type_u64, AT(server.max_body), "1048576", NULL, "bytes, 4096-67108864", 4096,
	  67108864, false },
};

static const struct key limits_keys[] = {
	{ "depth", &type_u32, AT(limits.depth), "32", NULL, "4-32", 4, 32, false },
	{ "values", &type_u32, AT(limits.values), "500000", NULL, "100-10000000", 100, 10000000,
	  false },
	{ "filter_bytes", &type_u32, AT(limits.filter_bytes), "4096", NULL, "bytes, 64-4096", 64,
	  4096, false },
	{ "operations", &type_u32, AT(limits.operations), "1000", NULL, "1-1000", 1, 1000, false },
	{ "members", &type_u32, AT(limits.members), "200000", NULL, "1-200000", 1, 200000, false },
	{ "results", &type_u32, AT(limits.results), "1000", NULL, "10-1000", 10, 1000, false },
	{ "scan", &type_u32, AT(limits.scan), "100000", NULL, "1-100000000", 1, 100000000, false },
	{ "connections", &type_u32, AT(limits.connections), "512", NULL, "16-4096", 16, 4096,
	  false },
	{ "connections_per_address", &type_u32, AT(limits.connections_per_address), "128", NULL,
	  "1-4096", 1, 4096, false },
	{ "idle_s", &type_u32, AT(limits.idle_s), "60", NULL, "seconds, 1-3600", 1, 3600, false },
};

static const struct key identity_keys[] = {
	{ "uid_range", &type_range, AT(identity.uid_min), "65536-99999", NULL, NULL, 0, 0, false },
	{ "home", &type_string, AT(identity.home), "/home/%u", check_home,
	  "an absolute path in which %u is the name, %U the uid and %% a percent sign", 0, 0,
	  false },
	{ "shell", &type_string, AT(identity.shell), "/bin/bash", check_path, PATH_WANTED, 0, 0,
	  false },
	{ "username", &type_string, AT(identity.username), "userName local-part lower",
	  check_username, "ATTRIBUTE [local-part] [lower], or several with commas between", 0, 0, false },
	{ "expose_groups", &type_list, AT(identity.expose_groups), "*", NULL, NULL, 0, 0, false },
	{ "passwords", &type_bool, AT(identity.passwords), "off", NULL, NULL, 0, 0, false },
	{ "password_url", &type_string, AT(identity.password_url), NULL, check_url, URL_WANTED, 0, 0,
	  false },
	{ "certificate_keys", &type_bool, AT(identity.certificate_keys), "on", NULL, NULL, 0, 0, false },
	{ "key_options", &type_list, AT(identity.key_options), NULL, check_key_option,
	  "names of sshd's options that restrict a key, with commas between them", 0, 0, false },
	{ "name_replacement", &type_string, AT(identity.name_replacement), NULL,
	  check_replacement, "one of _ . -", 0, 0, false },
	{ "name_quarantine_days", &type_u32, AT(identity.name_quarantine_days), "90", NULL,
	  "days, 0-36500", 0, 36500, false },
};

static const struct key access_keys[] = {
	{ "allow_groups", &type_list, AT(access.allow_groups), NULL, NULL, NULL, 0, 0, false },
	{ "deny_groups", &type_list, AT(access.deny_groups), NULL, NULL, NULL, 0, 0, false },
	{ "after_restore", &type_after_restore, AT(access.after_restore), "hold", NULL, NULL, 0, 0,
	  false },
};

static const struct key offboard_keys[] = {
	{ "grace_ms", &type_u32, AT(offboard.grace_ms), "0", NULL, "milliseconds, 0-60000", 0,
	  60000, false },
	{ "deadline_ms", &type_u32, AT(offboard.deadline_ms), "2000", NULL,
	  "milliseconds, 100-60000", 100, 60000, false },
	{ "on_role_loss", &type_role_loss, AT(offboard.on_role_loss), "end-sessions", NULL, NULL, 0,
	  0, false },
};

static const struct key connection_keys[] = {
	{ "token_sha256", &type_tokens, 0, NULL, NULL, NULL, 0, 0, true },
	{ "dialect", &type_dialect, offsetof(struct conf_connection, dialect), "auto", NULL, NULL,
	  0, 0, false },
	{ "pending_members", &type_pending, offsetof(struct conf_connection, pending_members),
	  "refuse", NULL, NULL, 0, 0, false },
	{ "unknown_schemas", &type_unknown, offsetof(struct conf_connection, unknown_schemas),
	  "ignore", NULL, NULL, 0, 0, false },
};

static const struct key schema_keys[] = {
	{ "file", &type_string, offsetof(struct conf_schema, file), NULL, check_path, PATH_WANTED,
	  0, 0, true },
	{ "resource", &type_resource, offsetof(struct conf_schema, resource), "User", NULL, NULL, 0,
	  0, false },
};

static const struct key role_keys[] = {
	{ "groups", &type_list, offsetof(struct conf_role, groups), NULL, NULL, NULL, 0, 0, true },
	{ "local_groups", &type_list, offsetof(struct conf_role, local_groups), NULL,
	  check_posix_name, "names of groups in /etc/group, with commas between them", 0, 0,
	  false },
	{ "shell", &type_string, offsetof(struct conf_role, shell), NULL, check_path, PATH_WANTED,
	  0, 0, false },
	{ "precedence", &type_int, offsetof(struct conf_role, precedence), "100", NULL,
	  "a number, 0-1000000; the lowest wins", 0, 1000000, false },
};

static const struct key attribute_keys[] = {
	{ "source", &type_string, offsetof(struct conf_attribute, source), NULL,
	  check_attribute_path, "the path of an attribute", 0, 0, true },
	{ "env", &type_string, offsetof(struct conf_attribute, env), NULL, check_env,
	  "a name of A-Z, 0-9 and _ that neither shells nor the loader obey", 0, 0, false },
	{ "gecos", &type_string, offsetof(struct conf_attribute, gecos), NULL, check_gecos,
	  "room, work_phone, home_phone or other", 0, 0, false },
};

static const struct key events_keys[] = {
	{ "webhook", &type_string, AT(events.webhook), NULL, check_webhook,
	  "a URL that starts with https://, or http:// to this host itself, without user and password",
	  0, 0, false },
	{ "secret_file", &type_string, AT(events.secret_file), NULL, check_path, PATH_WANTED, 0, 0,
	  false },
};

#define KEYS(keys) keys, ARRAY_SIZE(keys)
#define ITEMS(list, count, type, dash) AT(list), AT(count), sizeof(struct type), dash
#define NO_ITEMS 0, 0, 0, false

static const struct section sections[] = {
	{ "server", KEYS(server_keys), NO_ITEMS },
	{ "limits", KEYS(limits_keys), NO_ITEMS },
	{ "identity", KEYS(identity_keys), NO_ITEMS },
	{ "access", KEYS(access_keys), NO_ITEMS },
	{ "offboard", KEYS(offboard_keys), NO_ITEMS },
	{ "connection", KEYS(connection_keys),
	  ITEMS(connections, connection_count, conf_connection, true) },
	{ "role", KEYS(role_keys), ITEMS(roles, role_count, conf_role, true) },
	{ "attribute", KEYS(attribute_keys),
	  ITEMS(attributes, attribute_count, conf_attribute, false) },
	{ "schema", KEYS(schema_keys), ITEMS(schemas, schema_count, conf_schema, true) },
	{ "events", KEYS(events_keys), NO_ITEMS },
};

_Static_assert(ARRAY_SIZE(server_keys) <= KEYS_MAX && ARRAY_SIZE(identity_keys) <= KEYS_MAX &&
		       ARRAY_SIZE(limits_keys) <= KEYS_MAX,
	       "struct object has room for every key of a section");
_Static_assert(offsetof(struct conf_connection, name) == 0 &&
		       offsetof(struct conf_role, name) == 0 &&
		       offsetof(struct conf_attribute, name) == 0 &&
		       offsetof(struct conf_schema, name) == 0,
	       "a named section's struct starts with its name");

static bool section_is_named(const struct section *section)
{
	return section->item_size != 0;
}

static void *field_at(const void *base, size_t offset)
{
	return (char *)base + offset;
}

/* The struct that holds a section's fields: conf itself or item index of its array. */
static void *section_struct(const struct section *section, const struct conf *conf, size_t index)
{
	if (!section_is_named(section))
		return (void *)conf;
	return *(char **)field_at(conf, section->items_offset) + index * section->item_size;
}

static size_t section_count(const struct section *section, const struct conf *conf)
{
	return section_is_named(section) ? *(size_t *)field_at(conf, section->count_offset) : 1;
}

/* Put the default into a field. */
static int key_reset(const struct key *key, void *base)
{
	void *field = field_at(base, key->offset);
	const char *why;

	if (key->default_text)
		return key->type->set(key, field, key->default_text, &why);
	if (key->type == &type_list)
		return list_empty(field);
	if (key->type == &type_tokens)
		((struct conf_connection *)base)->token_count = 0;
	else
		key->type->clear(field);
	return 0;
}

static int section_reset(const struct section *section, void *base)
{
	for (size_t i = 0; i < section->key_count; i++) {
		int r = key_reset(&section->keys[i], base);

		if (r < 0)
			return r;
	}
	return 0;
}

int conf_defaults(struct conf **ret)
{
	_cleanup_(conf_freep) struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		int r = section_is_named(&sections[i]) ? 0 : section_reset(&sections[i], conf);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(conf);
	return 0;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *section = &sections[i];

		for (size_t item = 0; item < section_count(section, conf); item++) {
			void *base = section_struct(section, conf, item);

			for (size_t k = 0; k < section->key_count; k++)
				if (section->keys[k].type->clear)
					section->keys[k].type->clear(
						field_at(base, section->keys[k].offset));
			if (section_is_named(section))
				free(*(char **)base);
		}
	}
	free(conf->connections);
	free(conf->roles);
	free(conf->attributes);
	free(conf->schemas);
	free(conf);
}

void conf_freep(struct conf **conf)
{
	int saved = errno;

	conf_free(*conf);
	*conf = NULL;
	errno = saved;
}

void conf_problems_done(struct conf_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].file);
		free(problems->items[i].message);
	}
	free(problems->items);
	problems->items = NULL;
	problems->count = 0;
}

bool conf_list_has(conf_list list, const char *value)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcasecmp(list[i], value) == 0)
			return true;
	return false;
}

static void section_print(const struct section *section, const void *base, FILE *out)
{
	fprintf(out, "[%s%s%s]\n", section->name, section_is_named(section) ? " " : "",
		section_is_named(section) ? *(char *const *)base : "");
	for (size_t i = 0; i < section->key_count; i++) {
		const struct key *key = &section->keys[i];

		fprintf(out, "%s = ", key->name);
		key->type->print(key, field_at(base, key->offset), out);
		fputc('\n', out);
	}
	fputc('\n', out);
}

void conf_print(const struct conf *conf, FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		for (size_t item = 0; item < section_count(&sections[i], conf); item++)
			section_print(&sections[i], section_struct(&sections[i], conf, item), out);
}

/* --- loading --- */

/* Where a key was last set. file counts from 1; 0: never. */
struct origin {
	size_t file;
	unsigned int line;
	bool empty;
};

/* One section of the configuration being read, with its place in struct conf. */
struct object {
	const struct section *section;
	size_t index;
	struct origin header;
	struct origin keys[KEYS_MAX];
};

struct loader {
	struct conf *conf;
	struct conf_problems problems;
	char **files; /* paths as opened */
	size_t file_count;
	unsigned int line;
	struct object *objects;
	size_t object_count;
	struct object *current; /* NULL: before the first section, or in an unknown one */
	bool in_section;
};

static void loader_done(struct loader *loader)
{
	conf_freep(&loader->conf);
	conf_problems_done(&loader->problems);
	for (size_t i = 0; i < loader->file_count; i++)
		free(loader->files[i]);
	free(loader->files);
	free(loader->objects);
}

/* Make room for one more item; returns the zeroed item or NULL. */
static void *array_grow(void **array, size_t count, size_t item_size)
{
	char *bigger = reallocarray(*array, count + 1, item_size);

	if (!bigger)
		return NULL;
	*array = bigger;
	return memset(bigger + count * item_size, 0, item_size);
}

/* Record a problem of a line (0: the whole file) in a file (counted from 1). Text from the file
 * gets into messages only after text_is_plain has seen it. */
static int _printf_(4, 5)
	problem_add(struct loader *loader, size_t file, unsigned int line, const char *fmt, ...)
{
	char message[512];
	struct conf_problem *problem;
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	problem = array_grow((void **)&loader->problems.items, loader->problems.count,
			     sizeof(*problem));
	if (!problem)
		return -ENOMEM;
	loader->problems.count++;
	problem->line = line;
	problem->file = strdup(loader->files[file - 1]);
	problem->message = strdup(message);
	return problem->file && problem->message ? 0 : -ENOMEM;
}

#define problem_here(loader, ...)                                                                  \
	problem_add((loader), (loader)->file_count, (loader)->line, __VA_ARGS__)

/* Short and of harmless characters: fit for a message on a terminal. */
static bool text_is_plain(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 64)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static bool section_name_is_valid(const char *name, bool dash)
{
	size_t len = strlen(name);

	for (const char *p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '_' &&
		    !(dash && *p == '-'))
			return false;
	return len >= 1 && len <= SECTION_NAME_MAX;
}

static const struct section *section_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (strcmp(sections[i].name, name) == 0)
			return &sections[i];
	return NULL;
}

static struct object *object_find(struct loader *loader, const struct section *section,
				  const char *name)
{
	for (size_t i = 0; i < loader->object_count; i++) {
		struct object *object = &loader->objects[i];

		if (object->section != section)
			continue;
		if (!section_is_named(section) ||
		    strcmp(*(char **)section_struct(section, loader->conf, object->index), name) ==
			    0)
			return object;
	}
	return NULL;
}

/* Append an item with its defaults to a named section's array in struct conf. */
static int item_add(struct conf *conf, const struct section *section, const char *name)
{
	size_t *count = field_at(conf, section->count_offset);
	char *copy = strdup(name);
	void *item;

	if (!copy)
		return -ENOMEM;
	item = array_grow(field_at(conf, section->items_offset), *count, section->item_size);
	if (!item) {
		free(copy);
		return -ENOMEM;
	}
	*(char **)item = copy;
	*count += 1;
	return section_reset(section, item);
}

/* Make section (with this name) the current one. */
static int section_enter(struct loader *loader, const struct section *section, const char *name)
{
	struct object *object = object_find(loader, section, name);
	int r;

	if (!object && loader->object_count == OBJECTS_MAX)
		return problem_here(loader, "more than %u sections", OBJECTS_MAX);
	if (!object) {
		object = array_grow((void **)&loader->objects, loader->object_count,
				    sizeof(*object));
		if (!object)
			return -ENOMEM;
		object->section = section;
		object->index = section_is_named(section) ? section_count(section, loader->conf)
							  : 0;
		r = section_is_named(section) ? item_add(loader->conf, section, name) : 0;
		if (r < 0)
			return r;
		loader->object_count++;
	}
	object->header = (struct origin){ loader->file_count, loader->line, false };
	loader->current = object;
	return 0;
}

/* "[section]" or "[section NAME]"; line is trimmed and is taken apart. */
static int line_section(struct loader *loader, char *line)
{
	const struct section *section;
	size_t len = strlen(line);
	char *name;
	int r = 0;

	loader->current = NULL;
	loader->in_section = true;
	if (line[len - 1] != ']')
		return problem_here(loader, "a section's line must end with ']'");
	line[len - 1] = '\0';
	line += 1 + strspn(line + 1, " \t");
	name = line + strcspn(line, " \t");
	if (*name)
		*name++ = '\0';
	name += strspn(name, " \t");
	for (len = strlen(name); len > 0 && blank(name[len - 1]); len--)
		name[len - 1] = '\0';
	section = section_find(line);
	if (!section)
		return problem_here(loader, "there is no section [%s]",
				    text_is_plain(line) ? line : "…");
	if (section_is_named(section) && !section_name_is_valid(name, section->dash))
		r = problem_here(loader,
				 "[%s NAME] needs a name of 1 to %u characters a-z, 0-9%s and _",
				 line, SECTION_NAME_MAX, section->dash ? ", -" : "");
	else if (!section_is_named(section) && *name)
		r = problem_here(loader, "section [%s] takes no name", line);
	return r < 0 ? r : section_enter(loader, section, name);
}

static int key_apply(struct loader *loader, const struct key *key, struct origin *origin,
		     const char *text)
{
	struct object *object = loader->current;
	void *base = section_struct(object->section, loader->conf, object->index);
	const char *why = NULL;
	int r;

	if (origin->file == loader->file_count) {
		r = problem_here(loader, "%s is set a second time (first in line %u)", key->name,
				 origin->line);
		if (r < 0)
			return r;
	}
	*origin = (struct origin){ loader->file_count, loader->line, *text == '\0' };
	if (!*text)
		return key_reset(key, base);
	r = key->type->set(key, field_at(base, key->offset), text, &why);
	/* The value stays out of the message: it may be a token put in the wrong place. */
	return r == -EINVAL ? problem_here(loader, "%s must be %s", key->name, why) : r;
}

/* "key = value"; line is trimmed and is taken apart. */
static int line_key(struct loader *loader, char *line)
{
	char *text = strchr(line, '='), *end;
	const struct section *section;

	if (!text)
		return problem_here(loader, "expected [section] or key = value");
	end = text++;
	while (end > line && blank(end[-1]))
		end--;
	*end = '\0';
	while (blank(*text))
		text++;
	if (!loader->in_section)
		return problem_here(loader, "a key before the first [section]");
	if (!loader->current)
		return 0; /* the unknown section was reported */
	section = loader->current->section;
	for (size_t i = 0; i < section->key_count; i++)
		if (strcmp(section->keys[i].name, line) == 0)
			return key_apply(loader, &section->keys[i], &loader->current->keys[i],
					 text);
	return problem_here(loader, "section [%s] has no key %s", section->name,
			    text_is_plain(line) ? line : "of that name");
}

/* One line of len bytes, without its newline. */
static int line_read(struct loader *loader, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES + 1], *start = line;

	if (len > LINE_MAX_BYTES)
		return problem_here(loader, "the line is longer than %u bytes", LINE_MAX_BYTES);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0')
			return problem_here(loader, "the line holds a NUL byte");
		if (((unsigned char)text[i] < ' ' && !blank(text[i])) || text[i] == 0x7f)
			return problem_here(loader, "the line holds a control character");
	}
	for (size_t i = 0; i < len; i++)
		if (text[i] == '#' && (i == 0 || blank(text[i - 1])))
			len = i;
	memcpy(line, text, len);
	line[len] = '\0';
	while (len > 0 && blank(line[len - 1]))
		line[--len] = '\0';
	while (blank(*start))
		start++;
	if (!*start)
		return 0;
	return *start == '[' ? line_section(loader, start) : line_key(loader, start);
}

static int file_begin(struct loader *loader, const char *path)
{
	char **file = array_grow((void **)&loader->files, loader->file_count, sizeof(*file));

	if (!file)
		return -ENOMEM;
	*file = strdup(path);
	if (!*file)
		return -ENOMEM;
	loader->file_count++;
	loader->line = 0;
	loader->current = NULL;
	loader->in_section = false;
	return 0;
}

static int file_read(struct loader *loader, const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = file_begin(loader, path);

	if (r < 0)
		return r;
	r = conf_file_read(path, FILE_MAX_BYTES, &text, &size);
	if (r == -ENOMEM)
		return r;
	if (r == -EISDIR)
		return problem_here(loader, "not a regular file");
	if (r < 0)
		return problem_here(loader, "%s", strerror(-r));
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end ? (size_t)(end - text) - at : size - at;

		loader->line++;
		r = line_read(loader, text + at, len);
		if (r < 0)
			return r;
		at += len + 1;
	}
	return 0;
}

static int dropin_wanted(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

static int dropin_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int dropin_read(struct loader *loader, const char *directory, const char *name)
{
	size_t size = strlen(directory) + strlen(name) + 2;
	_cleanup_free_ char *path = malloc(size);

	if (!path)
		return -ENOMEM;
	snprintf(path, size, "%s/%s", directory, name);
	return file_read(loader, path);
}

static int dropins_read(struct loader *loader, const char *directory)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, dropin_wanted, dropin_compare);
	int error = errno, r = 0;

	if (count < 0 && error == ENOENT)
		return 0;
	if (count < 0) {
		r = error == ENOMEM ? -ENOMEM : file_begin(loader, directory);
		return r < 0 ? r : problem_here(loader, "%s", strerror(error));
	}
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = dropin_read(loader, directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* --- what only the whole can say --- */

static int check_required(struct loader *loader)
{
	int r = 0;

	for (size_t i = 0; i < loader->object_count && r == 0; i++) {
		const struct object *object = &loader->objects[i];

		for (size_t k = 0; k < object->section->key_count && r == 0; k++) {
			const struct origin *origin = &object->keys[k];

			if (!object->section->keys[k].required ||
			    (origin->file != 0 && !origin->empty))
				continue;
			if (origin->file == 0)
				origin = &object->header;
			r = problem_add(loader, origin->file, origin->line, "[%s %s] needs %s",
					object->section->name,
					*(char **)section_struct(object->section, loader->conf,
								 object->index),
					object->section->keys[k].name);
		}
	}
	return r;
}

static int check_tls(struct loader *loader)
{
	const struct object *server = object_find(loader, section_find("server"), "");

	if (!server || !loader->conf->server.tls_cert == !loader->conf->server.tls_key)
		return 0;
	return problem_add(loader, server->header.file, server->header.line,
			   "tls_cert and tls_key must be set together");
}

/* The same, and a value that was refused is one error, not two. */
static int check_events(struct loader *loader)
{
	const struct object *events = object_find(loader, section_find("events"), "");
	size_t given = 0;

	for (size_t i = 0; events && i < ARRAY_SIZE(events_keys); i++)
		given += events->keys[i].file != 0 && !events->keys[i].empty;
	if (given != 1)
		return 0;
	return problem_add(loader, events->header.file, events->header.line,
			   "webhook and secret_file must be set together");
}

static bool connections_share_token(const struct conf_connection *a,
				    const struct conf_connection *b)
{
	for (size_t i = 0; i < a->token_count; i++)
		for (size_t j = 0; j < b->token_count; j++)
			if (memcmp(a->token_sha256[i], b->token_sha256[j], CONF_TOKEN_HASH_BYTES) ==
			    0)
				return true;
	return false;
}

/* A token names one connection: what it pushes must not depend on which one is found first. */
static int check_tokens(struct loader *loader)
{
	const struct section *section = section_find("connection");
	const struct conf *conf = loader->conf;
	int r = 0;

	for (size_t i = 1; i < conf->connection_count; i++) {
		const struct conf_connection *late = &conf->connections[i];
		const struct object *object = object_find(loader, section, late->name);

		for (size_t j = 0; j < i && r == 0; j++)
			if (connections_share_token(late, &conf->connections[j]))
				r = problem_add(loader, object->header.file, object->header.line,
						"[connection %s] has a token of [connection %s]",
						late->name, conf->connections[j].name);
	}
	return r;
}

static int role_compare(const void *a, const void *b)
{
	const struct conf_role *x = a, *y = b;

	if (x->precedence != y->precedence)
		return x->precedence < y->precedence ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int load_all(struct loader *loader, const char *file, const char *dropin_dir)
{
	int r = conf_defaults(&loader->conf);

	if (r == 0)
		r = file_read(loader, file);
	if (r == 0 && dropin_dir)
		r = dropins_read(loader, dropin_dir);
	if (r == 0)
		r = check_required(loader);
	if (r == 0)
		r = check_tls(loader);
	if (r == 0)
		r = check_events(loader);
	if (r == 0)
		r = check_tokens(loader);
	return r;
}

int conf_load(const char *file, const char *dropin_dir, struct conf **ret,
	      struct conf_problems *ret_problems)
{
	_cleanup_(loader_done) struct loader loader = { 0 };
	struct conf *conf;
	int r = load_all(&loader, file, dropin_dir);

	if (r < 0)
		return r;
	if (loader.problems.count > 0) {
		*ret_problems = loader.problems;
		loader.problems = (struct conf_problems){ 0 };
		return -EINVAL;
	}
	conf = loader.conf;
	if (conf->role_count > 1)
		qsort(conf->roles, conf->role_count, sizeof(*conf->roles), role_compare);
	*ret = TAKE_PTR(loader.conf);
	return 0;
}
