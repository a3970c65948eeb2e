#include "shared/conf.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/t.h"

#define HASH_A "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define HASH_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* A folder with scimd.conf and drop-ins, removed with its files at the end of scope. */
struct place {
	char directory[64];
	char file[96];
	char dropins[96];
	char paths[8][160];
	size_t count;
};

static void place_write(struct place *place, const char *name, const char *text, size_t size)
{
	char path[sizeof(place->paths[0])];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	memcpy(place->paths[place->count++], path, sizeof(path));
	file = fopen(path, "w");
	T_FATAL(file != NULL);
	T_FATAL(fwrite(text, 1, size, file) == size);
	T_FATAL(fclose(file) == 0);
}

static void place_init(struct place *place, const char *text, size_t size)
{
	memset(place, 0, sizeof(*place));
	snprintf(place->directory, sizeof(place->directory), "/tmp/test_conf.XXXXXX");
	T_FATAL(mkdtemp(place->directory) != NULL);
	snprintf(place->file, sizeof(place->file), "%s/scimd.conf", place->directory);
	snprintf(place->dropins, sizeof(place->dropins), "%s/scimd.conf.d", place->directory);
	T_FATAL(mkdir(place->dropins, 0700) == 0);
	if (text)
		place_write(place, "scimd.conf", text, size);
}

static void place_done(struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		unlink(place->paths[i]);
	rmdir(place->dropins);
	rmdir(place->directory);
}

static int load_text(const char *text, size_t size, struct conf **ret,
		     struct conf_problems *problems)
{
	_cleanup_(place_done) struct place place;

	place_init(&place, text, size);
	return conf_load(place.file, place.dropins, ret, problems);
}

static void test_defaults(void)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;

	T_FATAL(conf_defaults(&conf) == 0);
	T_STR(conf->server.listen, "127.0.0.1:8643");
	T_STR(conf->server.tls_cert, NULL);
	T_STR(conf->server.tls_key, NULL);
	T_STR(conf->server.public_url, NULL);
	T_INT(conf->server.rate_limit, 0);
	T_INT(conf->server.max_body, 1048576);
	T_INT(conf->identity.uid_min, 65536);
	T_INT(conf->identity.uid_max, 99999);
	T_STR(conf->identity.home, "/home/%u");
	T_STR(conf->identity.shell, "/bin/bash");
	T_STR(conf->identity.username, "userName local-part lower");
	T_STR(conf->identity.expose_groups[0], "*");
	T_STR(conf->identity.expose_groups[1], NULL);
	T_INT(conf->identity.passwords, false);
	T_FATAL(conf->access.allow_groups != NULL);
	T_STR(conf->access.allow_groups[0], NULL);
	T_FATAL(conf->access.deny_groups != NULL);
	T_STR(conf->access.deny_groups[0], NULL);
	T_INT(conf->offboard.grace_ms, 0);
	T_INT(conf->offboard.deadline_ms, 2000);
	T_INT(conf->offboard.on_role_loss, CONF_ROLE_LOSS_END_SESSIONS);
	T_INT(conf->limits.depth, 32);
	T_INT(conf->limits.operations, 1000);
	T_INT(conf->limits.scan, 100000);
	T_INT(conf->limits.connections, 512);
	T_INT(conf->limits.connections_per_address, 128);
	T_INT(conf->limits.idle_s, 60);
	T_INT(conf->connection_count, 0);
	T_INT(conf->role_count, 0);
	T_INT(conf->attribute_count, 0);
	T_STR(conf->events.webhook, NULL);
}

static const char everything[] = "# a comment\n"
				 "[server]\r\n"
				 "listen = [::1]:443   # another\n"
				 "tls_cert=/etc/ssl/c.pem\n"
				 "\ttls_key\t=\t/etc/ssl/k.pem\t\n"
				 "public_url = https://h.example:8643/scim/v2\n"
				 "rate_limit = 50\n"
				 "max_body = 4096\n"
				 "\n"
				 "[identity]\n"
				 "uid_range = 70000 - 80000\n"
				 "home = /srv/%u/%U/%%\n"
				 "shell = /bin/zsh\n"
				 "username = userName lower local-part\n";

