#include "nss_scim/nss_scim.h"

#include <errno.h>
#include <sys/wait.h>

#include "tests/unit/nss_scim/people.h"

#define UNTOUCHED -77
#define NOBODY 65534

static void start(void)
{
	people_start_in(DIRECTORY_PUBLIC_DIR);
}

static char buffer[1024];
static struct spwd entry;
static int error;

static enum nss_status by_name(const char *name)
{
	enum nss_status status;

	error = UNTOUCHED;
	errno = EXDEV;
	status = _nss_scim_getspnam_r(name, &entry, buffer, sizeof(buffer), &error);
	T_INT(errno, EXDEV);
	return status;
}

static void test_found(void)
{
	static const struct {
		const char *name, *hash;
		long changed;
	} cases[] = {
		{ "alice", PEOPLE_HASH, 20000 },
		{ "bob", "!*", 20000 }, /* has a hash, which must not come out */
		{ "carol", "*", -1 },
	};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		T_INT(by_name(cases[i].name), NSS_STATUS_SUCCESS);
		T_INT(error, UNTOUCHED);
		T_STR(entry.sp_namp, cases[i].name);
		T_STR(entry.sp_pwdp, cases[i].hash);
		T_INT(entry.sp_lstchg, cases[i].changed);
		T_INT(entry.sp_min, -1);
		T_INT(entry.sp_max, -1);
		T_INT(entry.sp_warn, -1);
		T_INT(entry.sp_inact, -1);
		T_INT(entry.sp_expire, -1);
		T_TRUE(entry.sp_flag == ~0ul);
	}
}

static void test_not_found(void)
{
	static const char *const names[] = { "nobody-here", "dave", "", "Alice", "root", "erin" };

	start();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		T_INT(by_name(names[i]), NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
	}
}

static void test_leaver_is_locked_at_once(void)
{
	start();
	T_INT(by_name("alice"), NSS_STATUS_SUCCESS);
	people_change(ALICE, "alice", 0);
	T_INT(by_name("alice"), NSS_STATUS_SUCCESS);
	T_STR(entry.sp_pwdp, "!*");
}

static void test_local_account_is_not_opened(void)
{
	start();
	people_local("alice:x:1001:1001::/home/alice:/bin/sh\n");
	T_INT(by_name("alice"), NSS_STATUS_NOTFOUND);
}

static void test_faults(void)
{
	start();
	people_damage(DIRECTORY_SHADOW_FILE, PEOPLE_HASH, strlen(PEOPLE_HASH));
	T_INT(by_name("alice"), NSS_STATUS_UNAVAIL);
	T_INT(error, EIO);
	T_INT(by_name("carol"), NSS_STATUS_SUCCESS);

	start();
	people_damage(DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC, 8);
	T_INT(by_name("carol"), NSS_STATUS_UNAVAIL);

	start();
	people_remove(DIRECTORY_FILE);
	T_INT(by_name("alice"), NSS_STATUS_UNAVAIL);
	T_INT(error, ENOENT);
}

/* Nobody ever had a password: keys still work, so pam_unix needs an entry. */
static void test_no_shadow_file_is_no_password(void)
{
	start();
	people_remove(DIRECTORY_SHADOW_FILE);
	T_INT(by_name("alice"), NSS_STATUS_SUCCESS);
	T_STR(entry.sp_pwdp, "*");
	T_INT(by_name("bob"), NSS_STATUS_SUCCESS);
	T_STR(entry.sp_pwdp, "!*");
}

/* What a child that is nobody gets: its exit code is the status and the error, in a byte. */
static int as_nobody(void)
{
	enum nss_status status;
	int state;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(99);
		error = 0;
		status = _nss_scim_getspnam_r("alice", &entry, buffer, sizeof(buffer), &error);
		_exit(status == NSS_STATUS_UNAVAIL ? error : 98);
	}
	T_INT(waitpid(pid, &state, 0), pid);
	return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void test_hashes_are_roots(void)
{
	start();
	T_INT(as_nobody(), EACCES);
}

static void test_short_buffer(void)
{
	size_t need = sizeof("alice") + sizeof(PEOPLE_HASH);

	start();
	for (size_t size = 0; size < need; size++) {
		memset(buffer, 0x55, sizeof(buffer));
		T_INT(_nss_scim_getspnam_r("alice", &entry, buffer, size, &error),
		      NSS_STATUS_TRYAGAIN);
		T_INT(error, ERANGE);
		T_INT(buffer[size], 0x55);
	}
	T_INT(_nss_scim_getspnam_r("alice", &entry, buffer, need, &error), NSS_STATUS_SUCCESS);
}

static void test_enumeration(void)
{
	static const char *const want[][2] = {
		{ "alice", PEOPLE_HASH }, { "bob", "!*" }, { "carol", "*" },
	};

	start();
	for (int round = 0; round < 2; round++) {
		T_INT(_nss_scim_setspent(0), NSS_STATUS_SUCCESS);
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			T_INT(_nss_scim_getspent_r(&entry, buffer, 3, &error), NSS_STATUS_TRYAGAIN);
			T_INT(error, ERANGE);
			T_INT(_nss_scim_getspent_r(&entry, buffer, sizeof(buffer), &error),
			      NSS_STATUS_SUCCESS);
			T_STR(entry.sp_namp, want[i][0]);
			T_STR(entry.sp_pwdp, want[i][1]);
		}
		T_INT(_nss_scim_getspent_r(&entry, buffer, sizeof(buffer), &error),
		      NSS_STATUS_NOTFOUND);
		T_INT(error, ENOENT);
		T_INT(_nss_scim_endspent(), NSS_STATUS_SUCCESS);
	}
}

T_MAIN("nss shadow", T(test_found), T(test_not_found), T(test_leaver_is_locked_at_once),
       T(test_local_account_is_not_opened), T(test_faults), T(test_no_shadow_file_is_no_password),
       T(test_hashes_are_roots), T(test_short_buffer), T(test_enumeration))
