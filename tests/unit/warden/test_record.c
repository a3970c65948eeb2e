/* Records from a hostile scimd: each rule refuses with its own sentence, and no body, however cut or
 * changed, is read past its end. */
#include "scimd/warden/record.h"
#include "tests/unit/warden/publish_fixture.h"

static struct conf *conf;
static struct user_record user; /* too large for a stack */
static struct refusal why;

static void setup(void)
{
	struct conf_problems problems = { 0 };

	fixture_make(FIXTURE_CONF);
	T_FATAL(conf_load(fixture.conf, NULL, &conf, &problems) == 0);
	T_FATAL(local_new(fixture.passwd, fixture.group, &fixture.local) == 0);
}

static void teardown(void)
{
	conf_freep(&conf);
	fixture_close();
}

/* Parse and check from a heap block of the exact size, so that a sanitizer sees any overread. */
static int user_take(const void *body, size_t size)
{
	_cleanup_free_ unsigned char *exact = malloc(size ? size : 1);
	int r;

	T_FATAL(exact != NULL);
	memcpy(exact, body, size);
	why.text[0] = '\0';
	r = record_parse_user(exact, size, &user, &why);
	return r < 0 ? r : record_check_user(&user, conf, fixture.local, &why);
}

#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define X250 X50 X50 X50 X50 X50

static const struct {
	struct user_spec spec;
	const char *sentence; /* NULL: accepted */
} users[] = {
	{ { .uid = 70000 }, NULL },
	{ { .uid = 79999, .flags = WARDEN_USER_ALLOWED, .gecos = "", .home = "/" }, NULL },
	{ { .uid = 70000, .gecos = "J\xc3\xb6rg" }, NULL },
	{ { .uid = 70000, .name = X10 X10 X10 "xx" }, NULL },
	{ { .uid = 0 }, "id 0 is reserved" },
	{ { .uid = 999 }, "id 999 is reserved" },
	{ { .uid = 1000 }, "id 1000 is outside uid_range 70000-79999" },
	{ { .uid = 61184 }, "id 61184 is reserved" },
	{ { .uid = 65519 }, "id 65519 is reserved" },
	{ { .uid = 65534 }, "id 65534 is reserved" },
	{ { .uid = 65535 }, "id 65535 is reserved" },
	{ { .uid = 0x80000000u }, "id 2147483648 is reserved" },
	{ { .uid = UINT32_MAX }, "id 4294967295 is reserved" },
	{ { .uid = 69999 }, "id 69999 is outside uid_range 70000-79999" },
	{ { .uid = 80000 }, "id 80000 is outside uid_range 70000-79999" },
	{ { .uid = 70500 }, "id 70500 belongs to a local account" },
	{ { .uid = 70600 }, "id 70600 belongs to a local account" },
	{ { .uid = 0, .flags = WARDEN_USER_DELETED }, "id 0 is reserved" },
	{ { .uid = 70500, .flags = WARDEN_USER_DELETED }, "id 70500 belongs to a local account" },
	{ { .uid = 70000, .name = "local" }, "the name \"local\" belongs to a local account" },
	{ { .uid = 70000, .name = "mixed" }, "the name \"mixed\" belongs to a local account" },
	{ { .uid = 70000, .name = "shout" }, "the name \"shout\" belongs to a local account" },
	{ { .uid = 70000, .name = "root" }, "the name \"root\" is reserved" },
	{ { .uid = 70000, .name = "sudo" }, "the name \"sudo\" is reserved" },
	{ { .uid = 70000, .name = "systemd-x" }, "the name \"systemd-x\" is reserved" },
	{ { .uid = 70000, .name = "_apt" }, "the name \"_apt\" is reserved" },
	{ { .uid = 70000, .name = "" }, "\"\" is not a valid name" },
	{ { .uid = 70000, .name = "Ann" }, "\"Ann\" is not a valid name" },
	{ { .uid = 70000, .name = "70000" }, "\"70000\" is not a valid name" },
	{ { .uid = 70000, .name = "-rf" }, "\"-rf\" is not a valid name" },
	{ { .uid = 70000, .name = "a b" }, "\"a b\" is not a valid name" },
	{ { .uid = 70000, .name = "a:b" }, "\"a:b\" is not a valid name" },
	{ { .uid = 70000, .name = "a/b" }, "\"a/b\" is not a valid name" },
	{ { .uid = 70000, .name = "ann." }, "\"ann.\" is not a valid name" },
	{ { .uid = 70000, .name = X10 X10 X10 "xxx" }, "malformed user record" },
	{ { .uid = 70000, .gecos = "a:b" }, "invalid GECOS field" },
	{ { .uid = 70000, .gecos = "a\nroot2:x:0:0::/:/bin/sh" }, "invalid GECOS field" },
	{ { .uid = 70000, .gecos = "\x1b[2J" }, "invalid GECOS field" },
	{ { .uid = 70000, .gecos = "\x7f" }, "invalid GECOS field" },
	{ { .uid = 70000, .gecos = "\xff" }, "invalid GECOS field" },
	{ { .uid = 70000, .gecos = X250 X10 }, "malformed user record" },
	{ { .uid = 70000, .home = "home/ann" }, "invalid home directory" },
	{ { .uid = 70000, .home = "" }, "invalid home directory" },
	{ { .uid = 70000, .home = "/home/../root" }, "invalid home directory" },
	{ { .uid = 70000, .home = "/a:b" }, "invalid home directory" },
	{ { .uid = 70000, .home = "/" X250 X10 }, "malformed user record" },
	{ { .uid = 70000, .shell = "bash" }, "invalid shell" },
	{ { .uid = 70000, .shell = "/bin/sh\n" }, "invalid shell" },
	{ { .uid = 70000, .shell = "/" X250 X10 }, "malformed user record" },
	{ { .uid = 70000, .keys = { "ssh-rsa A\nssh-rsa B" } },
	  "control character in a key, role or attribute" },
	{ { .uid = 70000, .roles = { "ad\tmin" } },
	  "control character in a key, role or attribute" },
	{ { .uid = 70000, .env = { "A=\x1b" } }, "control character in a key, role or attribute" },
	{ { .uid = 70000, .reason = "\x7f" }, "control character in a key, role or attribute" },
	{ { .uid = 70000, .flags = 4 }, "user record with unknown flags or too many strings" },
	{ { .uid = 70000, .flags = 0x80000000u },
	  "user record with unknown flags or too many strings" },
};

