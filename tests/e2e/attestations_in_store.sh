#!/usr/bin/env bash
# What is said of an image stays with it in the store: push, save, inspect and rmi know of it; annotations likewise.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
first=$ROOT
serve
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN touch /new'
both='https://slsa.dev/provenance/v1 https://spdx.dev/Document'
# statements ARGUMENT...: the kinds of statements that `manifest attestations` shows.
statements() { slipway "$@" | jq -r .predicateType | sort | xargs; }
raw() { curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json' "http://$REGISTRY/v2/$1/manifests/$2"; }

# As referrers: the image stays what it is without.
build -t plain context
build -t "$REGISTRY/app:1" --provenance --sbom context
expect_eq "$(image_id plain)" "$(image_id "$REGISTRY/app:1")"
expect_eq "$(statements manifest attestations "$REGISTRY/app:1")" "$both"
inspected=$(slipway inspect "$REGISTRY/app:1")
expect_json "$inspected" '[.[0].Manifests[].Kind]' '["image","attestation"]'
expect_json "$inspected" '.[0].Manifests | .[1].AttestationData.For == .[0].ID' true
ok slipway push "$REGISTRY/app:1"
expect_in "$out" "digest: $(jq -r '.[0].Manifests[0].ID' <<<"$inspected")"
expect_eq "$(statements --root "$WORK/other" manifest attestations "$REGISTRY/app:1")" "$both"
ok slipway save -o app.tar "$REGISTRY/app:1"
ok python3 "$library/verify_image.py" app.tar
expect_json "$(tar -xOf app.tar index.json)" '[.manifests[].artifactType]' '[null,"application/vnd.docker.attestation.manifest.v1+json"]'

# About one manifest is not about another.
ok slipway tag "$REGISTRY/app:1" "$REGISTRY/app:zstd"
ok slipway push --compression zstd --force-compression "$REGISTRY/app:zstd"
expect_in "$err" 'attestations are left out'
fails 1 'has no attestations' slipway --root "$WORK/other" manifest attestations "$REGISTRY/app:zstd"

# In an index, as BuildKit does it: the name stands for the index. What refers to the image still does.
build -t "$REGISTRY/app:2" --provenance --attest-as index context
expect_json "$(slipway inspect "$REGISTRY/app:2")" '[.[0].Manifests[].Kind]' '["image","attestation","attestation"]'
ok slipway push "$REGISTRY/app:2"
expect_json "$(raw app 2)" '[.manifests[].platform.os]' '["linux","unknown"]'
ok slipway save --format oci -o index.tar "$REGISTRY/app:2"
ok python3 "$library/verify_image.py" index.tar
expect_json "$(tar -xOf index.tar index.json)" '[.manifests[].mediaType | split(".")[3]]' '["index","manifest"]'

# Through an archive, in either form.
for archive in app.tar index.tar; do
  ROOT=$WORK/loaded-$archive
  ok slipway load -i "$archive"
  expect_eq "$(statements manifest attestations "${out#Loaded image: }" | cut -d' ' -f1)" https://slsa.dev/provenance/v1
done
ok slipway push "$REGISTRY/app:2"
expect_json "$(raw app 2)" '[.manifests[].platform.os]' '["linux","unknown"]'
ROOT=$first

# Several platforms, each with its own.
file context/Dockerfile <<<$'FROM scratch\nCOPY Dockerfile /'
build -t "$REGISTRY/many:1" --platform linux/amd64,linux/arm64 --sbom --annotation index:a=b context
ok slipway push "$REGISTRY/many:1"
expect_json "$(raw many 1)" '[.annotations.a, (.manifests | length)]' '["b",2]'
for platform in linux/amd64 linux/arm64; do
  expect_eq "$(statements --root "$WORK/other" manifest attestations --platform "$platform" "$REGISTRY/many:1")" https://spdx.dev/Document
done

# Annotations stay with the name's image until it is built without.
build -t "$REGISTRY/noted:1" --annotation who=me context
ok slipway push "$REGISTRY/noted:1"
expect_json "$(raw noted 1)" .annotations.who me
build -t "$REGISTRY/noted:1" context
ok slipway push "$REGISTRY/noted:1"
expect_json "$(raw noted 1)" .annotations null

# Nothing of it is left when the images are gone.
mapfile -t ids < <(slipway images -q | sort -u)
ok slipway rmi -f "${ids[@]}"
ok slipway prune -a
expect_eq "$(find "$ROOT/blobs" -type f | wc -l)" 0
