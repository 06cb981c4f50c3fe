#!/usr/bin/env bash
# manifest: a list of images of several platforms, made of pushed ones, some of them in other repositories.
# kinds: registry
. "$(dirname "$0")/lib.bash"
serve
mkdir context
for architecture in amd64 arm64; do
  file context/Dockerfile <<<$'FROM scratch\nCOPY Dockerfile /'"$architecture"
  build --platform "linux/$architecture" -t "$REGISTRY/$architecture:v1" context
  ok slipway push "$REGISTRY/$architecture:v1"
done
ok slipway manifest create "$REGISTRY/app:v1" "$REGISTRY/amd64:v1" "$REGISTRY/arm64:v1"
fails 1 'there is a manifest list' slipway manifest create "$REGISTRY/app:v1" "$REGISTRY/amd64:v1"
ok slipway manifest inspect "$REGISTRY/app:v1"
expect_json "$out" '[.manifests[].platform.architecture]' '["amd64","arm64"]'
expect_json "$out" '[.manifests[].annotations]' '[null,null]'
ok slipway manifest annotate --variant v8 --annotation a=b "$REGISTRY/app:v1" "$REGISTRY/arm64:v1"
fails 1 'has no' slipway manifest annotate --variant v8 "$REGISTRY/app:v1" "$REGISTRY/other:v1"
ok slipway manifest annotate --os-features x,y --os-features y,z "$REGISTRY/app:v1" "$REGISTRY/arm64:v1"
ok slipway manifest annotate --os-features x --os-features w "$REGISTRY/app:v1" "$REGISTRY/arm64:v1"
ok slipway manifest inspect -v "$REGISTRY/app:v1"
expect_json "$out" '[.[].Ref]' "[\"$REGISTRY/amd64:v1\",\"$REGISTRY/arm64:v1\"]"
ok slipway manifest push --purge "$REGISTRY/app:v1"
digest=$out
fails 1 'no such manifest list' slipway manifest push "$REGISTRY/app:v1"

ok slipway manifest inspect "$REGISTRY/app:v1"
expect_eq "sha256:$(printf '%s' "$out" | sha256sum | cut -d' ' -f1)" "$digest"
expect_json "$out" '.manifests[1] | [.platform.variant, .annotations.a]' '["v8","b"]'
expect_json "$out" '.manifests[1].platform."os.features"' '["x","y","z","w"]'
# In full, byte for byte as docker's command shows them.
names=(amd64:v1 app:v1 "app@$digest")
if command -v skopeo >/dev/null; then
  ok skopeo copy -q --format v2s2 --src-tls-verify=false --dest-tls-verify=false \
    "docker://$REGISTRY/amd64:v1" "docker://$REGISTRY/docker:v1"
  names=(docker:v1 "${names[@]}")
fi
for name in "${names[@]}"; do
  ok slipway manifest inspect --verbose "$REGISTRY/$name"
  expect_json "$out" '[.. | .Raw? // empty | @base64d | fromjson] == [.. | .OCIManifest? // .SchemaV2Manifest? // empty]' true
  if command -v docker >/dev/null; then
    expect_eq "$out" "$(docker manifest inspect --verbose --insecure "$REGISTRY/$name")"
  fi
done
expect_json "$out" '[.[].Ref]' "$(jq -c "[\"$REGISTRY/app@\" + .[].Descriptor.digest]" <<<"$out")"
ROOT=$WORK/other
ok slipway pull --platform linux/arm64 "$REGISTRY/app:v1"
expect_json "$(slipway inspect "$REGISTRY/app:v1" --platform linux/arm64)" '.[0].Architecture' arm64
if command -v skopeo >/dev/null; then
  ok skopeo copy --all --src-tls-verify=false "docker://$REGISTRY/app:v1" oci:all
  expect_eq "$(find all/blobs -type f | wc -l)" 7
fi
fails 1 'UNKNOWN' slipway manifest create list "$REGISTRY/gone:v1"
fails 2 'manifest what' slipway manifest
