#!/usr/bin/env bash
# kill -9 at any moment loses the running steps only: the next start sweeps the rest and goes on.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN echo kept > /kept
RUN echo "it runs"; dd if=/dev/zero of=/big bs=1M count=8 2>/dev/null; sleep 1000
END
for _ in 1 2 3; do
  rm -f "$WORK/log" # or what the build before said would be taken for this one's
  "$SLIPWAY" --root "$ROOT" build --progress plain context >"$WORK/log" 2>&1 &
  build=$!
  wait_until grep -q 'it runs' "$WORK/log"
  kill -KILL "$build"
  wait "$build" 2>/dev/null || true
done
# The step died with its builder.
wait_until eval '! pgrep -f "sleep 1000" -s 0'

sed -i 's/sleep 1000/true/' context/Dockerfile
build -t killed context
expect_cached 'RUN echo kept'
expect_eq "$(find "$ROOT/tmp" -mindepth 1 | wc -l)" 0
verify_image killed
