#include "tests/unit/policy/policy_t.h"

#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define POSIX(members) "{\"userName\":\"ada\",\"" URN_POSIX_USER "\":{" members "}}"

static const struct policy_group everybody[] = {
	{ "11111111-aaaa-4000-8000-000000000001", "Engineering" },
	{ "11111111-aaaa-4000-8000-000000000002", "Linux Admins" },
	{ "11111111-aaaa-4000-8000-000000000003", "\xc3\x84rzte" },
};

/* The identity of somebody in the first group_count groups. Owned; freed by identity_done. */
static int identify(const char *conf_text, const char *text, size_t group_count,
		    struct identity *ret, struct fault *fault)
{
	_cleanup_(conf_freep) struct conf *conf = conf_from(conf_text);
	_cleanup_(json_putp) struct json_object *resource = resource_from(text);

	return policy_user(conf, resource, everybody, group_count, ret, fault);
}

static size_t list_count(char **list)
{
	size_t count = 0;

	T_FATAL(list != NULL);
	while (list[count])
		count++;
	return count;
}

/* name NULL: refused with a detail that holds `detail`. */
static const struct {
	const char *rule, *resource, *name, *detail;
} user_names[] = {
	{ "", "{\"userName\":\"Ada@Corp.example\"}", "ada", NULL },
	{ "", "{\"userName\":\"ada\"}", "ada", NULL },
	{ "", "{\"userName\":\"ada@x@y\"}", "ada", NULL },
	{ "userName", "{\"userName\":\"ada.l\"}", "ada.l", NULL },
	{ "userName lower", "{\"userName\":\"ADA_9-x\"}", "ada_9-x", NULL },
	{ "externalId", "{\"userName\":\"x\",\"externalId\":\"e7\"}", "e7", NULL },
	{ "nickName local-part", "{\"userName\":\"x\",\"nickName\":\"n@o\"}", "n", NULL },
	{ "name.familyName lower", "{\"userName\":\"x\",\"name\":{\"familyName\":\"King\"}}", "king",
	  NULL },
	{ URN_ENTERPRISE ":employeeNumber",
	  "{\"userName\":\"x\",\"" URN_ENTERPRISE "\":{\"employeeNumber\":\"w100\"}}", "w100", NULL },
	{ "externalId, userName local-part lower", "{\"userName\":\"Ada@x\",\"externalId\":\"e7\"}",
	  "e7", NULL },
	{ "externalId, userName local-part lower", "{\"userName\":\"Ada@x\"}", "ada", NULL },
	{ "emails[primary eq true].value local-part lower",
	  "{\"userName\":\"x\",\"emails\":[{\"value\":\"no@x\"},{\"value\":\"Yes@x\",\"primary\":true}]}",
	  "yes", NULL },
	{ "emails[type eq \"a,b\"].value local-part, userName",
	  "{\"userName\":\"x\",\"emails\":[{\"value\":\"ab@x\",\"type\":\"a,b\"}]}", "ab", NULL },
	{ "userName lower\nname_replacement = _", "{\"userName\":\"Ada Lovelace\"}", "ada_lovelace",
	  NULL },
	{ "userName lower\nname_replacement = -", "{\"userName\":\" J\xc3\xb6rg  O'Neil! \"}",
	  "j-rg-o-neil", NULL },
	{ "userName\nname_replacement = .", "{\"userName\":\"ada:\"}", "ada", NULL },
	{ "userName\nname_replacement = _", "{\"userName\":\"\xd0\x90\xd0\x94\xd0\x90\"}", NULL,
	  "is no user name" },
	{ "userName\nname_replacement = _", "{\"userName\":\"1ada\"}", NULL, "begins with a-z or _" },
	{ "userName lower\nname_replacement = _", "{\"userName\":\"Ro:ot\"}", "ro_ot", NULL },
	{ "userName lower\nname_replacement = _", "{\"userName\":\"root!\"}", NULL,
	  "is reserved for the system" },
	{ "externalId, nickName", "{\"userName\":\"ada\"}", NULL,
	  "from externalId, nickName ([identity] username)" },
	{ "", "{\"userName\":\"abcdefghijklmnopqrstuvwxyz012345\"}",
	  "abcdefghijklmnopqrstuvwxyz012345", NULL },

	{ "", "{\"userName\":\"abcdefghijklmnopqrstuvwxyz0123456\"}", NULL, "is no user name" },
	{ "userName", "{\"userName\":\"ada@corp.example\"}", NULL,
	  "\"ada@corp.example\", made by [identity] username = userName, is no user name" },
	{ "userName local-part", "{\"userName\":\"Ada@corp.example\"}", NULL, "\"Ada\"" },
	{ "", "{\"userName\":\"@corp.example\"}", NULL, "is no user name" },
	{ "", "{\"userName\":\"1ada\"}", NULL, "begins with a-z or _" },
	{ "", "{\"userName\":\"J\xc3\xb6rg@corp.example\"}", NULL, "\"j\xc3\xb6rg\"" },
	{ "", "{\"userName\":\"a b@corp.example\"}", NULL, "is no user name" },
	{ "", "{\"userName\":\"../x\"}", NULL, "is no user name" },
	{ "", "{\"userName\":\"a:b\"}", NULL, "is no user name" },
	{ "", "{\"userName\":\"Root@corp.example\"}", NULL, "\"root\", made by" },
	{ "", "{\"userName\":\"www-data\"}", NULL, "is reserved for the system" },
	{ "", "{\"userName\":\"systemd-x\"}", NULL, "is reserved for the system" },
	{ "", "{\"userName\":\"_apt\"}", NULL, "is reserved for the system" },
	{ "", "{\"userName\":\"scim-canary\"}", NULL, "is reserved for the system" },
	{ "nickName", "{\"userName\":\"ada\"}", NULL, "nickName ([identity] username)" },
	{ "nickName", "{\"userName\":\"ada\",\"nickName\":\"\"}", NULL, "has no value" },
	{ "noSuchThing", "{\"userName\":\"ada\"}", NULL, "names no attribute" },
};

