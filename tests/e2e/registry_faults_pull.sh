#!/usr/bin/env bash
# Whatever a registry answers to each request of a pull, and wherever its answers break: it goes well after a retry and goes on
# where it stood, or there is one error with the registry's own words and the right status, and nothing of it stays.
# kinds: registry
# seconds: 600
. "$(dirname "$0")/registry_faults.bash"
load_busybox
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN head -c 3000000 /dev/urandom > /big'
build -t app context
source_root=$ROOT
number=0
patience=2s

# pulled STATUS: into a store of its own
pulled() {
  number=$((number + 1))
  ROOT=$WORK/stores/$number
  try slipway pull -q --retry-delay 1ms --registry-timeout "$patience" --creds user:s3cret "$PROXY/app:v1"
  expect_not_in "$out$err" s3cret
  [ "$status" = "$1" ] || fail "exit status $status instead of $1 with the faults $(head -c 1000 "$PROXY_FOLDER/faults")"
  [ "$status" = 0 ] || expect_eq "$(grep -c '^ERROR' <<<"$err")" 1
}
arrives() {
  pulled 0
  verify_image "$PROXY/app:v1"
}
# refused STATUS TEXT: nothing has the name, and the next pull goes well.
refused() {
  pulled "$1"
  expect_in "$err" "$2"
  expect_eq "$(slipway images -q)" ''
  faults
  ok slipway pull -q "$PROXY/app:v1"
  rm -rf "$ROOT"
}
# lies STATUS TEXT JQ-PROGRAM: the tag's manifest comes changed
lies() {
  local manifest
  manifest=$(curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$PROXY/v2/app/manifests/v1" | jq -c "$3")
  faults "$(jq -cn --arg body "$manifest" '{do: "answer", match: "^GET .*/manifests/v1", status: 200, times: 1000, body: $body,
    headers: {"Content-Type": ($body | fromjson | .mediaType // "application/vnd.oci.image.manifest.v1+json")}}')"
  refused "$1" "$2"
}

run_all() {
  local request code layer config
  ROOT=$source_root
  faults
  ok slipway tag app "$PROXY/app:v1"
  ok slipway push "$PROXY/app:v1"
  curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$PROXY/v2/app/manifests/v1" >manifest.json
  layer=$(jq -r '.layers[1].digest' manifest.json) config=$(jq -r .config.digest manifest.json)
  for request in '^GET .*/manifests/' "^GET .*/blobs/$config" "^GET .*/blobs/$layer"; do
    passes_in_the_end "$request"
    stays_refused "$request"
    for code in 413 416; do
      answers "$request" "$code"
      refused 4 "$words"
    done
    never_answers "$request"
  done
  # An answer that breaks, ends early or falls silent: the rest is asked for.
  for code in reset-body truncate stall; do
    faults "{\"do\":\"$code\",\"match\":\"^GET .*/blobs/$layer\",\"after\":1000000}"
    arrives
    expect_eq "$(proxied "^GET .*/blobs/$layer 206" | wc -l)" 1
    patience=300ms
    faults "{\"do\":\"$code\",\"match\":\"^GET .*/blobs/$layer\",\"after\":0,\"times\":1000}"
    refused 4 "$layer"
    faults "{\"do\":\"$code\",\"match\":\"^GET .*/manifests/\",\"after\":50}"
    pulled 4
    patience=2s
  done
  # Other bytes than the digest says.
  for request in "^GET .*/blobs/$config" "^GET .*/blobs/$layer"; do
    faults "{\"do\":\"damage\",\"match\":\"$request\",\"times\":1000}"
    refused 5 "sha256:"
  done
  faults '{"do":"header","match":"/manifests/v1","headers":{"Docker-Content-Digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}}'
  refused 5 'sha256:0000'
  lies 5 'expected' '.layers[1].size += 1'
  lies 5 'expected' '.layers[1].size -= 1'
  lies 1 'layers' 'del(.layers[1])'
  lies 1 'more than' '.config.size = 1000000000'
  lies 1 'schema 1' '.schemaVersion = 1'
  lies 1 'both' '.manifests = []'
  # More than any manifest has, and what is none.
  python3 -c 'import json; print(json.dumps([{"do": "answer", "match": "/manifests/", "status": 200, "times": 1000, "body": " " * 9_000_000,
    "headers": {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}}])[1:-1])' >huge
  faults "$(cat huge)"
  refused 1 'larger than'
  faults '{"do":"answer","match":"/manifests/","status":200,"times":1000,"body":"<html>sign in here</html>","headers":{"Content-Type":"text/html"}}'
  refused 1 "$PROXY/app"
  # A server that asks for patience gets it.
  faults '{"do":"answer","match":"/manifests/","status":429,"headers":{"Retry-After":"2"}}'
  begin=$SECONDS
  arrives
  [ $((SECONDS - begin)) -ge 1 ] || fail "did not wait"
}

at_both_registries run_all

# 4 MiB of manifest are no more than what must work.
ROOT=$source_root
faults
jq -c '.annotations = {"a": ("x" * 4200000)}' manifest.json >large.json
expect_eq "$(curl -s -o /dev/null -w '%{http_code}' -X PUT --data-binary @large.json -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' "http://$PROXY/v2/app/manifests/large")" 201
ROOT=$WORK/stores/large
ok slipway pull "$PROXY/app:large"
ok slipway copy -q "$PROXY/app:large" "$PROXY/other:large"
