#!/usr/bin/env bash
# What a step may do and see by default is what Docker's default container may, in every kind of sandbox; where one
# differs, docs/security.md says how.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
cc -static -O1 -o context/hostile "$library/hostile.c" || skip "no C compiler with static libraries"
dockerfile() { { printf 'FROM busybox AS base\nCOPY hostile /bin/\n'; cat; } >context/Dockerfile; }

# bits NUMBER...: capabilities by their numbers, as the kernel prints a set.
bits() {
  local set=0 number
  for number in "$@"; do set=$((set | 1 << number)); done
  printf '%016x' "$set"
}
# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP
docker=$(bits 0 1 3 4 5 6 7 8 10 13 18 27 29 31)
none=$(bits)
no_new_privs=0
if [ "$SANDBOX" = chroot ]; then
  docker=$(bits 0 1 3 4 5 6 7 8 10 13 29 31)
  no_new_privs=1
fi
of_user=$none
[ "$MODE" != one-id ] || of_user=$docker # USER is no border there

dockerfile <<'END'
RUN hostile capabilities
RUN id -G
USER 33:34
RUN hostile capabilities | sed 's/^/user: /'
RUN echo "groups $(id -u) $(id -G)"
END
build --no-cache context
expect_in "$err" " effective $docker bounding $docker no_new_privs $no_new_privs seccomp 2"
expect_in "$err" " permitted $docker inheritable $none ambient 0 dumpable 1"
expect_in "$err" "user: effective $of_user bounding $docker no_new_privs $no_new_privs seccomp 2"
expect_in "$err" "user: permitted $of_user inheritable $none ambient 0 dumpable 1"
expect_in "$err" 'groups 33 34'

# /dev has these and no others.
dockerfile <<'END'
RUN echo devices: $(ls /dev)
RUN for d in null zero full random urandom tty; do test -c /dev/$d || exit 1; done; test "$(stat -c %a /dev/null)" = 666
END
build --no-cache context
devices='(core )?fd full (mqueue )?null ptmx pts random shm stderr stdin stdout tty urandom zero'
[ "$SANDBOX" != chroot ] || devices='full null random shm stderr stdin stdout tty urandom zero'
expect_match "$err" "devices: $devices"$'\n'

# With chroot there is neither a /proc nor a /sys with anything of the machine's to hide: isolation_chroot.sh.
[ "$SANDBOX" != chroot ] || exit 0

# As the kernel has it.
dockerfile <<'END'
RUN sed -n 's/^\(Cap...\|NoNewPrivs\|Seccomp\|Seccomp_filters\|Groups\):[[:space:]]*/status \1 /p' /proc/self/status
RUN echo namespaces: $(for n in mnt pid ipc uts cgroup net user; do readlink /proc/self/ns/$n; done)
RUN echo descriptors: $(ls /proc/self/fd)
END
build --no-cache context
for line in "CapInh $none" "CapPrm $docker" "CapEff $docker" "CapBnd $docker" "CapAmb $none" 'NoNewPrivs 0' 'Seccomp 2'; do
  expect_in "$err" "status $line"
done
filters=1
[ "$MODE" != one-id ] || filters=2 # the other one asks who shall own what
expect_match "$err" "status Seccomp_filters $filters"
# The third is the folder that ls reads.
expect_match "$err" 'descriptors: 0 1 2 3'$'\n'

# Namespaces: none of the machine's but the network, where there is no program that gives a way out, and time.
inside=$(sed -n 's/^#[0-9]* [0-9.]* namespaces: //p' <<<"$err" | head -n 1)
kinds='mnt pid ipc uts cgroup'
[ "$MODE" = root ] || kinds="$kinds user"
command -v pasta >/dev/null && [[ $err != *"use the machine's network"* ]] && kinds="$kinds net"
for kind in $kinds; do
  expect_match "$inside" "$kind:"
  expect_not_in "$inside" "$(readlink "/proc/self/ns/$kind")"
done

# What Docker hides is empty, or is not there; what it has read-only can't be written to, by nobody.
dockerfile <<'END'
RUN for f in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi \
      /proc/timer_list /proc/timer_stats /sys/firmware /sys/devices/virtual/powercap; do \
    test ! -e $f || { test -d $f && test -z "$(ls -A $f)"; } || { test -r $f && test -z "$(head -c 1 $f)"; } || { echo "SHOWN: $f"; exit 1; }; \
    test ! -e $f || ! test -d $f || ! touch $f/x 2>/dev/null || { echo "WRITABLE: $f"; exit 1; }; \
  done
RUN for f in /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /proc/sysrq-trigger; do \
    test ! -e $f || ! sh -c "echo 1 >$f" 2>/dev/null || { echo "WRITABLE: $f"; exit 1; }; \
  done
RUN for d in /proc/bus /proc/fs /proc/irq /proc/sys /sys /sys/fs/cgroup; do \
    ! touch $d/x 2>/dev/null && ! mkdir $d/y 2>/dev/null || { echo "WRITABLE: $d"; exit 1; }; \
  done
RUN for p in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger /sys; do test ! -e $p || \
    awk -v p=$p '$5 == p {found = found || $6 ~ /(^|,)ro(,|$)/} END {exit !found}' /proc/self/mountinfo || { echo "NOT READ-ONLY: $p"; exit 1; }; \
  done
RUN awk '$5 == "/proc" || $5 == "/sys" || $5 == "/dev/shm" {if ($6 !~ /nosuid/ || $6 !~ /nodev/ || $6 !~ /noexec/) {print "WEAK: " $0; exit 1}}' /proc/self/mountinfo
RUN test "$(hostname)" = buildkitsandbox && test "$(ls /proc | grep -c '^[0-9]*$')" -lt 9
END
build --no-cache context
