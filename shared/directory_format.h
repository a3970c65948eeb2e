/* directory_format.h - the directory on disk: what it holds and how to read it.
 * Layer: shared, libc only. This page is the contract between the one writer (the warden) and the
 * readers (nss_scim, pam_scim, scim-authorized-keys); another program could be written from it.
 *
 * FILES. /var/lib/scimd/public/directory (0644) and /var/lib/scimd/public/shadow (0640, group shadow)
 * have the same form and different magic words. Folder and files belong to root and nobody else may
 * write them; a reader refuses anything else, links and special files included. A file has its full
 * size from the start (every block written) and never shrinks; a larger or compacted one is written
 * beside it, synced, and renamed over the name. Nobody maps a file (directory.h says why).
 *
 * SEGMENT. The directory lies, byte for byte, in a System V shared memory segment too, owned by root,
 * mode 0644, already marked for removal, so that it goes away with its last user. The file's header
 * names it by id and nonce; the segment's own header holds the same nonce. A change goes to the disk
 * first and then to the segment, so what the segment shows is durable. When a new segment takes its
 * place, `superseded` in the old one is set to 1, which tells every process that is attached to open
 * the file again.
 *
 * Numbers are little-endian. Offsets count from the start of the file; stored ones are divided by
 * DIRECTORY_UNIT (16) and called "units".
 *
 *   0      header           struct directory_header, one page
 *   4096   index tables     four arrays of slots, capacity 2^log2 each
 *   ...    heap             records, appended only, each aligned to 16 bytes, gap-free
 *   size   end              heap_used <= size; the rest of the heap is zero
 *
 * RECORDS are immutable. Each begins with struct directory_record: its size in bytes (header and
 * padding included, a multiple of 16), a checksum, type, flags, and the uid or gid it is about.
 * checksum = directory_checksum(bytes from `type` to the end of what it covers, seeded with the
 * offset). It covers the whole record, but for a member table only its fixed part.
 *
 * SLOTS are 8 bytes, aligned, and the only words that change (with `revision`, `heap_used` and
 * `superseded`): the writer stores a slot with release order after the record it points at is on disk.
 *   bits 0-31  units of the record; 0: empty; DIRECTORY_GONE: an entry was removed here
 *   bits 32-47 tag: the top 16 bits of the key's hash
 *   bits 48-63 check: directory_slot_check(units, tag, salt), so that a damaged slot is noticed
 * An empty slot is all zero. salt is the table's number, or for a member table its gid.
 *
 * INDEXES. DIRECTORY_USER_BY_NAME, _USER_BY_ID, _GROUP_BY_NAME, _GROUP_BY_ID. A key's home slot is
 * hash & (capacity-1); on collision the next slot, cyclically; a search ends at an empty slot, or after
 * capacity steps. At most half of the slots are in use (removed ones included). Names hash by
 * directory_hash_name with the header's seed; ids by directory_hash_id, where eight ids that follow one
 * another share a cache line of slots, and the eights of a dense range are spread evenly: it walks
 * quickly, none of it collides, and a search for any other id meets an empty slot soon. Whoever finds a
 * slot compares the record's key: a tag can collide.
 * Visiting each slot of a by-id index once, in any order, enumerates: an entry keeps its slot for as
 * long as it lives in this file, so concurrent changes neither repeat nor lose others. Whoever visits
 * the eights 0, 1, 2, ... * 0x0e5d72e3 (modulo the capacity / 8) meets a dense range in the ids' order.
 * user_span, in a segment, says between which uids all users lie (bits 0-31 the lowest, 32-63 the highest;
 * DIRECTORY_SPAN_NONE: there are none; 0: not known). As long as these are fewer than the table has slots,
 * no two of them share a home slot, each user lies in its own (a user's entry is never removed), and it is
 * enough to visit those. It grows before a slot of a new user is set. In a file it means nothing.
 *
 * A USER (DIRECTORY_RECORD_USER): struct directory_user_record, group_count gids (all of the person's
 * groups but the private one: exposed SCIM groups and the local groups that roles grant), then the
 * text "name\0x\0gecos\0home\0shell\0", which is what struct passwd needs in one piece. Flags:
 * DIRECTORY_ALLOWED: may be here. Without it the shell is /usr/sbin/nologin and there are no groups.
 * DIRECTORY_DELETED: a tombstone: only the uid counts, no name index, not enumerated; with
 * DIRECTORY_RETIRED it was said to be deleted, without it was only left out when everybody was sent.
 * A private group of the same name and id is implied for each user that is not deleted; it has no
 * record.
 * The detail record (units, 0 if none): DIRECTORY_RECORD_DETAIL: struct directory_detail_record, then
 * its strings, each NUL-terminated, in this order: reason (why not allowed, "" if allowed), role
 * names, ssh keys (authorized_keys lines), environment entries "NAME=value".
 *
 * A GROUP (DIRECTORY_RECORD_GROUP): struct directory_group_record and its name. With DIRECTORY_LOCAL
 * it is a local group that roles grant: its gid may be below the floor, and root's /etc/group stays
 * its owner. Members lie in chunks that an extendible hash finds: the member table
 * (DIRECTORY_RECORD_TABLE) has 2^depth slots; member u lives in slot directory_hash_member(u) &
 * (2^depth - 1). A chunk (DIRECTORY_RECORD_CHUNK) with local depth d and prefix p holds all members
 * whose hash ends in p (d bits); every slot that ends so points at it. To enumerate, visit the slots
 * in order and take a chunk only at slot number == prefix. An empty slot is an empty chunk. The tag of
 * these slots is a hint: how many units of the chunk a reader of the names needs, or a little more.
 * A chunk holds, for count members in one order: the size of each name with its NUL, a byte each; the
 * names, each NUL-terminated; and from the next multiple of 4 on their uids.
 * In a file made at once a group's record, its table and its chunks in the order of their slots lie one
 * behind another.
 *
 * JOURNAL. A change of the file in place is one step, whatever happens: its records go to the end of the
 * heap, and behind them a DIRECTORY_RECORD_JOURNAL with every slot that the change sets and its
 * revision; these are synced; then the slots are set, and synced later with those of other changes. The
 * header's heap_used and revision in the file are a checkpoint behind which everything is durable; they
 * lag by what was changed since. Whoever opens the file for writing walks the records from heap_used on
 * for as long as their checksums are right, and sets the slots of each journal with a higher revision
 * again.
 *
 * FUNCTIONS. Arithmetic wraps at 64 bits; K1 and K2 are below; fold(a, b) is the 128-bit product of both,
 * its halves xored. Words are 8 bytes.
 *   hash of a name     h = seed ^ size * K1; while more than 8 bytes are left: h = fold(h ^ word, K2);
 *                      h = fold(h ^ tail, K2); fold(h, K1). The tail of the last 4 to 8 bytes: the
 *                      first 4 | the last 4 << 32 (they may overlap); of n = 1 to 3: byte 0 |
 *                      byte n / 2 << 8 | byte n - 1 << 16; of none: 0
 *   hash of an id      (id * 0x9e3779b1 in 32 bits) << 32 | (id / 8 * 0x0e5d72e3 * 8 in 32 bits) |
 *                      id % 8
 *   hash of a member   x = uid * 0x9e3779b1 in 32 bits; x ^ x >> 15
 *   checksum           h = seed ^ K1 ^ size; for each two words a, b: h = fold(a ^ K1 ^ h,
 *                      b ^ K2 ^ h >> 29); for a single word at the end: h = fold(a ^ h, K2);
 *                      h = fold(h ^ K1, K2); the low 32 bits of h ^ h >> 32
 *   check of a slot    the top 16 bits of ((tag << 32 | units) ^ salt << 20 ^ K2) * K1
 *
 * SHADOW: only DIRECTORY_USER_BY_ID is used; DIRECTORY_RECORD_SHADOW: struct directory_shadow_record
 * and the crypt(3) string. No entry: no password. */
