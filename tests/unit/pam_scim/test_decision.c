#include "pam_scim/decision.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/t.h"

#define RANGE .uid_min = 65536, .uid_max = 99999

static void test_decisions(void)
{
	static const struct {
		struct decision_facts facts;
		enum decision want;
	} cases[] = {
		/* the directory speaks */
		{ { .name = "ada", .is_allowed = true }, DECISION_ALLOW },
		{ { .name = "ada" }, DECISION_DENY },
		{ { .name = "ada", .is_allowed = true, .was_ours = true }, DECISION_ALLOW },
		{ { .name = "ada", .was_ours = true }, DECISION_DENY },
		{ { .name = "ada", .lookup = -ENOENT }, DECISION_IGNORE },
		/* deleted between account and session */
		{ { .name = "ada", .lookup = -ENOENT, .was_ours = true }, DECISION_DENY },
		/* local accounts and root, whatever the directory says */
		{ { .name = "ada", .is_local = true }, DECISION_IGNORE },
		{ { .name = "ada", .is_local = true, .is_allowed = true }, DECISION_IGNORE },
		{ { .name = "ada", .is_local = true, .open = -EIO }, DECISION_IGNORE },
		{ { .name = "ada", .is_local = true, .lookup = -EIO, .was_ours = true },
		  DECISION_IGNORE },
		{ { .name = "root" }, DECISION_IGNORE },
		{ { .name = "root", .lookup = -EIO }, DECISION_IGNORE },
		{ { .name = "root", .open = -EIO, .was_ours = true }, DECISION_IGNORE },
		/* names that can't be ours */
		{ { .name = "Ada" }, DECISION_IGNORE },
		{ { .name = "", .open = -EIO }, DECISION_IGNORE },
		{ { .name = "ada@example.com", .lookup = -EIO }, DECISION_IGNORE },
		/* no directory: closed for our range, open for everybody else */
		{ { .name = "ada", .open = -EIO, .is_resolved = true, .uid = 65536, RANGE },
		  DECISION_UNKNOWN },
		{ { .name = "ada", .open = -ESTALE, .is_resolved = true, .uid = 99999, RANGE },
		  DECISION_UNKNOWN },
		{ { .name = "ada", .open = -EIO, .is_resolved = true, .uid = 65535, RANGE },
		  DECISION_IGNORE },
		{ { .name = "ada", .open = -EIO, .is_resolved = true, .uid = 100000, RANGE },
		  DECISION_IGNORE },
		{ { .name = "ada", .open = -EIO, .is_resolved = true, .uid = 0, .uid_max = 9 },
		  DECISION_IGNORE },
		{ { .name = "ada", .open = -EIO, RANGE }, DECISION_IGNORE },
		{ { .name = "ada", .open = -EIO, .was_ours = true, RANGE }, DECISION_UNKNOWN },
		/* a damaged entry */
		{ { .name = "ada", .lookup = -EIO, RANGE }, DECISION_UNKNOWN },
		{ { .name = "ada", .lookup = -EIO, .is_allowed = true, RANGE }, DECISION_UNKNOWN },
		{ { .name = "ada", .lookup = -EIO, .is_resolved = true, .uid = 70000, RANGE },
		  DECISION_UNKNOWN },
		{ { .name = "ada", .lookup = -EIO, .is_resolved = true, .uid = 1000, RANGE },
		  DECISION_IGNORE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = decision_make(&cases[i].facts);

		if (got != (int)cases[i].want)
			fprintf(stderr, "case %zu:\n", i);
		T_INT(got, cases[i].want);
	}
}

static void test_sentences(void)
{
	char text[256], small[16];

	decision_sentence(DECISION_DENY, "web1", text, sizeof(text));
	T_STR(text, "Your account on web1 is deactivated: your organization has ended your access. "
		    "Please contact your administrator.");
	decision_sentence(DECISION_UNKNOWN, "web1", text, sizeof(text));
	T_STR(text, "Your account on web1 cannot be checked right now, so you cannot log in. "
		    "Please contact your administrator.");
	decision_sentence(DECISION_ALLOW, "web1", text, sizeof(text));
	T_STR(text, "");
	decision_sentence(DECISION_DENY, "web1", small, sizeof(small));
	T_STR(small, "Your account on");
}

static void test_quote(void)
{
	static const struct {
		const char *text, *want;
		size_t size;
	} cases[] = {
		{ "", "", 1 },
		{ "left", "left", 5 },
		{ "left", "lef", 4 },
		{ "a \"b\" \\c", "a \\\"b\\\" \\\\c", 64 },
		{ "a\nscim: denied user=root\t\x7f", "a?scim: denied user=root??", 64 },
		{ "\"", "", 2 }, /* not half an escape */
		{ "\"", "\\\"", 3 },
		{ "\xc3\xa4", "\xc3\xa4", 64 },
	};
	char buffer[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(buffer, 'x', sizeof(buffer));
		decision_quote(cases[i].text, buffer, cases[i].size);
		T_STR(buffer, cases[i].want);
	}
}

static void test_environment(void)
{
	static const char *const good[] = { "SCIM_COST_CENTER=42", "A=", "_X1=a=b c", "PATHS=1",
					    "USER_NAME=x", "TEAM=\xc3\xa4" };
	static const char *const bad[] = {
		"", "=x", "A", "a=b", "1A=b", "A-B=c", "A B=c", "LD_PRELOAD=/tmp/x.so", "LD_=1",
		"PATH=/tmp", "HOME=/", "SHELL=/bin/sh", "USER=root", "LOGNAME=root", "IFS=x",
		"BASH_ENV=/tmp/x", "ENV=/tmp/x", "PYTHONPATH=/tmp", "GCONV_PATH=/tmp",
		"GIT_SSH_COMMAND=x", "SUDO_USER=x", "XDG_RUNTIME_DIR=/tmp", "A=b\nC=d", "A=\x1b[0m",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		T_TRUE(decision_env_is_safe(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (decision_env_is_safe(bad[i]))
			T_STR(bad[i], "refused");
	}
}

static void test_homes(void)
{
	static const struct {
		const char *home, *home_template;
		bool want;
	} cases[] = {
		{ "/home/ada", NULL, true },
		{ "/home/a/ada", NULL, true },
		{ "/home/", NULL, false },
		{ "/homes/ada", NULL, false },
		{ "/etc/systemd/system/ssh.service.d", "/home/%u", false },
		{ "/home/../etc/x", "/home/%u", false },
		{ "home/ada", "/home/%u", false },
		{ "", "/home/%u", false },
		{ "/srv/people/ada", "/home/%u", false },
		{ "/srv/people/ada", "/srv/people/%u", true },
		{ "/srv/people/x-ada", "/srv/people/x-%u", true },
		{ "/srv/people/", "/srv/people/%u", false },
		{ "/srv/peoples", "/srv/people/%u", false },
		{ "/srv/other/ada", "/srv/people/%u", false },
		{ "/ada", "/%u", false }, /* the root folder is no folder of homes */
		{ "/srv/ada", "/srv/ada", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool got = decision_home_is_safe(cases[i].home, cases[i].home_template);

		if (got != cases[i].want)
			T_STR(cases[i].home, cases[i].want ? "safe" : "refused");
	}
}

T_MAIN("pam decision", T(test_decisions), T(test_sentences), T(test_quote), T(test_environment),
       T(test_homes))
