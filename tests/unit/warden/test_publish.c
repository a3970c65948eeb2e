/* What a host may be made to believe: every message goes through publish_*, and what came of it is
 * read back from the files. Here: batches, refusals, access and roles. */
#include <fcntl.h>

#include "tests/unit/warden/publish_batch.h"

/* --- batches --- */

static void test_nothing_without_a_batch(void)
{
	fixture_open(FIXTURE_CONF);
	for (int round = 0; round < 2; round++) {
		T_INT(user(&ann), -EINVAL);
		T_STR(why.text, "no batch is open");
		T_INT(group(TEAM, 0, "team"), -EINVAL);
		T_STR(why.text, "no batch is open");
		T_INT(member(TEAM, ANN, true), -EINVAL);
		T_STR(why.text, "no batch is open");
		T_INT(password(ANN, HASH), -EINVAL);
		T_STR(why.text, "no batch is open");
		why.text[0] = '\0';
		T_INT(publish_commit(fixture.publish, &result, &why), -EINVAL);
		T_STR(why.text, "no batch is open");
		/* Once more after a batch that was given up. */
		T_OK(begin(1, WARDEN_FULL));
		publish_abort(fixture.publish);
	}
	host_close();
}

static void test_begin_is_checked(void)
{
	struct warden_begin *fields = (void *)(packet.bytes + sizeof(struct warden_message));
	static const struct {
		uint32_t flags, users, groups, unused;
	} bad[] = {
		{ 2, 0, 0, 0 },
		{ 0x80000001u, 0, 0, 0 },
		{ WARDEN_FULL, (1u << 24) + 1, 0, 0 },
		{ WARDEN_FULL, 0, UINT32_MAX, 0 },
		{ WARDEN_FULL, 0, 0, 1 },
	};

	host_open();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin_packet(&packet, 11, bad[i].flags);
		fields->users_hint = bad[i].users;
		fields->groups_hint = bad[i].groups;
		fields->unused = bad[i].unused;
		T_INT(publish_begin(fixture.publish, fields, sizeof(*fields), &why), -EINVAL);
		T_STR(why.text, "malformed begin");
	}
	begin_packet(&packet, 11, 0);
	for (size_t cut = 0; cut <= sizeof(*fields) + 1; cut++)
		if (cut != sizeof(*fields))
			T_INT(publish_begin(fixture.publish, fields, cut, &why), -EINVAL);
	for (uint64_t revision = 9; revision <= 10; revision++) {
		T_INT(begin(revision, 0), -EINVAL);
		T_TRUE(strstr(why.text, "is not newer") != NULL);
	}
	begin_packet(&packet, 11, 0);
	fields->instance[0] ^= 1;
	T_INT(publish_begin(fixture.publish, fields, sizeof(*fields), &why), -EINVAL);
	T_STR(why.text, "there is no directory of this store: send everything");
	T_INT(user(&ann), -EINVAL); /* none of them opened a batch */
	T_OK(begin(11, 0));
	host_close();
}

static void test_incremental_needs_a_directory(void)
{
	char path[FIXTURE_PATH + 16];

	fixture_open(FIXTURE_CONF);
	T_INT(begin(1, 0), -EINVAL);
	T_STR(why.text, "there is no directory of this store: send everything");
	fixture_close();
	host_open();
	fixture_stop();
	snprintf(path, sizeof(path), "%s/" DIRECTORY_SHADOW_FILE, fixture.folder);
	T_TRUE(unlink(path) == 0);
	fixture_start();
	T_INT(begin(11, 0), -EINVAL);
	T_STR(why.text, "there is no directory of this store: send everything");
	host_close();
}

/* A damaged file is not believed: everything has to be sent anew. */
static void test_damaged_file(void)
{
	struct warden_state state;
	char path[FIXTURE_PATH + 16];
	int fd;

	host_open();
	fixture_stop();
	snprintf(path, sizeof(path), "%s/" DIRECTORY_FILE, fixture.folder);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	T_FATAL(fd >= 0);
	T_TRUE(pwrite(fd, "\xff\xff\xff\xff", 4, 4096) == 4);
	closep(&fd);
	fixture_start();
	publish_state(fixture.publish, &state);
	T_INT(state.revision, 0);
	T_INT(begin(11, 0), -EINVAL);
	T_OK(begin(11, WARDEN_FULL));
	T_OK(user(&ann));
	commit();
	check_sound();
	host_close();
}

