#!/usr/bin/env bash
# push and pull: the same image on the other side, as other tools see it; what is there already is not sent again.
# kinds: registry
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN echo one > /one\nRUN echo two > /two'
build -t "$REGISTRY/team/app:v1" context
id=$(image_id "$REGISTRY/team/app:v1")
ok slipway push "$REGISTRY/team/app:v1"
digest=$(grep -oE 'digest: sha256:[0-9a-f]{64}' <<<"$out$err" | cut -d' ' -f2)
expect_eq "$(requests '^PUT .*/blobs/' | wc -l)" 4
if command -v skopeo >/dev/null; then
  skopeo inspect --tls-verify=false "docker://$REGISTRY/team/app:v1" >remote.json
  expect_json "$(cat remote.json)" '.Digest, (.Layers | length)' "$digest"$'\n3'
  ok skopeo copy --src-tls-verify=false "docker://$REGISTRY/team/app:v1" oci-archive:copied.tar
  ok python3 "$library/verify_image.py" copied.tar
fi

# Again: nothing but a look.
forget_requests
ok slipway push "$REGISTRY/team/app:v1"
expect_eq "$(requests '^(POST|PATCH|PUT) .*/blobs/')" ""

# Another name in the same repository costs a manifest.
ok slipway tag "$REGISTRY/team/app:v1" "$REGISTRY/team/app:v2"
ok slipway push "$REGISTRY/team/app:v2"
expect_eq "$(requests '^(POST|PATCH|PUT) .*/blobs/')" ""

# Pulled into another store, by tag and by digest: the same image, sent back byte for byte.
ROOT=$WORK/other
ok slipway pull "$REGISTRY/team/app:v1"
expect_eq "$(image_id "$REGISTRY/team/app:v1")" "$id"
ok slipway run --rm "$REGISTRY/team/app:v1" cat /one /two
expect_eq "$out" $'one\ntwo'
verify_image "$REGISTRY/team/app:v1"
forget_requests
ok slipway pull "$REGISTRY/team/app@$digest"
expect_eq "$(requests 'GET .*/blobs/')" ""
ok slipway tag "$REGISTRY/team/app:v1" "$REGISTRY/elsewhere:v1"
ok slipway push "$REGISTRY/elsewhere:v1"
expect_in "$out$err" "$digest"
