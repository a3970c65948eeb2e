/* Who lost a role is known to the next warden. */
#include "scimd/warden/lost_roles.h"

#include <fcntl.h>

#include "scimd/base/clock.h"
#include "tests/unit/warden/publish_batch.h"

struct told {
	size_t count;
	uint32_t uid, gids; /* the last one's; the sum of all */
};

static void tell(void *context, uint32_t uid, uint32_t gid)
{
	struct told *told = context;

	told->count++;
	told->uid = uid;
	told->gids += gid;
}

/* --- the file --- */

static struct lost_roles *lost_open(void)
{
	struct lost_roles *lost = NULL;

	T_FATAL(lost_roles_open(fixture.lost_roles, &lost) == 0);
	return lost;
}

static struct told told_since(const struct lost_roles *lost, uint64_t since_us)
{
	struct told told = { 0 };

	lost_roles_each(lost, since_us, tell, &told);
	return told;
}

static void test_ring(void)
{
	struct lost_roles *lost;

	fixture_make(FIXTURE_CONF);
	lost = lost_open();
	T_INT(told_since(lost, 0).count, 0);
	lost_roles_note(lost, 70001, 27, 10);
	lost_roles_note(lost, 70002, 998, 20);
	lost_roles_freep(&lost);
	lost = lost_open();
	T_INT(told_since(lost, 0).count, 2);
	T_INT(told_since(lost, 0).gids, 27 + 998);
	T_INT(told_since(lost, 11).count, 1);
	T_INT(told_since(lost, 11).uid, 70002);
	for (uint32_t i = 0; i < LOST_ROLES_RECORDS - 1; i++)
		lost_roles_note(lost, 70003, 4, 30);
	T_INT(told_since(lost, 0).count, LOST_ROLES_RECORDS);
	T_INT(told_since(lost, 0).gids, 998 + 4 * (LOST_ROLES_RECORDS - 1));
	/* A record that was cut does not count; the rest does, and it goes on behind them. */
	T_OK(truncate(fixture.lost_roles, 100 * 32 + 16));
	lost_roles_freep(&lost);
	lost = lost_open();
	T_INT(told_since(lost, 0).count, 100); /* 1 to 99, and what took the place of 8192 */
	lost_roles_note(lost, 70004, 5, 40);
	T_INT(told_since(lost, 31).uid, 70004);
	lost_roles_freep(&lost);
	fixture_close();
}

static void test_not_ours(void)
{
	struct lost_roles *lost = NULL;

	fixture_make(FIXTURE_CONF);
	T_OK(symlink(fixture.conf, fixture.lost_roles));
	T_INT(lost_roles_open(fixture.lost_roles, &lost), -ELOOP);
	T_OK(unlink(fixture.lost_roles));
	file_write(fixture.lost_roles, "");
	T_OK(chmod(fixture.lost_roles, 0644));
	T_INT(lost_roles_open(fixture.lost_roles, &lost), -EPERM);
	T_OK(chmod(fixture.lost_roles, 0600));
	T_OK(chown(fixture.lost_roles, 12345, 0));
	T_INT(lost_roles_open(fixture.lost_roles, &lost), -EPERM);
	/* Publishing goes on without it. */
	fixture_start();
	T_OK(begin(10, WARDEN_FULL));
	commit();
	host_close();
}

/* --- publishing --- */

static struct told told_by_next_warden(void)
{
	struct told told = { 0 };

	fixture_stop();
	fixture_start();
	publish_lost_roles(fixture.publish, tell, &told);
	return told;
}

static void bob_gets(uint64_t revision, const char *role)
{
	struct user_spec spec = bob;

	memset(spec.roles, 0, sizeof(spec.roles));
	spec.roles[0] = role;
	T_OK(begin(revision, 0));
	T_OK(user(&spec));
	commit();
}

static void test_next_warden_knows(void)
{
	struct told told;

	host_open();
	T_INT(told_by_next_warden().count, 0);
	bob_gets(11, "plain");
	told = told_by_next_warden();
	T_INT(told.count, 2);
	T_INT(told.uid, BOB);
	T_INT(told.gids, 27 + 998);
	T_OK(begin(12, 0)); /* somebody else's changes make no difference */
	T_OK(member(TEAM, ANN, false));
	commit();
	T_INT(told_by_next_warden().count, 2);
	file_write(fixture.conf, FIXTURE_CONF "[offboard]\non_role_loss = keep\n");
	T_INT(told_by_next_warden().count, 0);
	file_write(fixture.conf, FIXTURE_CONF);
	T_INT(told_by_next_warden().count, 2);
	file_write(fixture.passwd, FIXTURE_PASSWD "bob:x:70002:70002::/:/bin/sh\n");
	T_INT(told_by_next_warden().count, 0); /* root's own now */
	file_write(fixture.passwd, FIXTURE_PASSWD);
	bob_gets(13, "admin");
	T_INT(told_by_next_warden().count, 0);
	host_close();
}

T_MAIN("warden/lost_roles", T(test_ring), T(test_not_ours), T(test_next_warden_knows))
