#!/usr/bin/env bash
# skopeo and umoci read every archive and layout that we write, and we read every one of theirs: the same layers each time.
# kinds: registry
# as: root
. "$(dirname "$0")/lib.bash"
command -v skopeo >/dev/null || skip "skopeo is not installed"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN echo one > /one && ln /one /two && ln -s one /three\nRUN rm /two && chmod 4755 /one'
build -t app context
layers=$(diff_ids app)
source_root=$ROOT
policy() { skopeo --insecure-policy "$@"; }

# theirs ARCHIVE: skopeo reads it and finds our layers and our config; umoci unpacks it.
theirs() {
  rm -rf read bundle
  ok policy copy -q "$1" oci:read:v1
  config=$(jq -r .config.digest "read/blobs/sha256/$(jq -r '.manifests[0].digest' read/index.json | cut -d: -f2)")
  expect_eq "$(jq -r '.rootfs.diff_ids[]' "read/blobs/sha256/${config#*:}")" "$layers"
  if command -v umoci >/dev/null && [ "${2-}" != zstd ]; then
    ok umoci unpack --image read:v1 bundle
    expect_eq "$(cat bundle/rootfs/one)" one
    expect_eq "$(stat -c %a bundle/rootfs/one)" 4755
    expect_no_file bundle/rootfs/two
  fi
}
for compression in gzip none zstd; do
  ok slipway save --compression "$compression" --force-compression -o saved.tar app
  theirs docker-archive:saved.tar "$compression"
  theirs oci-archive:saved.tar "$compression"
  ok slipway save --format oci --compression "$compression" --force-compression -o saved.tar app
  theirs oci-archive:saved.tar "$compression"
done
rm -rf ours
mkdir ours
tar -C ours -xf saved.tar
theirs oci:ours zstd
ok slipway build -q -o type=oci,dest=built.tar,name=app:v1 context
theirs oci-archive:built.tar
ok slipway build -q -o type=oci,dest=built,tar=false,name=app:v1 context
theirs oci:built:v1
ok slipway build -q -o type=docker,dest=docker.tar,name=app:v1 context
theirs docker-archive:docker.tar

# ours FILE: we load it, and it has the same layers (its config may be written anew).
ours() {
  ROOT=$WORK/stores/${1//[^a-z]/}
  ok slipway load -i "$1"
  expect_eq "$(diff_ids "$(slipway images -q | head -n 1)")" "$layers"
  ok slipway run --rm "$(slipway images -q | head -n 1)" cat /three
  expect_eq "$out" one
}
ok slipway save -o saved.tar app
for form in docker-archive:theirs-docker.tar:app:v1 oci-archive:theirs-oci.tar:app:v1; do
  ok policy copy -q docker-archive:saved.tar "$form"
done
ours theirs-docker.tar
ours theirs-oci.tar
ROOT=$source_root
ok slipway save --compression none --force-compression -o plain.tar app
ok policy copy -q --dest-compress-format zstd oci-archive:plain.tar oci-archive:theirs-zstd.tar:app:v1
ours theirs-zstd.tar
gzip -k theirs-docker.tar
ours theirs-docker.tar.gz
