# shellcheck shell=bash disable=SC2016
# kill_burst.sh - a burst of pushes during which a daemon is killed -9 again and again; whatever
# was acknowledged must be there afterwards. To be sourced with TARGET set to the daemon's unit.
# shellcheck source=people.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/people.sh"

PUSHERS=4
KILLS=4

# One client of several: creates users until told to stop, and writes down which were
# acknowledged, before the next one is sent. Every third is deactivated again.
push_until_stopped() {
	local me=$1 i name id
	SCIM_DIR=$T_DIR/pusher.$me
	SCIM_TIMEOUT=20
	for ((i = 1; i < 2000; i++)); do
		[ ! -e "$T_DIR/stop" ] || break
		name=u$me-$i
		if ! scim_add_user "$name@corp.example" U "N$i"; then
			echo "$name $SCIM_STATUS" >>"$SCIM_DIR/refused"
			sleep 0.05
			continue
		fi
		id=$(scim_id)
		echo "$name $id" >>"$SCIM_DIR/created"
		if [ $((i % 3)) -eq 0 ] && scim_active "$id" false; then
			echo "$name $id" >>"$SCIM_DIR/deactivated"
		fi
	done
}

acknowledged() {
	cat "$T_DIR"/pusher.*/"$1" 2>/dev/null | wc -l
}

people_setup
old_umask=$(umask)
pushers=()
for ((p = 1; p <= PUSHERS; p++)); do
	mkdir "$T_DIR/pusher.$p"
	cp "$T_DIR/auth" "$T_DIR/pusher.$p/auth"
	push_until_stopped $p >"$T_DIR/pusher.$p/log" 2>&1 &
	pushers+=($!)
done
for ((k = 1; k <= KILLS; k++)); do
	before=$(acknowledged created)
	ok "pushes are acknowledged before kill $k" t_wait 60000 eval \
		'[ "$(acknowledged created)" -gt '"$((before + 5)) ]"
	main=$(host_run "$HOST" systemctl show -p MainPID --value "$TARGET")
	host_run "$HOST" kill -9 "$main"
	ok "$TARGET is started again" t_wait 60000 eval \
		'm=$(host_run "$HOST" systemctl show -p MainPID --value "$TARGET") &&
		[ "$m" != 0 ] && [ "$m" != '"$main ]"
done
before=$(acknowledged created)
ok "pushes are acknowledged after the last" t_wait 60000 eval \
	'[ "$(acknowledged created)" -gt '"$((before + 5)) ]"
touch "$T_DIR/stop"
wait "${pushers[@]}"
umask "$old_umask"

cat "$T_DIR"/pusher.*/created | sort >"$T_DIR/created"
cat "$T_DIR"/pusher.*/deactivated | sort >"$T_DIR/deactivated"
created=$(wc -l <"$T_DIR/created")
ok "a burst it was: $created created, $(wc -l <"$T_DIR/deactivated") deactivated" \
	test "$created" -gt $((KILLS * 5))

# The store: each acknowledged user, with the id it was given.
start=1
: >"$T_DIR/stored"
while scim GET "/Users?startIndex=$start&count=100"; do
	count=$(jq '.Resources | length' <<<"$SCIM_BODY")
	[ "$count" -gt 0 ] || break
	jq -r '.Resources[] | "\(.userName | split("@")[0]) \(.id) \(.active)"' <<<"$SCIM_BODY" \
		>>"$T_DIR/stored"
	start=$((start + count))
done
sort -o "$T_DIR/stored" "$T_DIR/stored"
is "every acknowledged user is stored" "" \
	"$(comm -23 "$T_DIR/created" <(awk '{print $1, $2}' "$T_DIR/stored" | sort))"
is "no user is stored twice" "" "$(awk '{print $1}' "$T_DIR/stored" | uniq -d)"
is "every acknowledged deactivation is stored" "" \
	"$(comm -23 "$T_DIR/deactivated" <(awk '$3 == "false" {print $1, $2}' "$T_DIR/stored" | sort))"

# The directory: the same people, and nobody may log in who was deactivated.
host_run "$HOST" getent passwd | grep -E '^u[0-9]+-' | sort >"$T_DIR/passwd"
is "every stored user resolves" "" \
	"$(comm -3 <(awk '{print $1}' "$T_DIR/stored" | sort) <(cut -d : -f 1 "$T_DIR/passwd" | sort))"
is "no uid twice" "" "$(cut -d : -f 3 "$T_DIR/passwd" | sort | uniq -d)"
is "who is deactivated has no shell" "" "$(awk '$3 == "false" {print $1}' "$T_DIR/stored" | sort |
	comm -23 - <(grep ':/usr/sbin/nologin$' "$T_DIR/passwd" | cut -d : -f 1 | sort))"
is "who is active has one" "" "$(awk '$3 == "true" {print $1}' "$T_DIR/stored" | sort |
	comm -23 - <(grep ':/bin/bash$' "$T_DIR/passwd" | cut -d : -f 1 | sort))"
person after secret-1
is "new people get in" after "$(host_ssh "$HOST" after "$T_DIR/key" id -un)"
t_end
