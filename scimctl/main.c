/* scimctl - shows what scimd has and does, and manages connections to identity providers. */
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "scimctl/scimctl.h"
#include "shared/conf.h"

#define SOCKET_DEFAULT "/run/scimd/control/control.sock"
#define DIRECTORY_DEFAULT "/etc/scimd"
#define LIMIT_DEFAULT 50u
#define LIMIT_MAX 100000u

static const struct command {
	const char *name, *sub; /* sub NULL: the command is one word */
	int operands;		/* that it needs */
	bool more;		/* and takes any number besides */
	const char *options; /* the letters it takes besides those that all take */
	int (*run)(const struct context *context, char **operands);
	const char *synopsis, *help;
} commands[] = {
	{ "connection", "add", 1, false, "jc", connection_add, "connection add NAME [--json]",
	  "let an identity provider in; prints its base URL and token, once" },
	{ "connection", "list", 0, false, "jcq", connection_list, "connection list [--json]",
	  "identity providers and their last pushes" },
	{ "connection", "rotate", 1, false, "jcF", connection_rotate,
	  "connection rotate NAME [--finish] [--json]",
	  "print a new token; the old one works until --finish" },
	{ "connection", "remove", 1, false, "jc", connection_remove, "connection remove NAME",
	  "take an identity provider's token away" },
	{ "users", NULL, 0, true, "jq", users_list, "users [FILTER…] [--json] [-q]",
	  "the people known here; FILTER: a part of a name, status=, role=, group=, connection=" },
	{ "user", NULL, 1, false, "j", users_show, "user NAME [--json]", "one of them" },
	{ "groups", NULL, 0, false, "jq", groups_list, "groups [--json] [-q]",
	  "groups, and why some are not groups of this host" },
	{ "group", NULL, 1, false, "j", groups_show, "group NAME [--json]",
	  "one of them, with members" },
	{ "sessions", NULL, 0, false, "jq", sessions_list, "sessions [--json] [-q]",
	  "who of them is logged in, since when, from where" },
	{ "events", NULL, 0, false, "jutnfSCq", events_list,
	  "events [-f] [--user NAME] [--type GLOB] [--connection NAME] [--since TIME] [-n N] "
	  "[--json]",
	  "what happened, the latest last; TIME: 30m, 12h, 7d or 2026-01-31[T15:30:00Z]" },
	{ "receipt", NULL, 1, false, "j", receipt_show, "receipt NAME [--json]",
	  "how the last offboarding of NAME went" },
	{ "receipts", NULL, 0, false, "jnuqS", receipts_list,
	  "receipts [--user NAME] [--since TIME] [-n N] [--json]", "the last offboardings" },
	{ "lock", NULL, 1, false, "jqr", user_lock, "lock NAME [--reason TEXT] [--json]",
	  "keep somebody out, now, whatever the identity provider says" },
	{ "confirm", NULL, 0, true, "aq", user_confirm, "confirm NAME… | --all",
	  "let people in again who came back with a backup" },
	{ "unlock", NULL, 1, false, "jq", user_unlock, "unlock NAME [--json]",
	  "take a lock away" },
	{ "doctor", NULL, 0, false, "jqc", doctor_examine, "doctor [--json] [-q]",
	  "prove that who is denied is denied everywhere, and what to type if not" },
	{ "backup", NULL, 1, false, "cjq", backup_make, "backup DIR [--json] [-q]",
	  "all that scimd knows into a new folder, while it runs" },
	{ "restore", NULL, 1, false, "q", backup_restore, "restore DIR [-q]",
	  "put a backup in place, here or on another host" },
	{ "ids", "export", 0, true, "jq", ids_export, "ids export [users|groups] [--json]",
	  "which number is whose, as lines of a passwd or group file" },
	{ "ids", "import", 0, true, "qg", ids_import, "ids import [FILE] [--group FILE]",
	  "keep the numbers in a passwd and a group file for these names; -: standard input" },
	{ "directory", "dump", 0, false, "jp", directory_dump, "directory dump [--file PATH] [--json]",
	  "what lookups read, as lines of a passwd and a group file" },
	{ "directory", "verify", 0, false, "jpq", directory_check,
	  "directory verify [--file PATH] [--json] [-q]",
	  "check every byte of it; says where the first fault is" },
	{ "enable", NULL, 0, true, "q", host_enable, "enable [nss] [pam] [ssh]",
	  "make this host use the people: lookups, logins, SSH keys; all without a word" },
	{ "disable", NULL, 0, true, "q", host_disable, "disable [nss] [pam] [ssh]",
	  "take exactly that back" },
	{ "metrics", NULL, 0, true, "", metrics_show, "metrics [FILE]",
	  "numbers for Prometheus; FILE: for node_exporter's textfile collector" },
	{ "status", NULL, 0, false, "j", status_show, "status [--json]", "how scimd is" },
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "config-dir", required_argument, NULL, 'c' },
	{ "connection", required_argument, NULL, 'C' },
	{ "file", required_argument, NULL, 'p' },
	{ "finish", no_argument, NULL, 'F' },
	{ "follow", no_argument, NULL, 'f' },
	{ "group", required_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "limit", required_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "reason", required_argument, NULL, 'r' },
	{ "since", required_argument, NULL, 'S' },
	{ "socket", required_argument, NULL, 's' },
	{ "type", required_argument, NULL, 't' },
	{ "user", required_argument, NULL, 'u' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

int complain(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	text = text_format(fmt, args);
	va_end(args);
	fprintf(stderr, "scimctl: %s\n", text ? text : "out of memory");
	return EXIT_FAILURE;
}

static void help(FILE *out)
{
	fputs("Usage: scimctl COMMAND\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %s\n      %s\n", commands[i].synopsis, commands[i].help);
	fputs("\nOptions of all commands:\n"
	      "  --socket PATH      scimd's control socket (also $SCIMD_CONTROL)\n"
	      "  --json             for programs; tables and sentences are for people\n"
	      "  -q, --quiet        names alone, one per line; of doctor: what is not ok\n"
	      "  --help, --version\n"
	      "Option of connection, backup and doctor:\n"
	      "  --config-dir DIR   where scimd.conf and scimd.conf.d are (" DIRECTORY_DEFAULT ")\n"
	      "\nExit codes: 0 done, 1 failed, 2 wrong usage.\n",
	      out);
}

static int usage(const char *problem, const char *what)
{
	fprintf(stderr, "scimctl: %s%s%s\nTry `scimctl --help`.\n", problem, what ? ": " : "",
		what ? what : "");
	return EXIT_USAGE;
}

static bool limit_parse(const char *text, unsigned long *ret)
{
	char *end;
	unsigned long limit;

	errno = 0;
	limit = strtoul(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || limit < 1 || limit > LIMIT_MAX)
		return false;
	*ret = limit;
	return true;
}

/* Take one option. Returns -1 to go on, else the exit code. */
static int option_take(struct context *context, int letter)
{
	switch (letter) {
	case 'a':
		context->all = true;
		return -1;
	case 'c':
		context->directory = optarg;
		return -1;
	case 'F':
		context->finish = true;
		return -1;
	case 'f':
		context->follow = true;
		return -1;
	case 'g':
		context->group = optarg;
		return -1;
	case 'j':
		context->json = true;
		return -1;
	case 'n':
		return limit_parse(optarg, &context->limit)
			       ? -1
			       : usage("-n takes a number from 1 to 100000", NULL);
	case 'q':
		context->quiet = true;
		return -1;
	case 'p':
		context->file = optarg;
		return -1;
	case 'r':
		context->reason = optarg;
		return -1;
	case 'C':
		context->connection = optarg;
		return -1;
	case 'S':
		context->since = optarg;
		return -1;
	case 's':
		context->socket = optarg;
		return -1;
	case 't':
		context->type = optarg;
		return -1;
	case 'u':
		context->user = optarg;
		return -1;
	case 'h':
		help(stdout);
		return EXIT_SUCCESS;
	case 'V':
		puts("scimctl " SCIMD_VERSION);
		return EXIT_SUCCESS;
	default:
		fputs("Try `scimctl --help`.\n", stderr);
		return EXIT_USAGE;
	}
}

/* The command that the operands name, and how many words that took. */
static const struct command *command_find(char **operands, int *ret_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		if (strcmp(command->name, operands[0]) != 0)
			continue;
		if (command->sub && (!operands[1] || strcmp(command->sub, operands[1]) != 0))
			continue;
		*ret_words = command->sub ? 2 : 1;
		return command;
	}
	return NULL;
}