static void test_everything(void)
{
	static const char text[] =
		"[identity]\nuid_range = 70000 - 80000\nhome = /srv/%u/%U/%%\nshell = /bin/zsh\n"
		"username = externalId lower\nexpose_groups = Ops Team , b#c,d\npasswords = on\n"
		"[access]\nallow_groups = A, B\ndeny_groups = C\n"
		"[offboard]\ngrace_ms = 10\ndeadline_ms = 100\non_role_loss = keep\n"
		"[connection okta]\ntoken_sha256 = " HASH_A "  " HASH_B "\n"
		"dialect = entra\npending_members = keep\nunknown_schemas = keep\n"
		"[schema a-1]\nfile = /etc/scimd/a.json\n"
		"[schema b]\nfile = /etc/scimd/b.json\nresource = Group\n"
		"[ connection  entra-1_x ]\ntoken_sha256 = "
		"1111111111111111111111111111111111111111111111111111111111111111\n"
		"[role z]\ngroups = Z\nprecedence = 5\n"
		"[role a]\ngroups = Linux Admins\nlocal_groups = sudo, adm\nshell = /bin/zsh\n"
		"[role b]\ngroups = B\nprecedence = 100\n"
		"[attribute cost_center]\nsource = urn:x:2.0:User:costCenter\nenv = COST_CENTER\n"
		"[events]\nwebhook = https://x.example/hook\nsecret_file = /etc/scimd/secret";
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };

	T_FATAL(load_text(text, sizeof(text) - 1, &conf, &problems) == 0);
	T_INT(conf->identity.uid_min, 70000);
	T_INT(conf->identity.uid_max, 80000);
	T_STR(conf->identity.home, "/srv/%u/%U/%%");
	T_STR(conf->identity.username, "externalId lower");
	T_STR(conf->identity.expose_groups[0], "Ops Team");
	T_STR(conf->identity.expose_groups[1], "b#c");
	T_STR(conf->identity.expose_groups[2], "d");
	T_STR(conf->identity.expose_groups[3], NULL);
	T_INT(conf->identity.passwords, true);
	T_STR(conf->access.allow_groups[1], "B");
	T_INT(conf->offboard.on_role_loss, CONF_ROLE_LOSS_KEEP);
	T_FATAL(conf->connection_count == 2);
	T_STR(conf->connections[0].name, "okta");
	T_INT(conf->connections[0].token_count, 2);
	T_INT(conf->connections[0].token_sha256[0][31], 0x1f);
	T_INT(conf->connections[0].token_sha256[1][0], 0xff);
	T_INT(conf->connections[0].dialect, CONF_DIALECT_ENTRA);
	T_INT(conf->connections[0].pending_members, CONF_PENDING_KEEP);
	T_STR(conf->connections[1].name, "entra-1_x");
	T_INT(conf->connections[1].dialect, CONF_DIALECT_AUTO);
	T_INT(conf->connections[1].pending_members, CONF_PENDING_REFUSE);
	T_INT(conf->connections[0].unknown_schemas, CONF_UNKNOWN_KEEP);
	T_INT(conf->connections[1].unknown_schemas, CONF_UNKNOWN_IGNORE);
	T_FATAL(conf->schema_count == 2);
	T_STR(conf->schemas[0].name, "a-1");
	T_STR(conf->schemas[0].file, "/etc/scimd/a.json");
	T_INT(conf->schemas[0].resource, CONF_RESOURCE_USER);
	T_INT(conf->schemas[1].resource, CONF_RESOURCE_GROUP);
	T_FATAL(conf->role_count == 3);
	T_STR(conf->roles[0].name, "z");
	T_STR(conf->roles[1].name, "a");
	T_STR(conf->roles[1].groups[0], "Linux Admins");
	T_STR(conf->roles[1].local_groups[1], "adm");
	T_STR(conf->roles[1].shell, "/bin/zsh");
	T_INT(conf->roles[1].precedence, 100);
	T_STR(conf->roles[2].name, "b");
	T_FATAL(conf->attribute_count == 1);
	T_STR(conf->attributes[0].source, "urn:x:2.0:User:costCenter");
	T_STR(conf->attributes[0].env, "COST_CENTER");
	T_STR(conf->events.secret_file, "/etc/scimd/secret");
	conf_freep(&conf);

	/* blanks, comments, CRLF; the words of a username have one order */
	T_INT(load_text(everything, sizeof(everything) - 1, &conf, &problems), -EINVAL);
	T_FATAL(problems.count == 1);
	T_INT(problems.items[0].line, 14);
	T_TRUE(strstr(problems.items[0].message, "username") != NULL);
	T_TRUE(strstr(problems.items[0].file, "/scimd.conf") != NULL);
}