static void test_state(void)
{
	struct warden_state state;

	fixture_open(FIXTURE_CONF);
	publish_state(fixture.publish, &state);
	T_INT(state.revision, 0);
	T_INT(state.instance[0], 0);
	fixture_close();
	host_open();
	publish_state(fixture.publish, &state);
	T_INT(state.revision, 10);
	T_INT(state.users, 2);
	T_INT(state.groups, 4); /* sudo and docker are in it for bob's role */
	T_TRUE(memcmp(state.instance, fixture_instance, sizeof(state.instance)) == 0);
	check_sound();
	host_close();
}

static void test_what_is_sent_is_read(void)
{
	const struct user_spec full = {
		.uid = 70003, .flags = WARDEN_USER_ALLOWED, .name = "cat", .gecos = "C \xc3\xa9",
		.home = "/home/cat", .shell = "/bin/zsh", .roles = { "plain" },
		.keys = { "ssh-ed25519 AAAA cat" }, .env = { "A=b" },
	};
	struct directory_detail detail;
	struct directory_user found;
	struct directory_group private;

	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&full));
	commit();
	T_INT(result.revision, 11);
	T_TRUE(result.visible_us > 0 && result.durable_us > 0);
	view_open();
	T_FATAL(directory_user_by_name(&view, "cat", 3, &found) == 0);
	T_INT(found.uid, 70003);
	T_INT(found.flags, DIRECTORY_ALLOWED);
	T_STR(found.gecos, "C \xc3\xa9");
	T_STR(found.home, "/home/cat");
	T_STR(found.shell, "/bin/zsh");
	T_FATAL(directory_detail(&view, &found, &detail) == 0);
	T_STR(detail.reason, "");
	T_STR(detail.roles, "plain");
	T_STR(detail.keys, "ssh-ed25519 AAAA cat");
	T_STR(detail.environment, "A=b");
	T_OK(directory_group_by_gid(&view, 70003, &private));
	T_TRUE(private.is_private);
	T_TRUE(is_member(TEAM, ANN, "ann") && is_member(TEAM, BOB, "bob"));
	T_TRUE(is_member(CREW, BOB, "bob") && !is_member(CREW, ANN, "ann"));
	directory_release(&view);
	check_sound();
	host_close();
}

static void test_abort_leaves_no_trace(void)
{
	struct directory_user found;

	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .name = "ann" }));
	T_OK(group(TEAM, WARDEN_GROUP_DELETED, ""));
	T_OK(password(BOB, HASH));
	publish_abort(fixture.publish);
	/* A batch on top of an open one begins anew, too. */
	T_OK(begin(11, 0));
	T_OK(member(CREW, ANN, true));
	T_OK(begin(12, 0));
	commit();
	T_INT(result.loss_count, 0);
	view_open();
	T_FATAL(directory_user_by_uid(&view, ANN, &found) == 0);
	T_INT(found.flags, DIRECTORY_ALLOWED);
	T_TRUE(is_member(TEAM, ANN, "ann") && !is_member(CREW, ANN, "ann"));
	directory_release(&view);
	host_close();
}

/* --- refusals --- */

