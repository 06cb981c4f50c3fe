#!/usr/bin/env bash
# Two builds share one store: a step that both need runs once, and both get the same image.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
umask 022
mkdir context
echo a | file context/tree/a
file context/Dockerfile <<'END'
FROM busybox
RUN echo "shared"; sleep 1; cat /proc/sys/kernel/random/uuid > /shared
RUN cat /proc/sys/kernel/random/uuid > /more
# The first one runs while its files are being read.
RUN --mount=type=bind,source=tree,target=/tree echo "mounted"; sleep 1; cat /tree/a /proc/sys/kernel/random/uuid > /last
END
pids=()
for name in first second third; do
  "$SLIPWAY" --root "$ROOT" build --progress plain -t "$name" context >"$WORK/$name.log" 2>&1 </dev/null &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a build failed: $(tail -n 5 "$WORK"/*.log)"; done
expect_eq "$(diff_ids second)" "$(diff_ids first)"
expect_eq "$(diff_ids third)" "$(diff_ids first)"
expect_eq "$(cat "$WORK"/*.log | grep -c '^#[0-9]* [0-9.]* shared')" 1
expect_eq "$(cat "$WORK"/*.log | grep -c '^#[0-9]* [0-9.]* mounted')" 1
for name in first second third; do verify_image "$name"; done
