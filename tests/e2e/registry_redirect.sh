#!/usr/bin/env bash
# Blobs that a registry has elsewhere are fetched there, without the credentials that are for the registry; certificates that
# have run out are refused.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v htpasswd >/dev/null || skip "htpasswd (apache2-utils) is not installed"
load_busybox
serve
start_proxy "$REGISTRY"
storage=$PROXY storage_folder=$PROXY_FOLDER
ok slipway tag busybox "$storage/app:v1"
ok slipway push "$storage/app:v1"
start_registry user s3cret
start_proxy "$REGISTRY"
ok slipway tag busybox "$PROXY/app:v1"
ok slipway push --creds user:s3cret "$PROXY/app:v1"
layer=$(curl -sf -u user:s3cret -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$PROXY/v2/app/manifests/v1" | jq -r '.layers[0].digest')
# redirects STATUS LOCATION
redirects() { faults "{\"do\":\"answer\",\"match\":\"^GET .*/blobs/$layer\",\"times\":1000,\"status\":$1,\"headers\":{\"Location\":\"$2\"}}"; }
for code in 301 302 303 307 308; do
  redirects "$code" "http://$storage/v2/app/blobs/$layer?signature=s1gned"
  : >"$storage_folder/requests"
  ROOT=$WORK/$code
  ok slipway pull --creds user:s3cret "$PROXY/app:v1"
  expect_eq "$(cat "$storage_folder/requests")" "GET /v2/app/blobs/$layer?signature=s1gned 200"
  expect_match "$(proxied "blobs/$layer")" authorized
done
# Elsewhere it is refused, or a circle: an error without what the address has of secrets.
ROOT=$WORK/fresh
redirects 307 "http://$storage/v2/app/blobs/sha256:00?signature=s1gned"
fails 4 "$PROXY" slipway pull --creds user:s3cret --retry-delay 1ms "$PROXY/app:v1" || true
expect_not_in "$out$err" s1gned
redirects 307 "http://$PROXY/v2/app/blobs/$layer"
fails 4 redirect slipway pull --creds user:s3cret --retry-delay 1ms "$PROXY/app:v1"
redirects 307 "ftp://$storage/x"
fails 4 "$PROXY" slipway pull --creds user:s3cret --retry-delay 1ms "$PROXY/app:v1"

# An upload that is sent elsewhere: the same.
faults "{\"do\":\"answer\",\"match\":\"^PUT .*/blobs/uploads\",\"times\":1,\"status\":307,\"headers\":{\"Location\":\"http://$storage/v2/app/blobs/uploads/none\"}}"
: >"$storage_folder/requests"
ROOT=$WORK/store-of-app
load_busybox
ok slipway tag busybox "$PROXY/new:v1"
try slipway push --creds user:s3cret --retry-delay 1ms "$PROXY/new:v1"
expect_not_in "$(cat "$storage_folder/requests")" authorized

command -v openssl >/dev/null || exit 0
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout old.key -out old.csr -subj /CN=localhost 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 20 -subj /CN=authority \
  -addext basicConstraints=critical,CA:true 2>/dev/null
mkdir ca
: >ca/index
echo 01 >ca/serial
file ca/config <<'END'
[ca]
default_ca = own
[own]
database = ca/index
serial = ca/serial
new_certs_dir = ca
default_md = sha256
policy = any
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
END
openssl ca -batch -config ca/config -extensions names -cert ca.crt -keyfile ca.key -in old.csr -out old.crt \
  -startdate 20200101000000Z -enddate 20200201000000Z 2>/dev/null
kill "$server_pid"
wait "$server_pid" || true
serve --tls-cert old.crt --tls-key old.key
begin=$SECONDS
fails 4 expired env SSL_CERT_FILE=ca.crt "$SLIPWAY" --root "$ROOT" pull --tls-verify "localhost:${REGISTRY#*:}/app:v1"
[ $((SECONDS - begin)) -lt 12 ] || fail "took $((SECONDS - begin)) seconds"
