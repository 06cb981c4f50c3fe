#!/usr/bin/env bash
# A registry that is not there, names that are not there, and content with a wrong digest: nothing of it stays.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
ok slipway tag busybox "$REGISTRY/good"
ok slipway push "$REGISTRY/good"

ROOT=$WORK/other
fails 1 "$REGISTRY/missing" slipway pull "$REGISTRY/missing"
fails 1 "nosuchtag" slipway pull "$REGISTRY/good:nosuchtag"
mkdir context
file context/Dockerfile <<<"FROM $REGISTRY/missing"
fails 1 ">>> FROM $REGISTRY/missing" slipway build context

# Other bytes under a layer's digest.
layer=$(find "$WORK/.registry/blobs" -name data -size +300k)
cp "$layer" saved
printf 'damaged' | dd of="$layer" bs=1 seek=5000 conv=notrunc status=none
fails 5 "sha256:" slipway pull --retry-delay 10ms "$REGISTRY/good"
expect_match "$err" 'digest'
truncate -s 1000 "$layer"
try slipway pull --retry-delay 10ms "$REGISTRY/good"
[ "$status" = 4 ] || [ "$status" = 5 ] || fail "a short layer gave the status $status"
expect_eq "$(slipway images -q)" ""
cp saved "$layer"
ok slipway pull "$REGISTRY/good"
verify_image "$REGISTRY/good"

stop_registry
fails 4 "$REGISTRY" slipway pull "$REGISTRY/other"
expect_match "$err" 'refused'
file context/Dockerfile <<<"FROM $REGISTRY/other"
fails 4 ">>> FROM $REGISTRY/other" slipway build context
fails 1 'no-such-image' slipway push no-such-image
fails 2 'Not/A/Name' slipway pull "$REGISTRY/Not/A/Name"
# A name that no resolver knows.
fails 4 'registry.invalid' slipway pull registry.invalid/name
