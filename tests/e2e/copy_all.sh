#!/usr/bin/env bash
# copy --all takes every platform, indexes within indexes too, between registries, layouts and archives; --referrers what refers to
# them; layers that only their owner gives out stay there, are sent, or are refused, as asked.
# kinds: registry
. "$(dirname "$0")/lib.bash"
start_registry
other=$REGISTRY
serve
mkdir context
file context/Dockerfile <<<$'FROM scratch\nARG TARGETARCH\nCOPY data-$TARGETARCH /data'
echo one >context/data-amd64
echo two >context/data-arm64
ok slipway build --platform linux/amd64,linux/arm64 -o type=oci,dest=two.tar,name=two:v1 context
mkdir two
tar -C two -xf two.tar
digest=$(jq -r '.manifests[0].digest' two/index.json)

# copied FROM TO: prints the digest, which must not change
copied() {
  ok slipway copy --all -q "$@"
  expect_eq "$out" "$digest"
}
copied oci:two "$REGISTRY/two:v1"
copied "$REGISTRY/two:v1" oci:layout:two:v1
copied oci:layout:v1 oci-archive:archive.tar:two:v2
copied oci-archive:archive.tar "docker://$other/two:v1"
copied "$other/two:v1" docker-archive:docker.tar:two:v3
copied docker-archive:docker.tar "$REGISTRY/two:v3"
for archive in two.tar archive.tar docker.tar; do
  ok python3 "$library/verify_image.py" "$archive"
done
expect_eq "$(tar -xOf docker.tar manifest.json | jq -r '.[].RepoTags[]')" two:v3
if command -v skopeo >/dev/null; then
  ok skopeo copy --all --src-tls-verify=false "docker://$REGISTRY/two:v3" oci:skopeo:v1
  copied oci:skopeo "$REGISTRY/two:v4"
  ok skopeo copy docker-archive:docker.tar oci:one:v1
  ok skopeo copy --all oci:layout:v1 dir:folder
fi
ok slipway copy -q --platform linux/arm64 oci:two oci:single:arm
expect_ne "$out" "$digest"

# nested DEPTH: a layout in which the index stands below so many others
nested() {
  rm -rf nested
  cp -r two nested
  python3 - "$1" <<'END'
import hashlib, json, sys
index = json.load(open("two/index.json"))["manifests"][0]
index.pop("annotations", None)
for _ in range(int(sys.argv[1])):
    kind = "application/vnd.oci.image.index.v1+json"
    text = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [index]}).encode()
    name = hashlib.sha256(text).hexdigest()
    open(f"nested/blobs/sha256/{name}", "wb").write(text)
    index = {"mediaType": kind, "digest": f"sha256:{name}", "size": len(text)}
json.dump({"schemaVersion": 2, "manifests": [{**index, "annotations": {"org.opencontainers.image.ref.name": "v1"}}]}, open("nested/index.json", "w"))
END
  digest=$(jq -r '.manifests[0].digest' nested/index.json)
}
nested 2
copied oci:nested "$REGISTRY/nested:v1"
copied "$REGISTRY/nested:v1" "$other/nested:v1"
copied "$other/nested:v1" oci-archive:nested.tar:nested:v1
ok slipway pull "$other/nested:v1"
nested 3
fails 1 'indexes within indexes' slipway copy --all oci:nested "$REGISTRY/deep:v1"
rm "nested/blobs/sha256/$(jq -r '.manifests[0].digest' two/index.json | cut -d: -f2)"
nested 1
rm "nested/blobs/sha256/$(jq -r '.manifests[0].digest' two/index.json | cut -d: -f2)"
fails 1 'leave --all away' slipway copy --all oci:nested "$REGISTRY/hole:v1"