/* What begins with a word that is no command by itself. */
static int command_usage(const char *word)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].sub && strcmp(commands[i].name, word) == 0) {
			fprintf(stderr, "%s scimctl %s\n", known ? "      " : "Usage:",
				commands[i].synopsis);
			known = true;
		}
	return known ? EXIT_USAGE : usage("there is no such command", word);
}

static int command_run(const struct context *context, char **operands, int count,
		       const char *letters)
{
	const struct command *command;
	int words = 0;

	if (count == 0)
		return usage("a command is needed", NULL);
	command = command_find(operands, &words);
	if (!command)
		return command_usage(operands[0]);
	if (count - words < command->operands ||
	    (count - words > command->operands && !command->more))
		return usage("the command is", command->synopsis);
	for (; *letters; letters++)
		if (*letters != 's' && !strchr(command->options, *letters))
			return usage("an option does not belong here, the command is",
				     command->synopsis);
	return command->run(context, operands + words);
}

int main(int argc, char **argv)
{
	const char *socket = getenv("SCIMD_CONTROL");
	struct context context = {
		.socket = socket && *socket ? socket : SOCKET_DEFAULT,
		.directory = DIRECTORY_DEFAULT,
		.limit = LIMIT_DEFAULT,
	};
	char letters[ARRAY_SIZE(long_options)] = ""; /* each option given, once */
	int letter, code;

	(void)setlocale(LC_CTYPE, "");
	while ((letter = getopt_long(argc, argv, "fhjn:qV", long_options, NULL)) != -1) {
		char one[] = { (char)letter, '\0' };

		code = option_take(&context, letter);
		if (code >= 0)
			return code;
		if (!strchr(letters, letter))
			strcat(letters, one);
	}
	code = command_run(&context, argv + optind, argc - optind, letters);
	if (fflush(stdout) != 0 && code == EXIT_SUCCESS)
		return complain("standard output: %s", strerror(errno));
	return code;
}
