#include "tests/unit/policy/policy_t.h"

static const struct {
	const char *display_name;
	const char *name; /* "": not exposed */
} names[] = {
	{ "Engineering", "engineering" },
	{ "Linux Admins", "linux-admins" },
	{ "Linux   Admins  (EU)", "linux-admins-eu" },
	{ "R&D -- Z\xc3\xbcrich", "r-d-z-rich" },
	{ "a.b_c-d", "a.b_c-d" },
	{ "a b ", "a-b" },
	{ "...dots...", "dots" },
	{ "-x-", "x" },
	{ "abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnopqrstuvwxyz012345" },
	{ "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz012345" },
	{ "abcdefghijklmnopqrstuvwxyz01234 x", "abcdefghijklmnopqrstuvwxyz01234" },
	{ "\xd0\x9b\xd1\x8e\xd0\xb4\xd0\xb8", "" }, /* nothing of it is ASCII */
	{ "2024 interns", "" },
	{ "42", "" },
	{ "_private", "" }, /* reserved */
	{ "SCIM canary", "" },
	{ "Sudo", "" },
	{ "root", "" },
	{ "Docker", "" },
	{ "systemd journal", "" },
	{ "%%%", "" },
};

static struct group_identity group_of(const char *conf_text, const char *resource_text)
{
	_cleanup_(conf_freep) struct conf *conf = conf_from(conf_text);
	_cleanup_(json_putp) struct json_object *resource = resource_from(resource_text);
	struct group_identity group = { .exposed = false };
	struct fault fault = { 0 };

	T_OK(policy_group(conf, resource, &group, &fault));
	return group;
}

static void test_names(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct group_identity group;
		char text[128];

		snprintf(text, sizeof(text), "{\"displayName\":\"%s\"}", names[i].display_name);
		group = group_of("", text);
		T_STR(group.name, names[i].name);
		T_INT(group.exposed, names[i].name[0] != '\0');
		T_INT(group.reason[0] == '\0', group.exposed);
	}
}

static void test_reasons(void)
{
	T_STR(group_of("", "{\"displayName\":\"Sudo\"}").reason,
	      "\"sudo\", made from its name, is reserved for the system");
	T_STR(group_of("", "{\"displayName\":\"42\"}").reason,
	      "\"42\", made from its name, is no name for a POSIX group: "
	      "it must begin with a-z or _");
	T_STR(group_of("", "{\"displayName\":\"???\"}").reason,
	      "nothing in its name can be in a POSIX group's name");
	T_STR(group_of("[identity]\nexpose_groups = Other\n", "{\"displayName\":\"One\"}").reason,
	      "not in expose_groups of the configuration");
}

static void test_expose(void)
{
	static const struct {
		const char *conf, *resource;
		bool exposed;
	} cases[] = {
		{ "expose_groups = *", "{\"displayName\":\"One\"}", true },
		{ "expose_groups = Two, one", "{\"displayName\":\"One\"}", true },
		{ "expose_groups = Two, On", "{\"displayName\":\"One\"}", false },
		{ "expose_groups = \xc3\xa4rzte", "{\"displayName\":\"\xc3\x84rzte\"}", true },
		{ "expose_groups = \xc3\xa4rzte", "{\"displayName\":\"\xc3\x96rzte\"}", false },
		{ "expose_groups = Linux Admins", "{\"displayName\":\"linux admins\"}", true },
		{ "expose_groups = sudo", "{\"displayName\":\"sudo\"}", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char conf[128];

		snprintf(conf, sizeof(conf), "[identity]\n%s\n", cases[i].conf);
		T_INT(group_of(conf, cases[i].resource).exposed, cases[i].exposed);
	}
}

static void test_gid(void)
{
#define WITH_GID(gid) "{\"displayName\":\"One\",\"" URN_POSIX_GROUP "\":{\"gidNumber\":" gid "}}"
	T_INT(group_of("", "{\"displayName\":\"One\"}").wanted_gid, 0);
	T_INT(group_of("", WITH_GID("70000")).wanted_gid, 70000);
	T_INT(group_of("", WITH_GID("-1")).wanted_gid, 0);
	T_INT(group_of("", WITH_GID("4294967295")).wanted_gid, 0);
	T_INT(group_of("", WITH_GID("4295037296")).wanted_gid, 0); /* 70000 and 2^32 */
}

static void test_no_name(void)
{
	_cleanup_(conf_freep) struct conf *conf = conf_from("");
	_cleanup_(json_putp) struct json_object *resource = resource_from("{}");
	struct group_identity group = { .wanted_gid = 7 };
	struct fault fault = { 0 };

	T_INT(policy_group(conf, resource, &group, &fault), -EPROTO);
	T_INT(fault.status, 400);
	T_INT(group.wanted_gid, 7);
}

T_MAIN("policy group", T(test_names), T(test_reasons), T(test_expose), T(test_gid), T(test_no_name))
