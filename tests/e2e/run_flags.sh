#!/usr/bin/env bash
# `slipway run` with docker's flags: mounts, groups, capabilities, limits, time; what can't be had is refused with a reason.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox

# A time-out kills the command and everything that it started.
try slipway run --timeout 500ms busybox sh -c 'sleep 100 & sleep 100'
expect_eq "$status" 137
expect_in "$err" 'took longer than --timeout'
ok slipway run --timeout 1m busybox echo fast
fails 125 '--timeout=soon' slipway run --timeout soon busybox true

# Filters and privileges.
fails 1 '' slipway run busybox unshare -m true
ok slipway run --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
expect_match "$out" '1$'
ok slipway run --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
expect_match "$out" '0$'
fails 125 'no such file' slipway run --security-opt seccomp=gone.json busybox true
ok slipway run busybox grep CapEff /proc/self/status
expect_match "$out" '00000000a80425fb$'
ok slipway run --cap-drop all --cap-add chown busybox grep CapEff /proc/self/status
expect_match "$out" '0000000000000001$'
ok slipway run --cap-add SYS_ADMIN busybox sh -c 'mkdir /m && mount -t tmpfs none /m && echo mounted'
expect_eq "$out" mounted
fails 125 'no such capability' slipway run --cap-add fly busybox true

# Mounts.
mkdir shown
echo content >shown/file
ok slipway run --mount type=bind,src=./shown,dst=/in,readonly busybox cat /in/file
expect_eq "$out" content
fails 1 'Read-only' slipway run --mount type=bind,src=./shown,dst=/in,readonly busybox touch /in/file
fails 125 'does not exist' slipway run --mount type=bind,src=./gone,dst=/in busybox true
expect_no_file gone
ok slipway run --tmpfs /fast:size=1m,mode=700 busybox sh -c 'stat -c %a /fast; df -k /fast | tail -n 1'
expect_match "$out" '^700'
expect_match "$out" ' 1024 '
ok slipway run --read-only --mount type=tmpfs,target=/w busybox touch /w/x

# Who and where.
ok slipway run -u 5 --group-add 77 --group-add tty busybox id -G
expect_match "$out" ' 77( |$)'
ok slipway run --hostname box --add-host db:192.0.2.9 --dns 192.0.2.1 --dns-search example.org --dns-opt ndots:2 busybox \
  sh -c 'hostname; cat /etc/hosts /etc/resolv.conf'
expect_match "$out" '^box'
expect_in "$out" $'192.0.2.9\tdb'
expect_in "$out" 'nameserver 192.0.2.1'
expect_in "$out" 'search example.org'
expect_in "$out" 'options ndots:2'
ok slipway run --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'
expect_eq "$out" $'100\n200'
ok slipway run --shm-size 2m busybox df -k /dev/shm
expect_match "$out" ' 2048 '

# Docker's others: accepted where nothing has to be done, refused with a reason where something would.
ok slipway run --rm --init --name x --label a=b --sig-proxy=true busybox true
fails 125 'commands run in the foreground' slipway run -d busybox true
fails 125 'a command is run once' slipway run --restart=always busybox true
fails 125 'name the device' slipway run --gpus all busybox true
fails 125 'did you mean --timeout' slipway run --timout 3s busybox true
ok slipway run --help
expect_in "$out" '--cap-add'
expect_not_in "$out" '--restart'