/* A record against the rules shuts its uid out, and the sentence is in the answer. */
static void test_refused_records_shut_out(void)
{
	static const struct {
		struct user_spec spec;
		const char *sentence;
	} cases[] = {
		{ { .uid = BOB, .name = "root" }, "the name \"root\" is reserved" },
		{ { .uid = BOB, .name = "LOCAL" }, "\"LOCAL\" is not a valid name" },
		{ { .uid = BOB, .name = "mixed" }, "the name \"mixed\" belongs to a local account" },
		{ { .uid = BOB, .name = "ann" }, "the name \"ann\" is taken by uid 70001" },
		{ { .uid = BOB, .name = "team" }, "the name \"team\" is taken by a group" },
		{ { .uid = BOB, .name = "bob", .gecos = "a:b" }, "invalid GECOS field" },
		{ { .uid = BOB, .name = "bob", .home = "home" }, "invalid home directory" },
		{ { .uid = BOB, .name = "bob", .shell = "/bin/sh\nx" }, "invalid shell" },
		{ { .uid = BOB, .name = "bob", .keys = { "a\nb" } },
		  "control character in a key, role or attribute" },
		{ { .uid = BOB, .flags = 8, .name = "bob" },
		  "user record with unknown flags or too many strings" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct user_spec spec = cases[i].spec;

		host_open();
		spec.flags |= WARDEN_USER_ALLOWED;
		T_OK(begin(11, 0));
		T_OK(member(CREW, ANN, true));
		T_OK(user(&spec));
		commit();
		T_INT(result.refusal_count, 1);
		T_STR(refusal_of(BOB), cases[i].sentence);
		T_TRUE(loss_of(BOB) && !loss_of(BOB)->gids);
		T_TRUE(!loss_of(ANN));
		check_shut_out(BOB, "bob");
		check_sound();
		host_close();
	}
}

/* Cut anywhere: the record is refused, its uid (if it can be read) shut out, the batch goes on. */
static void test_truncated_records(void)
{
	size_t size;

	host_open();
	T_OK(begin(11, 0));
	user_packet(&packet, WARDEN_USER, &bob);
	size = packet_body_size(&packet);
	for (size_t cut = 0; cut < size; cut++) {
		int r = publish_user(fixture.publish, packet_body(&packet), cut, &why);

		T_INT(r, cut < sizeof(struct warden_user) ? -EINVAL : 0);
		T_STR(why.text, "malformed user record");
	}
	group_packet(&packet, WARDEN_GROUP, TEAM, 0, "team");
	for (size_t cut = 0; cut < packet_body_size(&packet); cut++)
		T_INT(publish_group(fixture.publish, packet_body(&packet), cut, &why), -EINVAL);
	members_packet(&packet, TEAM, WARDEN_MEMBERS_REMOVE, (const uint32_t[]){ ANN, BOB }, 2);
	for (size_t cut = 0; cut < packet_body_size(&packet); cut++)
		T_INT(publish_members(fixture.publish, packet_body(&packet), cut, &why), -EINVAL);
	password_packet(&packet, ANN, HASH);
	for (size_t cut = 0; cut < packet_body_size(&packet); cut++)
		T_INT(publish_password(fixture.publish, packet_body(&packet), cut, &why), -EINVAL);
	commit();
	T_INT(result.refusal_count, PUBLISH_REFUSALS_MAX < size - sizeof(struct warden_user)
					    ? PUBLISH_REFUSALS_MAX
					    : size - sizeof(struct warden_user));
	check_shut_out(BOB, "bob");
	view_open();
	T_TRUE(is_member(TEAM, ANN, "ann"));
	directory_release(&view);
	host_close();
}

static void test_refusals_are_bounded(void)
{
	host_open();
	T_OK(begin(11, 0));
	for (uint32_t i = 0; i < 3 * PUBLISH_REFUSALS_MAX; i++)
		T_OK(user(&(struct user_spec){ .uid = 72000 + i, .name = "root" }));
	commit();
	T_INT(result.refusal_count, PUBLISH_REFUSALS_MAX);
	T_OK(begin(12, 0));
	commit();
	T_INT(result.refusal_count, 0);
	host_close();
}

static void test_places(void)
{
	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = TEAM, .name = "cat" }));
	T_STR(why.text, "uid 71001 is the gid of a group");
	T_OK(group(71003, 0, "ann"));
	T_STR(why.text, "the name \"ann\" is taken by a user");
	T_OK(group(71004, 0, "team"));
	T_STR(why.text, "the name \"team\" is taken by gid 71001");
	T_OK(group(ANN, 0, "guild"));
	T_STR(why.text, "gid 70001 is the uid of a user");
	T_OK(group(71005, 0, "shout"));
	T_STR(why.text, "the name \"shout\" belongs to a local account");
	T_OK(group(27, 0, "guild"));
	T_STR(why.text, "id 27 is reserved");
	/* root's own groups are nobody's to delete or to rename. */
	T_OK(group(27, WARDEN_GROUP_DELETED, ""));
	commit();
	T_INT(result.refusal_count, 6);
	T_TRUE(result.refusals[1].is_group && !result.refusals[0].is_group);
	view_open();
	T_TRUE(is_member(27, BOB, "bob"));
	T_TRUE(is_member(TEAM, ANN, "ann"));
	T_INT(directory_group_by_name(&view, "guild", 5, &(struct directory_group){ 0 }), -ENOENT);
	directory_release(&view);
	check_sound();
	host_close();
}

