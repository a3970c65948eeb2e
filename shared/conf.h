/* conf.h - the configuration of /etc/scimd/scimd.conf and its drop-ins.
 * Layer: shared, libc only: scimd, the warden, scimctl and pam_scim read the same file.
 * Threads: a loaded struct conf is immutable and may be shared.
 *
 * Strict INI. `[section]` or `[section NAME]`, `key = value`, `#` starts a comment at the start of a
 * line or after white space. Values are trimmed; an empty value means the default. Lists are
 * separated by commas (group names hold spaces) except token_sha256, which takes one or two words.
 * Unknown sections and keys, bad values, a key twice in one file's section, NUL bytes, lines over
 * 4096 bytes: each is an error with file and line; all errors are collected. A drop-in
 * (/etc/scimd/scimd.conf.d/ *.conf in byte order of the names) overrides earlier files key by key. */
#ifndef SHARED_CONF_H
#define SHARED_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/attrs.h"

#define CONF_FILE "/etc/scimd/scimd.conf"
#define CONF_DROPIN_DIR "/etc/scimd/scimd.conf.d"
#define CONF_TOKEN_HASH_BYTES 32u

/* A NULL-terminated list of owned strings; never NULL itself. */
typedef char **conf_list;

/* Where clients and RFC 7644 disagree. */
enum conf_dialect { CONF_DIALECT_AUTO, CONF_DIALECT_RFC, CONF_DIALECT_ENTRA, CONF_DIALECT_OKTA };

/* Whether people who come back with a backup have to be confirmed before they are let in. */
enum conf_after_restore { CONF_AFTER_RESTORE_HOLD, CONF_AFTER_RESTORE_ALLOW };

/* What to do with members of groups who are not known (yet). */
enum conf_pending { CONF_PENDING_REFUSE, CONF_PENDING_KEEP };

/* What to do with extensions that no [schema] names. */
enum conf_unknown { CONF_UNKNOWN_IGNORE, CONF_UNKNOWN_KEEP };

struct conf_connection {
	char *name; /* [a-z0-9_-]{1,32} */
	enum conf_dialect dialect;
	enum conf_pending pending_members;
	enum conf_unknown unknown_schemas;
	unsigned char token_sha256[2][CONF_TOKEN_HASH_BYTES];
	size_t token_count; /* 1, or 2 during a rotation */
};

struct conf_role {
	char *name;             /* [a-z0-9_-]{1,32} */
	conf_list groups;       /* displayNames (compared without case) or SCIM ids */
	conf_list local_groups; /* names in /etc/group */
	char *shell;            /* absolute, or NULL */
	int precedence;         /* lower wins; default 100; ties by name */
};

struct conf_attribute {
	char *name;   /* [a-z0-9_]{1,32} */
	char *source; /* attribute path, URN-qualified or not */
	char *env;    /* [A-Z_][A-Z0-9_]*, or NULL */
	char *gecos;  /* room, work_phone, home_phone, other, or NULL */
};

enum conf_resource { CONF_RESOURCE_USER, CONF_RESOURCE_GROUP };

struct conf_schema {
	char *name; /* [a-z0-9_-]{1,32} */
	char *file; /* path of a Schema document (RFC 7643 section 7) */
	enum conf_resource resource; /* whose extension it is */
};

enum conf_role_loss { CONF_ROLE_LOSS_END_SESSIONS, CONF_ROLE_LOSS_KEEP };