static void test_user_names(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(user_names); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };
		char conf[256];
		int r;

		snprintf(conf, sizeof(conf), "[identity]\nusername = %s\n", user_names[i].rule);
		r = identify(conf, user_names[i].resource, 0, &identity, &fault);
		if (user_names[i].name) {
			T_OK(r);
			T_STR(identity.name, user_names[i].name);
			continue;
		}
		T_INT(r, -EPROTO);
		T_INT(fault.status, 400);
		T_STR(fault.scim_type, "invalidValue");
		if (!strstr(fault.detail, user_names[i].detail))
			T_STR(fault.detail, user_names[i].detail);
	}
}

static const struct {
	const char *resource, *gecos;
} gecoses[] = {
	{ "{\"userName\":\"ada\"}", "" },
	{ "{\"userName\":\"ada\",\"name\":{\"familyName\":\"King\"}}", "King" },
	{ "{\"userName\":\"ada\",\"name\":{\"givenName\":\"Ada\"}}", "Ada" },
	{ "{\"userName\":\"ada\",\"name\":{\"familyName\":\"King\",\"givenName\":\"Ada\"}}",
	  "Ada King" },
	{ "{\"userName\":\"ada\",\"name\":{\"formatted\":\"A. King\",\"givenName\":\"Ada\"}}",
	  "A. King" },
	{ "{\"userName\":\"ada\",\"displayName\":\"\",\"name\":{\"formatted\":\"A. King\"}}",
	  "A. King" },
	{ "{\"userName\":\"ada\",\"displayName\":\"Ada K\",\"name\":{\"formatted\":\"A. King\"}}",
	  "Ada K" },
	{ "{\"userName\":\"ada\",\"displayName\":\"Ada K\",\"" URN_POSIX_USER
	  "\":{\"gecos\":\"The Countess\"}}",
	  "The Countess" },
	{ "{\"userName\":\"ada\",\"displayName\":\"King, Ada:0:0:root\"}", "King  Ada 0 0 root" },
	{ "{\"userName\":\"ada\",\"displayName\":\"a\\nb\\u0085c\\u007fd\\te\"}", "a b c d e" },
	{ "{\"userName\":\"ada\",\"displayName\":\"Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80\"}",
	  "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80" },
};

