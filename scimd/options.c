#include "scimd/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/conf.h"
#include "shared/directory.h"

#ifndef SCIMD_VERSION
#define SCIMD_VERSION "unknown"
#endif

static const char help[] =
	"Usage: scimd [OPTION]...\n"
	"SCIM 2.0 service provider for Linux accounts.\n"
	"\n"
	"  -c, --config FILE      configuration (" CONF_FILE ")\n"
	"  -C, --dropins DIR      its drop-ins (" CONF_DROPIN_DIR "); \"\" for none\n"
	"      --state DIR        store and certificate (/var/lib/scimd)\n"
	"      --public DIR       what the warden has published (" DIRECTORY_PUBLIC_DIR ")\n"
	"      --warden SOCKET    where scimd-warden listens (/run/scimd/warden.sock)\n"
	"      --control SOCKET   where scimctl asks (/run/scimd/control/control.sock)\n"
	"  -t, --test             check the configuration, print the effective one, and exit\n"
	"      --allow-root       run even as root, for trying things out\n"
	"  -V, --version          print the version and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"SIGHUP reloads the configuration, all of it or nothing; SIGTERM ends scimd.\n";

enum { OPTION_STATE = 256, OPTION_PUBLIC, OPTION_WARDEN, OPTION_CONTROL, OPTION_ALLOW_ROOT };

static const struct option table[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "dropins", required_argument, NULL, 'C' },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "public", required_argument, NULL, OPTION_PUBLIC },
	{ "warden", required_argument, NULL, OPTION_WARDEN },
	{ "control", required_argument, NULL, OPTION_CONTROL },
	{ "test", no_argument, NULL, 't' },
	{ "allow-root", no_argument, NULL, OPTION_ALLOW_ROOT },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Take one option over. Returns -1, or the code to exit with. */
static int option_apply(int option, const char *value, struct options *options)
{
	switch (option) {
	case 'c':
		options->conf_file = value;
		return -1;
	case 'C':
		options->dropin_dir = value[0] ? value : NULL;
		return -1;
	case OPTION_STATE:
		options->state_dir = value;
		return -1;
	case OPTION_PUBLIC:
		options->public_dir = value;
		return -1;
	case OPTION_WARDEN:
		options->warden_socket = value;
		return -1;
	case OPTION_CONTROL:
		options->control_socket = value;
		return -1;
	case 't':
		options->check = true;
		return -1;
	case OPTION_ALLOW_ROOT:
		options->allow_root = true;
		return -1;
	case 'V':
		(void)puts("scimd " SCIMD_VERSION);
		return EXIT_SUCCESS;
	case 'h':
		(void)fputs(help, stdout);
		return EXIT_SUCCESS;
	default: /* getopt has said what is wrong */
		return EXIT_USAGE;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options options = {
		.conf_file = CONF_FILE,
		.dropin_dir = CONF_DROPIN_DIR,
		.state_dir = "/var/lib/scimd",
		.public_dir = DIRECTORY_PUBLIC_DIR,
		.warden_socket = "/run/scimd/warden.sock",
		.control_socket = "/run/scimd/control/control.sock",
	};
	int option, code;

	while ((option = getopt_long(argc, argv, "c:C:tVh", table, NULL)) != -1) {
		code = option_apply(option, optarg, &options);
		if (code >= 0)
			return code;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "scimd: unexpected argument: %s\n", argv[optind]);
		return EXIT_USAGE;
	}
	*ret = options;
	return -1;
}