/* A group that is refused goes; its members do not keep the gid. */
static void test_refused_group_vanishes(void)
{
	host_open();
	T_OK(begin(11, 0));
	T_OK(group(TEAM, 0, "sudo"));
	commit();
	T_STR(refusal_of(TEAM), "the name \"sudo\" is reserved");
	view_open();
	T_TRUE(!user_has_gid(ANN, TEAM) && !user_has_gid(BOB, TEAM) && user_has_gid(BOB, CREW));
	T_INT(directory_group_by_gid(&view, TEAM, &(struct directory_group){ 0 }), -ENOENT);
	directory_release(&view);
	T_INT(result.loss_count, 0); /* nobody's access, no role */
	check_sound();
	host_close();
}

static unsigned int flags_of(uint32_t uid)
{
	struct directory_user found;
	unsigned int flags;

	view_open();
	T_FATAL(directory_user_by_uid(&view, uid, &found) == 0);
	flags = found.flags;
	directory_release(&view);
	return flags;
}

static uint32_t header_uid_max(void)
{
	struct directory_header header;
	char path[FIXTURE_PATH + 16];
	FILE *file;

	sprintf(path, "%s/" DIRECTORY_FILE, fixture.folder);
	file = fopen(path, "re");
	T_FATAL(file && fread(&header, sizeof(header), 1, file) == 1);
	fclose(file);
	return header.uid_max;
}

/* Another range reaches what readers see without a restart: with the next batch, however small. */
static void test_range_reaches_readers(void)
{
	char path[FIXTURE_PATH + 16];

	host_open();
	T_INT(header_uid_max(), 79999);
	sprintf(path, "%s/99.conf", fixture.dropins);
	file_write(path, "[identity]\nuid_range = 70000-89999\n");
	T_OK(begin(11, 0));
	T_OK(user(&ann));
	while (publish_has_work(fixture.publish)) /* waits for the batch */
		publish_work(fixture.publish, 0);
	commit();
	while (publish_has_work(fixture.publish))
		publish_work(fixture.publish, 0);
	T_INT(header_uid_max(), 89999);
	view_open();
	T_TRUE(is_member(TEAM, ANN, "ann") && is_member(CREW, BOB, "bob"));
	directory_release(&view);
	check_sound();
	host_close();
}

/* Everybody is sent anew: who was said to be deleted stays so, whatever scimd says now. */
static void test_full_revives_nobody(void)
{
	const struct user_spec mallory = { .uid = ANN, .flags = WARDEN_USER_ALLOWED,
					   .name = "mallory" };
	char path[FIXTURE_PATH + 16];

	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_DELETED }));
	commit();
	T_INT(flags_of(ANN), DIRECTORY_DELETED | DIRECTORY_RETIRED);
	for (unsigned int revision = 12; revision < 16; revision++) {
		T_OK(begin(revision, WARDEN_FULL)); /* named, or left out: the same */
		T_OK(user(&bob));
		if (revision % 2 == 0) {
			T_OK(user(revision % 4 ? &ann : &mallory));
			T_STR(why.text, "uid 70001 belonged to a deleted user");
		}
		T_OK(group(ANN, 0, "annies"));
		T_STR(why.text, "gid 70001 is the uid of a user");
		commit();
		T_INT(flags_of(ANN), DIRECTORY_DELETED | DIRECTORY_RETIRED);
		check_sound();
	}
	/* Root's word, for one batch. */
	sprintf(path, "%s/" WARDEN_RESTORED_FILE, fixture.folder);
	file_write(path, "");
	T_OK(begin(20, WARDEN_FULL));
	T_OK(user(&ann));
	T_STR(why.text, "");
	T_OK(user(&bob));
	T_TRUE(access(path, F_OK) == 0);
	commit();
	T_INT(flags_of(ANN), DIRECTORY_ALLOWED);
	T_TRUE(access(path, F_OK) < 0);
	T_OK(begin(21, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_DELETED }));
	commit();
	T_OK(begin(22, WARDEN_FULL));
	T_OK(user(&ann));
	T_STR(why.text, "uid 70001 belonged to a deleted user");
	commit();
	host_close();
}