# A signature and something that refers to that.
digest=$(jq -r '.manifests[0].digest' two/index.json)
# refer SUBJECT TEXT [TAG]: prints the digest of an artifact with the subject
refer() {
  python3 - "$REGISTRY" "$@" <<'END'
import hashlib, json, sys, urllib.request
registry, subject, text, *tag = sys.argv[1:]
def send(method, path, body, kind):
    request = urllib.request.Request(f"http://{registry}{path}", data=body, method=method, headers={"Content-Type": kind})
    return urllib.request.urlopen(request).headers
def blob(body):
    name = "sha256:" + hashlib.sha256(body).hexdigest()
    send("POST", f"/v2/two/blobs/uploads/?digest={name}", body, "application/octet-stream")
    return {"mediaType": "application/x-test", "digest": name, "size": len(body)}
kind = "application/vnd.oci.image.manifest.v1+json"
manifest = {"schemaVersion": 2, "mediaType": kind, "artifactType": "application/x-signature",
            "config": {**blob(b"{}"), "mediaType": "application/vnd.oci.empty.v1+json"}, "layers": [blob(text.encode())]}
if not tag:
    size = int(urllib.request.urlopen(urllib.request.Request(f"http://{registry}/v2/two/manifests/{subject}", method="HEAD", headers={"Accept": "*/*"})).headers["Content-Length"])
    manifest["subject"] = {"mediaType": kind, "digest": subject, "size": size}
body = json.dumps(manifest).encode()
name = "sha256:" + hashlib.sha256(body).hexdigest()
send("PUT", f"/v2/two/manifests/{tag[0] if tag else name}", body, kind)
print(name)
END
}
signature=$(refer "$digest" signature)
of_signature=$(refer "$signature" countersigned)
refer "$digest" cosign "${digest/:/-}.sig" >/dev/null
ok slipway copy -q --all --referrers "$REGISTRY/two:v1" "$other/signed:v1"
expect_eq "$out" "$digest"
accept='Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
# Debian's registry has no list of referrers: they are noted under a tag.
of() { curl -sf -H "$accept" "http://$other/v2/signed/manifests/${1/:/-}" | jq -r '.manifests[].digest'; }
expect_eq "$(of "$digest")" "$signature"
expect_eq "$(of "$signature")" "$of_signature"
expect_ne "$(curl -sf -H "$accept" "http://$other/v2/signed/manifests/${digest/:/-}.sig")" ""
ok slipway copy -q --all --referrers "$other/signed:v1" "$REGISTRY/again:v1"
expect_json "$(curl -sf "http://$REGISTRY/v2/again/referrers/$digest")" '.manifests[].digest' "$signature"
ok slipway copy -q --all --referrers "$other/signed:v1" oci-archive:signed.tar
expect_json "$(tar -xOf signed.tar index.json)" '.manifests | length' 4
expect_in "$(tar -tf signed.tar)" "blobs/sha256/${of_signature#*:}"
fails 2 '--referrers' slipway copy --referrers oci:two "$REGISTRY/x"

# A layer with an address of its own.
start_web
mkdir plain foreign
tar -C context -cf plain/layer data-amd64
python3 - "$WEB" <<'END'
import hashlib, json, os, shutil, sys
layer = open("plain/layer", "rb").read()
os.makedirs("foreign/blobs/sha256")
def put(body):
    name = hashlib.sha256(body).hexdigest()
    open(f"foreign/blobs/sha256/{name}", "wb").write(body)
    return {"digest": f"sha256:{name}", "size": len(body)}
named = put(layer)
config = put(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [named["digest"]]}, "config": {}}).encode())
kind = "application/vnd.oci.image.manifest.v1+json"
manifest = put(json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", **named, "urls": [f"http://{sys.argv[1]}/files/layer"]}]}).encode())
open("foreign/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')
json.dump({"schemaVersion": 2, "manifests": [{"mediaType": kind, **manifest}]}, open("foreign/index.json", "w"))
open("layer-digest", "w").write(named["digest"])
END
cp plain/layer "$WEB_FOLDER/files/layer"
layer=$(cat layer-digest)
has_layer() { curl -s -o /dev/null -w '%{http_code}' "http://$REGISTRY/v2/$1/blobs/$layer"; }
fails 3 'foreign layer' slipway copy --foreign-layers refuse oci:foreign "$REGISTRY/refused"
ok slipway copy -q oci:foreign "$REGISTRY/kept"
expect_eq "$(has_layer kept)" 404
ok slipway copy -q --foreign-layers upload oci:foreign "$REGISTRY/sent"
expect_eq "$(has_layer sent)" 200
ROOT=$WORK/fresh
fails 3 'foreign layer' slipway pull --foreign-layers refuse "$REGISTRY/kept"
ok slipway pull "$REGISTRY/kept"
expect_ne "$(web_requests 'GET /files/layer 200')" ""
ok slipway tag "$REGISTRY/kept" "$REGISTRY/third"
fails 3 'foreign layer' slipway push --foreign-layers refuse "$REGISTRY/third"
ok slipway push "$REGISTRY/third"
expect_eq "$(has_layer third)" 404
fails 2 'keep, upload or refuse' slipway push --foreign-layers maybe "$REGISTRY/third"
