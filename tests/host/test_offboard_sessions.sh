#!/bin/bash
# What ends with its session, and what was meant to outlive it: ssh in all its forms, the console,
# terminal multiplexers, and the ways to leave something behind after logging out.
# shellcheck disable=SC1091,SC2016,SC2034,SC2153 source=offboard.sh
. "$(dirname "$(readlink -f "$0")")/offboard.sh"
people_setup
admins_group
t_local_user grace local-pw "$T_DIR/own"
host_ssh "$HOST" grace "$T_DIR/own" 'exec sleep 3600' </dev/null &
grace=$!

# Ports of the machine, which runs other hosts as well.
PORT=$(host_address "$HOST" | awk -F . '{ print 17000 + $3 * 4 }')
# Reading from "<> <(:)" is reading from somebody who never says anything and never ends.
start_interactive() {
	ssh_with "$1" -tt 0<> <(:) &
	LOGIN=$!
}
start_forwards() {
	T_SOCKET=$T_DIR/agent
	ssh-agent -D -a "$T_SOCKET" &
	t_wait 20000 test -S "$T_SOCKET"
	export SSH_AUTH_SOCK=$T_SOCKET
	ssh-add -q "$T_DIR/key" 2>/dev/null
	ssh_with "$1" -N -A -L $PORT:127.0.0.1:22 -R $((PORT + 1)):127.0.0.1:$PORT -D $((PORT + 2)) &
	LOGIN=$!
}
start_master() {
	ssh_with "$1" -o ControlMaster=yes -o "ControlPath=$T_DIR/master" -N &
	LOGIN=$!
	t_wait 20000 test -S "$T_DIR/master"
	ssh_with "$1" -o ControlMaster=no -o "ControlPath=$T_DIR/master" -n -T 'sleep 7000' &
}
# The agent is forwarded to a session with a command; what that leaves on the host is a socket.
start_agent() {
	SSH_AUTH_SOCK=$T_SOCKET ssh_with "$1" -A -n 'echo "$SSH_AUTH_SOCK" >/tmp/agent; exec sleep 7011' &
	LOGIN=$!
}
start_sftp() {
	local dir
	dir=$(host_dir "$HOST")
	sftp -q -F none -o "UserKnownHostsFile=$dir/known_hosts" \
		-o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes -i "$T_DIR/key" \
		"$1@$(host_address "$HOST")" 0<> <(:) &
}
start_console() {
	host_run "$HOST" script -qec "login -f $1" /dev/null 0<> <(:) &
}
start_tmux() {
	in_login "$1" 'tmux new-session -d "sleep 7001"; tmux new-window -d "sleep 7001"'
}
start_screen() {
	in_login "$1" 'screen -dmS x sleep 7002'
}
start_nohup() {
	in_login "$1" 'setsid nohup sleep 7003 >/dev/null 2>&1 </dev/null &'
}
start_fork() { # twice, so that init is the parent
	in_login "$1" '( (sleep 7004 >/dev/null 2>&1 </dev/null &) & ) &'
}
start_disown() {
	in_login "$1" 'bash -c "sleep 7005 >/dev/null 2>&1 </dev/null & disown -a"'
}
start_rootshell() {
	in_sudo "$1" 'sh -c "setsid nohup sleep 7006 >/dev/null 2>&1 </dev/null &"'
}
start_sudoi() {
	in_sudo "$1" '-i bash -c "(sleep 7007; :) >/dev/null 2>&1 </dev/null & disown -a"'
}
start_suother() { # another person's uid, the first one's login uid
	in_sudo "$1" 'su - grace -c "setsid nohup sleep 7008 >/dev/null 2>&1 </dev/null &"'
}
start_setuid() {
	host_run "$HOST" sh -c 'cp /bin/sleep /usr/local/bin/rootsleep
		chmod 4755 /usr/local/bin/rootsleep'
	in_login "$1" 'setsid rootsleep 7009 >/dev/null 2>&1 </dev/null &'
}
start_sudocgroup() { # out of the slice, out of the uid: the login uid alone is left
	in_sudo "$1" 'sh -c "echo \$\$ >/sys/fs/cgroup/init.scope/cgroup.procs
		setsid nohup sleep 7010 >/dev/null 2>&1 </dev/null &"'
}

kind interactive 3 start_interactive
kind forwards 1 start_forwards
kind agent 2 start_agent 'sleep 7011'
kind master 2 start_master 'sleep 7000'
kind sftp 2 start_sftp
kind console 2 start_console
kind tmux 3 start_tmux 'sleep 7001'
kind screen 2 start_screen 'sleep 7002'
kind nohup 1 start_nohup 'sleep 7003'
kind forktwice 1 start_fork 'sleep 7004'
kind disowned 1 start_disown 'sleep 7005'
kind rootshell 1 start_rootshell 'sleep 7006'
kind sudoi 1 start_sudoi 'sleep 7007'
kind suother 1 start_suother 'sleep 7008'
kind setuid 1 start_setuid 'rootsleep 7009'
kind outofslice 1 start_sudocgroup 'sleep 7010'
reads_banner() { # CMD…: does sshd answer at port $1 there?
	local port=$1
	shift
	"$@" bash -c 'exec 3<>/dev/tcp/127.0.0.1/$1; head -c 4 <&3 | grep -q SSH-' - "$port"
}
agent_answers() {
	host_run "$HOST" sh -c 'SSH_AUTH_SOCK=$(cat /tmp/agent) ssh-add -l'
}
over_master() {
	ssh_with master -o ControlMaster=no -o "ControlPath=$T_DIR/master" -n -T true
}
T_POLL=0.1
ok "the forwarded port works before" t_wait 20000 reads_banner $PORT
ok "… and the one back" t_wait 20000 reads_banner $((PORT + 1)) host_run "$HOST"
ok "… and the agent" t_wait 20000 agent_answers
ok "… and the master" over_master
kinds_leave
refused "the forwarded port is dead" '.' reads_banner $PORT
refused "… and the one back" '.' reads_banner $((PORT + 1)) host_run "$HOST"
refused "… and the one for anywhere" '.' bash -c "exec 3<>/dev/tcp/127.0.0.1/$((PORT + 2))"
refused "… and the agent" 'refused|No such file|connect' agent_answers
refused "… and the master lets nobody in" 'Permission denied' over_master
kinds_stay_gone 1
ok "a local user's session went on all the time" kill -0 $grace
host_destroy "$HOST"
t_end
