/* policy_t.h - configurations and resources for tests of the policy, from text. */
#ifndef TESTS_UNIT_POLICY_POLICY_T_H
#define TESTS_UNIT_POLICY_POLICY_T_H

#include <fcntl.h>
#include <sys/mman.h>

#include "scimd/model/json.h"
#include "scimd/policy/policy.h"
#include "tests/unit/t.h"

/* What conf_load makes of text; ends the test if that is an error. Owned. */
static inline struct conf *conf_from(const char *text)
{
	_cleanup_close_ int fd = memfd_create("scimd.conf", MFD_CLOEXEC);
	struct conf_problems problems = { NULL, 0 };
	struct conf *conf = NULL;
	char path[32];

	T_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (conf_load(path, NULL, &conf, &problems) < 0 && problems.count > 0)
		fprintf(stderr, "line %u: %s\n", problems.items[0].line, problems.items[0].message);
	conf_problems_done(&problems);
	T_FATAL(conf != NULL);
	return conf;
}

/* A checked resource, as the store holds it. Owned. */
static inline struct json_object *resource_from(const char *text)
{
	struct json_object *resource = NULL;
	struct fault fault = { 0 };

	if (json_parse(text, strlen(text), &resource, &fault) < 0)
		fprintf(stderr, "%s: %s\n", text, fault.detail);
	T_FATAL(resource != NULL);
	return resource;
}

#endif
