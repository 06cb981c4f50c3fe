#!/usr/bin/env bash
# A large layer is sent while it is compressed: one PATCH of unknown size, no HEAD before it. What breaks on the way, is refused
# or is slow goes on from the store; what was sent once is looked for and not sent again.
# kinds: registry
# seconds: 600
. "$(dirname "$0")/lib.bash"
mkdir context
head -c 12000000 /dev/urandom >context/big
head -c 10000000 /dev/urandom >context/other
file context/Dockerfile <<<$'FROM scratch\nCOPY big /\nCOPY other /'
build -t app context

# arrived: what the registry has under the name is the image.
arrived() {
  ok slipway copy -q "$REGISTRY/$1" oci-archive:back.tar
  ok python3 "$library/verify_image.py" back.tar
  ok slipway --root "$WORK/verify" load -i back.tar
}
# anew: a store with the image that never compressed a layer of it
anew() {
  number=$((${number-0} + 1))
  ROOT=$WORK/store$number
  build -t app context
}

streams() {
  anew
  slipway tag app "$PROXY/app"
  faults
  ok slipway push "$PROXY/app"
  expect_eq "$(proxied '^PATCH ' | wc -l)" 2
  expect_eq "$(proxied '^HEAD .*/blobs/' | wc -l)" 1  # of the config
  arrived app
  # Known now: looked for.
  faults
  ok slipway push "$PROXY/app"
  expect_eq "$(proxied '^(POST|PATCH|PUT) .*/blobs/')" ""
  slipway tag app "$PROXY/mounted"
  ok slipway push "$PROXY/mounted"
  expect_eq "$(proxied '^PATCH ')" ""

  # Whatever happens to the stream, the image arrives.
  for fault in '"do":"reset-request","after":9000000' '"do":"reset"' '"do":"answer","status":413' '"do":"answer","status":503' \
    '"do":"answer","status":501,"late":true' '"do":"answer","status":401' '"do":"truncate","after":0'; do
    anew
    slipway tag app "$PROXY/n$number"
    faults "{\"match\":\"^PATCH \",$fault,\"headers\":{\"Retry-After\":\"0\"}}"
    ok slipway push --retry-delay 1ms "$PROXY/n$number"
    arrived "n$number"
  done
  anew
  slipway tag app "$PROXY/n$number"
  faults '{"match":"^PUT .*digest","do":"reset","times":2}'
  ok slipway push --retry-delay 1ms "$PROXY/n$number"
  arrived "n$number"

  # Refused for ever: one error, and what was compressed is there for the next push.
  anew
  slipway tag app "$PROXY/n$number"
  faults '{"match":"^PATCH ","do":"answer","status":503,"times":1000}'
  fails 4 503 slipway push --retry-delay 1ms "$PROXY/n$number"
  faults
  ok slipway push "$PROXY/n$number"
  expect_eq "$(proxied '^HEAD .*/blobs/' | grep -c 404)" 3
  arrived "n$number"
  # Not allowed: told before anything is sent.
  anew
  slipway tag app "$PROXY/denied"
  faults '{"match":"^POST ","do":"answer","status":403,"times":1000}'
  fails 3 403 slipway push "$PROXY/denied"
  expect_eq "$(proxied '^PATCH ')" ""
}

start_registry
start_proxy "$REGISTRY"
streams
serve
start_proxy "$REGISTRY"
streams

# A build that pushes streams, too, and its second name takes the blobs from the first.
faults
ROOT=$WORK/building
build --push -t "$PROXY/built:v1" -t "$PROXY/again:v1" context
expect_eq "$(proxied '^PATCH ' | wc -l)" 2
arrived built:v1
arrived again:v1