#ifndef SHARED_DIRECTORY_FORMAT_H
#define SHARED_DIRECTORY_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIRECTORY_MAGIC "SCIMDIR1"
#define DIRECTORY_VERSION 3u
#define DIRECTORY_SHADOW_MAGIC "SCIMSHD1"
#define DIRECTORY_HEADER_SIZE 4096u
#define DIRECTORY_UNIT 16u
#define DIRECTORY_GONE UINT32_MAX
#define DIRECTORY_INSTANCE_SIZE 16u
#define DIRECTORY_LOG2_MAX 30u
#define DIRECTORY_SPAN_NONE ((uint64_t)UINT32_MAX)

/* Bounds of a record's parts: what a writer may write and a reader need believe. */
#define DIRECTORY_RECORD_MAX (1u << 20)
#define DIRECTORY_GROUPS_MAX 65536u /* of one user: the kernel's NGROUPS_MAX */
#define DIRECTORY_CHUNK_MAX 2048u   /* bytes a chunk may have before it is split */
#define DIRECTORY_DEPTH_MAX 20u
#define DIRECTORY_STRINGS_MAX 1024u /* keys, roles, environment: each */

enum directory_index {
	DIRECTORY_USER_BY_NAME,
	DIRECTORY_USER_BY_ID,
	DIRECTORY_GROUP_BY_NAME,
	DIRECTORY_GROUP_BY_ID,
	DIRECTORY_INDEX_COUNT,
};