/* One bad thing each: exactly one problem, in the line given. */
static void test_problems(void)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *message; /* a part of it */
	} cases[] = {
		{ "[nonsense]\nx = y\n", 1, "no section [nonsense]" },
		{ "[server]\n\nx = y\n", 3, "no key x" },
		{ "[server]\n\x80\xff = y\n", 2, "no key of that name" },
		{ "[\x80]\n", 1, "…" },
		{ "listen = 1.2.3.4:5\n", 1, "before the first" },
		{ "[server\n", 1, "']'" },
		{ "[]\n", 1, "no section" },
		{ "[server]\nlisten\n", 2, "expected" },
		{ "[server]\nlisten = 1.1.1.1:1\nlisten = 1.1.1.1:1\n", 3, "second time" },
		{ "[server]\nmax_body = \n[access]\n[server]\nmax_body = 5000\n", 5,
		  "second time" },
		{ "[server x]\n", 1, "no name" },
		{ "[role]\ngroups = x\n", 1, "needs a name" },
		{ "[role A]\ngroups = x\n", 1, "needs a name" },
		{ "[role a b]\ngroups = x\n", 1, "needs a name" },
		{ "[attribute a-b]\nsource = x\n", 1, "needs a name" },
		{ "[connection abcdefghijklmnopqrstuvwxyz0123456]\ntoken_sha256 = " HASH_A, 1,
		  "needs a name" },
		{ "[server]\nlisten = localhost:1\n", 2, "listen must be" },
		{ "[server]\nlisten = ::1:80\n", 2, "listen must be" },
		{ "[server]\nlisten = 1.2.3.4\n", 2, "listen must be" },
		{ "[server]\nlisten = 1.2.3.4:0\n", 2, "listen must be" },
		{ "[server]\nlisten = 1.2.3.4:65536\n", 2, "listen must be" },
		{ "[server]\nlisten = [1.2.3.4]:1\n", 2, "listen must be" },
		{ "[server]\nlisten = [:1\n", 2, "listen must be" },
		{ "[server]\nlisten = :1\n", 2, "listen must be" },
		{ "[server]\ntls_cert = /x\n", 1, "together" },
		{ "[server]\ntls_key = /x\n", 1, "together" },
		{ "[server]\ntls_key = x\n", 2, "tls_key must be" },
		{ "[server]\nmax_body = 4095\n", 2, "max_body must be" },
		{ "[server]\nmax_body = 67108865\n", 2, "max_body must be" },
		{ "[server]\nmax_body = 18446744073709556000\n", 2, "max_body must be" },
		{ "[server]\nrate_limit = -1\n", 2, "rate_limit must be" },
		{ "[server]\nrate_limit = 1 2\n", 2, "rate_limit must be" },
		{ "[server]\npublic_url = ftp://x\n", 2, "public_url must be" },
		{ "[server]\npublic_url = https://\n", 2, "public_url must be" },
		{ "[server]\npublic_url = https://a b\n", 2, "public_url must be" },
		{ "[identity]\nuid_range = 999-2000\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 2000-1999\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 60000-70000\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 65520-65535\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 65536-4294967295\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 65536-2147483648\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 65536\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 65536-\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = -65536\n", 2, "uid_range must be" },
		{ "[identity]\nuid_range = 6 5536-70000\n", 2, "uid_range must be" },
		{ "[identity]\nhome = home\n", 2, "home must be" },
		{ "[identity]\nhome = /home/%x\n", 2, "home must be" },
		{ "[identity]\nhome = /home/%\n", 2, "home must be" },
		{ "[identity]\nhome = /home/../%u\n", 2, "home must be" },
		{ "[identity]\nshell = bash\n", 2, "shell must be" },
		{ "[identity]\nusername = userName lower local-part\n", 2, "username must be" },
		{ "[identity]\nusername = userName upper\n", 2, "username must be" },
		{ "[identity]\nusername = externalId,\n", 2, "username must be" },
		{ "[identity]\nusername = externalId, , userName\n", 2, "username must be" },
		{ "[identity]\nusername = a[b, c\n", 2, "username must be" },
		{ "[identity]\nname_replacement = __\n", 2, "name_replacement must be" },
		{ "[identity]\nname_replacement = x\n", 2, "name_replacement must be" },
		{ "[identity]\nkey_options = restrict, cert-authority\n", 2, "key_options must be" },
		{ "[identity]\nname_quarantine_days = 36501\n", 2, "name_quarantine_days must be" },
		{ "[attribute a]\nsource = title\ngecos = desk\n", 3, "gecos must be" },
		{ "[identity]\npasswords = yes\n", 2, "passwords must be" },
		{ "[identity]\nexpose_groups = a,,b\n", 2, "expose_groups must be" },
		{ "[identity]\nexpose_groups = a,\n", 2, "expose_groups must be" },
		{ "[identity]\nexpose_groups = ,\n", 2, "expose_groups must be" },
		{ "[offboard]\ngrace_ms = 60001\n", 2, "grace_ms must be" },
		{ "[offboard]\ndeadline_ms = 99\n", 2, "deadline_ms must be" },
		{ "[offboard]\non_role_loss = maybe\n", 2, "on_role_loss must be" },
		{ "[connection a]\n", 1, "needs token_sha256" },
		{ "[connection a]\ntoken_sha256 = " HASH_A "\ndialect = Okta\n", 3,
		  "dialect must be auto, rfc, entra or okta" },
		{ "[connection a]\ntoken_sha256 = " HASH_A "\npending_members = yes\n", 3,
		  "pending_members must be refuse or keep" },
		{ "[connection a]\ntoken_sha256 = " HASH_A "\nunknown_schemas = on\n", 3,
		  "unknown_schemas must be ignore or keep" },
		{ "[schema a]\nfile = a.json\n", 2, "file must be an absolute path" },
		{ "[schema a]\nfile = /a.json\nresource = user\n", 3,
		  "resource must be User or Group" },
		{ "[schema a]\nresource = User\n", 1, "[schema a] needs file" },
		{ "[connection a]\ntoken_sha256 =\n", 2, "needs token_sha256" },
		{ "[connection a]\ntoken_sha256 = 1234\n", 2, "token_sha256 must be" },
		{ "[connection a]\ntoken_sha256 = " HASH_A " " HASH_A " " HASH_A "\n", 2,
		  "token_sha256 must be" },
		{ "[connection a]\ntoken_sha256 = " HASH_A
		  "\n[connection b]\ntoken_sha256 = " HASH_B " " HASH_A "\n",
		  3, "has a token of [connection a]" },
		{ "[role a]\nshell = /bin/sh\n", 1, "needs groups" },
		{ "[role a]\ngroups = x\nlocal_groups = Sudo\n", 3, "local_groups must be" },
		{ "[role a]\ngroups = x\nprecedence = x\n", 3, "precedence must be" },
		{ "[role a]\ngroups = x\nshell = /bin/../sh\n", 3, "shell must be" },
		{ "[attribute a]\nenv = X\n", 1, "needs source" },
		{ "[attribute a]\nsource = x\nenv = x\n", 3, "env must be" },
		{ "[attribute a]\nsource = x\nenv = LD_PRELOAD\n", 3, "env must be" },
		{ "[attribute a]\nsource = x\nenv = PATH\n", 3, "env must be" },
		{ "[attribute a]\nsource = x\nenv = GIT_SSH\n", 3, "env must be" },
		{ "[attribute a]\nsource = x\nenv = 1A\n", 3, "env must be" },
		{ "[attribute a]\nsource = 1x\n", 2, "source must be" },
		{ "[events]\nsecret_file = /s\nwebhook = hook\n", 3, "webhook must be" },
		{ "[events]\nsecret_file = /s\nwebhook = http://x/\n", 3, "webhook must be" },
		{ "[events]\nsecret_file = /s\nwebhook = http://127.0.0.1@x/\n", 3, "webhook must be" },
		{ "[events]\nsecret_file = /s\nwebhook = http://localhost.x/\n", 3, "webhook must be" },
		{ "[events]\nsecret_file = /s\nwebhook = https://u:p@x/\n", 3, "webhook must be" },
		{ "[events]\nwebhook = https://x/\n", 1, "must be set together" },
		{ "[events]\nwebhook = http://[::1]:80/\n", 1, "must be set together" },
		{ "[limits]\ndepth = 33\n", 2, "depth must be 4-32" },
		{ "[limits]\noperations = 0\n", 2, "operations must be" },
		{ "[limits]\nconnections = 8\n", 2, "connections must be 16-4096" },
		{ "[limits]\nidle_s = 0\n", 2, "idle_s must be seconds" },
		{ "[server]\nlisten = 1.1.1.1:1 \x1b[31m\n", 2, "control character" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *conf = NULL;
		struct conf_problems problems = { 0 };
		int r = load_text(cases[i].text, strlen(cases[i].text), &conf, &problems);

		T_INT(r, -EINVAL);
		T_TRUE(conf == NULL);
		if (problems.count != 1)
			fprintf(stderr, "case %zu: %s", i, cases[i].text);
		T_INT(problems.count, 1);
		if (problems.count > 0) {
			T_INT(problems.items[0].line, cases[i].line);
			if (!strstr(problems.items[0].message, cases[i].message))
				T_STR(problems.items[0].message, cases[i].message);
		}
		conf_problems_done(&problems);
		conf_free(conf);
	}
}