/* Left out of one full batch is not deleted: another one may name them again, a small one not. */
static void test_left_out_may_return(void)
{
	host_open();
	T_OK(begin(11, WARDEN_FULL));
	T_OK(user(&bob));
	commit();
	T_INT(flags_of(ANN), DIRECTORY_DELETED);
	T_OK(begin(12, 0));
	T_OK(user(&ann));
	T_STR(why.text, "uid 70001 belonged to a deleted user");
	commit();
	T_INT(flags_of(ANN), DIRECTORY_DELETED);
	T_OK(begin(13, WARDEN_FULL));
	T_OK(user(&bob));
	T_OK(group(TEAM, 0, "team"));
	T_OK(user(&(struct user_spec){ .uid = TEAM, .flags = WARDEN_USER_ALLOWED, .name = "x" }));
	T_STR(why.text, "uid 71001 is the gid of a group");
	T_OK(user(&ann));
	commit();
	T_INT(flags_of(ANN), DIRECTORY_ALLOWED);
	check_sound();
	host_close();
}

/* A record that a full batch was refused shuts its uid out, and the next one lets it in again. */
static void test_full_refusal_shuts_out(void)
{
	struct directory_user found;

	host_open();
	T_OK(begin(11, WARDEN_FULL));
	T_OK(group(TEAM, 0, "team"));
	T_OK(user(&bob));
	T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_ALLOWED, .name = "ann",
				       .home = "no-path" }));
	T_STR(why.text, "invalid home directory");
	commit();
	T_STR(refusal_of(ANN), "invalid home directory");
	T_TRUE(loss_of(ANN) && !loss_of(ANN)->gids);
	check_shut_out(ANN, "ann");
	check_sound();
	T_OK(begin(12, 0));
	T_OK(user(&ann));
	T_OK(member(TEAM, ANN, true));
	commit();
	T_INT(flags_of(ANN), DIRECTORY_ALLOWED);
	/* Somebody else has the name by then. */
	T_OK(begin(13, WARDEN_FULL));
	T_OK(user(&(struct user_spec){ .uid = 70009, .flags = WARDEN_USER_ALLOWED, .name = "ann" }));
	T_OK(user(&ann));
	T_STR(why.text, "the name \"ann\" is taken by uid 70009");
	commit();
	T_INT(flags_of(ANN), DIRECTORY_DELETED);
	view_open();
	T_FATAL(directory_user_by_name(&view, "ann", 3, &found) == 0);
	T_INT(found.uid, 70009);
	directory_release(&view);
	check_sound();
	host_close();
}

static void test_tombstones_stay(void)
{
	struct directory_user found;

	host_open();
	T_OK(begin(11, 0));
	T_OK(user(&(struct user_spec){ .uid = ANN, .flags = WARDEN_USER_DELETED }));
	commit();
	T_TRUE(loss_of(ANN) && !loss_of(ANN)->gids);
	T_STR(loss_of(ANN)->name, "ann");
	T_INT(check_user(&ann), -EINVAL);
	T_STR(why.text, "uid 70001 belonged to a deleted user");
	T_OK(begin(12, 0));
	T_OK(user(&ann));
	T_STR(why.text, "uid 70001 belonged to a deleted user");
	/* The name is free, for another uid. */
	T_OK(user(&(struct user_spec){ .uid = 70009, .flags = WARDEN_USER_ALLOWED, .name = "ann" }));
	commit();
	T_STR(refusal_of(ANN), "uid 70001 belonged to a deleted user");
	T_INT(result.loss_count, 0);
	view_open();
	T_FATAL(directory_user_by_uid(&view, ANN, &found) == 0);
	T_TRUE(found.flags & DIRECTORY_DELETED);
	T_TRUE(!group_lists(TEAM, ANN, "ann"));
	T_FATAL(directory_user_by_name(&view, "ann", 3, &found) == 0);
	T_INT(found.uid, 70009);
	directory_release(&view);
	T_TRUE(publish_shuts_out(fixture.publish, ANN));
	T_TRUE(!publish_shuts_out(fixture.publish, 70009));
	check_sound();
	host_close();
}

