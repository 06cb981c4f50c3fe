#!/usr/bin/env bash
# Outputs: several at once, compression, media types, annotations, platforms; skopeo and umoci are the judges.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v skopeo >/dev/null || skip "skopeo is not installed"
command -v umoci >/dev/null || skip "umoci is not installed"
start_registry
load_busybox
seq 20000 | file context/data
file context/Dockerfile <<'END'
FROM busybox
COPY data /data
END
manifest() { skopeo inspect --raw "$1"; }
last_layer() { manifest "$1" | jq -r '.layers[-1].mediaType, .layers[-1].size'; }

# --- several at once, with several names
build -t "$REGISTRY/all:1" -o "type=image,\"name=$REGISTRY/all:2,$REGISTRY/all:3\",push=true" \
  -o type=oci,dest=all.tar -o type=local,dest=all -o type=cacheonly --metadata-file meta.json context
for tag in 1 2 3; do
  expect_eq "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/all:$tag")" "$(jq -r '."containerimage.digest"' meta.json)"
  verify_image "$REGISTRY/all:$tag"
done
cmp context/data all/data || fail "the folder has another file"
expect_json "$(cat meta.json)" '."image.name" | split(",") | length' 3
expect_json "$(cat meta.json)" '."containerimage.descriptor".digest == ."containerimage.digest"' true
ok python3 "$library/verify_image.py" all.tar

# --- --push, alone and beside an image; nothing without a name
build -t "$REGISTRY/pushed" --push context
build --push -o "type=image,name=$REGISTRY/beside" context
for name in pushed beside; do
  ok skopeo inspect --tls-verify=false "docker://$REGISTRY/$name"
done
fails 2 "can't push an image without a name" slipway build --push context
build -t loaded --load -o type=cacheonly context
verify_image loaded

# --- compression: of new layers, and of those that came
build -t layers -o type=oci,dest=gzip,tar=false context
build -t layers -o type=oci,dest=plain,tar=false,compression=uncompressed context
build -t layers -o type=oci,dest=zstd,tar=false,compression=zstd,compression-level=19,force-compression=true context
expect_eq "$(last_layer oci:gzip | head -n 1)" application/vnd.oci.image.layer.v1.tar+gzip
expect_eq "$(last_layer oci:plain | head -n 1)" application/vnd.oci.image.layer.v1.tar
expect_eq "$(manifest oci:zstd | jq -r '.layers[].mediaType' | sort -u)" application/vnd.oci.image.layer.v1.tar+zstd
expect_ne "$(last_layer oci:gzip)" "$(last_layer oci:plain)"
for layout in gzip plain zstd; do
  rootless=(); [ "$MODE" = root ] || rootless=(--rootless)
  tag=$(jq -r '.manifests[0].annotations["org.opencontainers.image.ref.name"] // "latest"' "$layout/index.json")
  [ "$layout" = zstd ] || ok umoci unpack "${rootless[@]}" --image "$layout:$tag" "bundle-$layout"
  [ "$layout" = zstd ] || cmp context/data "bundle-$layout/rootfs/data" || fail "$layout: another file"
  ok skopeo copy "oci:$layout" "dir:copied-$layout"
done

# --- media types
build -t "$REGISTRY/docker" -o type=registry,oci-mediatypes=false context
expect_json "$(manifest "docker://$REGISTRY/docker" 2>/dev/null || skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/docker")" \
  .mediaType application/vnd.docker.distribution.manifest.v2+json
build -t "$REGISTRY/docker" -o type=registry,oci-mediatypes=true context
expect_json "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/docker")" .mediaType application/vnd.oci.image.manifest.v1+json

# --- annotations
build -o type=oci,dest=noted,tar=false,annotation.a=b --annotation manifest:c=d --annotation 'manifest[linux/s390x]:not=here' \
  --annotation manifest-descriptor:e=f context
expect_json "$(manifest oci:noted)" .annotations '{"a":"b","c":"d"}'
expect_json "$(cat noted/index.json)" '.manifests[0].annotations' '{"e":"f"}'

# --- platforms: an index, and a folder each
file multi/Dockerfile <<'END'
FROM scratch
ARG TARGETARCH
COPY data-$TARGETARCH /data
END
echo intel | file multi/data-amd64
echo arm | file multi/data-arm64
build --platform linux/amd64,linux/arm64 -t "$REGISTRY/multi" --push -o type=local,dest=split -o type=tar,dest=split.tar \
  -o type=oci,dest=multi.tar,annotation-index.i=j,annotation-manifest-descriptor.k=l,annotation-index-descriptor.m=n --metadata-file meta.json multi
expect_eq "$(cat split/linux_amd64/data split/linux_arm64/data)" $'intel\narm'
expect_in "$(tar -tf split.tar)" linux_arm64/data
skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/multi" >index.json
expect_json "$(cat index.json)" '[.manifests[].platform.architecture]' '["amd64","arm64"]'
mkdir multi-layout && tar -C multi-layout -xf multi.tar
digest=$(jq -r '.manifests[0].digest' multi-layout/index.json)
expect_json "$(cat "multi-layout/blobs/${digest/://}")" '.annotations, .manifests[0].annotations' $'{"i":"j"}\n{"k":"l"}'
expect_json "$(cat multi-layout/index.json)" '.manifests[0].annotations.m' n
ok skopeo --override-arch arm64 copy --src-tls-verify=false "docker://$REGISTRY/multi" dir:arm
build --platform linux/amd64,linux/arm64 -o type=local,dest=merged,platform-split=false multi
expect_file merged/data
# One platform as several are.
build --build-arg BUILDKIT_MULTI_PLATFORM=1 --platform linux/arm64 -o type=local,dest=one -o type=oci,dest=one-index,tar=false multi
expect_eq "$(cat one/linux_arm64/data)" arm
expect_json "$(skopeo inspect --raw oci:one-index)" '[.manifests[].platform.architecture]' '["arm64"]'
stop_registry
