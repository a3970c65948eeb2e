#include "shared/names.h"

#include "tests/unit/t.h"

static void test_ids(void)
{
	static const struct {
		uint32_t id;
		bool reserved;
	} cases[] = {
		{ 0, true },	       { 1, true },	      { 999, true },
		{ 1000, false },       { 60000, false },      { 61183, false },
		{ 61184, true },       { 65519, true },	      { 65520, false },
		{ 65533, false },      { 65534, true },	      { 65535, true },
		{ 65536, false },      { 99999, false },      { 0x7fffffffu, false },
		{ 0x80000000u, true }, { 4294967294u, true }, { 4294967295u, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T_INT(id_is_reserved(cases[i].id), cases[i].reserved);
	for (uint32_t id = UID_MIN_DEFAULT; id <= UID_MAX_DEFAULT; id++)
		if (id_is_reserved(id))
			T_INT(id, 0);
}

static void test_valid_names(void)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = {
		{ "a", true },
		{ "_x", true },
		{ "ada.lovelace", true },
		{ "x-1_2.3", true },
		{ "abcdefghijklmnopqrstuvwxyz012345", true },
		{ "abcdefghijklmnopqrstuvwxyz0123456", false },
		{ "", false },
		{ "Ada", false },
		{ "aDa", false },
		{ "1a", false },
		{ "123", false },
		{ "-a", false },
		{ ".", false },
		{ "..", false },
		{ ".a", false },
		{ "a.", false },
		{ "a..", false },
		{ "a b", false },
		{ "a:b", false },
		{ "a/b", false },
		{ "a\n", false },
		{ "a$", false },
		{ "a@b", false },
		{ "~a", false },
		{ "+a", false },
		{ "\xc3\xa4", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T_INT(name_is_valid(cases[i].name, strlen(cases[i].name)), cases[i].valid);
	T_TRUE(!name_is_valid("a\0b", 3));
	T_TRUE(name_is_valid("ada!", 3)); /* looks at len bytes alone */
}

static void test_reserved_names(void)
{
	static const struct {
		const char *name;
		bool reserved;
	} cases[] = {
		{ "root", true },
		{ "nobody", true },
		{ "nogroup", true },
		{ "sudo", true },
		{ "shadow", true },
		{ "adm", true },
		{ "www-data", true },
		{ "zabbix", true },
		{ "docker", true },
		{ "wheel", true },
		{ "scimd", true },
		{ "scimd-admin", true },
		{ "systemd-network", true },
		{ "systemd-", true },
		{ "_apt", true },
		{ "_", true },
		{ "systemd", false },
		{ "roots", false },
		{ "roo", false },
		{ "ada", false },
		{ "sudoers", false },
		{ "a", false },
		{ "zz", false },
		{ "admins", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T_INT(name_is_reserved(cases[i].name, strlen(cases[i].name)), cases[i].reserved);
	T_TRUE(name_is_reserved("rootless", 4));
}

/* bsearch finds an entry only if the table is in order: ask for each name of Debian's base system.
 */
static void test_base_accounts_are_reserved(void)
{
	static const char *const names[] = {
		"root",	      "daemon",	 "bin",	     "sys",	"adm",	     "tty",	 "disk",
		"lp",	      "mail",	 "news",     "uucp",	"man",	     "proxy",	 "kmem",
		"dialout",    "fax",	 "voice",    "cdrom",	"floppy",    "tape",	 "sudo",
		"audio",      "dip",	 "www-data", "backup",	"list",	     "irc",	 "src",
		"shadow",     "utmp",	 "video",    "sasl",	"plugdev",   "staff",	 "games",
		"users",      "nogroup", "input",    "sgx",	"kvm",	     "render",	 "crontab",
		"messagebus", "sshd",	 "polkitd",  "postfix", "gnats",     "operator", "sync",
		"toor",	      "tss",	 "ssl-cert", "netdev",	"lpadmin",   "lxd",	 "postgres",
		"mysql",      "redis",	 "nginx",    "libvirt", "wireshark", "statd",	 "uuidd",
		"syslog",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!name_is_reserved(names[i], strlen(names[i])))
			T_STR("not reserved", names[i]);
}

static void test_fields(void)
{
	static const struct {
		const char *field;
		size_t len;
		bool valid;
	} cases[] = {
		{ "", 0, true },
		{ "Ada Lovelace", 12, true },
		{ "\xc3\x84"
		  "da",
		  4, true },
		{ "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x90\xa7", 4, true },
		{ "a:b", 3, false },
		{ "a\nb", 3, false },
		{ "a\0b", 3, false },
		{ "a\tb", 3, false },
		{ "a\x7f", 2, false },
		{ "\xc2\x85", 2, false }, /* NEL, a C1 control */
		{ "\xc2\xa0", 2, true },
		{ "\xc0\xba", 2, false }, /* overlong ':' */
		{ "\xe0\x80\xba", 3, false },
		{ "\xe0\xa0\x80", 3, true },
		{ "\xf0\x80\x80\xba", 4, false },
		{ "\xed\xa0\x80", 3, false }, /* a surrogate */
		{ "\xed\x9f\xbf", 3, true },
		{ "\xf4\x90\x80\x80", 4, false }, /* above U+10FFFF */
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf5\x80\x80\x80", 4, false },
		{ "\x80", 1, false },
		{ "\xc3", 1, false }, /* cut */
		{ "\xe2\x82", 2, false },
		{ "\xe2\x82z", 3, false },
	};
	char longest[FIELD_MAX_BYTES + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T_INT(field_is_valid(cases[i].field, cases[i].len), cases[i].valid);
	memset(longest, 'x', sizeof(longest));
	T_TRUE(field_is_valid(longest, FIELD_MAX_BYTES));
	T_TRUE(!field_is_valid(longest, FIELD_MAX_BYTES + 1));
}

static void test_paths(void)
{
	static const struct {
		const char *path;
		bool valid;
	} cases[] = {
		{ "/", true },		 { "/bin/bash", true },
		{ "/home/ada.l", true }, { "/home/..ada", true },
		{ "/home/.ada", true },	 { "/home//ada", true },
		{ "/home/ada/", true },	 { "", false },
		{ "bin/bash", false },	 { "/home/../etc", false },
		{ "/home/./x", false },	 { "/home/..", false },
		{ "/home/.", false },	 { "/..", false },
		{ "/.", false },	 { "/a:b", false },
		{ "/a\n", false },	 { "~", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		T_INT(path_is_valid(cases[i].path, strlen(cases[i].path)), cases[i].valid);
}

T_MAIN("names", T(test_ids), T(test_valid_names), T(test_reserved_names),
       T(test_base_accounts_are_reserved), T(test_fields), T(test_paths))