static void test_every_rule_has_its_sentence(void)
{
	struct packet packet;

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		int r;

		user_packet(&packet, WARDEN_USER, &users[i].spec);
		r = user_take(packet_body(&packet), packet_body_size(&packet));
		T_INT(r, users[i].sentence ? -EINVAL : 0);
		T_STR(why.text, users[i].sentence ? users[i].sentence : "");
		T_INT(user.fixed.uid, users[i].spec.uid);
	}
	teardown();
}

static const struct user_spec full = {
	.uid = 70000, .flags = WARDEN_USER_ALLOWED, .reason = "why",
	.roles = { "admin", "plain" }, .keys = { "ssh-ed25519 AAAA a" }, .env = { "A=b", "C=" },
};

static void test_truncated_and_padded_bodies(void)
{
	struct packet packet;
	size_t size;

	setup();
	user_packet(&packet, WARDEN_USER, &full);
	size = packet_body_size(&packet);
	T_OK(user_take(packet_body(&packet), size));
	for (size_t cut = 0; cut < size; cut++) {
		T_INT(user_take(packet_body(&packet), cut), -EINVAL);
		T_STR(why.text, "malformed user record");
		T_INT(user.fixed.uid, cut < sizeof(struct warden_user) ? 0 : 70000);
	}
	packet_put(&packet, "", 1);
	T_INT(user_take(packet_body(&packet), size + 1), -EINVAL);
	group_packet(&packet, WARDEN_GROUP, 70000, 0, "team");
	for (size_t cut = 0; cut < packet_body_size(&packet); cut++) {
		_cleanup_free_ unsigned char *exact = malloc(cut + 1);
		struct group_record group;

		T_FATAL(exact != NULL);
		memcpy(exact, packet_body(&packet), cut);
		T_INT(record_parse_group(exact, cut, &group, &why), -EINVAL);
		T_STR(why.text, "malformed group record");
	}
	teardown();
}

static void test_counts_that_lie(void)
{
	static const struct {
		uint16_t roles, keys, env, unused;
	} counts[] = {
		{ 3, 1, 2, 0 },	    { 1, 1, 2, 0 },	    { 2, 0, 2, 0 },	{ 2, 1, 0, 0 },
		{ 65535, 1, 2, 0 }, { 65535, 65535, 65535, 0 }, { 0, 0, 0, 0 }, { 2, 1, 2, 1 },
	};
	struct packet packet;
	struct warden_user *head = (void *)(packet.bytes + sizeof(struct warden_message));

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		user_packet(&packet, WARDEN_USER, &full);
		head->role_count = counts[i].roles;
		head->key_count = counts[i].keys;
		head->env_count = counts[i].env;
		head->unused = counts[i].unused;
		T_INT(user_take(packet_body(&packet), packet_body_size(&packet)), -EINVAL);
	}
	teardown();
}

