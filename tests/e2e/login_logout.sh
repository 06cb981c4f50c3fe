#!/usr/bin/env bash
# login checks a password and keeps it, logout forgets it; --creds needs neither. No secret is ever shown.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v htpasswd >/dev/null || skip "htpasswd (apache2-utils) is not installed"
load_busybox
start_registry user 's3cr:et pass'
ok slipway tag busybox "$REGISTRY/private"
# log_in PASSWORD [ARGUMENT...]
log_in() {
  status=0
  printf '%s\n' "$1" | slipway login -u user --password-stdin "${@:2}" "$REGISTRY" >"$WORK/.out" 2>"$WORK/.err" || status=$?
  out=$(cat "$WORK/.out") err=$(cat "$WORK/.err")
}
log_in wrong
expect_eq "$status" 3
expect_in "$err" "$REGISTRY"
expect_not_in "$err" wrong
expect_no_file "$HOME/.docker/config.json"

log_in 's3cr:et pass'
expect_eq "$status $out" "0 Login Succeeded"
expect_not_in "$err" s3cr
expect_eq "$(stat -c %a "$HOME/.docker/config.json")" 600
ok slipway login --get-login "$REGISTRY"
expect_eq "$out" user
ok slipway push "$REGISTRY/private"

ok slipway logout "$REGISTRY"
expect_eq "$(jq -c .auths "$HOME/.docker/config.json")" '{}'
fails 3 "$REGISTRY" slipway push "$REGISTRY/private"
ok slipway push --creds 'user:s3cr:et pass' "$REGISTRY/private"
fails 3 "$REGISTRY" slipway pull --creds 'user:wr0ng' "$REGISTRY/private"
expect_not_in "$err" wr0ng
fails 2 '--creds' slipway pull --creds nobody "$REGISTRY/private"
expect_not_in "$err" nobody
fails 2 'password-stdin' slipway login "$REGISTRY"

# A file that somebody else names, and a helper.
log_in 's3cr:et pass' >/dev/null
cp "$HOME/.docker/config.json" "$WORK/auth.json"
ok slipway logout "$REGISTRY"
ok env REGISTRY_AUTH_FILE="$WORK/auth.json" "$SLIPWAY" --root "$ROOT" pull "$REGISTRY/private"
file "$WORK/bin/docker-credential-test" 755 <<'END'
#!/bin/sh
case $1 in
store) cat >"$HOME/kept" ;;
get) [ -e "$HOME/kept" ] && cat "$HOME/kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm "$HOME/kept" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
esac
END
export PATH="$WORK/bin:$PATH"
file "$HOME/.docker/config.json" 600 <<<'{"credsStore": "test"}'
log_in 's3cr:et pass'
expect_eq "$status" 0
expect_not_in "$(cat "$HOME/.docker/config.json")" "$(printf 's3cr:et pass' | base64)"
ok slipway pull "$REGISTRY/private"
ok slipway logout "$REGISTRY"
expect_no_file "$HOME/kept"
fails 3 "$REGISTRY" slipway pull "$REGISTRY/private"
ok slipway logout "$REGISTRY"
expect_in "$out" 'Not logged in'
