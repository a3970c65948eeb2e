#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <stdint.h>

#include "nss_scim/pack.h"
#include "tests/unit/nss_scim/people.h"

#define UNTOUCHED -77
#define GUARD 16

static void start(void)
{
	people_start_in(DIRECTORY_PUBLIC_DIR);
}

static char buffer[131072];
static struct group entry;
static int error;

static enum nss_status by_name(const char *name)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_getgrnam_r(name, &entry, buffer, sizeof(buffer), &error);
	T_INT(errno, EXDEV);
	return status;
}

static enum nss_status by_gid(gid_t gid)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_getgrgid_r(gid, &entry, buffer, sizeof(buffer), &error);
	T_INT(errno, EXDEV);
	return status;
}

static size_t member_count(void)
{
	size_t count = 0;

	while (entry.gr_mem[count])
		count++;
	return count;
}

static void test_found(void)
{
	static const struct {
		const char *name;
		gid_t gid;
		const char *member; /* the only one, or NULL */
	} cases[] = {
		{ "linux-users", USERS_GID, "alice" },
		{ "sudo", SUDO_GID, "alice" }, /* local: below the floor */
		{ "Debian-exim", EXIM_GID, "alice" }, /* and named as no group of ours may be */
		{ "alice", ALICE, NULL },      /* private groups */
		{ "bob", BOB, NULL },
	};

	start();
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		bool named = i % 2;

		T_INT(named ? by_name(cases[i / 2].name) : by_gid(cases[i / 2].gid),
		      NSS_STATUS_SUCCESS);
		T_INT(error, UNTOUCHED);
		T_STR(entry.gr_name, cases[i / 2].name);
		T_STR(entry.gr_passwd, "x");
		T_INT(entry.gr_gid, cases[i / 2].gid);
		T_INT(member_count(), cases[i / 2].member ? 1 : 0);
		T_STR(entry.gr_mem[0], cases[i / 2].member);
	}
}

