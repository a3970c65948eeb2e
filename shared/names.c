#include "shared/names.h"

#include <stdlib.h>
#include <string.h>

#define DYNAMIC_UID_MIN 61184u /* systemd's DynamicUser= */
#define DYNAMIC_UID_MAX 65519u
#define ID_SIGNED_LIMIT 0x80000000u

/* In byte order, for bsearch. Accounts and groups of base-passwd, of packages that a server often
 * has, and groups that stock configurations of sudo, polkit or su read as "administrator". */
static const char *const reserved_names[] = {
	"adm",
	"admin",
	"audio",
	"avahi",
	"backup",
	"bin",
	"cdrom",
	"chrony",
	"containerd",
	"crontab",
	"daemon",
	"debian-tor",
	"dialout",
	"dip",
	"disk",
	"dnsmasq",
	"docker",
	"fax",
	"floppy",
	"ftp",
	"fwupd-refresh",
	"games",
	"gdm",
	"git",
	"gnats",
	"halt",
	"haproxy",
	"incus",
	"incus-admin",
	"input",
	"irc",
	"kmem",
	"kvm",
	"landscape",
	"lastlog",
	"libvirt",
	"libvirt-dnsmasq",
	"libvirt-qemu",
	"lightdm",
	"list",
	"lp",
	"lpadmin",
	"lxc",
	"lxd",
	"mail",
	"man",
	"memcache",
	"messagebus",
	"mlocate",
	"munge",
	"mysql",
	"netdev",
	"news",
	"nfsnobody",
	"nginx",
	"nobody",
	"nogroup",
	"nslcd",
	"ntp",
	"ntpsec",
	"nullmail",
	"openldap",
	"operator",
	"plocate",
	"plugdev",
	"podman",
	"polkitd",
	"postdrop",
	"postfix",
	"postgres",
	"power",
	"proxy",
	"pulse",
	"rabbitmq",
	"redis",
	"render",
	"root",
	"rtkit",
	"sasl",
	"scanner",
	"scimd",
	"scimd-admin",
	"sgx",
	"shadow",
	"shutdown",
	"snapd",
	"speech-dispatcher",
	"src",
	"ssh",
	"sshd",
	"ssl-cert",
	"sssd",
	"staff",
	"statd",
	"sudo",
	"sync",
	"sys",
	"syslog",
	"tape",
	"tcpdump",
	"tftp",
	"toor",
	"tss",
	"tty",
	"usbmux",
	"users",
	"utmp",
	"uucp",
	"uuidd",
	"video",
	"voice",
	"wheel",
	"wireshark",
	"www-data",
	"zabbix",
};

bool id_is_reserved(uint32_t id)
{
	if (id > UINT16_MAX) /* nearly all that are asked for */
		return id >= ID_SIGNED_LIMIT;
	return id < ID_FLOOR || (id >= DYNAMIC_UID_MIN && id <= DYNAMIC_UID_MAX) || id >= 65534;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_name_byte(char c)
{
	return is_lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

bool name_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_BYTES)
		return false;
	if (!is_lower(name[0]) && name[0] != '_')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_name_byte(name[i]))
			return false;
	return name[len - 1] != '.';
}

struct span {
	const char *text;
	size_t len;
};

static int span_compare(const void *key, const void *item)
{
	const struct span *span = key;
	const char *reserved = *(const char *const *)item;
	size_t reserved_len = strlen(reserved);
	size_t shorter = span->len < reserved_len ? span->len : reserved_len;
	int order = memcmp(span->text, reserved, shorter);

	if (order != 0)
		return order;
	return (span->len > reserved_len) - (span->len < reserved_len);
}

bool name_is_reserved(const char *name, size_t len)
{
	static const char prefix[] = "systemd-";
	const struct span span = { name, len };

	if (len > 0 && name[0] == '_')
		return true;
	if (len >= sizeof(prefix) - 1 && memcmp(name, prefix, sizeof(prefix) - 1) == 0)
		return true;
	return bsearch(&span, reserved_names, sizeof(reserved_names) / sizeof(reserved_names[0]),
		       sizeof(reserved_names[0]), span_compare) != NULL;
}

size_t printable_size(const unsigned char *text, size_t left)
{
	unsigned char first = text[0], low = 0x80, high = 0xbf;
	size_t len;

	if (first < 0x80)
		return first >= 0x20 && first != 0x7f ? 1 : 0;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xc2 || first == 0xe0) /* C1 controls; overlong forms */
		low = 0xa0;
	else if (first == 0xed) /* surrogates */
		high = 0x9f;
	else if (first == 0xf0) /* overlong forms */
		low = 0x90;
	else if (first == 0xf4) /* above U+10FFFF */
		high = 0x8f;
	if (len > left || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool field_is_valid(const char *field, size_t len)
{
	const unsigned char *text = (const unsigned char *)field;
	size_t at = 0;

	if (len > FIELD_MAX_BYTES)
		return false;
	while (at < len) {
		size_t step = text[at] == ':' ? 0 : printable_size(text + at, len - at);

		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

bool path_is_valid(const char *path, size_t len)
{
	size_t start = 1;

	if (len == 0 || path[0] != '/' || !field_is_valid(path, len))
		return false;
	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		if ((i - start == 1 && path[start] == '.') ||
		    (i - start == 2 && path[start] == '.' && path[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}
