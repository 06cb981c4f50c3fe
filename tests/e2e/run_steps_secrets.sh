#!/usr/bin/env bash
# The bytes of a secret get into no layer, and what a step prints of it is masked.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
echo 'correct-horse-battery' >secret

try_step() {
  printf 'FROM busybox\nRUN --mount=type=secret,id=s %s\n' "$1" >context/Dockerfile
  try slipway build --progress plain --no-cache --secret id=s,src=secret "${@:2}" context
}

try_step 'cat /run/secrets/s; printf %s "$(cat /run/secrets/s)" | head -c 10; wc -c </run/secrets/s'
expect_eq "$status" 0
expect_not_in "$err" correct-horse-battery
expect_in "$err" '***'
expect_in "$err" 22

for leak in 'cp /run/secrets/s /copy' 'ln -s $(cat /run/secrets/s) /copy' 'mkdir -p /copy/$(cat /run/secrets/s)' \
  '(head -c 1048570 /dev/zero; cat /run/secrets/s) > /copy'; do
  try_step "$leak"
  expect_eq "$status" 1
  expect_in "$err" 'leaves the bytes of a secret in its layer, in "/copy'
  expect_not_in "$err" 'correct-horse-battery'
  # Nothing of it stays in the store, whatever it is called.
  ! grep -rqs correct-horse-battery "$ROOT/trees" "$ROOT/blobs" "$ROOT/db.sqlite" || fail "it is in the store: $leak"
done

try_step 'cp /run/secrets/s /copy' --leaked-secrets=warn
expect_eq "$status" 0
expect_in "$err" 'leaves the bytes of a secret in its layer'
