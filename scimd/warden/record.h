/* record.h - taking apart and checking the records of a message. Layer: warden. Threads: one.
 * Pure: no state but what is passed in. */
#ifndef SCIMD_WARDEN_RECORD_H
#define SCIMD_WARDEN_RECORD_H

#include "scimd/warden/publish.h"
#include "shared/conf.h"
#include "shared/names.h"

#define RECORD_DETAIL_MAX 98304u /* bytes of reason, roles, keys and environment together */

struct user_record {
	struct warden_user fixed;
	char name[NAME_MAX_BYTES + 1];
	char gecos[FIELD_MAX_BYTES + 1], home[FIELD_MAX_BYTES + 1], shell[FIELD_MAX_BYTES + 1];
	const char *roles;  /* the first of role_count, in detail */
	uint32_t detail_size;
	char detail[RECORD_DETAIL_MAX]; /* strings as directory_user_entry wants them */
};

struct group_record {
	struct warden_group fixed;
	char name[NAME_MAX_BYTES + 1];
};

/* 0, or -EINVAL with *why: malformed. fixed.uid is set whenever the body is long enough, else 0. */
_must_use_ int record_parse_user(const void *body, size_t size, struct user_record *ret,
				 struct refusal *why);
_must_use_ int record_parse_group(const void *body, size_t size, struct group_record *ret,
				  struct refusal *why);

/* 0, or -EINVAL with *why: against the rules of names.h, the range, or a local account. */
_must_use_ int record_check_user(const struct user_record *user, const struct conf *conf,
				 const struct local *local, struct refusal *why);
_must_use_ int record_check_group(const struct group_record *group, const struct conf *conf,
				  const struct local *local, struct refusal *why);

/* Fill in *why and return -EINVAL. */
int refuse(struct refusal *why, const char *fmt, ...) _printf_(2, 3);

#endif
