#!/usr/bin/env bash
# copy: between registries, layouts and archives, past the store, with the same digest; skopeo and umoci read what it writes.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
other=$REGISTRY
serve
ok slipway tag busybox "$REGISTRY/base:v1"
ok slipway push "$REGISTRY/base:v1"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$out" | tail -n 1)

# copied FROM TO: prints the digest, which must not change
copied() {
  ok slipway copy -q "$@"
  expect_eq "$out" "$digest"
}
copied "$REGISTRY/base:v1" "docker://$other/elsewhere:v1"
copied "docker://$other/elsewhere:v1" oci:layout:busybox
copied oci:layout:busybox oci-archive:archive.tar:busybox:v2
copied oci-archive:archive.tar "$REGISTRY/back:v1"
copied "$REGISTRY/back:v1" docker-archive:docker.tar:busybox:v3
ok python3 "$library/verify_image.py" archive.tar
ok python3 "$library/verify_image.py" docker.tar
expect_eq "$(tar -xOf docker.tar manifest.json | jq -r '.[0].RepoTags[0]')" busybox:v3
expect_eq "$(ls "$WORK/served/trees")" ""
if command -v skopeo >/dev/null; then
  expect_json "$(skopeo inspect oci:layout)" .Digest "$digest"
  ok skopeo copy docker-archive:docker.tar oci:fromskopeo:v1
  ok slipway copy -q oci:fromskopeo "$REGISTRY/fromskopeo"
fi
if command -v umoci >/dev/null && [ "$(id -u)" = 0 ]; then
  ok umoci unpack --image layout:latest bundle
  expect_file bundle/rootfs/bin/busybox
fi
# A mount where both names are in one registry.
: >"$WORK/serve.err"
copied "$REGISTRY/base:v1" "$REGISTRY/mounted:v1"
expect_eq "$(served '^P.*uploads/[0-9a-f]')" ""

fails 1 'nothing' slipway copy oci-archive:archive.tar:nothing "$REGISTRY/x"
fails 1 'gone' slipway copy "$REGISTRY/gone" oci:other
fails 2 'UPPER' slipway copy oci:layout UPPER
fails 1 'no-such' slipway copy oci-archive:no-such.tar "$REGISTRY/x"
