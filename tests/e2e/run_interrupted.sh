#!/usr/bin/env bash
# Signals that slipway gets while it runs a command reach the command; nothing of it stays.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
for signal in TERM INT; do
  rm -f "$WORK/log" # or what the command before said would be taken for this one's
  env --default-signal=INT "$SLIPWAY" --root "$ROOT" run ${runtime_flags[@]+"${runtime_flags[@]}"} busybox sh -c '
    trap "echo got it; exit 5" INT TERM; sleep 1000 & echo ready; wait' >"$WORK/log" 2>&1 &
  run=$!
  wait_until grep -q ready "$WORK/log"
  kill "-$signal" "$run"
  status=0
  wait "$run" || status=$?
  expect_eq "$status" 5
  expect_in "$(cat "$WORK/log")" "got it"
done
rm -f "$WORK/log"
"$SLIPWAY" --root "$ROOT" run ${runtime_flags[@]+"${runtime_flags[@]}"} busybox sh -c 'echo ready; sleep 1000 & sleep 1000' >"$WORK/log" 2>&1 &
run=$!
wait_until grep -q ready "$WORK/log"
kill -KILL "$run"
wait "$run" 2>/dev/null || true
ok slipway run busybox true
