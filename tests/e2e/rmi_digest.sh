#!/usr/bin/env bash
# rmi of a repository's digest removes that reference only; the image goes with the last of its names and digests.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
ok slipway tag busybox "$REGISTRY/one:v1"
ok slipway tag busybox "$REGISTRY/two:v1"
ok slipway push "$REGISTRY/one:v1"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$out" | tail -n 1)
ok slipway push "$REGISTRY/two:v1"
id=$(image_id busybox)

# The names stay, and so does the other repository's digest.
ok slipway rmi "$REGISTRY/one@$digest"
expect_eq "$out" "Untagged: $REGISTRY/one@$digest"
expect_eq "$(image_id "$REGISTRY/one:v1")" "$id"
expect_eq "$(image_id "$REGISTRY/two@$digest")" "$id"
fails 1 "$REGISTRY/one@$digest" slipway rmi "$REGISTRY/one@$digest"

# With a repository's last tag its digest goes, too.
ok slipway rmi "$REGISTRY/two:v1"
expect_eq "$out" "Untagged: $REGISTRY/two:v1
Untagged: $REGISTRY/two@$digest"
fails 1 "$digest" slipway inspect "$REGISTRY/two@$digest"
expect_eq "$(image_id busybox)" "$id"

# An image that was pulled by digest has nothing else.
ROOT=$WORK/other
ok slipway pull "$REGISTRY/two@$digest"
ok slipway rmi "$REGISTRY/two@$digest"
expect_eq "$out" "Untagged: $REGISTRY/two@$digest
Deleted: $id"
expect_eq "$(slipway images -q)" ""
