/* publish_fixture.h - a host of the tests' own: passwd, group and configuration in a folder that
 * belongs to root, and messages to publish there. Needs root, as the warden does. */
#ifndef TESTS_UNIT_WARDEN_PUBLISH_FIXTURE_H
#define TESTS_UNIT_WARDEN_PUBLISH_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scimd/warden/publish.h"
#include "scimd/warden/record.h"
#include "shared/directory.h"
#include "shared/packet.h"
#include "tests/unit/t.h"

#define FIXTURE_PASSWD                                                                          \
	"root:x:0:0:root:/root:/bin/bash\n"                                                     \
	"local:x:1000:1000::/home/local:/bin/bash\n"                                            \
	"Mixed:x:70500:1000::/:/bin/sh\n"
#define FIXTURE_GROUP                                                                           \
	"root:x:0:\nsudo:x:27:\ndocker:x:998:\nlocal:x:1000:\nshout:x:1001:\nopshost:x:70600:\n"
#define FIXTURE_CONF                                                                            \
	"[identity]\nuid_range = 70000-79999\npasswords = on\n"                                 \
	"[role admin]\ngroups = Admins\nlocal_groups = sudo, docker\n"                          \
	"[role evil]\ngroups = Evil\nlocal_groups = root, nosuchgroup\n"                        \
	"[role plain]\ngroups = Plain\nlocal_groups =\n"

#define FIXTURE_ROOT "/tmp/scimd-warden-XXXXXX"
#define FIXTURE_PATH 64

static struct fixture {
	char root[sizeof(FIXTURE_ROOT)];
	char passwd[FIXTURE_PATH], group[FIXTURE_PATH], conf[FIXTURE_PATH], dropins[FIXTURE_PATH];
	char folder[FIXTURE_PATH], socket[FIXTURE_PATH], lost_roles[FIXTURE_PATH];
	struct local *local;
	struct publish *publish;
} fixture;

static const unsigned char fixture_instance[DIRECTORY_INSTANCE_SIZE] = "one-store-of-us";

static inline void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	T_FATAL(file != NULL);
	T_TRUE(fputs(text, file) >= 0);
	T_TRUE(fclose(file) == 0);
}

static inline int fixture_unlink(const char *path, const struct stat *status, int type,
				 struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

/* Open what is there: the warden started. */
static inline void fixture_start(void)
{
	struct publish_options options = { .folder = fixture.folder, .conf_file = fixture.conf,
					   .dropins = fixture.dropins, .shadow_group = 0,
					   .lost_roles = fixture.lost_roles };

	T_FATAL(local_new(fixture.passwd, fixture.group, &fixture.local) == 0);
	options.local = fixture.local;
	T_FATAL(publish_new(&options, &fixture.publish) == 0);
}

static inline void fixture_stop(void)
{
	publish_freep(&fixture.publish);
	local_freep(&fixture.local);
}

/* Folders and files, nothing started. */
static inline void fixture_make(const char *conf)
{
	fixture = (struct fixture){ .root = FIXTURE_ROOT };
	T_FATAL(mkdtemp(fixture.root) != NULL);
	T_FATAL(chmod(fixture.root, 0755) == 0);
	sprintf(fixture.passwd, "%s/passwd", fixture.root);
	sprintf(fixture.group, "%s/group", fixture.root);
	sprintf(fixture.conf, "%s/scimd.conf", fixture.root);
	sprintf(fixture.dropins, "%s/scimd.conf.d", fixture.root);
	sprintf(fixture.folder, "%s/public", fixture.root);
	sprintf(fixture.socket, "%s/warden.sock", fixture.root);
	sprintf(fixture.lost_roles, "%s/lost-roles", fixture.root);
	file_write(fixture.passwd, FIXTURE_PASSWD);
	file_write(fixture.group, FIXTURE_GROUP);
	file_write(fixture.conf, conf);
	T_FATAL(mkdir(fixture.dropins, 0755) == 0 && mkdir(fixture.folder, 0755) == 0);
}

static inline void fixture_open(const char *conf)
{
	fixture_make(conf);
	fixture_start();
}

static inline void fixture_close(void)
{
	fixture_stop();
	(void)nftw(fixture.root, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- messages --- */

#define SPEC_STRINGS 4
struct user_spec {
	uint32_t uid, flags;
	const char *name, *gecos, *home, *shell, *reason; /* NULL: something usual */
	const char *roles[SPEC_STRINGS], *keys[SPEC_STRINGS], *env[SPEC_STRINGS];
};

static inline uint16_t strings_count(const char *const *strings)
{
	uint16_t count = 0;

	while (count < SPEC_STRINGS && strings[count])
		count++;
	return count;
}

static inline void put_strings(struct packet *packet, const char *const *strings)
{
	for (uint16_t i = 0; i < strings_count(strings); i++)
		packet_put_string(packet, strings[i]);
}

static inline void user_packet(struct packet *packet, enum warden_op op, const struct user_spec *spec)
{
	struct warden_user user = { .uid = spec->uid, .flags = spec->flags,
				    .role_count = strings_count(spec->roles),
				    .key_count = strings_count(spec->keys),
				    .env_count = strings_count(spec->env) };

	packet_begin(packet, op, 0);
	packet_put(packet, &user, sizeof(user));
	packet_put_string(packet, spec->name ? spec->name : "ann");
	packet_put_string(packet, spec->gecos ? spec->gecos : "Ann B");
	packet_put_string(packet, spec->home ? spec->home : "/home/ann");
	packet_put_string(packet, spec->shell ? spec->shell : "/bin/bash");
	packet_put_string(packet, spec->reason ? spec->reason : "");
	put_strings(packet, spec->roles);
	put_strings(packet, spec->keys);
	put_strings(packet, spec->env);
	packet_finish(packet);
	T_FATAL(!packet->bad);
}

static inline void group_packet(struct packet *packet, enum warden_op op, uint32_t gid,
				uint32_t flags, const char *name)
{
	struct warden_group group = { .gid = gid, .flags = flags };

	packet_begin(packet, op, 0);
	packet_put(packet, &group, sizeof(group));
	packet_put_string(packet, name);
	packet_finish(packet);
}

static inline void members_packet(struct packet *packet, uint32_t gid, uint32_t action,
				  const uint32_t *uids, uint32_t count)
{
	struct warden_members members = { .gid = gid, .action = action, .count = count };

	packet_begin(packet, WARDEN_MEMBERS, 0);
	packet_put(packet, &members, sizeof(members));
	packet_put(packet, uids, count * sizeof(*uids));
	packet_finish(packet);
	T_FATAL(!packet->bad);
}

static inline void password_packet(struct packet *packet, uint32_t uid, const char *hash)
{
	struct warden_password password = { .uid = uid, .changed_day = 20000 };

	packet_begin(packet, WARDEN_PASSWORD, 0);
	packet_put(packet, &password, sizeof(password));
	packet_put_string(packet, hash);
	packet_finish(packet);
}

static inline void begin_packet(struct packet *packet, uint64_t revision, uint32_t flags)
{
	struct warden_begin begin = { .revision = revision, .flags = flags };

	memcpy(begin.instance, fixture_instance, sizeof(begin.instance));
	packet_begin(packet, WARDEN_BEGIN, revision);
	packet_put(packet, &begin, sizeof(begin));
	packet_finish(packet);
}

static inline const void *packet_body(const struct packet *packet)
{
	return packet->bytes + sizeof(struct warden_message);
}

static inline size_t packet_body_size(const struct packet *packet)
{
	return packet->size - sizeof(struct warden_message);
}

#endif