static void test_members_are_checked(void)
{
	struct warden_members *head = (void *)(packet.bytes + sizeof(struct warden_message));
	static const uint32_t lies[] = { 0, 1, 3, 0x40000001u, 0x40000002u, UINT32_MAX };

	host_open();
	T_OK(begin(11, 0));
	T_INT(member(27, ANN, true), -EINVAL);
	T_STR(why.text, "no group with gid 27 whose members could be set");
	T_INT(member(0, ANN, true), -EINVAL);
	T_INT(member(71999, ANN, true), -EINVAL);
	T_STR(why.text, "no group with gid 71999 whose members could be set");
	T_INT(member(ANN, BOB, true), -EINVAL); /* a private group */
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		members_packet(&packet, CREW, WARDEN_MEMBERS_ADD, (const uint32_t[]){ ANN, BOB }, 2);
		head->count = lies[i];
		T_INT(publish_members(fixture.publish, head, packet_body_size(&packet), &why),
		      -EINVAL);
		T_STR(why.text, "malformed members record");
	}
	T_INT(members(CREW, 0, (const uint32_t[]){ ANN }, 1), -EINVAL);
	T_INT(members(CREW, 3, (const uint32_t[]){ ANN }, 1), -EINVAL);
	/* Strangers are passed over, root too. */
	T_OK(members(CREW, WARDEN_MEMBERS_ADD, (const uint32_t[]){ 0, 1000, 70777, UINT32_MAX }, 4));
	commit();
	view_open();
	T_TRUE(!is_member(CREW, ANN, "ann"));
	T_TRUE(!user_has_gid(ANN, 27));
	T_INT(directory_user_by_uid(&view, 0, &(struct directory_user){ 0 }), -ENOENT);
	directory_release(&view);
	check_sound();
	host_close();
}

/* --- access and roles --- */

static void test_out_and_in_again(void)
{
	struct user_spec out = bob;

	host_open();
	out.flags = 0;
	out.reason = "not today";
	T_OK(begin(11, 0));
	T_OK(user(&out));
	T_OK(member(CREW, BOB, true)); /* without access there are no groups */
	commit();
	T_INT(result.loss_count, 1);
	T_TRUE(loss_of(BOB) && !loss_of(BOB)->gids);
	check_shut_out(BOB, "bob");
	T_OK(begin(12, 0));
	T_OK(user(&bob));
	T_OK(members(TEAM, WARDEN_MEMBERS_ADD, (const uint32_t[]){ BOB }, 1));
	T_OK(members(CREW, WARDEN_MEMBERS_ADD, (const uint32_t[]){ BOB }, 1));
	commit();
	T_INT(result.loss_count, 0);
	view_open();
	T_TRUE(is_member(TEAM, BOB, "bob") && is_member(CREW, BOB, "bob"));
	T_TRUE(is_member(27, BOB, "bob") && is_member(998, BOB, "bob"));
	T_TRUE(!publish_shuts_out(fixture.publish, BOB));
	directory_release(&view);
	check_sound();
	host_close();
}

/* What a role is worth is for root's configuration to say. */
static void test_roles(void)
{
	static const struct {
		const char *roles[SPEC_STRINGS];
		uint32_t gids[2], count;
	} cases[] = {
		{ { "admin" }, { 27, 998 }, 2 },
		{ { "plain", "admin", "admin" }, { 27, 998 }, 2 },
		{ { "plain" }, { 0 }, 0 },
		{ { "evil" }, { 0 }, 0 }, /* local_groups = root, nosuchgroup */
		{ { "sudo" }, { 0 }, 0 }, /* a group's name is no role */
		{ { "ADMIN", "", "admin " }, { 0 }, 0 },
	};

	host_open();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct user_spec spec = { .uid = ANN, .flags = WARDEN_USER_ALLOWED };
		struct directory_group found;

		memcpy(spec.roles, cases[i].roles, sizeof(spec.roles));
		T_OK(begin(11 + i, 0));
		T_OK(user(&spec));
		commit();
		view_open();
		T_INT(is_member(27, ANN, "ann"), cases[i].count == 2);
		T_INT(is_member(998, ANN, "ann"), cases[i].count == 2);
		T_TRUE(!user_has_gid(ANN, 0) && is_member(TEAM, ANN, "ann"));
		T_INT(directory_group_by_gid(&view, 0, &found), -ENOENT);
		T_OK(directory_group_by_gid(&view, 27, &found));
		T_INT(found.flags, DIRECTORY_LOCAL);
		directory_release(&view);
	}
	check_sound();
	host_close();
}