static void test_all_problems_are_collected(void)
{
	static const char text[] =
		"stray = 1\n[server]\nlisten = x\nnope = 1\nmax_body = 1\n[x]\ny=1\n"
		"[connection c]\ntoken_sha256 = zz\n[role r]\n";
	static const unsigned int lines[] = { 1, 3, 4, 5, 6, 9, 10, 2 };
	struct conf *conf = NULL;
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(place_done) struct place place;

	place_init(&place, text, sizeof(text) - 1);
	place_write(&place, "scimd.conf.d/a.conf", "[events]\nbad = 1\n", 17);
	T_INT(conf_load(place.file, place.dropins, &conf, &problems), -EINVAL);
	T_FATAL(problems.count == ARRAY_SIZE(lines));
	T_INT(problems.items[0].line, 1);
	T_INT(problems.items[5].line, 9);
	T_INT(problems.items[6].line, 2); /* the drop-in, then what the whole says */
	T_TRUE(strstr(problems.items[6].file, "/scimd.conf.d/a.conf") != NULL);
	T_INT(problems.items[7].line, 10);
	T_TRUE(strstr(problems.items[5].message, "zz") == NULL);
}

static void test_dropins_override_key_by_key(void)
{
	static const char text[] = "[server]\nlisten = 127.0.0.1:1\nmax_body = 5000\n"
				   "[role a]\ngroups = x\nshell = /bin/sh\n";
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_(place_done) struct place place;

#define ADD(name, text) place_write(&place, "scimd.conf.d/" name, text, strlen(text))
	place_init(&place, text, sizeof(text) - 1);
	ADD("20.conf", "[server]\nlisten = 127.0.0.1:3\n");
	ADD("10.conf", "[server]\nlisten = 127.0.0.1:2\nmax_body =\n[role a]\ngroups = y\n");
	ADD("30.conf.bak", "[server]\nlisten = 127.0.0.1:4\n");
	ADD(".40.conf", "broken");
	ADD("Z.conf", "[role b]\ngroups = z\n");
#undef ADD
	T_FATAL(conf_load(place.file, place.dropins, &conf, &problems) == 0);
	T_STR(conf->server.listen, "127.0.0.1:3");
	T_INT(conf->server.max_body, 1048576); /* empty: the default again */
	T_FATAL(conf->role_count == 2);
	T_STR(conf->roles[0].groups[0], "y");
	T_STR(conf->roles[0].shell, "/bin/sh");
	T_STR(conf->roles[1].name, "b");
}