static void test_gecos(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(gecoses); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };

		T_OK(identify("", gecoses[i].resource, 0, &identity, &fault));
		T_STR(identity.gecos, gecoses[i].gecos);
		T_TRUE(field_is_valid(identity.gecos, strlen(identity.gecos)));
	}
}

/* 254 bytes and a character of two: it is left out, not cut. */
static void test_gecos_attributes(void)
{
#define FROM(name, source, field) "[attribute " name "]\nsource = " source "\ngecos = " field "\n"
#define ADA(members) "{\"userName\":\"ada\",\"displayName\":\"Ada K\"," members "}"
	static const struct {
		const char *conf, *resource, *gecos;
	} cases[] = {
		{ FROM("r", "title", "room"), ADA("\"title\":\"R 5\""), "Ada K,R 5" },
		{ FROM("r", "title", "other"), ADA("\"title\":\"R 5\""), "Ada K,,,,R 5" },
		{ FROM("r", "title", "room"), ADA("\"nickName\":\"n\""), "Ada K" },
		{ FROM("r", "title", "room") FROM("p", "nickName", "work_phone"),
		  ADA("\"nickName\":\"+1 2\""), "Ada K,,+1 2" },
		{ FROM("r", "title", "room") FROM("p", "nickName", "work_phone"),
		  ADA("\"nickName\":\"+1 2\",\"title\":\"a:b,c\""), "Ada K,a b c,+1 2" },
		{ FROM("a", "title", "room") FROM("b", "nickName", "room"),
		  ADA("\"nickName\":\"second\""), "Ada K,second" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };

		T_OK(identify(cases[i].conf, cases[i].resource, 0, &identity, &fault));
		T_STR(identity.gecos, cases[i].gecos);
		T_TRUE(field_is_valid(identity.gecos, strlen(identity.gecos)));
	}
#undef FROM
#undef ADA
}

static void test_gecos_length(void)
{
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	struct fault fault = { 0 };
	char text[512], filler[255];

	memset(filler, 'x', 254);
	filler[254] = '\0';
	snprintf(text, sizeof(text), "{\"userName\":\"ada\",\"displayName\":\"%s\xc3\xabyz\"}", filler);
	T_OK(identify("", text, 0, &identity, &fault));
	T_STR(identity.gecos, filler);
}

/* home NULL: refused. */
static const struct {
	const char *template, *resource, *home;
} homes[] = {
	{ "", "{\"userName\":\"ada\"}", "/home/ada" },
	{ "/srv/%u/%U", "{\"userName\":\"ada\"}", "/srv/ada/70001" },
	{ "/%U%U%u%u%%", "{\"userName\":\"ada\"}", "/7000170001adaada%" },
	{ "/srv/%%u/%%U", "{\"userName\":\"ada\"}", "/srv/%u/%U" },
	{ "/srv/x", "{\"userName\":\"ada\"}", "/srv/x" },
	{ "", POSIX("\"homeDirectory\":\"/data/ada\""), "/data/ada" },
	{ "", POSIX("\"homeDirectory\":\"/data/%u/%U/%%/%\""), "/data/%u/%U/%%/%" },
	{ "", POSIX("\"homeDirectory\":\"\""), "/home/ada" },
	{ "", POSIX("\"homeDirectory\":\"data/ada\""), NULL },
	{ "", POSIX("\"homeDirectory\":\"/data/../etc\""), NULL },
	{ "", POSIX("\"homeDirectory\":\"/data:/bin/sh\""), NULL },
	{ "", POSIX("\"homeDirectory\":\"/data\\nroot\""), NULL },
};

static void test_homes(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };
		char conf[128];
		int r;

		snprintf(conf, sizeof(conf), "[identity]\nhome = %s\n", homes[i].template);
		r = identify(conf, homes[i].resource, 0, &identity, &fault);
		T_INT(r, homes[i].home ? 0 : -EPROTO);
		if (r < 0) {
			T_INT(fault.status, 400);
			T_TRUE(strstr(fault.detail, "homeDirectory") != NULL);
			continue;
		}
		T_OK(identity_set_uid(&identity, 70001));
		T_OK(identity_set_uid(&identity, 70002)); /* too late */
		T_STR(identity.home, homes[i].home);
	}
}

