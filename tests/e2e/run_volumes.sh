#!/usr/bin/env bash
# -v shows a folder or file of the host in the sandbox, read-only where asked, and -w need not exist.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
echo from host >"$WORK/host.txt"
mkdir "$WORK/shared"
echo one >"$WORK/shared/one"
ok slipway run --rm -v "$WORK/shared:/mnt/shared" -v "$WORK/host.txt:/etc/given:ro" busybox sh -c '
  cat /mnt/shared/one /etc/given && echo two > /mnt/shared/two'
expect_eq "$out" $'one\nfrom host'
expect_eq "$(cat "$WORK/shared/two")" two
[ "$MODE" = root ] || expect_eq "$(stat -c %u "$WORK/shared/two")" "$(id -u)"

try slipway run --rm -v "$WORK/shared:/mnt:ro" busybox sh -c 'echo no > /mnt/three'
[ "$status" != 0 ] || fail "a read-only folder was written to"
expect_no_file "$WORK/shared/three"
expect_in "$err" "Read-only"
# Links in the image do not lead the mount outside of it.
file context/Dockerfile <<<$'FROM busybox\nRUN ln -s / /mnt'
build -t links context
ok slipway run --rm -v "$WORK/shared:/mnt/deep/down" links cat /deep/down/one
expect_eq "$out" one
expect_no_file /deep
# The image has none of it.
ok slipway run --rm busybox sh -c 'ls /mnt/shared /etc/given 2>&1 | grep -c "No such"'
expect_eq "$out" 2
fails 125 'relative/path' slipway run -v relative/path/x:also-relative busybox true
