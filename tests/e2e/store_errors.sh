#!/usr/bin/env bash
# A store of a newer format, a folder that is no store, one that can't be written, one that is damaged: each says so.
. "$(dirname "$0")/lib.bash"
load_busybox
version=$(cat "$ROOT/version")
echo 9999 >"$ROOT/version"
fails 1 "$ROOT" slipway images
expect_in "$err" 9999
expect_in "$err" "newer"
echo "$version" >"$ROOT/version"
ok slipway images

mkdir "$WORK/somebody-elses" && echo data >"$WORK/somebody-elses/file"
ROOT=$WORK/somebody-elses fails 2 "somebody-elses" slipway images
expect_eq "$(ls "$WORK/somebody-elses")" file
echo text >"$WORK/text"
ROOT=$WORK/text
try slipway images
[ "$status" = 1 ] || [ "$status" = 6 ] || fail "a file as store gave the status $status"
expect_in "$err" "$WORK/text"
ROOT=/proc/none
try slipway images
expect_match "$status" '^(1|3|6)$'
expect_in "$err" "/proc/none"

# A byte of a blob changes: export notices, and names the blob.
ROOT=$WORK/damaged
load_busybox
ok slipway save -o good.tar busybox
blob=$(find "$ROOT/blobs" -type f -size +300k | head -n 1)
chmod u+w "$blob"
printf 'x' | dd of="$blob" bs=1 seek=4000 conv=notrunc status=none
fails 5 "$(basename "$blob")" slipway save -o bad.tar busybox
expect_no_file bad.tar
# Loading it again mends the store.
ok slipway load -i "$IMAGES/busybox.tar"
verify_image busybox
