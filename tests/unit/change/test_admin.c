/* What administrators decide: locks, reloads with other groups and names, names that rest. */
#include "tests/unit/change/engine_fixture.h"

#define ADMIN_CONF(identity, rest) \
	"[identity]\nuid_range = 70000-79999\n" identity "[offboard]\ndeadline_ms = 200\n" rest

static void reload(const char *text)
{
	file_write(fixture.conf, text);
	fault = (struct fault){ 0 };
	T_OK(change_engine_reload_files(engine, &fault));
}

static int lock_fn(struct change *change, void *context, struct fault *ret_fault)
{
	char id[RESOURCE_ID_SIZE];

	(void)context;
	id_make(id, 'a', 1);
	return change_user_lock(change, id, "root", "stolen", ret_fault);
}

static int unlock_fn(struct change *change, void *context, struct fault *ret_fault)
{
	char id[RESOURCE_ID_SIZE];

	(void)context;
	id_make(id, 'a', 1);
	return change_user_unlock(change, id, ret_fault);
}

static int admin_run(change_fn fn)
{
	fault = (struct fault){ 0 };
	return change_run(engine, &source, fn, NULL, &fault);
}

static void test_lock_is_stronger(void)
{
	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Admins" },
		    { .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 }));
	T_OK(admin_run(lock_fn));
	T_TRUE(seen("ann").exists && !seen_allowed("ann"));
	T_INT(seen("ann").gid_count, 0);
	T_INT(receipts("ann").count, 1);
	T_INT(admin_run(lock_fn), -EPROTO);
	T_INT(fault.status, 409);
	/* Whatever the identity provider sends. */
	T_OK(put_user(1, "ann", ON));
	T_TRUE(!seen_allowed("ann"));
	T_OK(put_user(1, "ann", OFF));
	T_OK(put_user(1, "ann", ON));
	T_OK(put_user(1, "anna", ON));
	T_TRUE(seen("anna").exists && !seen_allowed("anna"));
	/* Whatever happens to us. */
	engine_stop();
	engine_start(ENGINE_CONF);
	T_OK(put_user(2, "bob", NULL));
	T_TRUE(!seen_allowed("anna"));
	reload(ENGINE_CONF "[access]\nallow_groups = Admins\n");
	T_TRUE(!seen_allowed("anna"));
	T_INT(receipts("ann").count, 1);
	T_OK(admin_run(unlock_fn));
	T_TRUE(seen_allowed("anna"));
	T_TRUE(seen_in("anna", seen_gid("admins")));
	T_INT(admin_run(unlock_fn), -EPROTO);
	/* Who leaves locked and comes back is locked. */
	T_OK(admin_run(lock_fn));
	T_OK(CHANGE({ .what = DELETE_USER, .user = 1 }));
	reload(ENGINE_CONF);
	T_OK(put_user(3, "anna", ON));
	T_TRUE(seen("anna").exists && !seen_allowed("anna"));
	T_OK(put_user(4, "anne", ON));
	T_TRUE(seen_allowed("anne"));
	teardown();
}

static void test_reload_exposes_groups(void)
{
	uint32_t gid;

	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Dev" },
		    { .what = PUT_GROUP, .group = 2, .name = "Ops" },
		    { .what = PUT_USER, .user = 1, .name = "ann" },
		    { .what = ADD_MEMBER, .group = 1, .user = 1 },
		    { .what = ADD_MEMBER, .group = 2, .user = 1 }));
	gid = seen_gid("dev");
	T_TRUE(gid && seen_gid("ops") && seen_in("ann", gid));
	reload(ADMIN_CONF("expose_groups = Ops\n", ""));
	T_INT(seen_gid("dev"), 0);
	T_TRUE(seen_gid("ops") && !seen_in("ann", gid) && seen_in("ann", seen_gid("ops")));
	reload(ADMIN_CONF("expose_groups = dev\n", ""));
	T_INT(seen_gid("dev"), gid);
	T_TRUE(seen_in("ann", gid));
	T_INT(seen_gid("ops"), 0);
	/* Without a reload nothing is left behind by the next change. */
	T_OK(CHANGE({ .what = REMOVE_MEMBER, .group = 1, .user = 1 }));
	T_TRUE(!seen_in("ann", gid));
	teardown();
}

static void test_names_rest_after_a_rename(void)
{
	setup(REAP_NONE);
	reload(ADMIN_CONF("", ""));
	T_OK(put_user(1, "ann", NULL));
	T_OK(put_user(1, "anna", NULL));
	T_INT(put_user(2, "ann", NULL), -EPROTO);
	T_INT(fault.status, 409);
	T_TRUE(strstr(fault.detail, "name_quarantine_days") != NULL);
	T_TRUE(!seen("ann").exists);
	/* Neither does a group get it. */
	T_OK(CHANGE({ .what = PUT_GROUP, .group = 1, .name = "Ann" }));
	T_INT(seen_gid("ann"), 0);
	/* Whose it was may have it back, and give it up again. */
	T_OK(put_user(1, "ann", NULL));
	T_TRUE(seen_allowed("ann"));
	T_OK(put_user(1, "anna", NULL));
	/* Who is deleted leaves the name to the next. */
	T_OK(put_user(3, "carl", NULL));
	T_OK(CHANGE({ .what = DELETE_USER, .user = 3 }));
	T_OK(put_user(4, "carl", NULL));
	reload(ADMIN_CONF("name_quarantine_days = 0\n", ""));
	T_OK(put_user(2, "ann2", NULL));
	T_OK(put_user(2, "carla", NULL));
	T_OK(put_user(5, "ann2", NULL));
	teardown();
}

/* Two people whom another configuration gives one name. */
static void test_reload_with_colliding_names(void)
{
	setup(REAP_NONE);
	T_OK(CHANGE({ .what = PUT_USER, .user = 1, .name = "ann", .more = ",\"nickName\":\"x\"" },
		    { .what = PUT_USER, .user = 2, .name = "bob", .more = ",\"nickName\":\"x\"" },
		    { .what = PUT_USER, .user = 3, .name = "cleo" }));
	reload(ADMIN_CONF("username = nickName\n", ""));
	T_TRUE(seen_allowed("x"));
	T_INT(seen_allowed("ann") + seen_allowed("bob"), 0);
	T_TRUE(seen("ann").exists || seen("bob").exists);
	/* Who has no such attribute cannot be mapped: out, but still a name for their files. */
	T_TRUE(seen("cleo").exists && !seen_allowed("cleo"));
	T_INT(receipts("cleo").count, 1);
	reload(ENGINE_CONF);
	T_TRUE(seen_allowed("ann") && seen_allowed("bob") && seen_allowed("cleo"));
	teardown();
}

T_MAIN("change/admin",
       T(test_lock_is_stronger),
       T(test_reload_exposes_groups),
       T(test_names_rest_after_a_rename),
       T(test_reload_with_colliding_names))
