/* publish_batch.h - batches of messages for the warden, and reading what came of them, as any process
 * would. Include it in one file of a test program. */
#ifndef TESTS_UNIT_WARDEN_PUBLISH_BATCH_H
#define TESTS_UNIT_WARDEN_PUBLISH_BATCH_H

#include "tests/unit/warden/publish_fixture.h"

#define HASH "$y$j9T$abcdefghijklmnopqrstu0$0123456789012345678901234567890123456789012"

static struct refusal why;
static struct packet packet;

/* --- sending --- */

static inline int begin(uint64_t revision, uint32_t flags)
{
	begin_packet(&packet, revision, flags);
	why.text[0] = '\0';
	return publish_begin(fixture.publish, packet_body(&packet), packet_body_size(&packet), &why);
}

static inline int user(const struct user_spec *spec)
{
	user_packet(&packet, WARDEN_USER, spec);
	why.text[0] = '\0';
	return publish_user(fixture.publish, packet_body(&packet), packet_body_size(&packet), &why);
}

static inline int check_user(const struct user_spec *spec)
{
	user_packet(&packet, WARDEN_CHECK_USER, spec);
	why.text[0] = '\0';
	return publish_check_user(fixture.publish, packet_body(&packet), packet_body_size(&packet),
				  &why);
}

static inline int group(uint32_t gid, uint32_t flags, const char *name)
{
	group_packet(&packet, WARDEN_GROUP, gid, flags, name);
	why.text[0] = '\0';
	return publish_group(fixture.publish, packet_body(&packet), packet_body_size(&packet), &why);
}

static inline int members(uint32_t gid, uint32_t action, const uint32_t *uids, uint32_t count)
{
	members_packet(&packet, gid, action, uids, count);
	why.text[0] = '\0';
	return publish_members(fixture.publish, packet_body(&packet), packet_body_size(&packet),
			       &why);
}

static inline int member(uint32_t gid, uint32_t uid, bool add)
{
	return members(gid, add ? WARDEN_MEMBERS_ADD : WARDEN_MEMBERS_REMOVE, &uid, 1);
}

static inline int password(uint32_t uid, const char *hash)
{
	password_packet(&packet, uid, hash);
	why.text[0] = '\0';
	return publish_password(fixture.publish, packet_body(&packet), packet_body_size(&packet),
				&why);
}

static struct publish_result result;

static inline void commit(void)
{
	publish_result_done(&result);
	T_FATAL(publish_commit(fixture.publish, &result, &why) == 0);
}

static inline const struct publish_loss *loss_of(uint32_t uid)
{
	for (size_t i = 0; i < result.loss_count; i++)
		if (result.losses[i].uid == uid)
			return &result.losses[i];
	return NULL;
}

static inline const char *refusal_of(uint32_t id)
{
	for (size_t i = 0; i < result.refusal_count; i++)
		if (result.refusals[i].id == id)
			return result.refusals[i].why.text;
	return "";
}

#define ANN 70001u
#define BOB 70002u
#define TEAM 71001u
#define CREW 71002u

static const struct user_spec ann = { .uid = ANN, .flags = WARDEN_USER_ALLOWED, .name = "ann" };
static const struct user_spec bob = { .uid = BOB, .flags = WARDEN_USER_ALLOWED, .name = "bob",
				      .home = "/home/bob", .roles = { "admin", "plain" } };

/* A host with two people and two groups at revision 10. */
static inline void host_open(void)
{
	fixture_open(FIXTURE_CONF);
	T_OK(begin(10, WARDEN_FULL));
	T_OK(group(TEAM, 0, "team"));
	T_OK(group(CREW, 0, "crew"));
	T_OK(user(&ann));
	T_OK(user(&bob));
	T_OK(members(TEAM, WARDEN_MEMBERS_ADD, (const uint32_t[]){ ANN, BOB }, 2));
	T_OK(member(CREW, BOB, true));
	commit();
	T_INT(result.loss_count, 0);
	T_INT(result.refusal_count, 0);
}

static inline void host_close(void)
{
	publish_result_done(&result);
	fixture_close();
}

/* --- reading --- */

static struct directory_view view;

static inline void view_open(void)
{
	T_FATAL(directory_open(fixture.folder, DIRECTORY_FILE, DIRECTORY_MAGIC, &view) == 0);
}

static inline bool user_has_gid(uint32_t uid, uint32_t gid)
{
	struct directory_user found;

	T_FATAL(directory_user_by_uid(&view, uid, &found) == 0);
	for (size_t i = 0; i < found.group_count; i++)
		if (found.gids[i] == gid)
			return true;
	return false;
}

static inline bool group_lists(uint32_t gid, uint32_t uid, const char *name)
{
	struct directory_members some;
	struct directory_group found;
	uint64_t cursor = 0;
	int r;

	if (directory_group_by_gid(&view, gid, &found) < 0)
		return false;
	while ((r = directory_members_next(&view, &found, &cursor, &some)) == 0) {
		const char *at = some.names;

		for (size_t i = 0; i < some.count; i++, at = directory_string_next(at))
			if (some.uids[i] == uid && strcmp(at, name) == 0)
				return true;
	}
	T_INT(r, -ENOENT);
	return false;
}

/* Both sides of a membership say the same. */
static inline bool is_member(uint32_t gid, uint32_t uid, const char *name)
{
	bool is = user_has_gid(uid, gid);

	T_INT(group_lists(gid, uid, name), is);
	return is;
}

/* Not allowed: no shell, no groups, in no list; the name stays. */
static inline void check_shut_out(uint32_t uid, const char *name)
{
	struct directory_user found;

	view_open();
	T_FATAL(directory_user_by_uid(&view, uid, &found) == 0);
	T_INT(found.flags & DIRECTORY_ALLOWED, 0);
	T_STR(found.name, name);
	T_STR(found.shell, DIRECTORY_NOLOGIN);
	T_INT(found.group_count, 0);
	T_TRUE(!group_lists(TEAM, uid, name) && !group_lists(CREW, uid, name));
	T_TRUE(!group_lists(27, uid, name) && !group_lists(998, uid, name));
	T_TRUE(publish_shuts_out(fixture.publish, uid));
	directory_release(&view);
}

/* What is published is sound, also for the next warden. */
static inline void check_sound(void)
{
	struct warden_state before, after;

	publish_state(fixture.publish, &before);
	fixture_stop();
	fixture_start();
	publish_state(fixture.publish, &after);
	T_TRUE(before.revision != 0);
	T_TRUE(memcmp(&before, &after, sizeof(before)) == 0);
}

#endif
