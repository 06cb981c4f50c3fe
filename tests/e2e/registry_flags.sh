#!/usr/bin/env bash
# What flags say of registries counts in every verb that reaches one, build and run too: --creds, --authfile, --cert-dir.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v htpasswd >/dev/null || skip "htpasswd (apache2-utils) is not installed"
load_busybox
start_registry user 's3cr:et pass'
creds='user:s3cr:et pass'
ok slipway tag busybox "$REGISTRY/base"
ok slipway push --creds "$creds" "$REGISTRY/base"
mkdir context
file context/Dockerfile <<<"FROM $REGISTRY/base"$'\nRUN echo one > /one'

# A build: for the registry that is pushed to, else for that of the base images.
ROOT=$WORK/fresh
fails 3 "$REGISTRY" slipway build context
ok slipway build --creds "$creds" -t local context
ok slipway build --creds "$creds" --push -t "$REGISTRY/built:v1" context
fails 3 "$REGISTRY" slipway build --creds user:wr0ng --push -t "$REGISTRY/built:v2" context
expect_not_in "$out$err" wr0ng
printf 'FROM %s/base\nFROM other.invalid/base\n' "$REGISTRY" >context/Two
fails 2 'other.invalid' slipway build --creds "$creds" -f context/Two context
expect_not_in "$err" s3cr
# Base images of another registry than the one that is pushed to do not get them.
printf 'FROM %s/base\n' "$REGISTRY" >context/Other
ROOT=$WORK/none fails 3 "$REGISTRY" slipway build --creds "$creds" --pull -f context/Other --push -t "localhost:${REGISTRY#*:}/x" context

ROOT=$WORK/second
fails 125 "$REGISTRY" slipway run --rm "$REGISTRY/built:v1" cat /one
ok slipway run --rm --creds "$creds" "$REGISTRY/built:v1" cat /one
expect_eq "$out" one
ok slipway manifest inspect --creds "$creds" "$REGISTRY/built:v1"
ok slipway copy -q --src-creds "$creds" "$REGISTRY/built:v1" oci:layout
ok slipway copy -q --dest-creds "$creds" oci:layout "$REGISTRY/copied"
fails 2 '--src-creds' slipway copy --src-creds "$creds" oci:layout "$REGISTRY/copied"

# A file of one's own is the only one that counts.
printf '%s' 's3cr:et pass' >password
status=0
slipway login --authfile mine.json -u user --password-stdin "$REGISTRY" <password >/dev/null 2>&1 || status=$?
expect_eq "$status" 0
expect_eq "$(stat -c %a mine.json)" 600
expect_no_file "$HOME/.docker/config.json"
ROOT=$WORK/third
ok slipway pull --authfile mine.json "$REGISTRY/built:v1"
ok slipway build --authfile mine.json --pull -t local context
cp mine.json "$WORK/copy.json"
ok slipway logout --authfile mine.json "$REGISTRY"
mkdir -p "$HOME/.docker"
cp copy.json "$HOME/.docker/config.json"
ok slipway pull "$REGISTRY/built:v1"
fails 3 "$REGISTRY" slipway pull --authfile mine.json "$REGISTRY/base"
fails 1 'nowhere.json' slipway pull --authfile nowhere.json "$REGISTRY/base"
fails 2 '--retry-times' slipway pull --retry-times often "$REGISTRY/base"
fails 2 '--registry-timeout' slipway pull --registry-timeout 5 "$REGISTRY/base"
stop_registry

# Nobody there: one try, and at once.
fails 4 refused slipway pull --retry-times 0 --registry-timeout 500ms "$REGISTRY/base"

# Authorities and a certificate of ours, in one folder for all hosts.
command -v openssl >/dev/null || exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -out tls.crt -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
serve --tls-cert tls.crt --tls-key tls.key --tls-client-ca tls.crt
ok slipway tag "$(slipway images -q | head -n 1)" "$REGISTRY/x"
mkdir certs
cp tls.crt certs/authority.crt
cp tls.crt certs/client.cert
fails 1 'client.key' slipway push --cert-dir certs --tls-verify "$REGISTRY/x"
cp tls.key certs/client.key
ok slipway push --cert-dir certs --tls-verify "$REGISTRY/x"
ROOT=$WORK/fourth
ok slipway run --rm --cert-dir certs --tls-verify "$REGISTRY/x" true
fails 1 'no-certs' slipway pull --cert-dir no-certs "$REGISTRY/x"
fails 4 "$REGISTRY" slipway pull "$REGISTRY/x"
