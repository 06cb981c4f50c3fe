#!/usr/bin/env bash
# A registry with a token server: scopes as they are needed, tokens renewed in the middle of a push, identity tokens in place
# of passwords; a token that does not do is one clear error. No secret is ever shown.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v openssl >/dev/null || skip "openssl is not installed"
load_busybox
tokens=$WORK/tokens
mkdir "$tokens"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tokens/key.pem" -out "$tokens/cert.pem" -days 2 -subj /CN=tests 2>/dev/null
python3 "$library/token_server.py" "$tokens" >"$tokens/log" 2>&1 </dev/null &
started $!
wait_until test -e "$tokens/address"
realm="http://$(cat "$tokens/address")/token"
registry_settings_plain=$(declare -f registry_settings)
eval "${registry_settings_plain/registry_settings/plain_settings}"
registry_settings() {
  plain_settings "$1"
  printf 'auth: {token: {realm: "%s", service: tests, issuer: tests, rootcertbundle: %s/cert.pem}}\n' "$realm" "$tokens"
}
start_registry
start_proxy "$REGISTRY"
settings() { printf '%s' "$1" >"$tokens/settings"; }
asked() { grep -E "${1-.}" "$tokens/requests" || true; }
forget() { : >"$tokens/requests"; }
no_secret() { expect_not_in "$out$err" s3cret && expect_not_in "$out$err" t0ken && expect_not_in "$out$err" eyJ; }

mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN head -c 9000000 /dev/urandom > /big'
build -t "$PROXY/team/app:v1" context
fails 3 'log in' slipway push --retry-delay 1ms "$PROXY/team/app:v1"
forget
ok slipway push --creds user:s3cret "$PROXY/team/app:v1"
no_secret
expect_match "$(asked)" 'GET user repository:team/app:pull,push'
fails 3 'unknown to the token server' slipway push --creds user:wr0ng "$PROXY/team/app:v1"
expect_not_in "$out$err" wr0ng

# From another repository: that one's scope, too.
ok slipway tag "$PROXY/team/app:v1" "$PROXY/public/app:v1"
forget
ok slipway push --creds user:s3cret "$PROXY/public/app:v1"
expect_match "$(asked)" 'repository:public/app:pull,push repository:team/app:pull'
expect_ne "$(proxied 'POST .*mount=.* 201')" ""
# Everybody may have this one, and nobody that one.
ROOT=$WORK/anyone
forget
ok slipway pull "$PROXY/public/app:v1"
expect_match "$(asked)" 'GET nobody repository:public/app:pull'
fails 3 "$PROXY" slipway pull "$PROXY/team/app:v1"

# It expires while a blob is sent: another one is asked for, and what had arrived is not sent again.
challenge="Bearer realm=\\\"$realm\\\",service=\\\"tests\\\",scope=\\\"repository:team/late:pull,push\\\",error=\\\"invalid_token\\\""
expired() { faults "{\"do\":\"answer\",\"match\":\"$1\",\"status\":401,\"headers\":{\"WWW-Authenticate\":\"$challenge\"}}"; }
for request in '^HEAD .*/blobs/' '^POST ' '^PATCH ' '^PUT .*/blobs/uploads' '^PUT .*/manifests/'; do
  expired "$request"
  forget
  ok slipway copy -q --dest-creds user:s3cret --retry-delay 1ms "docker://$PROXY/public/app:v1" "$PROXY/team/late:v1"
  no_secret
  [ "$(asked 'user repository:.*team/late:pull,push' | wc -l)" -ge 1 ] || fail "no token was asked for: $(asked)"
  settings '{}'
  curl -sf -o /dev/null -X DELETE "http://$REGISTRY/v2/" || true
  rm -rf "$WORK/.registry/blobs/docker/registry/v2/repositories/team/late"
done

# A login keeps the identity token, and the password nowhere.
status=0
printf s3cret | slipway login -u user --password-stdin "$PROXY" >"$WORK/.out" 2>"$WORK/.err" || status=$?
expect_eq "$status" 0
expect_eq "$(jq -r ".auths.\"$PROXY\".identitytoken" "$HOME/.docker/config.json")" identity-t0ken
! grep -q "$(printf user:s3cret | base64)" "$HOME/.docker/config.json" || fail "the password was kept"
forget
ok slipway pull "$PROXY/team/app:v1"
no_secret
expect_match "$(asked)" 'POST user repository:team/app:pull'
settings '{"only_access_token": true}'
ok slipway pull "$PROXY/team/app:v1"

# What does not do is said once, with the words of whom it comes from.
settings '{"audience": "others"}'
fails 3 "$PROXY" slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
no_secret
settings '{"grant": ["pull"]}'
slipway tag "$PROXY/team/app:v1" "$PROXY/team/denied:v1"
fails 3 "$PROXY" slipway push --retry-delay 1ms "$PROXY/team/denied:v1"
settings '{"valid": -1000}'
fails 3 "$PROXY" slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
no_secret
settings '{"status": 503, "body": "closed today"}'
fails 4 'closed today' slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
settings '{"status": 403, "body": "{\"details\": \"not you\"}"}'
fails 3 'not you' slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
settings '{"status": 200, "body": "<html>"}'
fails 1 'token server' slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
settings '{"status": 200, "body": "{}"}'
fails 4 'no usable token' slipway pull --retry-delay 1ms "$PROXY/team/app:v1"
no_secret
settings '{}'
ok slipway pull "$PROXY/team/app:v1"
