#!/bin/bash
# The configuration on a real host: every mistake at once, all or nothing, drop-ins in order, what is in force;
# passwords off, access by a group's id, and the example for sudo.
# shellcheck disable=SC2016,SC2154 source=people.sh
. "$(dirname "$(readlink -f "$0")")/people.sh"
people_setup
person ada secret-1
ada=$ID
scim_add_group Crew
crew=$(scim_id)
effective() {
	host_run "$HOST" /usr/sbin/scimd -t 2>/dev/null | sed -n "s/^$1 = //p" | head -n 1
}

# Three mistakes in two files, none of the rest taken.
scim_configure 50-good <<-END
	[identity]
	shell = /bin/dash
END
scim_configure 60-bad <<-END
	[identity]
	shel = /bin/sh
	uid_range = 1-2
END
scim_configure 70-bad <<-END
	[nonsense]
END
out=$(host_run "$HOST" /usr/sbin/scimd -t 2>&1 >/dev/null)
for mistake in '60-bad.conf:2: .*shel' '60-bad.conf:3: .*uid_range' '70-bad.conf:1: .*nonsense'; do
	like "named: $mistake" "$mistake" "$out"
done
refused "a reload fails" . host_run "$HOST" systemctl reload scimd
is "… and nothing of it is in force" /bin/bash "$(host_run "$HOST" getent passwd ada | cut -d : -f 7)"
host_run "$HOST" sh -c 'kill -HUP "$(systemctl show -P MainPID scimd)"'
ok "SIGHUP is refused, by file and line" t_wait 20000 host_run "$HOST" sh -c 'journalctl -b -u scimd |
	grep -q "reload refused, the old configuration stays: .*60-bad.conf:2"'
is "… and nothing of it is in force" /bin/bash "$(host_run "$HOST" getent passwd ada | cut -d : -f 7)"
scim GET "/Users/$ada"
sent "scimd serves on" 200
host_run "$HOST" sh -c 'rm /etc/scimd/scimd.conf.d/[67]0-bad.conf'
ok "without the mistakes" scim_reload
ok "… everybody is evaluated anew" t_wait 20000 eval \
	'[ "$(host_run "$HOST" getent passwd ada | cut -d : -f 7)" = /bin/dash ]'

# The last drop-in wins, by name, whatever was written last; scimd -t says what is in force.
scim_configure 40-earlier <<-END
	[identity]
	shell = /bin/sh
END
is "drop-ins in order" /bin/dash "$(effective shell)"
is "the rest is the default" '/home/%u' "$(effective home)"
ok "what scimd -t prints is a configuration" host_run "$HOST" sh -c '/usr/sbin/scimd -t |
	sed "s/^\(token_sha256 =\).*/\1 $(printf %064d 7)/" >/tmp/t
	/usr/sbin/scimd -t -c /tmp/t -C "" | grep -v ^token_ >/tmp/u && grep -v ^token_ /tmp/t | cmp - /tmp/u'

# Passwords.
is "by password" ada "$(host_ssh "$HOST" ada password:secret-1 id -un)"
scim_configure z-passwords <<-END
	[identity]
	passwords = off
END
ok "passwords off" scim_reload
ok "… shadow is locked" t_wait 20000 eval 'host_run "$HOST" getent shadow ada | grep -q "^ada:[!*]"'
refused "… and opens nothing" 'Permission denied' host_ssh "$HOST" ada password:secret-1 true
is "… a key does" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"
scim PATCH "/Users/$ada" "$(scim_patch '{"op":"replace","value":{"password":"secret-2"}}')"
like "a password is taken" '^20[04]$' "$SCIM_STATUS"
refused "… and ignored" 'Permission denied' host_ssh "$HOST" ada password:secret-2 true
is "… by whatever reads shadow" 0 "$(host_run "$HOST" getent shadow ada | grep -c '[$]y[$]')"

# Access by the identity provider's id of a group, which no renaming changes.
printf '[access]\ndeny_groups = %s\n' "$crew" | scim_configure access
ok "deny a group by its id" scim_reload
scim_add_member "$crew" "$ada" ada@corp.example
refused "who joins it is out" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
scim PATCH "/Groups/$crew" "$(scim_patch '{"op":"replace","path":"displayName","value":"Squad"}')"
like "rename it" '^20[04]$' "$SCIM_STATUS"
refused "… still" 'Permission denied' host_ssh "$HOST" ada "$T_DIR/key" true
is "… by its new name" "in the denied group Squad" "$(host_run "$HOST" scimctl user ada --json | jq -r .reason)"
scim_remove_member "$crew" "$ada"
is "who leaves it is in" ada "$(host_ssh "$HOST" ada "$T_DIR/key" id -un)"

# sudo by a group of the identity provider, without any local group.
host_push "$HOST" "$here/../../etc/sudoers.d/scim.example" /root/example
ok "the example is valid" host_run "$HOST" visudo -cf /root/example
scim_add_group "Linux Operators"
operators=$(scim_id)
host_run "$HOST" sh -c 'echo "%linux-operators ALL=(root) NOPASSWD: /usr/bin/id" >/etc/sudoers.d/operators
	chmod 0440 /etc/sudoers.d/operators'
refused "sudo without the group" . host_ssh "$HOST" ada "$T_DIR/key" sudo -n id -un
scim_add_member "$operators" "$ada" ada@corp.example
is "sudo with it" root "$(host_ssh "$HOST" ada "$T_DIR/key" sudo -n id -un)"
scim_remove_member "$operators" "$ada"
refused "… and without it again" . host_ssh "$HOST" ada "$T_DIR/key" sudo -n id -un
t_end