static void test_files(void)
{
	struct conf *conf = NULL;
	struct conf_problems problems = { 0 };
	_cleanup_(place_done) struct place place;

	place_init(&place, NULL, 0);
	T_INT(conf_load(place.file, place.dropins, &conf, &problems), -EINVAL);
	T_FATAL(problems.count == 1);
	T_INT(problems.items[0].line, 0);
	T_STR(problems.items[0].file, place.file);
	conf_problems_done(&problems);

	T_INT(conf_load(place.directory, NULL, &conf, &problems), -EINVAL);
	T_FATAL(problems.count == 1);
	T_STR(problems.items[0].message, "not a regular file");
	conf_problems_done(&problems);

	place_write(&place, "scimd.conf", "", 0);
	T_OK(conf_load(place.file, NULL, &conf, &problems));
	conf_freep(&conf);
	T_OK(conf_load(place.file, "/tmp/test_conf.there-is-none", &conf, &problems));
	conf_freep(&conf);
	T_INT(conf_load(place.file, place.file, &conf, &problems), -EINVAL);
	T_INT(problems.count, 1);
	conf_problems_done(&problems);
}

static void test_hostile_bytes(void)
{
	static char text[1024 * 1024 + 2];
	struct conf *conf = NULL;
	struct conf_problems problems = { 0 };

	T_INT(load_text("[server]\nlisten = 1.1.1.1:1\0x\n", 30, &conf, &problems), -EINVAL);
	T_FATAL(problems.count == 1);
	T_INT(problems.items[0].line, 2);
	T_STR(problems.items[0].message, "the line holds a NUL byte");
	conf_problems_done(&problems);

	memset(text, 'x', sizeof(text));
	memcpy(text, "#", 1);
	T_OK(load_text(text, 4096, &conf, &problems));
	conf_freep(&conf);
	T_INT(load_text(text, 4097, &conf, &problems), -EINVAL);
	T_INT(problems.count, 1);
	conf_problems_done(&problems);
	T_INT(load_text(text, sizeof(text), &conf, &problems), -EINVAL);
	T_INT(problems.count, 1);
	conf_problems_done(&problems);

	/* 5000 sections: the bound is reported, nothing breaks */
	for (int i = 0, at = 0; i < 5000; i++)
		at += sprintf(text + at, "[role r%d]\ngroups = g\n", i);
	T_INT(load_text(text, strlen(text), &conf, &problems), -EINVAL);
	T_INT(problems.count, 5000 - 4096);
	conf_problems_done(&problems);
}

