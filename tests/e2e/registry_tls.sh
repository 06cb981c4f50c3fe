#!/usr/bin/env bash
# TLS: an unknown authority is refused unless it is trusted (SSL_CERT_FILE) or told not to matter; client certificates.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v openssl >/dev/null || skip "openssl is not installed"
load_busybox
# certificate NAME SUBJECT [EXTENSION]: NAME.crt and NAME.key, signed by the authority
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 2 \
    -extfile <(printf 'subjectAltName=%s' "${3-DNS:$2}") 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority \
  -addext basicConstraints=critical,CA:true 2>/dev/null
certificate server localhost DNS:localhost,IP:127.0.0.1
certificate other other.example
certificate client somebody

serve_tls() {
  serve --tls-cert server.crt --tls-key server.key "$@"
  REGISTRY=localhost:${REGISTRY#*:}
}
serve_tls
ok slipway tag busybox "$REGISTRY/a"
# This machine's own registries need no certificate that somebody knows, unless it is asked for.
ok slipway push "$REGISTRY/a"
fails 4 certificate slipway push --tls-verify "$REGISTRY/a"
ok env SSL_CERT_FILE=ca.crt "$SLIPWAY" --root "$ROOT" push --tls-verify "$REGISTRY/a"
mkdir -p "$HOME/.config/containers/certs.d/$REGISTRY"
cp ca.crt "$HOME/.config/containers/certs.d/$REGISTRY/"
ok slipway push --tls-verify "$REGISTRY/a"
ok slipway push --tls-verify=false "$REGISTRY/a"
if command -v skopeo >/dev/null; then
  ok skopeo inspect --cert-dir "$HOME/.config/containers/certs.d/$REGISTRY" "docker://$REGISTRY/a"
fi
stop_serving

# A certificate that is another's.
serve --tls-cert other.crt --tls-key other.key
REGISTRY=localhost:${REGISTRY#*:}
ok slipway tag busybox "$REGISTRY/a"
fails 4 localhost env SSL_CERT_FILE=ca.crt "$SLIPWAY" --root "$ROOT" push --tls-verify "$REGISTRY/a"
expect_match "$err" 'certificate|subject name'
stop_serving

# One that wants to see a certificate of ours.
serve_tls --tls-client-ca ca.crt
ok slipway tag busybox "$REGISTRY/b"
folder=$HOME/.config/containers/certs.d/$REGISTRY
mkdir -p "$folder"
cp ca.crt "$folder/"
! curl -sfk "https://$REGISTRY/v2/" || fail "came in without a certificate"
# Told at once: who was refused is refused again.
begin=$SECONDS
fails 4 certificate slipway push "$REGISTRY/b"
expect_in "$err" .cert
[ $((SECONDS - begin)) -lt 12 ] || fail "took $((SECONDS - begin)) seconds"
cp client.crt "$folder/client.cert"
fails 1 'client.key' slipway push "$REGISTRY/b"
cp client.key "$folder/client.key"
ok slipway push "$REGISTRY/b"
stop_serving

# What the machine's administrator says of TLS counts here, too.
file openssl.cnf <<'END'
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = only_new
[only_new]
MinProtocol = TLSv1.3
END
serve_tls
ok curl -sfk --tlsv1.2 --tls-max 1.2 "https://$REGISTRY/v2/"
stop_serving
OPENSSL_CONF=$PWD/openssl.cnf serve_tls
! curl -sfk --tlsv1.2 --tls-max 1.2 "https://$REGISTRY/v2/" || fail "an older TLS than openssl.cnf allows"
ok curl -sfk --tlsv1.3 "https://$REGISTRY/v2/"
stop_serving