/* Too long with the longest uid, whatever the uid will be. */
static void test_home_length(void)
{
	char conf[512], filler[250];

	for (size_t len = 243; len <= 244; len++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };

		memset(filler, 'x', len);
		filler[len] = '\0';
		snprintf(conf, sizeof(conf), "[identity]\nhome = /%s/%%U\n", filler);
		T_INT(identify(conf, "{\"userName\":\"ada\"}", 0, &identity, &fault),
		      len == 243 ? 0 : -EPROTO);
	}
}

static const char roles_conf[] = "[identity]\nshell = /bin/dash\n"
				 "[role plain]\ngroups = Engineering\n"
				 "[role late]\ngroups = Engineering\nshell = /bin/late\n"
				 "precedence = 200\n"
				 "[role admin]\ngroups = nobody, LINUX ADMINS\nshell = /bin/zsh\n"
				 "precedence = 10\n"
				 "[role by_id]\ngroups = 11111111-aaaa-4000-8000-000000000002\n"
				 "[role doctor]\ngroups = \xc3\xa4rzte\nprecedence = 0\n";

static void test_roles(void)
{
	static const struct {
		size_t group_count;
		const char *resource, *shell, *roles;
	} cases[] = {
		{ 0, "{\"userName\":\"ada\"}", "/bin/dash", "" },
		{ 0, POSIX("\"loginShell\":\"/bin/fish\""), "/bin/fish", "" },
		{ 0, POSIX("\"loginShell\":\"fish\""), "/bin/dash", "" },
		{ 0, POSIX("\"loginShell\":\"/bin/a:b\""), "/bin/dash", "" },
		{ 1, POSIX("\"loginShell\":\"/bin/fish\""), "/bin/late", "plain late " },
		{ 2, "{\"userName\":\"ada\"}", "/bin/zsh", "admin by_id plain late " },
		{ 3, "{\"userName\":\"ada\"}", "/bin/zsh", "doctor admin by_id plain late " },
		{ 3, "{\"userName\":\"ada\",\"active\":false}", "/bin/zsh", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };
		char roles[64] = "";

		T_OK(identify(roles_conf, cases[i].resource, cases[i].group_count, &identity,
			      &fault));
		T_STR(identity.shell, cases[i].shell);
		for (size_t k = 0; k < list_count(identity.roles); k++) {
			strcat(roles, identity.roles[k]);
			strcat(roles, " ");
		}
		T_STR(roles, cases[i].roles);
	}
}

static void test_access(void)
{
	static const struct {
		const char *conf, *resource;
		size_t group_count;
		const char *reason; /* "": allowed */
	} cases[] = {
		{ "", "{\"userName\":\"ada\"}", 0, "" },
		{ "", "{\"userName\":\"ada\",\"active\":true}", 0, "" },
		{ "", "{\"userName\":\"ada\",\"active\":false}", 3,
		  "deactivated by the identity provider" },
		/* No checked resource holds it, yet nothing but true lets in. */
		{ "", "{\"userName\":\"ada\",\"active\":\"true\"}", 3,
		  "deactivated by the identity provider" },
		{ "allow_groups = Linux Admins", "{\"userName\":\"ada\"}", 1,
		  "in none of the allowed groups" },
		{ "allow_groups = linux admins", "{\"userName\":\"ada\"}", 2, "" },
		{ "allow_groups = x, 11111111-aaaa-4000-8000-000000000001", "{\"userName\":\"ada\"}",
		  1, "" },
		{ "allow_groups = linux admins", "{\"userName\":\"ada\",\"active\":false}", 2,
		  "deactivated by the identity provider" },
		{ "deny_groups = Linux Admins", "{\"userName\":\"ada\"}", 1, "" },
		{ "deny_groups = LINUX ADMINS", "{\"userName\":\"ada\"}", 2,
		  "in the denied group Linux Admins" },
		{ "deny_groups = x, 11111111-aaaa-4000-8000-000000000001", "{\"userName\":\"ada\"}",
		  2, "in the denied group Engineering" },
		{ "deny_groups = \xc3\xa4rzte", "{\"userName\":\"ada\"}", 3,
		  "in the denied group \xc3\x84rzte" },
		{ "deny_groups = Engineering\nallow_groups = Engineering", "{\"userName\":\"ada\"}",
		  1, "in the denied group Engineering" },
		{ "deny_groups = Engineering\nallow_groups = x", "{\"userName\":\"ada\"}", 1,
		  "in the denied group Engineering" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };
		char conf[256];

		snprintf(conf, sizeof(conf), "[access]\n%s\n", cases[i].conf);
		T_OK(identify(conf, cases[i].resource, cases[i].group_count, &identity, &fault));
		T_STR(identity.reason, cases[i].reason);
		T_INT(identity.allowed, cases[i].reason[0] == '\0');
	}
}

