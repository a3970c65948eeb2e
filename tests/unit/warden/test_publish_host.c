/* As test_publish.c. Here: what the host and its administrators change in between, everything sent
 * anew, passwords, and masses. */
#include <malloc.h>
#include <time.h>

#include "shared/canary.h"
#include "tests/unit/warden/publish_batch.h"

/* --- root's side --- */

/* Root takes a role's group away in a drop-in that is written in place. */
static void test_configuration_is_read_again(void)
{
	char path[FIXTURE_PATH + 16];

	host_open();
	snprintf(path, sizeof(path), "%s/50.conf", fixture.dropins);
	file_write(path, "[role admin]\nlocal_groups = sudo\n");
	T_OK(begin(11, 0));
	T_OK(user(&bob));
	commit();
	T_TRUE(loss_of(BOB) && loss_of(BOB)->gid_count == 1 && loss_of(BOB)->gids[0] == 998);
	file_write(path, "[role admin]\nlocal_groups = docker\n");
	T_OK(begin(12, 0));
	T_OK(user(&bob));
	commit();
	T_TRUE(loss_of(BOB) && loss_of(BOB)->gid_count == 1 && loss_of(BOB)->gids[0] == 27);
	file_write(path, "[identity]\nuid_range = 70002-70009\n");
	T_OK(begin(13, 0));
	T_OK(user(&ann));
	commit();
	T_STR(refusal_of(ANN), "id 70001 is outside uid_range 70002-70009");
	file_write(path, "[identity]\nuid_range = nonsense\n");
	T_INT(begin(14, 0), -EINVAL);
	T_STR(why.text, "the configuration is not usable");
	T_INT(begin(14, WARDEN_FULL), -EINVAL);
	T_TRUE(unlink(path) == 0);
	T_OK(begin(14, 0));
	host_close();
}

/* groupmod -g on the host: the role's members follow, and the name is there once. */
static void test_local_group_with_another_gid(void)
{
	struct directory_group found;

	host_open();
	file_write(fixture.group, "root:x:0:\nsudo:x:28:\ndocker:x:998:\n");
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_ALLOWED,
				       .roles = { "admin" } }));
	commit();
	view_open();
	T_TRUE(is_member(28, ANN, "ann") && is_member(28, BOB, "bob"));
	T_TRUE(!user_has_gid(BOB, 27) && is_member(TEAM, BOB, "bob"));
	T_INT(directory_group_by_gid(&view, 27, &found), -ENOENT);
	T_OK(directory_group_by_name(&view, "sudo", 4, &found));
	T_INT(found.gid, 28);
	directory_release(&view);
	check_sound();
	host_close();
}

/* groupadd on the host with the name, then the number, of a group that we have. */
static void test_local_group_wins(void)
{
	static const char *const lines[] = { "root:x:0:\nteam:x:1005:\n",
					     "root:x:0:\nteam2:x:71001:\n" };
	static const struct {
		const char *name;
		uint32_t gid;
	} wins[] = { { "team", 1005 }, { "team2", TEAM } };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct directory_group found;
		char text[512];

		host_open();
		file_write(fixture.group, lines[i]);
		snprintf(text, sizeof(text),
			 FIXTURE_CONF "[role ops]\ngroups = Ops\nlocal_groups = %s\n", wins[i].name);
		file_write(fixture.conf, text);
		T_OK(begin(11, 0));
		T_OK(member(CREW, ANN, true));
		T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_ALLOWED,
					       .roles = { "ops" } }));
		commit();
		view_open();
		T_OK(directory_group_by_name(&view, wins[i].name, strlen(wins[i].name), &found));
		T_INT(found.gid, wins[i].gid);
		T_INT(found.flags, DIRECTORY_LOCAL);
		T_TRUE(is_member(wins[i].gid, ANN, "ann") && is_member(CREW, ANN, "ann"));
		T_TRUE(!user_has_gid(BOB, wins[i].gid) && !group_lists(wins[i].gid, BOB, "bob"));
		directory_release(&view);
		check_sound();
		host_close();
	}
}

/* --- everything anew --- */