enum directory_record_type {
	DIRECTORY_RECORD_USER = 1,
	DIRECTORY_RECORD_DETAIL = 2,
	DIRECTORY_RECORD_GROUP = 3,
	DIRECTORY_RECORD_TABLE = 4,
	DIRECTORY_RECORD_CHUNK = 5,
	DIRECTORY_RECORD_SHADOW = 6,
	DIRECTORY_RECORD_JOURNAL = 7,
};

#define DIRECTORY_ALLOWED 0x0001u
#define DIRECTORY_DELETED 0x0002u
#define DIRECTORY_LOCAL 0x0004u
#define DIRECTORY_RETIRED 0x0008u

struct directory_table {
	uint64_t offset; /* bytes */
	uint32_t log2;   /* capacity = 1 << log2 */
	uint32_t unused;
};

struct directory_header {
	char magic[8];
	uint32_t version; /* DIRECTORY_VERSION */
	uint32_t checksum; /* of the bytes from file_size to `superseded`, seed 0 */
	uint64_t file_size;
	uint64_t heap_offset;
	uint64_t seed; /* of directory_hash_name; random per file */
	unsigned char instance[DIRECTORY_INSTANCE_SIZE]; /* of the store this was made from */
	uint32_t uid_min, uid_max; /* the managed range when this was made */
	struct directory_table tables[DIRECTORY_INDEX_COUNT];
	/* Everything below changes; it lies in a cache line of its own. */
	uint64_t superseded __attribute__((aligned(64))); /* 1: open the name again */
	uint64_t revision;  /* the store's change counter that this shows */
	uint64_t heap_used; /* bytes of the heap in use, from heap_offset; for the writer */
	uint64_t segment_nonce[2]; /* random per segment: an id alone may be another one's by now */
	int32_t segment_id;        /* shmat(2)'s; meaningless when the nonce is zero */
	uint32_t unused;
	uint64_t user_span; /* see INDEXES */
};

struct directory_record {
	uint32_t size;
	uint32_t checksum;
	uint16_t type;
	uint16_t flags;
	uint32_t id;
};

struct directory_user_record {
	struct directory_record head;
	uint16_t name_size, gecos_size, home_size, shell_size; /* without the NUL */
	uint32_t detail; /* units, or 0 */
	uint32_t group_count;
	/* uint32_t gids[group_count]; char text[]; */
};

struct directory_detail_record {
	struct directory_record head;
	uint32_t text_size; /* of all strings with their NULs */
	uint16_t role_count, key_count, env_count;
	uint16_t unused[3];
	/* char text[]; */
};

struct directory_group_record {
	struct directory_record head;
	uint16_t name_size;
	uint16_t unused;
	uint32_t table; /* units of the member table, or 0: no members ever */
	uint32_t unused2[2];
	/* char name[]; */
};

struct directory_table_record {
	struct directory_record head; /* the checksum covers the 32 fixed bytes only */
	uint32_t depth;
	uint32_t unused[3];
	/* uint64_t slots[1 << depth]; */
};

struct directory_chunk_record {
	struct directory_record head;
	uint32_t text_size; /* of all names with their NULs */
	uint32_t prefix;
	uint16_t depth;
	uint16_t count;
	uint32_t unused;
	/* uint8_t sizes[count]; char text[text_size]; aligned: uint32_t uids[count]; */
};

struct directory_shadow_record {
	struct directory_record head;
	uint32_t hash_size; /* without the NUL */
	uint32_t changed_day; /* days since the epoch, for sp_lstchg */
	uint32_t unused[2];
	/* char hash[]; */
};

struct directory_journal_record {
	struct directory_record head; /* id is 0 */
	uint64_t revision;
	uint32_t count;
	uint32_t unused;
	/* struct directory_journal_entry entries[count]; */
};

struct directory_journal_entry {
	uint64_t offset; /* of a slot */
	uint64_t value;
};

_Static_assert(sizeof(struct directory_record) == 16, "record header");
_Static_assert(sizeof(struct directory_user_record) == 32, "user record");
_Static_assert(sizeof(struct directory_header) <= DIRECTORY_HEADER_SIZE, "header page");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

