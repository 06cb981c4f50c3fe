#!/usr/bin/env bash
# --pull: by default a base that is in the store causes no request; always, newer and never do what they say.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
mkdir context
file context/Dockerfile <<<"FROM $REGISTRY/base"
publish() {
  slipway build -q -t "$REGISTRY/base" - >/dev/null 2>&1 <<<"FROM busybox
ENV CONTENT=$1"
  ok slipway push "$REGISTRY/base"
}
content() { slipway inspect result | jq -r '.[0].Config.Env[]' | sed -n 's/^CONTENT=//p'; }

publish one
forget_requests
build -t result context
build -t result --pull=missing --no-cache context
expect_eq "$(requests)" ""

ok slipway rmi result "$REGISTRY/base"
fails 1 "$REGISTRY/base" slipway build --pull=never context
expect_eq "$(requests)" ""
build -t result context
expect_eq "$(content)" one
expect_match "$(requests)" 'GET /v2/base/manifests/latest 200'

# Another store publishes a new image: this one notices only when it asks.
ROOT=$WORK/other load_busybox
ROOT=$WORK/other publish two
build -t result context
expect_eq "$(content)" one
build -t result --pull=newer context
expect_eq "$(content)" two
ROOT=$WORK/other publish three
build -t result --pull context
expect_eq "$(content)" three
stop_registry
# newer makes do with what is here, always does not.
build -t result --pull=newer context
expect_eq "$(content)" three
fails 4 "$REGISTRY" slipway build --pull=always context
