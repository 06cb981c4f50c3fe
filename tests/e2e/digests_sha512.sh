#!/usr/bin/env bash
# Content that is named by SHA-512 in a layout goes into registries, stores and archives, and comes back as it was.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
ok slipway save --format oci -o sha256.tar busybox
mkdir layout
tar -xf sha256.tar -C layout
cat >rename.py <<'END'
import hashlib, json, os
def blob(digest):
    with open("layout/blobs/" + digest.replace(":", "/"), "rb") as file:
        return file.read()
def put(descriptor, content):
    name = hashlib.sha512(content).hexdigest()
    os.makedirs("layout/blobs/sha512", exist_ok=True)
    with open("layout/blobs/sha512/" + name, "wb") as file:
        file.write(content)
    descriptor.update(digest="sha512:" + name, size=len(content))
index = json.load(open("layout/index.json"))
for entry in index["manifests"]:
    manifest = json.loads(blob(entry["digest"]))
    for part in [manifest["config"], *manifest["layers"]]:
        put(part, blob(part["digest"]))
    put(entry, json.dumps(manifest).encode())
json.dump(index, open("layout/index.json", "w"))
END
python3 rename.py
rm -r layout/blobs/sha256
digest=$(jq -r '.manifests[0].digest' layout/index.json)
expect_match "$digest" '^sha512:'
id=$(image_id busybox)

# Into an empty store, out of it, and through an archive.
ROOT=$WORK/loaded
ok slipway load -i layout
expect_eq "$(image_id busybox)" "$id"
ok slipway run --rm busybox true
ok slipway save --format oci -o saved.tar busybox
ok python3 "$library/verify_image.py" saved.tar
expect_ne "$(tar -tf saved.tar | grep -c '^blobs/sha512/[0-9a-f]')" 0
ok slipway save -o docker.tar busybox
ROOT=$WORK/again
ok slipway load -i docker.tar
expect_eq "$(image_id busybox)" "$id"

# A damaged one is found whatever its name is.
cp -r layout damaged
printf x >>"damaged/blobs/sha512/$(jq -r '.layers[0].digest' "layout/blobs/${digest/://}" | cut -d: -f2)"
fails 5 sha512 slipway --root "$WORK/bad" load -i damaged

# Through a registry by that name, to another registry and into a layout.
serve
ok slipway copy oci:layout "$REGISTRY/app:1"
ok slipway tag busybox "$REGISTRY/app:2"
manifest=$(curl -sf "http://$REGISTRY/v2/app/manifests/1")
layer=$(jq -r '.layers[0].digest' <<<"$manifest")
expect_match "$layer" '^sha512:'
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/app/blobs/$layer")" 200
ROOT=$WORK/pulled
ok slipway pull "$REGISTRY/app:1"
expect_eq "$(image_id "$REGISTRY/app:1")" "$id"
ok slipway tag "$REGISTRY/app:1" "$REGISTRY/other:1"
ok slipway push "$REGISTRY/other:1"
expect_eq "$(curl -sf "http://$REGISTRY/v2/other/manifests/1")" "$manifest"
ok slipway push "$REGISTRY/other:1"
ok slipway rmi "$REGISTRY/app:1" "$REGISTRY/other:1"
expect_eq "$(find "$ROOT/blobs" -type f | wc -l)" 0
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "$manifest" "http://$REGISTRY/v2/app/manifests/$digest"
ok slipway pull "$REGISTRY/app@$digest"
expect_eq "$(image_id "$REGISTRY/app@$digest")" "$id"
ok slipway copy "$REGISTRY/app@$digest" oci:back:1
expect_eq "$(jq -r '.manifests[0].digest' back/index.json)" "$digest"
fails 1 404 slipway pull "$REGISTRY/app@sha512:$(printf '0%.0s' {1..128})"
