#!/usr/bin/env bash
# load and save: several images in one archive, standard streams, old archives, other tools; the same image comes back.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
expect_in "$out" 'Loaded image: busybox:latest'
mkdir context
file context/Dockerfile <<<$'FROM busybox\nRUN echo one > /one && rm /bin/yes'
build -t one:v1 context
ok slipway tag one:v1 example.com/other:v2
ok slipway save -o both.tar one:v1 example.com/other:v2 busybox
ok python3 "$library/verify_image.py" both.tar
slipway save one:v1 >stdout.tar

expected=$(image_id one:v1)
for archive in both.tar stdout.tar; do
  ROOT=$WORK/store-$archive
  ok slipway load -i "$archive"
  expect_in "$out" 'Loaded image: one:v1'
  expect_eq "$(image_id one:v1)" "$expected"
  ok slipway run --rm one:v1 cat /one
  expect_eq "$out" one
  verify_image one:v1
done
expect_eq "$(ROOT=$WORK/store-both.tar image_id example.com/other:v2)" "$expected"

# From standard input, compressed, and in the form of older dockers.
ROOT=$WORK/store-gz
gzip -c stdout.tar | slipway load >/dev/null
expect_eq "$(image_id one:v1)" "$expected"
ok slipway load -i "$IMAGES/busybox-docker.tar"
ok slipway run --rm busybox echo loaded
expect_eq "$out" loaded
if command -v skopeo >/dev/null; then
  ok skopeo copy docker-archive:stdout.tar:one:v1 oci-archive:again.tar:again
  ok slipway load -i again.tar
fi

# A name without a tag is all tags of its repository.
ROOT=$WORK/store-both.tar
ok slipway tag one:v1 one:v2
ok slipway save -o all.tar one
expect_eq "$(tar -xOf all.tar manifest.json | jq -c '[.[].RepoTags[]] | sort')" '["one:v1","one:v2"]'

fails 1 'gone' slipway save -o x.tar gone
expect_no_file x.tar
fails 1 'no-such-file' slipway load -i no-such-file
head -c 700000 stdout.tar >cut.tar
ROOT=$WORK/store-cut
try slipway load -i cut.tar
[ "$status" = 1 ] || [ "$status" = 5 ] || fail "half an archive gave the status $status"
expect_eq "$(slipway images -q)" ""
echo "no archive at all" >text
fails 1 'text' slipway load -i text