struct conf {
	struct {
		char *listen;        /* "ADDR:PORT" or "[ADDR6]:PORT"; default 127.0.0.1:8643 */
		char *tls_cert;      /* PEM path or NULL: self-signed in the state directory */
		char *tls_key;       /* PEM path; both or none */
		char *public_url;    /* base URL shown to people, or NULL */
		uint32_t rate_limit; /* requests per second and address, 0 = unlimited; default 0 */
		uint64_t max_body;   /* bytes; default 1048576; 4096..67108864 */
	} server;
	struct {
		/* What one request may ask for. 0: as much as is compiled in. */
		uint32_t depth;        /* of JSON; default 32 */
		uint32_t values;       /* in a body; default 500000 */
		uint32_t filter_bytes; /* default 4096 */
		uint32_t operations;   /* of one PATCH or Bulk; default 1000 */
		uint32_t members;      /* that one write may name; default 200000 */
		uint32_t results;      /* on a page; default 1000 */
		uint32_t scan; /* resources a query without an index may look at; default 100000 */
		/* Of the network; what is compiled in when 0. */
		uint32_t connections;             /* default 512 */
		uint32_t connections_per_address; /* default 128 */
		uint32_t idle_s;                  /* default 60; twice that for a whole request */
	} limits;
	struct {
		uint32_t uid_min, uid_max; /* uid_range = MIN-MAX, inclusive; no reserved id inside */
		char *home;                /* "/home/%u": %u name, %U uid, %% */
		char *shell;               /* default /bin/bash */
		char *username;            /* "ATTRIBUTE [local-part] [lower]", …; see conf_username_next */
		conf_list expose_groups;   /* "*" or displayNames; default "*" */
		char *name_replacement;        /* one character, or NULL: none is replaced */
		uint32_t name_quarantine_days; /* default 90; 0: a name is free at once */
		bool certificate_keys;     /* on: keys of x509Certificates open ssh; default on */
		conf_list key_options;     /* options of sshd that SSH keys may bring; default none */
		char *password_url;        /* where people change theirs, or NULL */
		bool passwords;            /* on: SCIM password is hashed and served; default off */
	} identity;
	struct {
		conf_list allow_groups, deny_groups; /* displayNames or SCIM ids */
		enum conf_after_restore after_restore;
	} access;
	struct {
		uint32_t grace_ms;    /* default 0; at most 60000 */
		uint32_t deadline_ms; /* default 2000; 100..60000 */
		enum conf_role_loss on_role_loss;
	} offboard;
	struct conf_connection *connections;
	size_t connection_count;
	struct conf_role *roles; /* ordered by precedence, then name */
	size_t role_count;
	struct conf_attribute *attributes;
	size_t attribute_count;
	struct conf_schema *schemas; /* in the order of their first appearance */
	size_t schema_count;
	struct {
		char *webhook;
		char *secret_file;
	} events;
};

/* One problem found; file is the path as opened. */
struct conf_problem {
	char *file;
	unsigned int line; /* 0: the file as a whole */
	char *message;
};

struct conf_problems {
	struct conf_problem *items;
	size_t count;
};

/* Read file and the *.conf files of dropin_dir (NULL: none; a missing directory is fine, a missing
 * file is a problem). Returns 0 and an owned configuration; -EINVAL when there are problems (all of
 * them in *ret_problems, none of it applied); -ENOMEM. problems are filled only with -EINVAL and
 * freed by conf_problems_done. */
_must_use_ int conf_load(const char *file, const char *dropin_dir, struct conf **ret,
			 struct conf_problems *ret_problems);

/* The defaults alone (no connections, no roles). */
_must_use_ int conf_defaults(struct conf **ret);

/* The effective configuration in the file's own syntax, token hashes replaced by their first 8
 * hexadecimal digits and "…". */
void conf_print(const struct conf *conf, FILE *out);

/* Case-insensitive (ASCII) membership. */
bool conf_list_has(conf_list list, const char *value);

/* Whether a variable of this name may be in a session's environment with a value from outside: of A-Z, 0-9
 * and _, and none that login programs, shells, loaders or interpreters obey. */
bool conf_env_is_good(const char *name, size_t size);

/* username is a list of rules: how many bytes the first has at text, up to a comma outside of
 * brackets; and how many of those are its attribute's path. */
size_t conf_rule_size(const char *text);
size_t conf_path_size(const char *text);

void conf_free(struct conf *conf);
void conf_freep(struct conf **conf);
void conf_problems_done(struct conf_problems *problems);

#endif