/* Bytes at random positions of a good file, many times: an answer, and no leak or overread under
 * the sanitizers. Always the same sequence. */
static void test_noise(void)
{
	char text[sizeof(everything)];
	uint32_t state = 1;

	for (int round = 0; round < 300; round++) {
		struct conf *conf = NULL;
		struct conf_problems problems = { 0 };
		int r;

		memcpy(text, everything, sizeof(text));
		for (int i = 0; i < 4; i++) {
			state = state * 1664525u + 1013904223u;
			text[(state >> 8) % (sizeof(text) - 1)] = (char)(state >> 24);
		}
		r = load_text(text, sizeof(text) - 1, &conf, &problems);
		T_TRUE(r == 0 ? conf != NULL && problems.count == 0
			      : r == -EINVAL && conf == NULL && problems.count > 0);
		conf_problems_done(&problems);
		conf_free(conf);
	}
}

static void test_print_reads_back(void)
{
	static const char text[] =
		"[server]\nlisten = [::1]:1\n[identity]\nexpose_groups = Ops Team, b\n"
		"[connection okta]\ntoken_sha256 = " HASH_A " " HASH_B "\n"
		"[role a]\ngroups = X Y\nprecedence = 7\n[attribute c]\nsource = title\n";
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_(conf_freep) struct conf *again = NULL;
	_cleanup_(conf_problems_done) struct conf_problems problems = { 0 };
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ char *second = NULL;
	size_t size;
	char *hidden, *end;
	FILE *out;

	T_FATAL(load_text(text, sizeof(text) - 1, &conf, &problems) == 0);
	out = open_memstream(&first, &size);
	conf_print(conf, out);
	fclose(out);
	T_TRUE(strstr(first, "token_sha256 = 00010203… ff010203…\n"
			     "dialect = auto\npending_members = refuse\n"
			     "unknown_schemas = ignore\n") != NULL);
	T_TRUE(strstr(first, "0405") == NULL);
	T_TRUE(strstr(first, "expose_groups = Ops Team, b\n") != NULL);
	T_TRUE(strstr(first,
		      "[role a]\ngroups = X Y\nlocal_groups = \nshell = \nprecedence = 7\n") !=
	       NULL);

	/* apart from the hidden hashes it is a configuration, and says the same */
	hidden = strstr(first, "[connection");
	end = strstr(first, "[role");
	T_FATAL(hidden && end);
	memmove(hidden, end, strlen(end) + 1);
	T_FATAL(load_text(first, strlen(first), &again, &problems) == 0);
	out = open_memstream(&second, &size);
	conf_print(again, out);
	fclose(out);
	T_STR(second, first);
}

static void test_list_has(void)
{
	char a[] = "Linux Admins", b[] = "ops";
	char *list[] = { a, b, NULL };

	T_TRUE(conf_list_has(list, "linux ADMINS"));
	T_TRUE(conf_list_has(list, "ops"));
	T_TRUE(!conf_list_has(list, "op"));
	T_TRUE(!conf_list_has(list, ""));
	T_TRUE(!conf_list_has(list + 2, "ops"));
}

T_MAIN("conf", T(test_defaults), T(test_everything), T(test_problems),
       T(test_all_problems_are_collected), T(test_dropins_override_key_by_key), T(test_files),
       T(test_hostile_bytes), T(test_noise), T(test_print_reads_back), T(test_list_has))
