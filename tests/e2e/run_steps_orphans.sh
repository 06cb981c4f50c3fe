#!/usr/bin/env bash
# Processes that a step leaves behind and that end are nobody's zombies while it goes on; what it writes to both its
# streams is shown in the order in which it was written.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context

# With an OCI runtime the step is pid 1, and shells reap what they inherit; with chroot no /proc shows processes.
cat >context/Dockerfile <<'END'
FROM busybox
RUN i=0; while [ $i -lt 100 ]; do (true & true); i=$((i+1)); done; tries=100; \
  while grep -qs '^State:.Z' /proc/[0-9]*/status; do tries=$((tries-1)); test $tries -gt 0 || exit 9; usleep 20000; done; echo "all gone"
RUN i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); echo "line $i" >&2; i=$((i+1)); done
END
build --no-cache context
expect_match "$err" '[0-9] all gone'
number=$(step_numbers 'echo "line $i"')
expect_eq "$(sed -n "s/^#$number [0-9.]* line //p" <<<"$err")" "$(seq 0 199)"
