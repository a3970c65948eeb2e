/* The host's own accounts as the warden reads them: what protects them, and that a file which cannot
 * be read protects them still. */
#include "scimd/warden/local.h"
#include "tests/unit/warden/publish_fixture.h"

static struct local *local_open(void)
{
	struct local *local = NULL;

	T_FATAL(local_new(fixture.passwd, fixture.group, &local) == 0);
	return local;
}

static void test_finds_names_and_ids(void)
{
	static const struct {
		const char *name;
		bool is_there;
	} names[] = {
		{ "root", true }, { "ROOT", true },  { "mixed", true }, { "Mixed", true },
		{ "sudo", true }, { "SuDo", true },  { "opshost", true }, { "", false },
		{ "ro", false },  { "rooty", false }, { "ann", false },
	};
	struct local *local;

	fixture_make(FIXTURE_CONF);
	local = local_open();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		T_INT(local_has_name(local, names[i].name), names[i].is_there);
	T_TRUE(local_has_uid(local, 0) && local_has_uid(local, 70500));
	T_TRUE(!local_has_uid(local, 27) && !local_has_uid(local, 70600));
	T_TRUE(local_has_gid(local, 27) && local_has_gid(local, 70600));
	T_TRUE(!local_has_gid(local, 70500) && !local_has_gid(local, UINT32_MAX));
	local_freep(&local);
	fixture_close();
}

static void test_looks_up_exactly(void)
{
	struct local *local;
	uint32_t id = 7;

	fixture_make(FIXTURE_CONF);
	file_write(fixture.group, "Wheel:x:50:\nwheel:x:51:\nWHEEL:x:52:\nroot:x:0:\n");
	local = local_open();
	T_INT(local_user_uid(local, "ROOT", &id), -ENOENT);
	T_INT(local_group_gid(local, "wHEEL", &id), -ENOENT);
	T_INT(id, 7);
	T_OK(local_group_gid(local, "wheel", &id));
	T_INT(id, 51);
	T_OK(local_group_gid(local, "Wheel", &id));
	T_INT(id, 50);
	T_OK(local_group_gid(local, "WHEEL", &id));
	T_INT(id, 52);
	local_freep(&local);
	fixture_close();
}

/* libc takes the first of these lines and passes over the others; so must we. */
static void test_reads_odd_lines(void)
{
	struct local *local;

	fixture_make(FIXTURE_CONF);
	file_write(fixture.passwd, "root:x:0:0::/:/bin/sh\n"
				   " \tindented:x:70001:1::/:/bin/sh\n"
				   "spaced:x: 70002:1::/:/bin/sh\n"
				   "last:x:4294967295:1::/:/bin/sh\n"
				   "# comment:x:70003:1::/:/bin/sh\n"
				   ":x:70004:1::/:/bin/sh\n"
				   "+::::::\n"
				   "noid:x::1::/:/bin/sh\n"
				   "words:x:70005words:1::/:/bin/sh\n"
				   "huge:x:99999999999999999999:1::/:/bin/sh\n"
				   "short:x\n"
				   "no newline:x:70006");
	local = local_open();
	for (uint32_t uid = 70001; uid <= 70006; uid++)
		T_INT(local_has_uid(local, uid), uid <= 70002 || uid == 70006);
	T_TRUE(local_has_name(local, "indented") && local_has_name(local, "spaced"));
	T_TRUE(local_has_uid(local, UINT32_MAX));
	T_TRUE(!local_has_name(local, "+") && !local_has_name(local, "words"));
	local_freep(&local);
	fixture_close();
}

static void test_sees_changes(void)
{
	struct local *local;

	fixture_make(FIXTURE_CONF);
	local = local_open();
	T_TRUE(!local_has_name(local, "late"));
	file_write(fixture.passwd, FIXTURE_PASSWD "late:x:70700:1::/:/bin/sh\n");
	T_TRUE(!local_has_name(local, "late"));
	T_OK(local_refresh(local));
	T_TRUE(local_has_name(local, "late") && local_has_uid(local, 70700));
	file_write(fixture.group, FIXTURE_GROUP "later:x:70701:\n");
	T_OK(local_refresh(local));
	T_TRUE(local_has_gid(local, 70701));
	file_write(fixture.passwd, FIXTURE_PASSWD);
	T_OK(local_refresh(local));
	T_TRUE(!local_has_name(local, "late"));
	local_freep(&local);
	fixture_close();
}

/* Missing, emptied or damaged: the last good state goes on protecting. */
static void test_keeps_the_last_good_state(void)
{
	struct local *local = NULL;

	fixture_make(FIXTURE_CONF);
	local = local_open();
	file_write(fixture.passwd, "");
	T_INT(local_refresh(local), -ENODATA);
	T_TRUE(local_has_name(local, "local"));
	file_write(fixture.passwd, "garbage\n\n::::\n");
	T_INT(local_refresh(local), -ENODATA);
	T_TRUE(local_has_name(local, "local"));
	T_TRUE(unlink(fixture.passwd) == 0);
	T_INT(local_refresh(local), -ENOENT);
	T_TRUE(local_has_name(local, "local") && local_has_uid(local, 0));
	local_freep(&local);
	T_INT(local_new(fixture.passwd, fixture.group, &local), -ENOENT);
	T_TRUE(local == NULL);
	fixture_close();
}

T_MAIN("warden/local",
       T(test_finds_names_and_ids),
       T(test_looks_up_exactly),
       T(test_reads_odd_lines),
       T(test_sees_changes),
       T(test_keeps_the_last_good_state))