/* 64x64 -> 128 bit product folded to 64 bits. */
static inline uint64_t directory_fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define DIRECTORY_K1 0x9e3779b97f4a7c15u
#define DIRECTORY_K2 0xd6e8feb86659fd93u
#define DIRECTORY_EIGHTS 0x0e5d72e3u

static inline uint64_t directory_word(const void *bytes, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, bytes, size);
	return word;
}

/* 0 to 8 bytes as one word, without reading past them: two halves that may overlap, or three bytes. */
static inline uint64_t directory_tail(const char *bytes, size_t size)
{
	const unsigned char *p = (const unsigned char *)bytes;

	if (size >= 4)
		return directory_word(p, 4) | directory_word(p + size - 4, 4) << 32;
	if (size == 0)
		return 0;
	return p[0] | (uint64_t)p[size / 2] << 8 | (uint64_t)p[size - 1] << 16;
}

static inline uint64_t directory_hash_name(const char *name, size_t size, uint64_t seed)
{
	uint64_t hash = seed ^ (size * DIRECTORY_K1);

	for (; size > 8; name += 8, size -= 8)
		hash = directory_fold(hash ^ directory_word(name, 8), DIRECTORY_K2);
	hash = directory_fold(hash ^ directory_tail(name, size), DIRECTORY_K2);
	return directory_fold(hash, DIRECTORY_K1);
}

/* The factor is odd: it only permutes the eights of a range no longer than the table. Modulo each power
 * of two it has small partial quotients, 13 at most: whatever the table's length, multiples lie apart. */
static inline uint64_t directory_hash_id(uint32_t id)
{
	uint32_t home = (id >> 3) * DIRECTORY_EIGHTS << 3 | (id & 7);

	return (uint64_t)(id * 0x9e3779b1u) << 32 | home;
}

/* The slot of a by-id index that a walk visits at `position`: in the order of the ids at home there. A
 * dense range comes in one piece so, and in a file made by such a walk its records lie one behind
 * another. The factor is odd, so each slot is visited once. mask: capacity - 1. */
static inline uint64_t directory_walk_slot(uint64_t position, uint64_t mask)
{
	return ((position >> 3) * DIRECTORY_EIGHTS << 3 | (position & 7)) & mask;
}

static inline uint32_t directory_hash_member(uint32_t uid)
{
	uint32_t hash = uid * 0x9e3779b1u;

	return hash ^ (hash >> 15);
}

/* size is a multiple of 8 and at least 8. */
static inline uint32_t directory_checksum(const void *bytes, size_t size, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t hash = seed ^ DIRECTORY_K1 ^ size;

	for (; size >= 16; p += 16, size -= 16)
		hash = directory_fold(directory_word(p, 8) ^ DIRECTORY_K1 ^ hash,
				      directory_word(p + 8, 8) ^ DIRECTORY_K2 ^ (hash >> 29));
	if (size)
		hash = directory_fold(directory_word(p, 8) ^ hash, DIRECTORY_K2);
	hash = directory_fold(hash ^ DIRECTORY_K1, DIRECTORY_K2);
	return (uint32_t)(hash ^ (hash >> 32));
}

static inline uint16_t directory_slot_check(uint32_t units, uint16_t tag, uint32_t salt)
{
	uint64_t mixed = ((uint64_t)tag << 32 | units) ^ ((uint64_t)salt << 20) ^ DIRECTORY_K2;

	mixed *= DIRECTORY_K1;
	return (uint16_t)(mixed >> 48);
}

static inline uint64_t directory_slot(uint32_t units, uint64_t hash, uint32_t salt)
{
	uint16_t tag = (uint16_t)(hash >> 48);

	return (uint64_t)directory_slot_check(units, tag, salt) << 48 | (uint64_t)tag << 32 | units;
}

/* Of a member table; read_size: the bytes of the chunk that its tag tells of. */
static inline uint64_t directory_chunk_slot(uint32_t units, size_t read_size, uint32_t gid)
{
	uint64_t length = (read_size + DIRECTORY_UNIT - 1) / DIRECTORY_UNIT;

	return directory_slot(units, (length < UINT16_MAX ? length : UINT16_MAX) << 48, gid);
}

/* Where a chunk's parts lie, from its beginning; and what they take together. */
static inline size_t directory_chunk_names_at(size_t count)
{
	return sizeof(struct directory_chunk_record) + count;
}

static inline size_t directory_chunk_uids_at(size_t count, size_t text_size)
{
	return (directory_chunk_names_at(count) + text_size + 3) / 4 * 4;
}

static inline size_t directory_chunk_size(size_t count, size_t text_size)
{
	return directory_chunk_uids_at(count, text_size) + count * sizeof(uint32_t);
}

#endif
