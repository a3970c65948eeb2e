/* warden_proto.h - what scimd asks of scimd-warden, over a SOCK_SEQPACKET unix socket. Layer:
 * shared, libc only. Threads: any; there is nothing here but constants and layouts. One message is
 * one packet: struct warden_message, then `size` bytes of body. The warden accepts the peer whose
 * credentials are scimd's user (or root) and nobody else; one client is served at a time, a second
 * one waits. A message that is malformed, too long, unknown or out of order is answered
 * WARDEN_REFUSED with a sentence and changes nothing; the connection stays.
 *
 *   scimd                                 warden
 *   HELLO                            →
 *                                    ←    STATE {revision, instance, users…}
 *   CHECK_USER / CHECK_GROUP         →                                (would this record be accepted?)
 *                                    ←    OK | REFUSED {sentence}
 *   CHECKS {CHECK_USER…}             →                                (all of these?)
 *                                    ←    OK | REFUSED {sentence about the first that would not}
 *   BEGIN {revision, full or not}    →    (no answer)
 *   USER, GROUP, MEMBERS, PASSWORD…  →    (no answer; a bad record is noted, its uid is shut out)
 *   RECORDS {BEGIN, USER…, COMMIT}   →    (the same in one packet, or a part of it)
 *   COMMIT {deadline_ms}             →
 *                                    ←    PUBLISHED {revision, time, refused records}
 *                                    ←    ENDED {uid, …, list}        one per uid that lost access or a
 *                                         role, when nothing is left or the deadline passed, and again
 *                                         (`late`) whenever a later look found more
 *   END {uid}                        →                                (a report got lost: look again)
 *                                    ←    OK, then ENDED | REFUSED {sentence: uid may be here}
 *   A new BEGIN may follow PUBLISHED at once; ENDED messages come when they come.
 *
 * Strings in bodies: u16 length and bytes, no terminator, in the order given. Numbers little-endian. */
#ifndef SHARED_WARDEN_PROTO_H
#define SHARED_WARDEN_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "shared/directory_format.h"

#define WARDEN_SOCKET "/run/scimd/warden.sock"
#define WARDEN_TALLY "/run/scimd/ended"
#define WARDEN_VERSION 3u
#define WARDEN_MESSAGE_MAX 131072u /* bytes with the header; fits a default socket buffer */
#define WARDEN_REASON_MAX 255u

enum warden_op {
	/* scimd asks */
	WARDEN_HELLO = 1,
	WARDEN_CHECK_USER = 2,  /* body as WARDEN_USER */
	WARDEN_CHECK_GROUP = 3, /* body as WARDEN_GROUP */
	WARDEN_BEGIN = 4,       /* struct warden_begin */
	WARDEN_USER = 5,        /* struct warden_user and strings */
	WARDEN_GROUP = 6,       /* struct warden_group and its name */
	WARDEN_MEMBERS = 7,     /* struct warden_members and uids */
	WARDEN_PASSWORD = 8,    /* struct warden_password and the hash; empty: take it away */
	WARDEN_COMMIT = 9,      /* struct warden_commit */
	WARDEN_END = 10,        /* struct warden_end; answered OK, and by an ENDED later */
	WARDEN_CHECKS = 11,     /* whole messages of CHECK_USER, one behind the other */
	WARDEN_RECORDS = 12,    /* the same of BEGIN, USER, GROUP, MEMBERS and PASSWORD; COMMIT, if last */
	/* the warden answers */
	WARDEN_STATE = 64,     /* struct warden_state */
	WARDEN_OK = 65,        /* no body */
	WARDEN_REFUSED = 66,   /* a sentence */
	WARDEN_PUBLISHED = 67, /* struct warden_published and sentences */
	WARDEN_ENDED = 68,     /* struct warden_ended and items */
};

struct warden_message {
	uint16_t version;
	uint16_t op;
	uint32_t size; /* of the body */
	uint64_t tag;  /* chosen by scimd, echoed in the answer; in ENDED: that of the COMMIT, or 0 */
};

#define WARDEN_FULL 1u /* what is not sent does not exist: users become tombstones, groups vanish */

/* A uid that was sent as deleted is never given back, unless root says that the store was put back to a
 * day before: by this file beside the directory, which the next batch with WARDEN_FULL uses up. Who was
 * only not sent with such a batch may come back with a later one. */
#define WARDEN_RESTORED_FILE "restored"

struct warden_begin {
	uint64_t revision; /* the directory's after this batch; higher than before, or full */
	unsigned char instance[DIRECTORY_INSTANCE_SIZE];
	uint32_t flags;
	uint32_t users_hint, groups_hint; /* how many to make room for, with WARDEN_FULL */
	uint32_t unused;
};

#define WARDEN_USER_ALLOWED 1u
#define WARDEN_USER_DELETED 2u /* only uid counts */

