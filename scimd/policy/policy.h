/* policy.h - from SCIM to POSIX: what a person or group is on this host, by configuration.
 * Layer: policy (uses base and model). Pure: no store, no files, and no clock but for the dates of
 * certificates. Threads: any. */
#ifndef SCIMD_POLICY_POLICY_H
#define SCIMD_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "scimd/model/fault.h"
#include "scimd/model/resource.h"
#include "shared/attrs.h"
#include "shared/conf.h"
#include "shared/names.h"

/* A group as far as it decides about its members. Borrowed. */
struct policy_group {
	const char *id;
	const char *name; /* displayName */
};

/* What a user is here. Owned strings; identity_done. */
struct identity {
	char name[NAME_MAX_BYTES + 1];
	uint32_t wanted_uid; /* asked for by the POSIX extension; 0: none */
	char *gecos, *shell;
	char *home; /* before identity_set_uid, %U in it is the uid and %% a percent sign */
	bool home_is_path;
	bool allowed;
	char *reason; /* one sentence, "" if allowed */
	char **roles; /* NULL-terminated names, in order of precedence */
	char **keys;  /* NULL-terminated authorized_keys lines, empty unless allowed */
	char **ignored; /* NULL-terminated sentences about keys that were sent and are not among them */
	char **env;   /* NULL-terminated "NAME=value" */
	bool unsettled; /* a certificate is not valid yet: later it is another */
};

/* Evaluate. -EPROTO with *fault when the person can't be mapped (400 with the rule in detail). */
_must_use_ int policy_user(const struct conf *conf, struct json_object *resource,
			   const struct policy_group *groups, size_t group_count,
			   struct identity *ret, struct fault *fault);
void identity_done(struct identity *identity);

/* Make home a path, now that the uid is known; the first call decides. -ENOMEM. */
_must_use_ int identity_set_uid(struct identity *identity, uint32_t uid);

/* Whether anybody's access or roles depend on this group, so that its members must be evaluated
 * anew when it or its members change. 1, 0 or -ENOMEM. */
_must_use_ int policy_group_decides(const struct conf *conf, const struct policy_group *group);

/* What a group is here: its POSIX name, or exposed == false with the reason. */
struct group_identity {
	char name[NAME_MAX_BYTES + 1];
	uint32_t wanted_gid;
	bool exposed;
	char reason[128];
};
_must_use_ int policy_group(const struct conf *conf, struct json_object *resource,
			    struct group_identity *ret, struct fault *fault);

/* One line of an authorized_keys file that we hand out: known key type, base64 that holds that type,
 * no options, no control characters, at most 16 KiB. Comment allowed. */
bool policy_key_is_valid(const char *line);

/* The same, or such a key after options (sshd(8), AUTHORIZED_KEYS FILE FORMAT) all of whose names are in
 * allowed. The options stay: without them the key would open more than it was made for. */
bool policy_key_is_allowed(const char *line, conf_list allowed);

#endif
