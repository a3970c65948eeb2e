#!/usr/bin/env python3
"""Print a directory as `scimctl directory dump --json` does, and look every name and number up.

Written from the words of shared/directory_format.h alone and sharing no code with the reader in C, so
that it proves the words. Whatever they say and the file does not hold is an error.
"""
import json
import struct
import sys

K1 = 0x9E3779B97F4A7C15
K2 = 0xD6E8FEB86659FD93
MIX = 0x9E3779B1
WORD = (1 << 64) - 1
UNIT, PAGE, GONE = 16, 4096, 0xFFFFFFFF
USER, DETAIL, GROUP, TABLE, CHUNK = 1, 2, 3, 4, 5
USER_BY_NAME, USER_BY_ID, GROUP_BY_NAME, GROUP_BY_ID = range(4)
ALLOWED, DELETED, LOCAL = 1, 2, 4


def fold(a, b):
    product = (a & WORD) * (b & WORD)
    return (product & WORD) ^ (product >> 64)


def word(data):
    return int.from_bytes(data, "little")


def hash_name(name, seed):
    value = seed ^ (len(name) * K1 & WORD)
    while len(name) > 8:
        value = fold(value ^ word(name[:8]), K2)
        name = name[8:]
    if len(name) >= 4:
        tail = word(name[:4]) | word(name[-4:]) << 32
    elif name:
        tail = name[0] | name[len(name) // 2] << 8 | name[-1] << 16
    else:
        tail = 0
    return fold(fold(value ^ tail, K2), K1)


def hash_id(number):
    home = number // 8 * 0x0E5D72E3 * 8 & 0xFFFFFFFF | number % 8
    return (number * MIX & 0xFFFFFFFF) << 32 | home


def hash_member(uid):
    value = uid * MIX & 0xFFFFFFFF
    return value ^ value >> 15


def checksum(data, seed):
    value = seed ^ K1 ^ len(data)
    while len(data) >= 16:
        value = fold(word(data[:8]) ^ K1 ^ value, word(data[8:16]) ^ K2 ^ value >> 29)
        data = data[16:]
    if data:
        value = fold(word(data) ^ value, K2)
    value = fold(value ^ K1, K2)
    return (value ^ value >> 32) & 0xFFFFFFFF


def slot_check(units, tag, salt):
    return ((tag << 32 | units) ^ salt << 20 ^ K2) * K1 >> 48 & 0xFFFF


def strings(text, count):
    """The first strings of NUL-terminated ones, and the rest."""
    found = []
    for _ in range(count):
        one, text = text.split(b"\0", 1)
        found.append(one.decode())
    return found, text


class Directory:
    def __init__(self, data):
        self.data = data
        magic, version, check, size, self.heap, self.seed = struct.unpack_from("<8sIIQQQ", data)
        assert magic == b"SCIMDIR1" and version == 3 and size == len(data)
        assert checksum(data[16:128], 0) == check
        self.uid_min, self.uid_max = struct.unpack_from("<II", data, 56)
        self.tables = [struct.unpack_from("<QI", data, 64 + 16 * i) for i in range(4)]
        _, self.revision, self.heap_used = struct.unpack_from("<QQQ", data, 128)
        end = PAGE
        for offset, log2 in self.tables:
            assert offset == end
            end += 8 << log2
        assert self.heap == end

    def slot(self, offset, salt):
        value = word(self.data[offset:offset + 8])
        units, tag, check = value & 0xFFFFFFFF, value >> 32 & 0xFFFF, value >> 48
        assert value == 0 or slot_check(units, tag, salt) == check
        return units, tag

    def record(self, units, kind):
        """Flags, id, and what follows the head."""
        offset = units * UNIT
        size, check, found, flags, number = struct.unpack_from("<IIHHI", self.data, offset)
        assert offset >= self.heap and found == kind and size % UNIT == 0
        covered = 32 if kind == TABLE else size
        assert checksum(self.data[offset + 8:offset + covered], offset) == check
        return flags, number, self.data[offset + 16:offset + size]

    def walk(self, index):
        """Each slot once, eight by eight in the order in which dense ids come."""
        offset, log2 = self.tables[index]
        for position in range(1 << log2):
            i = (position // 8 * 0x0E5D72E3 * 8 + position % 8) % (1 << log2)
            units, _ = self.slot(offset + 8 * i, index)
            if units not in (0, GONE):
                yield units

    def find(self, index, hashed):
        """The records that a search for this hash meets."""
        offset, log2 = self.tables[index]
        mask = (1 << log2) - 1
        for step in range(1 << log2):
            units, tag = self.slot(offset + 8 * ((hashed + step) & mask), index)
            if units == 0:
                return
            if units != GONE and tag == hashed >> 48:
                yield units

    def user(self, units):
        flags, uid, rest = self.record(units, USER)
        assert units in self.find(USER_BY_ID, hash_id(uid))
        if flags & DELETED:
            return {"uid": uid, "deleted": True}
        name, gecos, home, shell, detail, count = struct.unpack_from("<HHHHII", rest)
        gids = list(struct.unpack_from("<%dI" % count, rest, 16))
        fields, _ = strings(rest[16 + 4 * count:], 5)
        assert [len(f.encode()) for f in fields] == [name, 1, gecos, home, shell]
        assert fields[1] == "x"
        assert units in self.find(USER_BY_NAME, hash_name(fields[0].encode(), self.seed))
        assert flags & ALLOWED or (fields[4] == "/usr/sbin/nologin" and not gids)
        user = {"uid": uid, "name": fields[0], "gecos": fields[2], "home": fields[3],
                "shell": fields[4], "allowed": bool(flags & ALLOWED), "gids": gids}
        user.update(self.detail(detail, uid))
        return user

    def detail(self, units, uid):
        if units == 0:
            return {"reason": "", "roles": [], "keys": [], "environment": []}
        _, number, rest = self.record(units, DETAIL)
        size, *counts = struct.unpack_from("<IHHH", rest)
        assert number == uid
        (reason,), text = strings(rest[16:16 + size], 1)
        roles, text = strings(text, counts[0])
        keys, text = strings(text, counts[1])
        environment, text = strings(text, counts[2])
        assert text == b""
        return {"reason": reason, "roles": roles, "keys": keys, "environment": environment}

    def group(self, units):
        flags, gid, rest = self.record(units, GROUP)
        size, _, table = struct.unpack_from("<HHI", rest)
        name = rest[16:16 + size]
        assert rest[16 + size] == 0 and units in self.find(GROUP_BY_ID, hash_id(gid))
        assert units in self.find(GROUP_BY_NAME, hash_name(name, self.seed))
        return {"gid": gid, "name": name.decode(), "local": bool(flags & LOCAL),
                "members": list(self.members(table, gid))}

    def members(self, units, gid):
        if units == 0:
            return
        _, number, rest = self.record(units, TABLE)
        depth, = struct.unpack_from("<I", rest)
        assert number == gid
        for i in range(1 << depth):
            chunk, tag = self.slot(units * UNIT + 32 + 8 * i, gid)
            if chunk == 0:
                continue
            _, number, text = self.record(chunk, CHUNK)
            size, prefix, local, count = struct.unpack_from("<IIHH", text)
            assert number == gid and i & (1 << local) - 1 == prefix
            if i != prefix:
                continue
            end = 16 + count + size
            names, left = strings(text[16 + count:end], count)
            assert left == b"" and list(text[16:16 + count]) == [len(n.encode()) + 1 for n in names]
            uids = struct.unpack_from("<%dI" % count, text, (end + 3) // 4 * 4)
            assert all(hash_member(u) & (1 << local) - 1 == prefix for u in uids)
            assert 16 + len(text) >= tag * UNIT >= 16 + end
            yield from names

    def dump(self):
        return {"revision": self.revision, "uid_min": self.uid_min, "uid_max": self.uid_max,
                "users": [self.user(units) for units in self.walk(USER_BY_ID)],
                "groups": [self.group(units) for units in self.walk(GROUP_BY_ID)]}


with open(sys.argv[1], "rb") as file:
    directory = Directory(file.read())
json.dump(directory.dump(), sys.stdout)
