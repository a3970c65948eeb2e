#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <stdint.h>

#include "tests/unit/nss_scim/people.h"

#define UNTOUCHED -77

static void start(void)
{
	people_start_in(DIRECTORY_PUBLIC_DIR);
}

static char buffer[1024];
static struct passwd entry;
static int error;

/* Calls as a caller whose errno must survive. */
static enum nss_status by_name(const char *name, size_t size)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_getpwnam_r(name, &entry, buffer, size, &error);
	T_INT(errno, EXDEV);
	return status;
}

static enum nss_status by_uid(uid_t uid)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_getpwuid_r(uid, &entry, buffer, sizeof(buffer), &error);
	T_INT(errno, EXDEV);
	return status;
}

static void expect_alice(const char *shell)
{
	T_STR(entry.pw_name, "alice");
	T_STR(entry.pw_passwd, "x");
	T_INT(entry.pw_uid, ALICE);
	T_INT(entry.pw_gid, ALICE);
	T_STR(entry.pw_gecos, ALICE_GECOS);
	T_STR(entry.pw_dir, "/home/alice");
	T_STR(entry.pw_shell, shell);
}

static void test_found(void)
{
	start();
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_SUCCESS);
	T_INT(error, UNTOUCHED);
	expect_alice("/bin/bash");
	memset(buffer, 0, sizeof(buffer));
	T_INT(by_uid(ALICE), NSS_STATUS_SUCCESS);
	T_INT(error, UNTOUCHED);
	expect_alice("/bin/bash");
	T_INT(by_name("bob", sizeof(buffer)), NSS_STATUS_SUCCESS);
	T_STR(entry.pw_shell, "/usr/sbin/nologin");
}

static void test_not_found(void)
{
	static const char *const names[] = { "nobody-here", "dave", "m1", "linux-users" };
	static const uid_t uids[] = { DAVE, 70005, USERS_GID, CROWD_UID };

	start();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		T_INT(by_name(names[i], sizeof(buffer)), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
	}
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		T_INT(by_uid(uids[i]), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
	}
}

/* What can't be ours is "no" even without a directory: local lookups never depend on us. */
static void test_foreign_keys_need_no_directory(void)
{
	static const char *const names[] = {
		"", "Alice", "alice:x", "-x", "0", "a/b", "alice ", "al\nice",
		"a23456789012345678901234567890123", "alice$",
	};
	static const uid_t uids[] = { 0, 1, 999, 61184, 65519, 65534, 65535, 0x80000000u,
				      (uid_t)-1 };

	start();
	people_remove(DIRECTORY_FILE);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		T_INT(by_name(names[i], sizeof(buffer)), NSS_STATUS_NOTFOUND);
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
		T_INT(by_uid(uids[i]), NSS_STATUS_NOTFOUND);
}

static void test_no_directory_is_unavailable(void)
{
	start();
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_SUCCESS);
	people_remove(DIRECTORY_FILE);
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_UNAVAIL);
	T_INT(error, ENOENT);
	T_INT(by_name("nobody-here", sizeof(buffer)), NSS_STATUS_UNAVAIL);
	T_INT(by_uid(ALICE), NSS_STATUS_UNAVAIL);
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_UNAVAIL);
	T_INT(_nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error), NSS_STATUS_UNAVAIL);
	start();
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_SUCCESS);
}

static void test_damaged_record_is_unavailable(void)
{
	start();
	people_damage(DIRECTORY_FILE, "alice\0x", 8);
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_UNAVAIL);
	T_INT(error, EIO);
	T_INT(by_uid(ALICE), NSS_STATUS_UNAVAIL);
	T_INT(by_name("bob", sizeof(buffer)), NSS_STATUS_SUCCESS);
}

