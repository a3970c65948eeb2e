/* Ids of the host's own accounts, from /etc/passwd and /etc/group themselves, so that nobody is offered
 * one. It spares a refusal and guards nothing: the warden reads the same files by itself. */
#include "scimd/change/internal.h"

#include <stdio.h>
#include <string.h>

void local_ids_set(struct local_ids *local, const char *passwd, const char *group)
{
	local_ids_done(local);
	local->files[0].path = passwd;
	local->files[1].path = group;
}

void local_ids_done(struct local_ids *local)
{
	free(local->ids);
	*local = (struct local_ids){ 0 };
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_fresh(const struct local_ids *local)
{
	for (size_t i = 0; i < ARRAY_SIZE(local->files); i++) {
		struct stat now;

		if (stat(local->files[i].path, &now) < 0 ||
		    !is_same_file(&now, &local->files[i].seen))
			return false;
	}
	return true;
}

/* The third field, as in both files; libc takes blanks before it. */
static bool line_id(const char *line, uint32_t *ret)
{
	const char *at = strchr(line, ':');
	unsigned long id;
	char *end;

	at = at ? strchr(at + 1, ':') : NULL;
	if (!at)
		return false;
	at += 1 + strspn(at + 1, " \t\r\v\f");
	if (*at < '0' || *at > '9')
		return false;
	errno = 0;
	id = strtoul(at, &end, 10);
	if (errno || id > UINT32_MAX || (*end != ':' && *end != '\n' && *end != '\0'))
		return false;
	*ret = (uint32_t)id;
	return true;
}

static int ids_add(struct local_ids *local, uint32_t id)
{
	size_t room = local->room ? local->room * 2 : 128;
	uint32_t *larger;

	if (local->count == local->room) {
		larger = reallocarray(local->ids, room, sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		local->ids = larger;
		local->room = room;
	}
	local->ids[local->count++] = id;
	return 0;
}

static void filep(FILE **file)
{
	if (*file)
		(void)fclose(*file); /* read only: nothing to lose */
}

static int file_read(struct local_ids *local, struct local_file *file)
{
	_cleanup_(filep) FILE *stream = fopen(file->path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	uint32_t id;
	int r = 0;

	if (!stream || fstat(fileno(stream), &file->seen) < 0)
		return -errno;
	while (r == 0 && getline(&line, &size, stream) >= 0)
		if (line_id(line, &id))
			r = ids_add(local, id);
	return r == 0 && ferror(stream) ? -EIO : r;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

void local_ids_refresh(struct local_ids *local)
{
	_cleanup_(local_ids_done) struct local_ids fresh = { 0 };
	int r = 0;

	if (is_fresh(local))
		return;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fresh.files); i++) {
		fresh.files[i].path = local->files[i].path;
		r = file_read(&fresh, &fresh.files[i]);
	}
	if (r < 0)
		return;
	if (fresh.count)
		qsort(fresh.ids, fresh.count, sizeof(*fresh.ids), compare_ids);
	local_ids_done(local);
	*local = fresh;
	fresh = (struct local_ids){ 0 };
}

bool local_ids_has(uint32_t id, void *context)
{
	const struct local_ids *local = context;

	return local->count != 0 &&
	       bsearch(&id, local->ids, local->count, sizeof(id), compare_ids) != NULL;
}
