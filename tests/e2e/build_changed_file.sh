#!/usr/bin/env bash
# as: root rootless
# One changed file of a large COPY costs that file in the store, and the layer is like any other.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir -p context/data
file context/Dockerfile <<<$'FROM busybox\nCOPY data /data\nCOPY --from=busybox /bin/sh /after'
for number in $(seq 10 33); do
  head -c 300000 /dev/urandom >"context/data/file$number"
done
stored() { du -sb "$ROOT/blobs" "$ROOT/trees" | awk '{sum += $1} END {print sum}'; }

# What is younger than a tick of the clock is read again and never believed.
is_settled() { [ -z "$(find context -newerct '0.2 seconds ago')" ]; }
wait_until is_settled
build -t one context
before=$(stored)
echo changed >context/data/file20
rm context/data/file21
echo new >context/data/new
build -t two context
after=$(stored)
[ $((after - before)) -lt 1000000 ] || fail "the second build took $((after - before)) bytes more"
verify_image one
verify_image two
expect_eq "$(in_image two 'cat /data/file20 /data/new')" $'changed\nnew'
expect_eq "$(in_image two 'ls /data | wc -l')" 24
expect_eq "$(in_image two 'sha256sum </data/file33')" "$(sha256sum <context/data/file33)"

# The same bytes come of a store that never saw the first build.
other=$WORK/other-store
"$SLIPWAY" --root "$other" load -q -i "$IMAGES/busybox.tar" >/dev/null
"$SLIPWAY" --root "$other" build -q -t two context >/dev/null
expect_eq "$("$SLIPWAY" --root "$other" inspect two | jq -r '.[0].RootFS.Layers[1]')" "$(diff_ids two | sed -n 2p)"

# What the second takes from the first stays when that is gone.
ok slipway rmi one
ok slipway prune
verify_image two
expect_eq "$(in_image two 'cat /data/file20')" changed
ok slipway save -o two.tar two
"$SLIPWAY" --root "$WORK/third-store" load -q -i two.tar >/dev/null
expect_eq "$("$SLIPWAY" --root "$WORK/third-store" inspect two | jq -r '.[0].Id')" "$(image_id two)"
ok slipway prune -a
[ "$(stored)" -lt 100000 ] || fail "prune -a left $(stored) bytes"
