#!/usr/bin/env bash
# What the command line says about how steps run: time, memory, name servers, system calls, groups.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context

dockerfile() { { echo 'FROM busybox'; cat; } >context/Dockerfile; }

dockerfile <<<'RUN sleep 1000'
fails 1 '--timeout=300ms allows' slipway build --timeout 300ms context
fails 2 '--timeout=soon' slipway build --timeout soon context

dockerfile <<<"RUN grep -qx 'nameserver 192.0.2.7' /etc/resolv.conf && grep -qx 'search a.example b.example' /etc/resolv.conf && grep -qx 'options ndots:2' /etc/resolv.conf && grep -q '192.0.2.9.*thing' /etc/hosts"
build --dns 192.0.2.7 --dns-search a.example --dns-search b.example --dns-option ndots:2 --add-host thing:192.0.2.9 context

size='df -k /dev/shm | grep -q " 1024 "'
[ "$SANDBOX" != chroot ] || size='test -d /dev/shm' # a folder like others
dockerfile <<<"RUN test \"\$(ulimit -n)\" = 333 && $size"
build --ulimit nofile=333:400 --shm-size 1m context

# System calls: Docker's default, none, and a profile.
dockerfile <<<"RUN grep Seccomp: /proc/self/status; grep NoNewPrivs /proc/self/status; uname -s; mkdir /made || echo refused"
build --no-cache context
# (With chroot there is no such file, and always a filter: run_steps_defaults.sh.)
[ "$SANDBOX" = chroot ] || expect_match "$err" 'Seccomp:.*2'
[ "$SANDBOX" = chroot ] || expect_match "$err" 'NoNewPrivs:.*0'
build --no-cache --security-opt seccomp=unconfined --security-opt no-new-privileges context
if [ "$MODE" != one-id ] && [ "$SANDBOX" != chroot ]; then
  expect_match "$err" 'Seccomp:.*0'
  expect_match "$err" 'NoNewPrivs:.*1'
fi
file profile.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
END
build --no-cache --security-opt seccomp=profile.json context
expect_in "$err" refused
expect_in "$err" 'Operation not supported'
echo '{"defaultAction": "SCMP_ACT_TRAP"}' >profile.json
fails 1 'SCMP_ACT_TRAP' slipway build --security-opt seccomp=profile.json context
fails 1 'no such file' slipway build --security-opt seccomp=absent.json context
fails 2 'give seccomp=FILE' slipway build --security-opt secomp=unconfined context

# Limits of control groups, or a notice for each that this machine does not give us.
dockerfile <<'END'
RUN head -c 100m /dev/zero | tail -c 90m >/dev/null; echo "ended with $?"; exit 1
END
fails 1 'did not complete' slipway build --progress plain --memory 32m context
if [[ $err == *'not applied'* ]]; then
  expect_in "$err" 'limits of memory are not applied'
else
  expect_in "$err" 'more memory than --memory allows'
fi
dockerfile <<<'RUN grep Cpus_allowed_list /proc/self/status || true'
build --cpuset-cpus 0 --cpus 0.5 context
[[ $err == *'not applied'* ]] || [ "$SANDBOX" = chroot ] || expect_match "$err" 'Cpus_allowed_list:.0$|Cpus_allowed_list:.0[^-,0-9]'
fails 2 'cgroup-parent' slipway build --cgroup-parent ../../up context
fails 2 'memory-swap' slipway build --memory 10m --memory-swap 5m context