/* Strings: name, gecos, home, shell, reason; then role_count role names, key_count authorized_keys
 * lines, env_count "NAME=value". The groups a user is in come from MEMBERS; local groups from the
 * roles, by the warden's own reading of the configuration. */
struct warden_user {
	uint32_t uid;
	uint32_t flags;
	uint16_t role_count, key_count, env_count, unused;
};

#define WARDEN_GROUP_DELETED 1u

struct warden_group {
	uint32_t gid;
	uint32_t flags;
};

#define WARDEN_MEMBERS_ADD 1u
#define WARDEN_MEMBERS_REMOVE 2u

struct warden_members {
	uint32_t gid;
	uint32_t action;
	uint32_t count;
	/* uint32_t uids[count]; */
};

struct warden_password {
	uint32_t uid;
	uint32_t changed_day;
	/* string: crypt(3) hash */
};

struct warden_commit {
	uint32_t deadline_ms;
	uint32_t grace_ms; /* between SIGTERM and SIGKILL; 0: SIGKILL at once */
};

/* Somebody who may not be here already, of whom scimd has no report because one of the two was
 * restarted. It ends nobody whom the directory lets in. */
struct warden_end {
	uint32_t uid;
	uint32_t deadline_ms, grace_ms; /* as in warden_commit */
	uint32_t unused;
	uint64_t since_us; /* epoch: what was ended since then is reported again */
};

struct warden_state {
	uint64_t revision; /* 0 with a zero instance: there is no directory */
	unsigned char instance[DIRECTORY_INSTANCE_SIZE];
	uint32_t users, groups;
	uint32_t pending; /* uids being ended */
	uint32_t unused;
	uint64_t shadow_revision; /* of the last batch that changed a password */
};

/* As many are listed in PUBLISHED at most. A list of that length may be a part; whoever lost access has
 * an ENDED to come all the same. */
#define WARDEN_ENDING_MAX 1024u

struct warden_published {
	uint64_t revision;
	uint64_t durable_us, visible_us; /* epoch: records on disk; slots stored */
	uint32_t ending_count;  /* uids for which an ENDED will follow, as u32 after this struct */
	uint32_t refused_count; /* then as many struct warden_refusal, each with a sentence */
	/* uint32_t ending[ending_count]; */
};

struct warden_refusal {
	uint32_t id; /* uid or gid */
	uint32_t is_group;
	/* string: sentence */
};

/* Why a process was found. */
enum warden_found {
	WARDEN_FOUND_UID = 1,      /* one of its four uids */
	WARDEN_FOUND_LOGINUID = 2, /* its audit login uid */
	WARDEN_FOUND_CGROUP = 3,   /* it lived in the user's slice */
	WARDEN_FOUND_GID = 4,      /* it carried a gid of a lost role */
	WARDEN_FOUND_UNIT = 5,     /* it lived in a unit that they made by sudo systemd-run */
};

/* What became of a transient unit of systemd's, or why not. */
enum warden_unit {
	WARDEN_UNIT_ENDED = 1,      /* theirs: killed, and stopped so that it stays away */
	WARDEN_UNIT_KILLED = 2,     /* theirs: killed, but systemd could not be told to stop it */
	WARDEN_UNIT_UNCLEAR = 3,    /* made after their first sudo, and not known whose it is: left */
	WARDEN_UNIT_NO_JOURNAL = 4, /* there is no journal that could tell: left */
	WARDEN_UNIT_NO_TIME = 5,    /* the journal did not answer in time: left */
	WARDEN_UNIT_UNSEARCHED = 6, /* not one unit, but any: the search ended before it had seen all */
};

#define WARDEN_ENDED_DONE 1u     /* nothing is left */
#define WARDEN_ENDED_LATE 2u     /* found by a later look or a sweep */
#define WARDEN_ENDED_ROLE 4u     /* a role was lost, not the access */
#define WARDEN_ENDED_PARDONED 8u /* let in again meanwhile: whoever is left may stay */

struct warden_ended {
	uint32_t uid;
	uint32_t flags;
	uint64_t started_us, first_signal_us, last_gone_us; /* epoch; 0: there was nothing */
	uint32_t session_count; /* logind sessions ended */
	uint32_t ended_count;   /* processes ended, more than item_count if they were too many to list */
	uint32_t left_count;    /* still there */
	uint32_t item_count;
	/* item_count times struct warden_process, each with its command as a string (at most 32 bytes of
	 * comm), then session_count strings: logind session ids (at most 64 listed); then, if anything
	 * follows, a uint32_t count and as many struct warden_transient, each with two strings: the unit's
	 * name and its command line (at most 127 bytes of it) */
};

struct warden_transient {
	uint32_t what; /* enum warden_unit */
	uint32_t unused;
};

struct warden_process {
	int32_t pid;
	uint32_t uid;        /* real uid when found */
	uint32_t found;      /* enum warden_found */
	uint32_t left;       /* 0: gone; else the letter of its state in /proc, as 'D' */
	uint64_t started_us; /* epoch, start of the process */
};

#endif
