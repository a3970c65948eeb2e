#include "scimd/policy/policy.h"

#include "tests/unit/t.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define P256                                                                                      \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBJLASruzqlZPEOY6W6igUdMg7CFGij50yJfV" \
	"HmnID3/E+OUraCHWmMZGz4S2zfzzzNZs1elZL4eMNO4si9t8QaY="
#define P384                                                                                      \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPIOUsiF+dqIl7uE8BquF/J8TRtdxRci3PoJ" \
	"9WRsQmo5QSDW85XOb4RKU72fUO4wdHmCljGWrsfkUBMmtdC8KnWZvbkY8ZIOAWGFKnLewXxYrGtasT32RZEcfYAo" \
	"By7+mg=="
#define P521                                                                                      \
	"AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAAfhHQTo49phKPZ4AxZiiFQPJXJmsrP3c/b" \
	"L14RbAElfdp5o4qN+UWz1RmErf6JUcLWnm70ScD38sD8funTGZuAnwGWcs6d/JJDxEF5EeL9/oI5kfVQIBT+vzay" \
	"7XOAJmGJv28rVVgsuVLxRMtq2XY4xoOkHiJhRWKGbXjQ7wNJb1emzA=="
#define RSA                                                                                       \
	"AAAAB3NzaC1yc2EAAAADAQABAAAAgQCyWvCpnOXo06txxUyPrpsB+oCnq0cyU7S1diTf0vcG8bUQ0W1mIinVzLIH" \
	"w9x4nwj3qZBVnsQ4TIbuyVbCbDJfEdVbTEy4DVzkqNPNUYeQRk/rCj5IaydwsILR2h3fNA3Dz1mr90BmXE55iSaQ" \
	"C+KiefesJKd6cHgEK1MtR7JCXQ=="
#define SK_ED25519                                                                                \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f" \
	"AAAABHNzaDo="
#define SK_P256                                                                                   \
	"AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBAABAgMEBQYHCAkK" \
	"CwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8AAAAEc3NoOg=="

static const struct {
	const char *line;
	bool valid;
} cases[] = {
	{ "ssh-ed25519 " ED25519, true },
	{ "ssh-ed25519 " ED25519 " ada@laptop", true },
	{ "ssh-ed25519  " ED25519 "  a comment of \xc3\x84" "da's", true },
	{ "ssh-rsa " RSA " x", true },
	{ "ecdsa-sha2-nistp256 " P256, true },
	{ "ecdsa-sha2-nistp384 " P384, true },
	{ "ecdsa-sha2-nistp521 " P521, true },
	{ "sk-ssh-ed25519@openssh.com " SK_ED25519, true },
	{ "sk-ecdsa-sha2-nistp256@openssh.com " SK_P256, true },

	{ "", false },
	{ " ", false },
	{ "ssh-ed25519", false },
	{ "ssh-ed25519 ", false },
	{ "ssh-ed25519" ED25519, false },
	{ ED25519, false },
	{ " ssh-ed25519 " ED25519, false },
	{ "ssh-ed25519\t" ED25519, false },
	{ "# ssh-ed25519 " ED25519, false },
	{ "SSH-ED25519 " ED25519, false },

	/* options */
	{ "restrict ssh-ed25519 " ED25519, false },
	{ "command=\"id\" ssh-ed25519 " ED25519, false },
	{ "cert-authority ssh-ed25519 " ED25519, false },
	{ "no-pty,command=\"x\" ssh-rsa " RSA, false },

	/* more than a line */
	{ "ssh-ed25519 " ED25519 "\n", false },
	{ "ssh-ed25519 " ED25519 "\nssh-rsa " RSA, false },
	{ "ssh-ed25519 " ED25519 " a\rb", false },
	{ "ssh-ed25519 " ED25519 " a\x1b[2J", false },
	{ "ssh-ed25519 " ED25519 " \x7f", false },

	/* a type that is not the blob's, or is unknown */
	{ "ssh-rsa " ED25519, false },
	{ "ssh-ed25519 " RSA, false },
	{ "ecdsa-sha2-nistp384 " P256, false },
	{ "ssh-dss AAAAB3NzaC1kc3MAAAABYQAAAAFiAAAAAWMAAAABZA==", false },
	{ "ssh-ed25519-cert-v01@openssh.com " ED25519, false },
	{ "ssh-ed2551 " ED25519, false },

	/* not base64 */
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5!", false },
	{ "ssh-ed25519 " ED25519 "=", false },
	{ "ssh-ed25519 " ED25519 "A", false },
	{ "ssh-ed25519 " ED25519 "====", false },
	{ "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKC"
	  "wwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDp=",
	  false }, /* a stray bit */
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZ=hscHR4f", false },

	/* base64 of something else: nothing after the type, an empty key, more, less, a lying length */
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", false },
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==", false },
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXg=",
	  false },
	{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", false },
	{ "ssh-ed25519 /////3NzaC1lZDI1NTE5", false },
	{ "ssh-ed25519 AAAA", false },
};