static void test_full_buries_the_missing(void)
{
	struct directory_user found;

	host_open();
	T_OK(begin(5, WARDEN_FULL)); /* an older revision is fine: another store, or a backup */
	T_OK(user(&ann));
	commit();
	T_INT(result.loss_count, 1);
	T_TRUE(loss_of(BOB) && !loss_of(BOB)->gids);
	view_open();
	T_FATAL(directory_user_by_uid(&view, BOB, &found) == 0);
	T_TRUE(found.flags & DIRECTORY_DELETED);
	T_INT(directory_user_by_name(&view, "bob", 3, &found), -ENOENT);
	T_INT(directory_group_by_gid(&view, TEAM, &(struct directory_group){ 0 }), -ENOENT);
	T_FATAL(directory_user_by_uid(&view, ANN, &found) == 0);
	T_INT(found.group_count, 0);
	directory_release(&view);
	T_TRUE(publish_shuts_out(fixture.publish, BOB));
	/* Tombstones live through further ones. */
	T_OK(begin(6, WARDEN_FULL));
	commit();
	T_TRUE(loss_of(ANN) != NULL);
	T_OK(begin(7, WARDEN_FULL));
	commit();
	T_INT(result.loss_count, 0);
	T_OK(begin(8, 0));
	T_OK(user(&bob));
	commit();
	T_STR(refusal_of(BOB), "uid 70002 belonged to a deleted user");
	check_sound();
	host_close();
}

/* Room for as many as could be is made, not for as many as are claimed. */
static void test_hints_are_bounded(void)
{
	struct warden_begin *fields = (void *)(packet.bytes + sizeof(struct warden_message));
	char path[FIXTURE_PATH + 16];
	struct stat st;

	fixture_open(FIXTURE_CONF);
	begin_packet(&packet, 1, WARDEN_FULL);
	fields->users_hint = fields->groups_hint = 1u << 24;
	T_OK(publish_begin(fixture.publish, fields, sizeof(*fields), &why));
	commit();
	snprintf(path, sizeof(path), "%s/" DIRECTORY_FILE, fixture.folder);
	T_TRUE(stat(path, &st) == 0 && st.st_size < 32 << 20);
	host_close();
}

/* --- passwords --- */

static const char *shadow_hash(uint32_t uid)
{
	static char hash[256];
	struct directory_shadow shadow;
	struct directory_view file;
	int r;

	T_FATAL(directory_open(fixture.folder, DIRECTORY_SHADOW_FILE, DIRECTORY_SHADOW_MAGIC,
			       &file) == 0);
	r = directory_shadow_by_uid(&file, uid, &shadow);
	T_TRUE(r == 0 || r == -ENOENT);
	snprintf(hash, sizeof(hash), "%s", r == 0 ? shadow.hash : "");
	directory_release(&file);
	return hash;
}

static void test_passwords(void)
{
	static const char *const bad[] = { "secret", "x", "*", "!", "$6$a:b", "$6$a\nroot::", "$\x01" };
	char large[300];

	host_open();
	memset(large, 'a', sizeof(large));
	large[0] = '$';
	T_OK(begin(11, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		T_INT(password(ANN, bad[i]), -EINVAL);
		T_STR(why.text, "not a crypt(3) hash");
	}
	large[256] = '\0';
	T_INT(password(ANN, large), -EINVAL);
	T_STR(why.text, "malformed password record");
	T_INT(password(70777, HASH), -EINVAL);
	T_STR(why.text, "no user with uid 70777");
	T_INT(password(0, HASH), -EINVAL);
	T_OK(password(ANN, HASH));
	large[255] = '\0';
	T_OK(password(BOB, large));
	commit();
	T_STR(shadow_hash(ANN), HASH);
	T_STR(shadow_hash(BOB), large);
	T_STR(shadow_hash(0), "");
	T_OK(begin(12, 0));
	T_OK(password(ANN, ""));
	commit();
	T_STR(shadow_hash(ANN), "");
	T_STR(shadow_hash(BOB), large);
	check_sound();
	host_close();
}

/* Root says that nobody has one: then scimd cannot give anybody one, only take it away. */
static void test_passwords_off(void)
{
	char path[FIXTURE_PATH + 16];

	host_open();
	T_OK(begin(11, 0));
	T_OK(password(BOB, HASH));
	commit();
	snprintf(path, sizeof(path), "%s/50.conf", fixture.dropins);
	file_write(path, "[identity]\npasswords = off\n");
	T_OK(begin(12, 0));
	T_INT(password(ANN, HASH), -EINVAL);
	T_STR(why.text, "the configuration has no passwords");
	T_OK(password(BOB, ""));
	commit();
	T_STR(shadow_hash(ANN), "");
	T_STR(shadow_hash(BOB), "");
	host_close();
}

static void test_shadow_is_not_readable_by_all(void)
{
	char path[FIXTURE_PATH + 16];
	struct stat st;

	host_open();
	snprintf(path, sizeof(path), "%s/" DIRECTORY_SHADOW_FILE, fixture.folder);
	T_TRUE(stat(path, &st) == 0);
	T_INT(st.st_mode & 07777, 0640);
	T_INT(st.st_uid, 0);
	snprintf(path, sizeof(path), "%s/" DIRECTORY_FILE, fixture.folder);
	T_TRUE(stat(path, &st) == 0);
	T_INT(st.st_mode & 07777, 0644);
	host_close();
}

/* --- who is shut out --- */

static void test_shuts_out(void)
{
	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .name = "ann" }));
	T_OK(user(&(struct user_spec){ .uid = 70778, .name = CANARY_NAME }));
	commit();
	T_TRUE(publish_shuts_out(fixture.publish, ANN));
	T_TRUE(!publish_shuts_out(fixture.publish, 70778)); /* nobody of ours runs under it */
	T_TRUE(!publish_shuts_out(fixture.publish, BOB));
	T_TRUE(!publish_shuts_out(fixture.publish, 70777)); /* unknown */
	T_TRUE(!publish_shuts_out(fixture.publish, 0));
	T_TRUE(!publish_shuts_out(fixture.publish, 1000));
	T_TRUE(!publish_shuts_out(fixture.publish, UINT32_MAX));
	/* Root made the number a local account's: out of reach from now on. */
	file_write(fixture.passwd, FIXTURE_PASSWD "owner:x:70001:1::/:/bin/sh\n");
	T_OK(local_refresh(fixture.local));
	T_TRUE(!publish_shuts_out(fixture.publish, ANN));
	host_close();
	fixture_open(FIXTURE_CONF);
	T_TRUE(!publish_shuts_out(fixture.publish, ANN)); /* no directory, nobody */
	fixture_close();
}