/* The groups that decide are those which the functions above looked for. */
static void test_group_decides(void)
{
	static const struct {
		const char *conf;
		bool decides[ARRAY_SIZE(everybody)];
	} cases[] = {
		{ "", { false, false, false } },
		{ "[identity]\nexpose_groups = Engineering", { false, false, false } },
		{ "[access]\nallow_groups = linux admins", { false, true, false } },
		{ "[access]\ndeny_groups = \xc3\xa4rzte", { false, false, true } },
		{ "[role x]\ngroups = 11111111-aaaa-4000-8000-000000000001", { true, false, false } },
		{ roles_conf, { true, true, true } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(conf_freep) struct conf *conf = conf_from(cases[i].conf);

		for (size_t k = 0; k < ARRAY_SIZE(everybody); k++)
			T_INT(policy_group_decides(conf, &everybody[k]), cases[i].decides[k]);
	}
}

static void test_keys(void)
{
	static const char resource[] =
		POSIX("\"sshPublicKeys\":[\"" ED25519 " one\",\"command=\\\"id\\\" " ED25519
		      "\",\"nonsense\",\" " ED25519 " two\\r\\n\",\"" ED25519 "\\n" ED25519 "\"]");
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	_cleanup_(identity_done) struct identity denied = { .allowed = false };
	struct fault fault = { 0 };

	T_OK(identify("", resource, 1, &identity, &fault));
	T_FATAL(list_count(identity.keys) == 2);
	T_STR(identity.keys[0], ED25519 " one");
	T_STR(identity.keys[1], ED25519 " two");
	T_OK(identify("[access]\ndeny_groups = Engineering\n", resource, 1, &denied, &fault));
	T_INT(list_count(denied.keys), 0);
}

/* More than one message to the warden takes: the first ones are kept. */
static void test_keys_are_bounded(void)
{
	_cleanup_(conf_freep) struct conf *conf = conf_from("");
	_cleanup_(json_putp) struct json_object *resource = resource_from(POSIX("\"gecos\":\"x\""));
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	struct json_object *list = json_object_new_array(), *posix;
	struct fault fault = { 0 };
	char key[10001];
	size_t bytes = 0;

	memset(key, 'x', sizeof(key));
	memcpy(key, ED25519 " ", sizeof(ED25519));
	key[10000] = '\0';
	for (int i = 0; i < 10; i++)
		json_object_array_add(list, json_object_new_string(key));
	T_FATAL(json_object_object_get_ex(resource, URN_POSIX_USER, &posix));
	json_object_object_add(posix, "sshPublicKeys", list);
	T_OK(policy_user(conf, resource, NULL, 0, &identity, &fault));
	for (size_t i = 0; i < list_count(identity.keys); i++)
		bytes += strlen(identity.keys[i]) + 1;
	T_INT(bytes, 60006);
}

static void test_environment(void)
{
	static const char conf[] =
		"[attribute cost_center]\nsource = " URN_ENTERPRISE ":costCenter\nenv = SCIM_COST\n"
		"[attribute title]\nsource = title\nenv = SCIM_TITLE\n"
		"[attribute nick]\nsource = nickName\nenv = SCIM_NICK\n"
		"[attribute shown]\nsource = title\n"
		"[attribute wrong]\nsource = noSuchThing\nenv = SCIM_WRONG\n"
		"[attribute active]\nsource = active\nenv = SCIM_ACTIVE\n";
	static const char resource[] =
		"{\"userName\":\"ada\",\"active\":true,\"title\":\"a:b,\\nPATH=/x\","
		"\"" URN_ENTERPRISE "\":{\"costCenter\":\"4711\"}}";
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	_cleanup_(identity_done) struct identity denied = { .allowed = false };
	char denying[512];
	struct fault fault = { 0 };

	T_OK(identify(conf, resource, 1, &identity, &fault));
	T_FATAL(list_count(identity.env) == 3);
	T_STR(identity.env[0], "SCIM_COST=4711");
	T_STR(identity.env[1], "SCIM_TITLE=a:b, PATH=/x");
	T_STR(identity.env[2], "SCIM_ACTIVE=true");
	snprintf(denying, sizeof(denying), "[access]\nallow_groups = x\n%s", conf);
	T_OK(identify(denying, resource, 1, &denied, &fault));
	T_INT(list_count(denied.env), 0);
}

/* The configuration refuses these names already; here they are put into a loaded one. */
static void test_environment_refused(void)
{
	static const char *const names[] = { "LD_PRELOAD", "LD_X",  "PATH",    "IFS", "HOME",
					     "SHELL",	   "USER", "LOGNAME", "ENV", "BASH_ENV" };
	_cleanup_(conf_freep) struct conf *conf =
		conf_from("[attribute a]\nsource = userName\nenv = SCIM_A\n");
	_cleanup_(json_putp) struct json_object *resource = resource_from("{\"userName\":\"ada\"}");
	struct fault fault = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };

		free(conf->attributes[0].env);
		conf->attributes[0].env = strdup(names[i]);
		T_OK(policy_user(conf, resource, NULL, 0, &identity, &fault));
		T_INT(list_count(identity.env), 0);
	}
}

