/* conformance --base URL --ca FILE --token PREFIX FILE... - runs the files one after another.
 *
 * Each file has a connection of its own, so that it starts with nothing there: file number N uses the
 * bearer token PREFIX-N; ${other} is PREFIX-other, another connection's, and ${rfc}, ${entra}, ${keep} and ${unknown} are
 * those of connections that are configured to be special. A line for each file, what
 * failed before it, and the totals last. Exit code: 0 all passed, 1 some failed, 2 usage. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tests/conformance/conformance.h"

static bool file_run(const char *file, int number, const char *prefix, struct exchange *exchange,
		     const char *base, struct totals *totals)
{
	_cleanup_(variables_done) struct variables variables = { .items = NULL };
	static const char *const others[] = { "other", "rfc", "entra", "keep", "unknown" };
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	struct totals here = { 0 };
	char text[512];
	bool good;

	(void)snprintf(text, sizeof(text), "%s-%d", prefix, number);
	variable_set(&variables, "token", text);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		(void)snprintf(text, sizeof(text), "%s-%s", prefix, others[i]);
		variable_set(&variables, others[i], text);
	}
	(void)snprintf(text, sizeof(text), "c%dt", number);
	variable_set(&variables, "file", text);
	variable_set(&variables, "base", base);
	good = script_run(file, exchange, &variables, &here);
	good = good && here.failed == 0 && here.passed > 0;
	if (!good && here.failed == 0)
		here.failed = 1;
	printf("%-6s %-36s %4u passed, %u failed\n", good ? "ok" : "FAILED", name, here.passed,
	       here.failed);
	(void)fflush(stdout);
	totals->passed += here.passed;
	totals->failed += here.failed;
	return good;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "base", required_argument, NULL, 'b' },
		{ "ca", required_argument, NULL, 'c' },
		{ "token", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	const char *base = NULL, *ca = NULL, *token = NULL;
	struct totals totals = { 0 };
	struct exchange *exchange;
	bool good = true;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'b')
			base = optarg;
		else if (option == 'c')
			ca = optarg;
		else if (option == 't')
			token = optarg;
		else
			return 2;
	}
	if (!base || !ca || !token || optind == argc) {
		(void)fputs("usage: conformance --base URL --ca FILE --token PREFIX FILE...\n",
			    stderr);
		return 2;
	}
	exchange = exchange_new(base, ca);
	for (int i = optind; i < argc; i++)
		good = file_run(argv[i], i - optind + 1, token, exchange, base, &totals) && good;
	exchange_free(exchange);
	printf("%u passed, %u failed\n", totals.passed, totals.failed);
	return good ? 0 : 1;
}
