/* names.h - what a POSIX name, id and passwd field may be on this host.
 * Layer: shared, libc only, no allocation, no state; safe in any thread and in signal handlers.
 * The rules hold in three places: scimd refuses, the warden refuses again, the reader refuses to
 * believe. They are compiled in on purpose: a configuration can narrow them, never widen them. */
#ifndef SHARED_NAMES_H
#define SHARED_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_BYTES 32u     /* utmp's ut_user holds 32 bytes without a terminator */
#define ID_FLOOR 1000u         /* below: Debian's system accounts */
#define FIELD_MAX_BYTES 255u   /* gecos, home, shell: each */
#define UID_MIN_DEFAULT 65536u /* free in every allocation table of systemd and shadow */
#define UID_MAX_DEFAULT 99999u

/* An id no account of ours may have: below the floor, systemd's dynamic range 61184-65519,
 * 65534, 65535, 4294967295, and everything from 2^31 (some programs keep ids in an int). */
bool id_is_reserved(uint32_t id);

/* A user or group name: [a-z_][a-z0-9_.-]* of 1..32 bytes, not ending in '.', not all digits
 * (the first character sees to that). Takes (ptr,len); the bytes need no terminator. */
bool name_is_valid(const char *name, size_t len);

/* root, nobody, the accounts and groups of Debian's base system and of common daemons, and the
 * prefixes "systemd-" and "_": never ours even if /etc does not list them. name is valid. */
bool name_is_reserved(const char *name, size_t len);

/* A passwd field: printable UTF-8 or ASCII of at most FIELD_MAX_BYTES, no ':', no control
 * characters (so no newline and no NUL). May be empty. */
bool field_is_valid(const char *field, size_t len);

/* The size of the well-formed UTF-8 character (Unicode table 3-7) at text that is no control character,
 * 0 if there is none. left: the bytes there are, at least 1. */
size_t printable_size(const unsigned char *text, size_t left);

/* A home or shell: a valid field that starts with '/' and has no "/../" or "/./" component. */
bool path_is_valid(const char *path, size_t len);

#endif