/* What changed on the host since the last batch counts at the check already. */
static void test_check_sees_new_local_accounts(void)
{
	host_open();
	T_OK(check_user(&ann));
	file_write(fixture.passwd, FIXTURE_PASSWD "ann:x:1002:1::/:/bin/sh\n");
	T_INT(check_user(&ann), -EINVAL);
	T_STR(why.text, "the name \"ann\" belongs to a local account");
	group_packet(&packet, WARDEN_CHECK_GROUP, 71009, 0, "ann");
	T_INT(publish_check_group(fixture.publish, packet_body(&packet), packet_body_size(&packet),
				  &why),
	      -EINVAL);
	file_write(fixture.passwd, FIXTURE_PASSWD);
	T_OK(check_user(&ann));
	/* A check changes nothing, with a batch open or not. */
	T_OK(begin(11, 0));
	T_INT(check_user(&(struct user_spec){ .uid = ANN, .name = "root" }), -EINVAL);
	commit();
	T_INT(result.refusal_count + result.loss_count, 0);
	host_close();
}

/* --- much of it --- */

/* Of the processor: whoever else is busy on this host does not count. */
static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* More memberships in one batch than are kept back: nothing is lost, and it takes no time that grows
 * with their square. */
static void test_members_flood(void)
{
	static uint32_t uids[32000];
	double started = seconds_now();

	host_open();
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
		uids[i] = i % 3 == 0 ? ANN : i % 3 == 1 ? BOB : 70100 + (uint32_t)i;
	T_OK(begin(11, 0));
	for (int i = 0; i < 80; i++)
		T_OK(members(i % 2 ? TEAM : CREW, i % 4 < 2 ? WARDEN_MEMBERS_REMOVE
							      : WARDEN_MEMBERS_ADD,
			     uids, ARRAY_SIZE(uids)));
	T_TRUE(mallinfo2().hblkhd < 40 << 20); /* (a sanitizer's allocator tells nothing) */
	T_OK(member(TEAM, ANN, false));
	T_OK(member(TEAM, BOB, true));
	commit();
	view_open();
	T_TRUE(!is_member(TEAM, ANN, "ann") && is_member(TEAM, BOB, "bob"));
	T_TRUE(is_member(CREW, ANN, "ann") && is_member(CREW, BOB, "bob"));
	directory_release(&view);
	check_sound();
	host_close();
	T_TRUE(seconds_now() - started < 4);
}

#define MANY_GROUPS 4000u

/* One person in thousands of groups, each named thousands of times. */
static void test_many_groups(void)
{
	struct directory_user found;
	double started = seconds_now();

	host_open();
	T_OK(begin(11, 0));
	for (uint32_t i = 0; i < MANY_GROUPS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "g%u", i);
		T_OK(group(72000 + i, 0, name));
	}
	for (uint32_t i = 0; i < 2 * MANY_GROUPS; i++) {
		T_OK(member(72000 + (2 * MANY_GROUPS - 1 - i) / 2, ANN, true));
		T_OK(member(72000 + i / 2, ANN, i % 2));
	}
	commit();
	view_open();
	T_FATAL(directory_user_by_uid(&view, ANN, &found) == 0);
	T_INT(found.group_count, MANY_GROUPS + 1);
	directory_release(&view);
	T_OK(begin(12, 0));
	for (uint32_t i = 0; i < MANY_GROUPS; i += 100)
		T_OK(group(72000 + i, WARDEN_GROUP_DELETED, ""));
	commit();
	view_open();
	T_FATAL(directory_user_by_uid(&view, ANN, &found) == 0);
	T_INT(found.group_count, MANY_GROUPS - MANY_GROUPS / 100 + 1);
	directory_release(&view);
	check_sound();
	host_close();
	T_TRUE(seconds_now() - started < 4);
}