/* A record that is well-formed and says what none may say. */
static void test_shell_of_a_leaver_is_not_believed(void)
{
	static const char none[] = "";
	const struct directory_user_entry bad = {
		.uid = BOB, .name = "bob", .gecos = "", .home = "/home/bob",
		.shell = "/bin/bash", .detail_text = none, .detail_size = sizeof(none),
	};
	struct directory_writer *writer;

	start();
	writer = people_open();
	NEED(directory_writer_put_user(writer, &bad) == 0);
	people_commit(writer);
	T_INT(by_name("bob", sizeof(buffer)), NSS_STATUS_UNAVAIL);
	T_INT(error, EIO);
}

static void test_change_is_seen_at_once(void)
{
	start();
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_SUCCESS);
	people_change(ALICE, "alice", 0);
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_SUCCESS);
	expect_alice("/usr/sbin/nologin");
	people_change(ALICE, "", DIRECTORY_DELETED);
	T_INT(by_name("alice", sizeof(buffer)), NSS_STATUS_NOTFOUND);
	T_INT(by_uid(ALICE), NSS_STATUS_NOTFOUND);
}

static void test_short_buffer(void)
{
	size_t need = sizeof("alice") + sizeof("x") + sizeof(ALICE_GECOS) +
		      sizeof("/home/alice") + sizeof("/bin/bash");

	start();
	for (size_t size = 0; size < need; size++) {
		memset(buffer, 0x55, sizeof(buffer));
		T_INT(by_name("alice", size), NSS_STATUS_TRYAGAIN);
		T_INT(error, ERANGE);
		T_INT(buffer[size], 0x55);
	}
	memset(buffer, 0x55, sizeof(buffer));
	T_INT(by_name("alice", need), NSS_STATUS_SUCCESS);
	T_INT(buffer[need], 0x55);
	expect_alice("/bin/bash");
}

/* The next entry's name, or "" at the end; a short buffer first, which must not lose the entry. */
static const char *next_name(void)
{
	enum nss_status status;

	status = _nss_scim_getpwent_r(&entry, buffer, 3, &error);
	if (status == NSS_STATUS_NOTFOUND)
		return "";
	T_INT(status, NSS_STATUS_TRYAGAIN);
	T_INT(error, ERANGE);
	T_INT(_nss_scim_getpwent_r(&entry, buffer, sizeof(buffer), &error), NSS_STATUS_SUCCESS);
	return entry.pw_name;
}

static void test_enumeration(void)
{
	start();
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	for (int round = 0; round < 2; round++) {
		T_STR(next_name(), "alice");
		T_INT(_nss_scim_setpwent(1), NSS_STATUS_SUCCESS);
		T_STR(next_name(), "alice");
		T_STR(next_name(), "bob");
		T_STR(next_name(), "carol");
		T_STR(next_name(), "");
		T_INT(error, ENOENT);
		T_STR(next_name(), "");
		T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
	}
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

/* It stays with the file it began with, and others' enumerations don't move it. */
static void test_enumeration_is_a_snapshot(void)
{
	struct group group;

	start();
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	T_STR(next_name(), "alice");
	people_publish(); /* another file */
	people_change(CAROL, "", DIRECTORY_DELETED);
	T_INT(_nss_scim_setgrent(0), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_getgrent_r(&group, buffer, sizeof(buffer), &error), NSS_STATUS_SUCCESS);
	T_INT(_nss_scim_endgrent(), NSS_STATUS_SUCCESS);
	T_STR(next_name(), "bob");
	T_STR(next_name(), "carol");
	T_STR(next_name(), "");
	T_INT(_nss_scim_setpwent(0), NSS_STATUS_SUCCESS);
	T_STR(next_name(), "alice");
	T_STR(next_name(), "bob");
	T_STR(next_name(), "");
	T_INT(_nss_scim_endpwent(), NSS_STATUS_SUCCESS);
}

T_MAIN("nss passwd", T(test_found), T(test_not_found), T(test_foreign_keys_need_no_directory),
       T(test_no_directory_is_unavailable), T(test_damaged_record_is_unavailable),
       T(test_shell_of_a_leaver_is_not_believed), T(test_change_is_seen_at_once),
       T(test_short_buffer), T(test_enumeration), T(test_enumeration_is_a_snapshot))
