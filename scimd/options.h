/* options.h - the command line of scimd. Layer: main. Threads: main's, before there are others.
 * Strings are borrowed from argv. */
#ifndef SCIMD_OPTIONS_H
#define SCIMD_OPTIONS_H

#include <stdbool.h>

#define EXIT_USAGE 2

struct options {
	const char *conf_file;
	const char *dropin_dir; /* NULL: none */
	const char *state_dir;
	const char *public_dir;
	const char *warden_socket;
	const char *control_socket;
	bool check; /* -t */
	bool allow_root;
};

/* Returns -1 to go on with *ret, or the code to exit with: help and version are done already, and
 * so is the complaint about wrong usage. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
