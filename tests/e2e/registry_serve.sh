#!/usr/bin/env bash
# The registry of our own: what is pushed comes back into an empty store and to other tools; deleting, passwords, read-only.
# kinds: registry
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN head -c 20000000 /dev/urandom > /big'
build -t app context
id=$(image_id app)

serve
ok slipway tag app "$REGISTRY/team/app:v1"
ok slipway push "$REGISTRY/team/app:v1"
digest=$(grep -oE 'digest: sha256:[0-9a-f]{64}' <<<"$out" | cut -d' ' -f2)
ROOT=$WORK/empty
ok slipway pull "$REGISTRY/team/app:v1"
expect_eq "$(image_id "$REGISTRY/team/app:v1")" "$id"
verify_image "$REGISTRY/team/app:v1"
expect_json "$(curl -sf "http://$REGISTRY/v2/_catalog")" .repositories '["team/app"]'
expect_json "$(curl -sf "http://$REGISTRY/v2/team/app/tags/list")" .tags '["v1"]'

if command -v skopeo >/dev/null; then
  skopeo inspect --tls-verify=false "docker://$REGISTRY/team/app:v1" >remote.json
  expect_json "$(cat remote.json)" '.Digest, (.Layers | length)' "$digest"$'\n2'
  ok skopeo copy --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/team/app:v1" "docker://$REGISTRY/skopeo/app:v1"
  ok skopeo copy --src-tls-verify=false "docker://$REGISTRY/skopeo/app:v1" oci-archive:copied.tar
  ok python3 "$library/verify_image.py" copied.tar
  ok skopeo copy --dest-tls-verify=false -f v2s2 oci-archive:copied.tar "docker://$REGISTRY/skopeo/docker:v1"
  ok slipway pull "$REGISTRY/skopeo/docker:v1"
  verify_image "$REGISTRY/skopeo/docker:v1"
  ok skopeo delete --tls-verify=false "docker://$REGISTRY/skopeo/app:v1"
  fails 1 404 slipway pull "$REGISTRY/skopeo/app:v1"
fi

# A range, and one that is not there.
layer=$(curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REGISTRY/v2/team/app/manifests/v1" | jq -r '.layers[1].digest')
curl -sf "http://$REGISTRY/v2/team/app/blobs/$layer" -o whole
curl -sf -r 1000-1999 "http://$REGISTRY/v2/team/app/blobs/$layer" -o part
cmp -n 1000 whole part 1000 0
expect_eq "$(stat -c %s part)" 1000
expect_eq "sha256:$(sha256sum <whole | cut -d' ' -f1)" "$layer"
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' -r 999999999- "http://$REGISTRY/v2/team/app/blobs/$layer")" 416

# It all stays when the server ends; read-only, it can be read.
stop_serving
serve --read-only
ROOT=$WORK/third
ok slipway pull "$REGISTRY/team/app:v1"
fails 4 read-only slipway push "$REGISTRY/team/app:v1"
stop_serving

if command -v htpasswd >/dev/null; then
  htpasswd -Bbc htpasswd user s3cret 2>/dev/null
  serve --htpasswd htpasswd
  ok slipway tag "$(slipway images -q | head -n 1)" "$REGISTRY/team/app:v1"
  fails 3 "$REGISTRY" slipway push "$REGISTRY/team/app:v1"
  fails 3 "$REGISTRY" slipway push --creds user:wrong "$REGISTRY/team/app:v1"
  ok slipway push --creds user:s3cret "$REGISTRY/team/app:v1"
  stop_serving
fi
fails 2 --addr slipway registry serve --addr nowhere
fails 2 'serve' slipway registry server
expect_eq "$(grep -c s3cret serve.err)" 0
