#!/usr/bin/env bash
# A registry with passwords: ~/.docker/config.json gives them; without or with wrong ones it is a clear error, status 3.
# kinds: registry
. "$(dirname "$0")/lib.bash"
command -v htpasswd >/dev/null || skip "htpasswd (apache2-utils) is not installed"
load_busybox
start_registry user 's3cr:et pass'
ok slipway tag busybox "$REGISTRY/private"
fails 3 "$REGISTRY" slipway push "$REGISTRY/private"

# credentials USER PASSWORD
credentials() {
  file "$HOME/.docker/config.json" 600 <<<"{\"auths\": {\"$REGISTRY\": {\"auth\": \"$(printf '%s' "$1:$2" | base64)\"}}}"
}
credentials user wrong
fails 3 "$REGISTRY" slipway push "$REGISTRY/private"
expect_not_in "$err" wrong
credentials user 's3cr:et pass'
ok slipway push "$REGISTRY/private"
expect_not_in "$out$err" 's3cr'

ROOT=$WORK/other
ok slipway pull "$REGISTRY/private"
verify_image "$REGISTRY/private"
mkdir context
file context/Dockerfile <<<"FROM $REGISTRY/private"
ROOT=$WORK/third build -t result context

# Elsewhere, if the environment says so; a helper may keep the password.
mkdir -p "$WORK/bin" "$WORK/config"
file "$WORK/bin/docker-credential-test" 755 <<'END'
#!/bin/sh
read -r server
printf '{"ServerURL":"%s","Username":"user","Secret":"s3cr:et pass"}' "$server"
END
file "$WORK/config/config.json" <<<"{\"credHelpers\": {\"$REGISTRY\": \"test\"}}"
rm "$HOME/.docker/config.json"
ROOT=$WORK/fourth
fails 3 "$REGISTRY" slipway pull "$REGISTRY/private"
ok env DOCKER_CONFIG="$WORK/config" PATH="$WORK/bin:$PATH" "$SLIPWAY" --root "$ROOT" pull "$REGISTRY/private"
file "$HOME/.docker/config.json" <<<'{"auths": nonsense'
fails 1 'config.json' slipway pull "$REGISTRY/private"
