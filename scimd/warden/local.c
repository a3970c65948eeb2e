#include "scimd/warden/local.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define BLANKS " \t\r\v\f"

struct account {
	char *name;
	uint32_t id;
};

/* One file: its accounts, ordered by name (without case) and by id. */
struct accounts {
	const char *path;
	struct stat seen;
	struct account *by_name, *by_id;
	size_t count;
};

struct local {
	struct accounts users, groups;
};

static void accounts_done(struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++)
		free(accounts->by_name[i].name);
	free(accounts->by_name);
	free(accounts->by_id);
	accounts->by_name = accounts->by_id = NULL;
	accounts->count = 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcasecmp(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = ((const struct account *)a)->id, right = ((const struct account *)b)->id;

	return left < right ? -1 : left > right;
}

/* "name:x:id:…": both files begin so. Lines that don't are passed over, as libc does; what libc takes
 * (blanks before the name or the id) is taken too, or that account would not be protected. */
static bool line_parse(char *line, char **ret_name, uint32_t *ret_id)
{
	char *number, *name = line + strspn(line, BLANKS), *end;
	unsigned long id;

	if (*name == '#' || *name == ':' || *name == '\0')
		return false;
	end = strchr(name, ':');
	if (!end)
		return false;
	*end = '\0';
	end = strchr(end + 1, ':');
	if (!end)
		return false;
	number = end + 1 + strspn(end + 1, BLANKS);
	if (*number < '0' || *number > '9')
		return false;
	errno = 0;
	id = strtoul(number, &end, 10);
	if (errno || id > UINT32_MAX || (*end != ':' && *end != '\n' && *end != '\0'))
		return false;
	*ret_name = name;
	*ret_id = (uint32_t)id;
	return true;
}

static int accounts_add(struct accounts *accounts, const char *name, uint32_t id)
{
	struct account *larger;

	if ((accounts->count & (accounts->count - 1)) == 0) {
		size_t capacity = accounts->count ? accounts->count * 2 : 1;

		larger = reallocarray(accounts->by_name, capacity, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		accounts->by_name = larger;
	}
	accounts->by_name[accounts->count].name = strdup(name);
	if (!accounts->by_name[accounts->count].name)
		return -ENOMEM;
	accounts->by_name[accounts->count++].id = id;
	return 0;
}

static void filep(FILE **file)
{
	if (*file)
		(void)fclose(*file); /* read only: nothing to lose */
}

static int accounts_read(struct accounts *accounts, FILE *file)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (r == 0 && getline(&line, &size, file) >= 0) {
		char *name;
		uint32_t id;

		if (line_parse(line, &name, &id))
			r = accounts_add(accounts, name, id);
	}
	if (r == 0 && ferror(file))
		r = -EIO;
	if (r == 0 && accounts->count) {
		accounts->by_id = calloc(accounts->count, sizeof(*accounts->by_id));
		if (!accounts->by_id)
			return -ENOMEM;
		memcpy(accounts->by_id, accounts->by_name,
		       accounts->count * sizeof(*accounts->by_id));
		qsort(accounts->by_id, accounts->count, sizeof(*accounts->by_id), compare_ids);
		qsort(accounts->by_name, accounts->count, sizeof(*accounts->by_name),
		      compare_names);
	}
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int accounts_refresh(struct accounts *accounts)
{
	_cleanup_(filep) FILE *file = NULL;
	struct accounts fresh = { .path = accounts->path };
	int r;

	if (stat(accounts->path, &fresh.seen) < 0)
		return -errno;
	if (accounts->count && same_file(&fresh.seen, &accounts->seen))
		return 0;
	file = fopen(accounts->path, "re");
	if (!file || fstat(fileno(file), &fresh.seen) < 0)
		return -errno;
	r = accounts_read(&fresh, file);
	if (r == 0 && fresh.count == 0)
		r = -ENODATA; /* being rewritten by hand, or damaged: root is missing */
	if (r < 0) {
		accounts_done(&fresh);
		return r;
	}
	accounts_done(accounts);
	*accounts = fresh;
	return 0;
}

static const struct account *find_name(const struct accounts *accounts, const char *name)
{
	struct account key = { .name = (char *)(uintptr_t)name };

	if (accounts->count == 0)
		return NULL;
	return bsearch(&key, accounts->by_name, accounts->count, sizeof(key), compare_names);
}

static bool has_id(const struct accounts *accounts, uint32_t id)
{
	struct account key = { .id = id };

	return accounts->count != 0 &&
	       bsearch(&key, accounts->by_id, accounts->count, sizeof(key), compare_ids) != NULL;
}

static int name_id(const struct accounts *accounts, const char *name, uint32_t *ret)
{
	const struct account *account = find_name(accounts, name);
	const struct account *end = accounts->by_name + accounts->count;

	if (!account)
		return -ENOENT;
	/* Names that differ in case alone lie together: any of them was found. */
	while (account > accounts->by_name && strcasecmp(account[-1].name, name) == 0)
		account--;
	for (; account < end && strcasecmp(account->name, name) == 0; account++)
		if (strcmp(account->name, name) == 0) {
			*ret = account->id;
			return 0;
		}
	return -ENOENT;
}

int local_new(const char *passwd, const char *group, struct local **ret)
{
	_cleanup_(local_freep) struct local *local = calloc(1, sizeof(*local));
	int r;

	if (!local)
		return -ENOMEM;
	local->users.path = passwd;
	local->groups.path = group;
	r = local_refresh(local);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(local);
	return 0;
}

void local_freep(struct local **local)
{
	if (!*local)
		return;
	accounts_done(&(*local)->users);
	accounts_done(&(*local)->groups);
	free(*local);
	*local = NULL;
}

int local_refresh(struct local *local)
{
	int r = accounts_refresh(&local->users);

	return r < 0 ? r : accounts_refresh(&local->groups);
}

bool local_has_name(const struct local *local, const char *name)
{
	return find_name(&local->users, name) || find_name(&local->groups, name);
}

bool local_has_uid(const struct local *local, uint32_t uid)
{
	return has_id(&local->users, uid);
}

bool local_has_gid(const struct local *local, uint32_t gid)
{
	return has_id(&local->groups, gid);
}

int local_user_uid(const struct local *local, const char *name, uint32_t *ret)
{
	return name_id(&local->users, name, ret);
}

int local_group_gid(const struct local *local, const char *name, uint32_t *ret)
{
	return name_id(&local->groups, name, ret);
}
