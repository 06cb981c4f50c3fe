#!/usr/bin/env bash
# Ctrl-C ends a build at once: exit status 130, and run.py looks for processes, mounts and temporary files.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN echo kept > /kept
RUN trap '' INT TERM; echo "it runs"; touch /half; sleep 1000 & sleep 1000
END
# Twice is once, for who is impatient.
for signals in INT TERM 'INT INT'; do
  rm -f "$WORK/log" # or what the build before said would be taken for this one's
  # In the background bash has INT ignored, and what it starts inherits that.
  env --default-signal=INT "$SLIPWAY" --root "$ROOT" build ${runtime_flags[@]+"${runtime_flags[@]}"} --progress plain -t stopped context >"$WORK/log" 2>&1 &
  build=$!
  wait_until grep -q 'it runs' "$WORK/log"
  for signal in $signals; do
    kill "-$signal" "$build" || true
  done
  status=0
  wait "$build" || status=$?
  expect_eq "$status" 130
done
expect_eq "$(slipway images -q stopped)" ""

# What was done before is there.
sed -i '$d' context/Dockerfile
build -t stopped context
expect_cached 'RUN echo kept'
verify_image stopped