/* As many strings as the format has room for, and one more; as many bytes, and one more. */
static void test_many_strings(void)
{
	struct packet packet;

	setup();
	for (uint16_t over = 0; over < 2; over++) {
		struct warden_user *head = (void *)(packet.bytes + sizeof(struct warden_message));

		user_packet(&packet, WARDEN_USER, &(struct user_spec){ .uid = 70000 });
		head->key_count = (uint16_t)(DIRECTORY_STRINGS_MAX + over);
		for (uint16_t i = 0; i < head->key_count; i++)
			packet_put_string(&packet, "k");
		T_INT(user_take(packet_body(&packet), packet_body_size(&packet)), -over * EINVAL);
	}
	for (size_t over = 0; over < 4; over++) {
		static char text[RECORD_DETAIL_MAX];
		/* The reason's terminator, then two strings with theirs: the last byte stays free. */
		size_t first = 60000, second = RECORD_DETAIL_MAX - 1 - 60001 - 2 + over;
		struct user_spec spec = { .uid = 70000 };
		struct warden_user *head = (void *)(packet.bytes + sizeof(struct warden_message));

		user_packet(&packet, WARDEN_USER, &spec);
		head->key_count = 2;
		memset(text, 'k', sizeof(text));
		text[first] = '\0';
		packet_put_string(&packet, text);
		text[first] = 'k';
		text[second] = '\0';
		packet_put_string(&packet, text);
		T_FATAL(!packet.bad);
		T_INT(user_take(packet_body(&packet), packet_body_size(&packet)),
		      over ? -EINVAL : 0);
	}
	teardown();
}

/* Every byte of a record to several values: never a crash, and what is accepted keeps the rules. */
static void test_every_byte_changed(void)
{
	static const unsigned char values[] = { 0x00, 0x01, 0x0a, 0x2f, 0x3a, 0x7f, 0xff };
	struct packet packet;
	size_t size, accepted = 0;

	setup();
	user_packet(&packet, WARDEN_USER, &full);
	size = packet_body_size(&packet);
	for (size_t at = 0; at < size; at++)
		for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
			unsigned char *byte = packet.bytes + sizeof(struct warden_message) + at;
			unsigned char before = *byte;

			*byte = values[v];
			if (user_take(packet_body(&packet), size) == 0) {
				accepted++;
				T_TRUE(!id_is_reserved(user.fixed.uid));
				T_TRUE(user.fixed.uid >= 70000 && user.fixed.uid <= 79999);
				T_TRUE(name_is_valid(user.name, strlen(user.name)));
				T_TRUE(path_is_valid(user.home, strlen(user.home)));
				T_TRUE(user.detail_size <= sizeof(user.detail));
				T_INT(user.detail[user.detail_size - 1], 0);
			}
			*byte = before;
		}
	T_TRUE(accepted > 0);
	teardown();
}

static void test_groups(void)
{
	static const struct {
		uint32_t gid, flags;
		const char *name, *sentence;
	} cases[] = {
		{ 70000, 0, "team", NULL },
		{ 70000, WARDEN_GROUP_DELETED, "", NULL },
		{ 0, 0, "team", "id 0 is reserved" },
		{ 27, 0, "team", "id 27 is reserved" },
		{ 1001, 0, "team", "id 1001 is outside uid_range 70000-79999" },
		{ 70600, 0, "team", "id 70600 belongs to a local account" },
		{ 70500, 0, "team", "id 70500 belongs to a local account" },
		{ 70000, 0, "sudo", "the name \"sudo\" is reserved" },
		{ 70000, 0, "shout", "the name \"shout\" belongs to a local account" },
		{ 70000, 0, "mixed", "the name \"mixed\" belongs to a local account" },
		{ 70000, 0, "Team", "\"Team\" is not a valid name" },
		{ 70000, 0, "te\nam", "\"te\nam\" is not a valid name" },
		{ 70000, 0, X10 X10 X10 "xxx", "malformed group record" },
		{ 70000, 2, "team", "malformed group record" },
	};

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct group_record group;
		struct packet packet;
		int r;

		why.text[0] = '\0';
		group_packet(&packet, WARDEN_GROUP, cases[i].gid, cases[i].flags, cases[i].name);
		r = record_parse_group(packet_body(&packet), packet_body_size(&packet), &group,
				       &why);
		if (r == 0)
			r = record_check_group(&group, conf, fixture.local, &why);
		T_INT(r, cases[i].sentence ? -EINVAL : 0);
		T_STR(why.text, cases[i].sentence ? cases[i].sentence : "");
	}
	teardown();
}

T_MAIN("warden/record",
       T(test_every_rule_has_its_sentence),
       T(test_truncated_and_padded_bodies),
       T(test_counts_that_lie),
       T(test_many_strings),
       T(test_every_byte_changed),
       T(test_groups))