static void test_environment_length(void)
{
	_cleanup_(identity_done) struct identity identity = { .allowed = false };
	struct fault fault = { 0 };
	char text[2048], filler[1101];

	memset(filler, 'x', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"userName\":\"ada\",\"title\":\"%s\"}", filler);
	T_OK(identify("[attribute t]\nsource = title\nenv = T\n", text, 0, &identity, &fault));
	T_FATAL(list_count(identity.env) == 1);
	T_INT(strlen(identity.env[0]), 1024 + strlen("T="));
}

static void test_uid(void)
{
	static const struct {
		const char *resource;
		uint32_t uid;
	} cases[] = {
		{ "{\"userName\":\"ada\"}", 0 },
		{ POSIX("\"uidNumber\":70000"), 70000 },
		{ POSIX("\"uidNumber\":0"), 0 },
		{ POSIX("\"uidNumber\":-1"), 0 },
		{ POSIX("\"uidNumber\":4294967295"), 0 },
		{ POSIX("\"uidNumber\":4295037296"), 0 }, /* 70000 and 2^32 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(identity_done) struct identity identity = { .allowed = false };
		struct fault fault = { 0 };

		T_OK(identify("", cases[i].resource, 0, &identity, &fault));
		T_INT(identity.wanted_uid, cases[i].uid);
	}
}

/* A refusal leaves the caller's identity as it was. */
static void test_untouched_on_failure(void)
{
	struct identity identity = { .wanted_uid = 7 };
	struct fault fault = { 0 };

	T_INT(identify("", POSIX("\"uidNumber\":8,\"homeDirectory\":\"x\""), 0, &identity, &fault),
	      -EPROTO);
	T_INT(identity.wanted_uid, 7);
	T_TRUE(identity.gecos == NULL);
}

T_MAIN("policy user", T(test_user_names), T(test_gecos), T(test_gecos_attributes),
       T(test_gecos_length), T(test_homes),
       T(test_home_length), T(test_roles), T(test_access), T(test_group_decides), T(test_keys),
       T(test_keys_are_bounded), T(test_environment), T(test_environment_refused),
       T(test_environment_length), T(test_uid), T(test_untouched_on_failure))
