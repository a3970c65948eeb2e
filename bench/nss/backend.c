#include "bench/nss/backend.h"

#include <dlfcn.h>
#include <nss.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a module, called directly ------------------------------------------------------------------ */

struct module {
	enum nss_status (*pwnam)(const char *, struct passwd *, char *, size_t, int *);
	enum nss_status (*pwuid)(uid_t, struct passwd *, char *, size_t, int *);
	enum nss_status (*grnam)(const char *, struct group *, char *, size_t, int *);
	enum nss_status (*grgid)(gid_t, struct group *, char *, size_t, int *);
	enum nss_status (*initgroups)(const char *, gid_t, long *, long *, gid_t **, long, int *);
	enum nss_status (*setpwent)(int);
	enum nss_status (*getpwent)(struct passwd *, char *, size_t, int *);
};

static const struct module *module;

static int status_int(enum nss_status status)
{
	return status == NSS_STATUS_SUCCESS ? 1 : status == NSS_STATUS_NOTFOUND ? 0 : -1;
}

static int module_pwnam(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	int error;

	return status_int(module->pwnam(name, ret, buffer, size, &error));
}

static int module_pwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	int error;

	return status_int(module->pwuid(uid, ret, buffer, size, &error));
}

static int module_grnam(const char *name, struct group *ret, char *buffer, size_t size)
{
	int error;

	return status_int(module->grnam(name, ret, buffer, size, &error));
}

static int module_grgid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	int error;

	return status_int(module->grgid(gid, ret, buffer, size, &error));
}

/* The array has room, so that it is never grown: the caller's own. */
static int module_groups(const char *name, gid_t primary, gid_t *gids, int room)
{
	long start = 0, size = room;
	int error;

	if (module->initgroups(name, primary, &start, &size, &gids, room, &error) != NSS_STATUS_SUCCESS)
		return -1;
	return (int)start;
}

static uint64_t module_enumerate(char *buffer, size_t size)
{
	struct passwd entry;
	uint64_t count = 0;
	int error;

	module->setpwent(0);
	while (module->getpwent(&entry, buffer, size, &error) == NSS_STATUS_SUCCESS)
		count++;
	return count;
}

const struct backend backend_module = {
	module_pwnam, module_pwuid, module_grnam, module_grgid, module_groups, module_enumerate,
};

static void *symbol(void *handle, const char *service, const char *function)
{
	char name[64];
	void *found;

	snprintf(name, sizeof(name), "_nss_%s_%s", service, function);
	found = dlsym(handle, name);
	if (!found) {
		fprintf(stderr, "bench_nss: %s\n", dlerror());
		exit(1);
	}
	return found;
}

const struct module *backend_load(const char *service)
{
	struct module *ret = calloc(1, sizeof(*ret));
	char name[64];
	void *handle;

	snprintf(name, sizeof(name), "libnss_%s.so.2", service);
	handle = dlopen(name, RTLD_NOW);
	if (!handle || !ret) {
		fprintf(stderr, "bench_nss: %s\n", dlerror());
		exit(1);
	}
	*(void **)&ret->pwnam = symbol(handle, service, "getpwnam_r");
	*(void **)&ret->pwuid = symbol(handle, service, "getpwuid_r");
	*(void **)&ret->grnam = symbol(handle, service, "getgrnam_r");
	*(void **)&ret->grgid = symbol(handle, service, "getgrgid_r");
	*(void **)&ret->initgroups = symbol(handle, service, "initgroups_dyn");
	*(void **)&ret->setpwent = symbol(handle, service, "setpwent");
	*(void **)&ret->getpwent = symbol(handle, service, "getpwent_r");
	return ret;
}

void backend_use(const struct module *loaded)
{
	module = loaded;
}

/* --- glibc -------------------------------------------------------------------------------------- */

static int glibc_pwnam(const char *name, struct passwd *ret, char *buffer, size_t size)
{
	struct passwd *found;

	return getpwnam_r(name, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_pwuid(uid_t uid, struct passwd *ret, char *buffer, size_t size)
{
	struct passwd *found;

	return getpwuid_r(uid, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_grnam(const char *name, struct group *ret, char *buffer, size_t size)
{
	struct group *found;

	return getgrnam_r(name, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_grgid(gid_t gid, struct group *ret, char *buffer, size_t size)
{
	struct group *found;

	return getgrgid_r(gid, ret, buffer, size, &found) ? -1 : found != NULL;
}

static int glibc_groups(const char *name, gid_t primary, gid_t *gids, int room)
{
	return getgrouplist(name, primary, gids, &room) < 0 ? -1 : room;
}

static uint64_t glibc_enumerate(char *buffer, size_t size)
{
	struct passwd entry, *found;
	uint64_t count = 0;

	setpwent();
	while (getpwent_r(&entry, buffer, size, &found) == 0)
		count++;
	endpwent();
	return count;
}

const struct backend backend_glibc = {
	glibc_pwnam, glibc_pwuid, glibc_grnam, glibc_grgid, glibc_groups, glibc_enumerate,
};

void backend_set_service(const char *service)
{
	static const char *const databases[] = { "passwd", "group", "initgroups" };

	if (strcmp(service, "nscd") == 0)
		return;
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		__nss_configure_lookup(databases[i], service);
}