#define MODEL_USERS 30u
#define MODEL_GROUPS 8u

struct model {
	bool allowed[MODEL_USERS], group[MODEL_GROUPS], in[MODEL_GROUPS][MODEL_USERS];
	unsigned int name[MODEL_USERS];
};

static void model_user(struct model *model, unsigned int u)
{
	struct user_spec spec = { .uid = 73000 + u };
	char name[16];

	snprintf(name, sizeof(name), "u%u-%u", u, model->name[u]);
	spec.name = name;
	spec.flags = model->allowed[u] ? WARDEN_USER_ALLOWED : 0;
	spec.roles[0] = u % 3 ? NULL : "admin";
	T_OK(user(&spec));
}

static void model_step(struct model *model, unsigned int *seed)
{
	unsigned int u = (unsigned int)rand_r(seed) % MODEL_USERS;
	unsigned int g = (unsigned int)rand_r(seed) % MODEL_GROUPS;
	char name[16];

	switch (rand_r(seed) % 8) {
	case 0: /* out: the groups are forgotten */
		model->allowed[u] = false;
		for (g = 0; g < MODEL_GROUPS; g++)
			model->in[g][u] = false;
		model_user(model, u);
		break;
	case 1:
		model->allowed[u] = true;
		model_user(model, u);
		break;
	case 2:
		model->name[u]++;
		model_user(model, u);
		break;
	case 3:
		T_OK(group(74000 + g, WARDEN_GROUP_DELETED, ""));
		model->group[g] = false;
		memset(model->in[g], 0, sizeof(model->in[g]));
		break;
	case 4:
		snprintf(name, sizeof(name), "g%u-%d", g, rand_r(seed) % 3);
		T_OK(group(74000 + g, 0, name));
		model->group[g] = true;
		break;
	default:
		if (!model->group[g])
			break;
		model->in[g][u] = rand_r(seed) % 4 != 0;
		T_OK(member(74000 + g, 73000 + u, model->in[g][u]));
		/* Counted when the batch ends: to who may be here then. */
		if (!model->allowed[u])
			model->in[g][u] = false;
	}
}

static void model_check(const struct model *model)
{
	view_open();
	for (unsigned int u = 0; u < MODEL_USERS; u++) {
		struct directory_user found;
		char name[16];

		T_FATAL(directory_user_by_uid(&view, 73000 + u, &found) == 0);
		snprintf(name, sizeof(name), "u%u-%u", u, model->name[u]);
		T_STR(found.name, name);
		T_INT(!!(found.flags & DIRECTORY_ALLOWED), model->allowed[u]);
		for (unsigned int g = 0; g < MODEL_GROUPS; g++)
			T_INT(is_member(74000 + g, 73000 + u, name), model->in[g][u]);
		T_INT(is_member(27, 73000 + u, name), model->allowed[u] && u % 3 == 0);
	}
	directory_release(&view);
}

/* Any sequence, against a plain model: both sides of each membership always agree. */
static void test_random_batches(void)
{
	static struct model model, before;
	unsigned int seed = 20240607;

	memset(&model, 0, sizeof(model));
	host_open();
	T_OK(begin(11, 0));
	for (unsigned int u = 0; u < MODEL_USERS; u++) {
		model.allowed[u] = true;
		model_user(&model, u);
	}
	commit();
	for (uint64_t revision = 12; revision < 160; revision++) {
		before = model;
		T_OK(begin(revision, 0));
		/* One step is exact; in a longer batch who is let in late gets more. */
		model_step(&model, &seed);
		if (revision % 5 == 0) {
			publish_abort(fixture.publish);
			model = before;
		} else {
			commit();
			T_INT(result.refusal_count, 0);
		}
		if (revision % 10 == 0)
			check_sound();
		model_check(&model);
	}
	host_close();
}

T_MAIN("warden/publish_host",
       T(test_configuration_is_read_again),
       T(test_local_group_with_another_gid),
       T(test_local_group_wins),
       T(test_full_buries_the_missing),
       T(test_hints_are_bounded),
       T(test_passwords),
       T(test_passwords_off),
       T(test_shadow_is_not_readable_by_all),
       T(test_shuts_out),
       T(test_check_sees_new_local_accounts),
       T(test_members_flood),
       T(test_many_groups),
       T(test_random_batches))