static void test_lines(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (policy_key_is_valid(cases[i].line) != cases[i].valid)
			fprintf(stderr, "case %zu: %s\n", i, cases[i].line);
		T_TRUE(policy_key_is_valid(cases[i].line) == cases[i].valid);
	}
}

#define KEY "ssh-ed25519 " ED25519

static const struct {
	const char *line;
	bool allowed; /* with restrict, no-pty, from and command */
} option_cases[] = {
	{ KEY, true },
	{ "restrict " KEY, true },
	{ "restrict   " KEY " ada@laptop", true },
	{ "Restrict,NO-PTY " KEY, true },
	{ "from=\"10.0.0.0/8,!10.1.2.3\" " KEY, true },
	{ "from=\"\" " KEY, true },
	{ "restrict,command=\"echo \\\"a, b\\\"\",no-pty " KEY, true },
	{ "command=\"C:\\\\x\" " KEY, true },

	/* what is not allowed, alone or among others */
	{ "pty " KEY, false },
	{ "restrict,pty " KEY, false },
	{ "cert-authority " KEY, false },
	{ "restrict,cert-authority,no-pty " KEY, false },
	{ "environment=\"LD_PRELOAD=/tmp/x\" " KEY, false },
	{ "restricted " KEY, false },
	{ "restric " KEY, false },
	{ "0123456789012345678901234567890123456789 " KEY, false },

	/* a value where none belongs, and none where one does */
	{ "restrict=\"x\" " KEY, false },
	{ "command " KEY, false },
	{ "command= " KEY, false },
	{ "command=id " KEY, false },

	/* quotes that sshd and we could see at different places */
	{ "command=\"id " KEY, false },
	{ "command=\"id\\\" " KEY, false },
	{ "command=\"id\"x " KEY, false },
	{ "command=\"id\"\"x\" " KEY, false },
	{ "\"restrict\" " KEY, false },
	{ "command=\"a\" cert-authority " KEY, false },

	/* separators */
	{ ",restrict " KEY, false },
	{ "restrict, " KEY, false },
	{ "restrict,,no-pty " KEY, false },
	{ "restrict, no-pty " KEY, false },
	{ "restrict no-pty " KEY, false },
	{ "restrict\t" KEY, false },
	{ " restrict " KEY, false },
	{ "restrict,", false },
	{ "restrict", false },
	{ "", false },

	/* the key after them, and more than a line */
	{ "restrict ssh-rsa " ED25519, false },
	{ "restrict ssh-ed25519", false },
	{ "command=\"a\nb\" " KEY, false },
	{ "restrict " KEY "\n" KEY, false },
};

static void test_options(void)
{
	char *list[] = { (char *)"restrict", (char *)"no-pty", (char *)"from", (char *)"command", NULL };
	char *none[] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(option_cases); i++) {
		const char *line = option_cases[i].line;

		if (policy_key_is_allowed(line, list) != option_cases[i].allowed)
			fprintf(stderr, "option case %zu: %s\n", i, line);
		T_TRUE(policy_key_is_allowed(line, list) == option_cases[i].allowed);
		T_TRUE(policy_key_is_allowed(line, none) == policy_key_is_valid(line));
	}
}

/* 16 KiB and not a byte more; the rest of such a line is comment. */
static void test_length(void)
{
	static char line[16386];
	static const char start[] = "ssh-ed25519 " ED25519 " ";

	memset(line, 'x', sizeof(line));
	memcpy(line, start, sizeof(start) - 1);
	line[16385] = '\0';
	T_TRUE(!policy_key_is_valid(line));
	line[16384] = '\0';
	T_TRUE(policy_key_is_valid(line));
	T_TRUE(policy_key_is_allowed(line, (char *[]){ NULL }));
	memcpy(line, "pty ", 4);
	memcpy(line + 4, start, sizeof(start) - 1);
	T_TRUE(policy_key_is_allowed(line, (char *[]){ (char *)"pty", NULL }));
	line[16384] = 'x';
	T_TRUE(!policy_key_is_allowed(line, (char *[]){ (char *)"pty", NULL }));
	line[16384] = '\0';
	memcpy(line, start, sizeof(start) - 1);
	/* The same of base64, which must not be written anywhere first. */
	memset(line + 12, 'A', 16384 - 12);
	T_TRUE(!policy_key_is_valid(line));
}

T_MAIN("policy key", T(test_lines), T(test_options), T(test_length))
