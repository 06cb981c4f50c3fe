#!/usr/bin/env bash
# Whatever a registry answers to each request of a push, and wherever the connection breaks: it goes well after a retry, or there
# is one error with the registry's own words, the right status and no secret; and the next push goes well.
# kinds: registry
# seconds: 600
. "$(dirname "$0")/registry_faults.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN head -c 9000000 /dev/urandom > /big'
build -t app context
ok slipway save --format oci -o layout.tar app
number=0

# copied STATUS: a push of the image to a repository of its own, without a name anywhere else; it ends with the status.
copied() {
  number=$((number + 1))
  try slipway copy -q --retry-delay 1ms --registry-timeout 3s --creds user:s3cret oci-archive:layout.tar "$PROXY/n$number:v1"
  expect_not_in "$out$err" s3cret
  [ "$status" = "$1" ] || fail "exit status $status instead of $1 with the faults $(cat "$PROXY_FOLDER/faults")"
  [ "$status" = 0 ] || expect_eq "$(grep -c '^ERROR' <<<"$err")" 1
}
# arrives: it goes well, and what arrived is right.
arrives() {
  copied 0
  faults
  ok slipway copy -q "$PROXY/n$number:v1" oci-archive:back.tar
  ok cmp back.tar whole.tar
}
# refused STATUS TEXT: it ends with the status and these words; afterwards it goes well, without what had arrived.
refused() {
  copied "$1"
  expect_in "$err" "$2"
  faults
  number=$((number - 1))
  arrives
}
small_put='^PUT .*blobs/uploads/.*digest'

run_all() {
  local request code
  # What arrives undisturbed is right; whatever else arrives must be the same.
  faults
  ok slipway copy -q oci-archive:layout.tar "$PROXY/whole:v1"
  ok slipway copy -q "$PROXY/whole:v1" oci-archive:whole.tar
  ok python3 "$library/verify_image.py" whole.tar
  for request in '^HEAD .*/blobs/' '^POST ' '^PATCH ' "$small_put" '^PUT .*/manifests/'; do
    passes_in_the_end "$request"
    never_answers "$request"
  done
  for request in '^POST ' '^PATCH ' "$small_put" '^PUT .*/manifests/'; do
    stays_refused "$request"
  done
  # HEAD has no words, and what it refuses POST will.
  for code in 403 404 413 416; do
    answers '^HEAD .*/blobs/' "$code" 1000
    arrives
  done
  for request in '^POST ' "$small_put" '^PUT .*/manifests/'; do
    for code in 413 416; do
      answers "$request" "$code" 1000
      refused 4 "$words"
    done
  done
  # Too large: smaller pieces. Not where it stands: asked, and gone on with.
  answers '^PATCH ' 413
  arrives
  answers '^PATCH ' 413 1000
  refused 4 "$words"
  answers '^PATCH ' 416 1000
  refused 4 "$words"
  # A connection that breaks in the middle of what is sent.
  faults '{"do":"reset-request","match":"^PATCH ","after":4000000}'
  arrives
  # An answer that breaks off says nothing that is needed.
  faults '{"do":"truncate","match":"^POST ","after":0}'
  arrives
  # A mount that is none is found out, at the latest when the manifest names it.
  faults
  slipway tag app "$PROXY/first:v1"
  ok slipway push "$PROXY/first:v1"
  slipway tag app "$PROXY/second:v1"
  faults "{\"do\":\"answer\",\"match\":\"^POST .*mount=\",\"status\":201,\"times\":1000,\"headers\":{\"Location\":\"/v2/second/blobs/x\"}}"
  ok slipway push --retry-delay 1ms "$PROXY/second:v1"
  faults
  ok slipway copy -q "$PROXY/second:v1" oci-archive:back.tar
  ok python3 "$library/verify_image.py" back.tar
}

at_both_registries run_all