static void test_not_found(void)
{
	static const char *const names[] = { "nobody-here", "dave", "m1", "Sudo", "", "a:b" };
	static const gid_t gids[] = { 0, 4, DAVE, 70005, CROWD_UID, 65534, (gid_t)-1 };

	start();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		T_INT(by_name(names[i]), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(gids); i++) {
		T_INT(by_gid(gids[i]), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
	}
}

static void test_no_directory_is_unavailable(void)
{
	start();
	people_remove(DIRECTORY_FILE);
	T_INT(by_name("Sudo"), NSS_STATUS_NOTFOUND);
	T_INT(by_name("sudo"), NSS_STATUS_UNAVAIL);
	T_INT(error, ENOENT);
	T_INT(by_gid(USERS_GID), NSS_STATUS_UNAVAIL);
	T_INT(by_gid(0), NSS_STATUS_UNAVAIL);
}

static void test_damaged_members_are_unavailable(void)
{
	start();
	people_damage(DIRECTORY_FILE, "\0m77", 5);
	T_INT(by_name("crowd"), NSS_STATUS_UNAVAIL);
	T_INT(error, EIO);
	T_INT(by_name("linux-users"), NSS_STATUS_SUCCESS);
}

/* Every member once, and every pointer where it has to be. */
static void expect_crowd(const char *from, size_t size)
{
	static bool seen[CROWD_COUNT];
	size_t count = member_count();

	memset(seen, 0, sizeof(seen));
	T_INT(count, CROWD_COUNT);
	T_INT((uintptr_t)entry.gr_mem % _Alignof(char *), 0);
	T_TRUE((char *)entry.gr_mem >= from &&
	       (char *)(entry.gr_mem + count + 1) <= from + size);
	for (size_t i = 0; i < count; i++) {
		const char *name = entry.gr_mem[i];
		unsigned int number = CROWD_COUNT;

		T_TRUE(name >= from && name + strlen(name) < from + size);
		if (sscanf(name, "m%u", &number) != 1 || number >= CROWD_COUNT || seen[number]) {
			T_STR(name, "a member not seen yet");
			return;
		}
		seen[number] = true;
	}
}

static void test_many_members(void)
{
	start();
	T_INT(by_name("crowd"), NSS_STATUS_SUCCESS);
	expect_crowd(buffer, sizeof(buffer));
}

/* As glibc does it: a larger buffer each time; and buffers that are not aligned. */
static void test_short_buffer(void)
{
	start();
	for (size_t shift = 0; shift < 8; shift++) {
		enum nss_status status = NSS_STATUS_TRYAGAIN;
		char *from = buffer + shift;
		size_t size = shift;

		for (; status == NSS_STATUS_TRYAGAIN && size < 120000; size += 701) {
			memset(from + size, 0x55, GUARD);
			error = UNTOUCHED;
			status = _nss_scim_getgrgid_r(CROWD_GID, &entry, from, size, &error);
			T_INT(error, status == NSS_STATUS_TRYAGAIN ? ERANGE : UNTOUCHED);
			for (size_t i = 0; i < GUARD; i++)
				T_INT(from[size + i], 0x55);
			if (status == NSS_STATUS_SUCCESS)
				expect_crowd(from, size);
		}
		T_INT(status, NSS_STATUS_SUCCESS);
	}
}

static void test_smallest_buffer(void)
{
	static char small[64] __attribute__((aligned(8)));
	size_t need = sizeof("alice") + sizeof("x") + sizeof(char *); /* all aligned */

	start();
	for (size_t size = 0; size < need; size++) {
		T_INT(_nss_scim_getgrnam_r("alice", &entry, small, size, &error),
		      NSS_STATUS_TRYAGAIN);
		T_INT(error, ERANGE);
	}
	T_INT(_nss_scim_getgrnam_r("alice", &entry, small, need, &error), NSS_STATUS_SUCCESS);
	T_STR(entry.gr_name, "alice");
	T_STR(entry.gr_mem[0], NULL);
}

/* The next entry's name, or "" at the end; a short buffer first, which must not lose the entry. */
static const char *next_name(void)
{
	enum nss_status status;

	status = _nss_scim_getgrent_r(&entry, buffer, 3, &error);
	if (status == NSS_STATUS_NOTFOUND)
		return "";
	T_INT(status, NSS_STATUS_TRYAGAIN);
	T_INT(error, ERANGE);
	T_INT(_nss_scim_getgrent_r(&entry, buffer, sizeof(buffer), &error), NSS_STATUS_SUCCESS);
	return entry.gr_name;
}

static void test_enumeration(void)
{
	/* not "sudo": the services before us list local groups */
	static const char *const names[] = { "linux-users", "crowd", "alice", "bob", "carol" };
	unsigned int seen = 0;
	const char *name;

	start();
	for (int round = 0; round < 2; round++) {
		size_t count = 0;

		T_INT(_nss_scim_setgrent(0), NSS_STATUS_SUCCESS);
		seen = 0;
		for (name = next_name(); *name; name = next_name(), count++)
			for (size_t i = 0; i < ARRAY_SIZE(names); i++)
				seen |= strcmp(name, names[i]) == 0 ? 1u << i : 0;
		T_INT(count, ARRAY_SIZE(names));
		T_INT(seen, (1u << ARRAY_SIZE(names)) - 1);
		T_STR(next_name(), "");
	}
	T_INT(_nss_scim_endgrent(), NSS_STATUS_SUCCESS);
	T_TRUE(*next_name() != '\0'); /* begins anew without setgrent */
	T_INT(_nss_scim_endgrent(), NSS_STATUS_SUCCESS);
}

/* The whole file in memory. */
static unsigned char *image_read(size_t *ret_size)
{
	int fd = open(DIRECTORY_PUBLIC_DIR "/" DIRECTORY_FILE, O_RDONLY | O_CLOEXEC);
	unsigned char *image;
	struct stat st;

	NEED(fd >= 0 && fstat(fd, &st) == 0);
	*ret_size = (size_t)st.st_size;
	image = malloc(*ret_size);
	NEED(image && read(fd, image, *ret_size) == st.st_size);
	close(fd);
	return image;
}

/* In memory that is taken for checked. */
static void test_sizes_that_do_not_add_up(void)
{
	struct directory_view view = { .is_checked = true, .fd = -1, .geometry = &view.own };
	struct directory_members members;
	struct directory_group group;
	unsigned char *image, saved;
	uint64_t cursor = 0;

	start();
	view.base = image = image_read(&view.size);
	NEED(directory_header_check((void *)image, view.size, DIRECTORY_MAGIC, &view.own) == 0);
	NEED(directory_group_by_gid(&view, CROWD_GID, &group) == 0);
	NEED(directory_members_next(&view, &group, &cursor, &members) == 0);
	const struct {
		const void *at;
		unsigned char now;
	} cases[] = {
		{ members.sizes, 0 },
		{ members.sizes, members.sizes[0] + 1 },
		{ members.sizes, UINT8_MAX },
		{ members.sizes + members.count - 1, 0 },
		{ members.sizes + members.count - 1, members.sizes[members.count - 1] + 1 },
		{ members.names + members.names_size - 1, 'x' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned char *at = image + ((const unsigned char *)cases[i].at - image);

		T_INT(pack_group(&view, &group, &entry, buffer, sizeof(buffer)), 0);
		saved = *at;
		*at = cases[i].now;
		T_INT(pack_group(&view, &group, &entry, buffer, sizeof(buffer)), -EIO);
		*at = saved;
	}
	free(image);
}

T_MAIN("nss group", T(test_found), T(test_not_found), T(test_no_directory_is_unavailable),
       T(test_damaged_members_are_unavailable), T(test_many_members), T(test_short_buffer),
       T(test_smallest_buffer), T(test_enumeration),
       T(test_sizes_that_do_not_add_up))
