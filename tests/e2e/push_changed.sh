#!/usr/bin/env bash
# as: root rootless
# kinds: registry
# What was compressed once is taken from the older layer's blob, and the new blob is the one that any other way of making it gives:
# in a store that never saw an older layer, by a build that compresses at once, by a push, and by an archive.
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
mkdir -p context/data
file context/Dockerfile <<<$'FROM busybox\nCOPY data /data'
file mounted.Dockerfile <<<$'FROM busybox\nCOPY data /data\nRUN true'
# What is younger than a tick of the clock is read again and never believed.
is_settled() { [ -z "$(find context -newerct '0.2 seconds ago')" ]; }
changed() {
  touch -d '2026-01-02T03:04:05Z' context context/data context/data/*
  wait_until is_settled
}

# layer_of ARCHIVE: the digest of the COPY's layer.
layer_of() {
  local manifest
  manifest=$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest')
  tar -xOf "$1" "blobs/sha256/${manifest#sha256:}" | jq -r '.layers[1].digest'
}
pushed_layer() {
  ok slipway copy -q "$REGISTRY/$1" oci-archive:pushed.tar
  ok python3 "$library/verify_image.py" pushed.tar
  layer_of pushed.tar
}
saved_layer() {
  ok slipway save --format oci -o saved.tar "$1"
  ok python3 "$library/verify_image.py" saved.tar
  layer_of saved.tar
}
# fresh COMMAND...: in a store of its own that has nothing but the base
stores=0
fresh() {
  local ROOT=$WORK/fresh$((++stores))
  load_busybox
  "$@"
}
fresh_digest() {
  build -t "$1" -f "$2" context
  saved_layer "$1" >expected
}
built_and_pushed() {
  build --push -t "$REGISTRY/$1" context
  pushed_layer "$1" >expected_too
}

both_ways() {
  local dockerfile=$1 number=0 expected change
  rm -rf context/data/*
  for name in $(seq -f file%g 100 139); do
    head -c 250000 /dev/urandom | base64 >"context/data/$name"
  done
  for change in true 'echo changed >context/data/file110' 'rm context/data/file120' 'echo new >context/data/file100a' \
    'head -c 700000 /dev/urandom >>context/data/file130' 'mv context/data/file105 context/data/file137a'; do
    eval "$change"
    changed
    number=$((number + 1))
    build -t app -f "$dockerfile" context
    slipway tag app "$REGISTRY/n$number"
    ok slipway push "$REGISTRY/n$number"
    fresh fresh_digest app "$dockerfile"
    expected=$(<expected)
    expect_eq "$(pushed_layer "n$number")" "$expected"
    expect_eq "$(saved_layer app)" "$expected"
    rm -rf "$WORK/fresh"*
  done
}
both_ways context/Dockerfile
both_ways mounted.Dockerfile

# A build that compresses at once takes from the one before, and makes the same.
for change in true 'echo changed >context/data/file110' 'echo new >context/data/file100a' 'rm context/data/file121'; do
  eval "$change"
  changed
  ROOT=$WORK/building
  [ -e "$ROOT" ] || load_busybox
  built_and_pushed once
  fresh fresh_digest app context/Dockerfile
  expect_eq "$(<expected_too)" "$(<expected)"
done
ROOT=$WORK/store-of-two
load_busybox
build -t app context
slipway tag app "$REGISTRY/first"
ok slipway push "$REGISTRY/first"

# Two pushes of one new layer at once.
echo 'for two' >context/data/file111
changed
build -t app context
slipway tag app "$REGISTRY/left"
slipway tag app "$REGISTRY/right"
slipway push -q "$REGISTRY/left" >left.out &
left=$!
ok slipway push -q "$REGISTRY/right"
wait "$left"
expect_eq "$(pushed_layer left)" "$(pushed_layer right)"
fresh fresh_digest app context/Dockerfile
expect_eq "$(pushed_layer left)" "$(<expected)"

# A damaged blob is found out, and nothing wrong is sent.
blob=$ROOT/blobs/sha256/$(cut -d: -f2 <expected)
expect_file "$blob"
chmod u+w "$blob"
printf 'damage' | dd of="$blob" bs=1 seek=5000000 conv=notrunc status=none
echo 'after damage' >context/data/file112
changed
build -t app context
slipway tag app "$REGISTRY/damaged"
ok slipway push "$REGISTRY/damaged"
fresh fresh_digest app context/Dockerfile
expect_eq "$(pushed_layer damaged)" "$(<expected)"

# What was taken from goes with its layer, and the next push does without.
ok slipway rmi -f app "$REGISTRY/left" "$REGISTRY/right" "$REGISTRY/damaged"
ok slipway prune -a
load_busybox
echo 'after prune' >context/data/file113
changed
build -t app context
slipway tag app "$REGISTRY/pruned"
ok slipway push "$REGISTRY/pruned"
fresh fresh_digest app context/Dockerfile
expect_eq "$(pushed_layer pruned)" "$(<expected)"