static void test_losses(void)
{
	static const struct {
		struct user_spec spec;
		bool loses, access;
		uint32_t gid_count;
	} cases[] = {
		{ { .uid = BOB, .flags = 1, .name = "bob", .roles = { "admin" } }, false, false, 0 },
		{ { .uid = BOB, .flags = 1, .name = "robert", .roles = { "admin" } }, false, false, 0 },
		{ { .uid = BOB, .flags = 1, .name = "bob", .shell = "/bin/false",
		    .roles = { "admin" } }, false, false, 0 },
		{ { .uid = BOB, .flags = 1, .name = "bob" }, true, false, 2 },
		{ { .uid = BOB, .flags = 1, .name = "bob", .roles = { "plain" } }, true, false, 2 },
		{ { .uid = BOB, .flags = 0, .name = "bob", .roles = { "admin" } }, true, true, 0 },
		{ { .uid = BOB, .flags = 2 }, true, true, 0 },
		{ { .uid = BOB, .flags = 3 }, true, true, 0 }, /* deleted is stronger */
		{ { .uid = 70055, .flags = 0, .name = "new" }, false, false, 0 },
		{ { .uid = 70055, .flags = 2 }, false, false, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct publish_loss *loss;

		host_open();
		T_OK(begin(11, 0));
		T_OK(user(&cases[i].spec));
		T_OK(member(TEAM, ANN, false)); /* no role: nothing to end */
		commit();
		loss = loss_of(cases[i].spec.uid);
		T_INT(result.loss_count, cases[i].loses);
		T_INT(loss != NULL, cases[i].loses);
		if (loss) {
			T_INT(loss->gids == NULL, cases[i].access);
			T_INT(loss->gid_count, cases[i].gid_count);
			T_STR(loss->name, "bob");
		}
		/* The same again loses nothing more. */
		T_OK(begin(12, 0));
		T_OK(user(&cases[i].spec));
		commit();
		T_INT(result.loss_count, 0);
		check_sound();
		host_close();
	}
}

static void test_rename_moves_everywhere(void)
{
	struct user_spec renamed = bob;

	host_open();
	renamed.name = "robert";
	T_OK(begin(11, 0));
	T_OK(user(&renamed));
	T_OK(user(&(struct user_spec){ .uid = 70003, .flags = WARDEN_USER_ALLOWED, .name = "bob" }));
	commit();
	view_open();
	T_TRUE(is_member(TEAM, BOB, "robert") && is_member(CREW, BOB, "robert"));
	T_TRUE(is_member(27, BOB, "robert"));
	T_TRUE(!group_lists(TEAM, BOB, "bob") && !group_lists(27, BOB, "bob"));
	directory_release(&view);
	check_sound();
	host_close();
}

T_MAIN("warden/publish",
       T(test_nothing_without_a_batch),
       T(test_begin_is_checked),
       T(test_incremental_needs_a_directory),
       T(test_damaged_file),
       T(test_state),
       T(test_what_is_sent_is_read),
       T(test_abort_leaves_no_trace),
       T(test_refused_records_shut_out),
       T(test_truncated_records),
       T(test_refusals_are_bounded),
       T(test_places),
       T(test_refused_group_vanishes),
       T(test_tombstones_stay), T(test_range_reaches_readers),
       T(test_full_revives_nobody), T(test_left_out_may_return),
       T(test_full_refusal_shuts_out),
       T(test_members_are_checked),
       T(test_out_and_in_again),
       T(test_roles),
       T(test_losses),
       T(test_rename_moves_everywhere))
