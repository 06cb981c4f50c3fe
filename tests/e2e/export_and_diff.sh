#!/usr/bin/env bash
# export writes the root file system that import takes back; diff tells what a layer, or another image, changed.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN mkdir -p /new/folder && echo x > /new/folder/file && echo changed > /etc/passwd && rm /bin/yes
END
build -t app context
ok slipway diff app
expect_eq "$out" "D /bin/yes
C /etc/passwd
A /new
A /new/folder
A /new/folder/file"
ok slipway diff busybox app
expect_in "$out" 'A /new/folder/file'
ok slipway diff app app
expect_eq "$out" ""

ok slipway export -o root.tar app
tar -tf root.tar >members
grep -qE '^(\./)?new/folder/file$' members || fail "no file in the tar"
! grep -q 'bin/yes$' members || fail "a deleted file is in the tar"
ok slipway import root.tar again
ok slipway diff app again
expect_eq "$out" ""
slipway export app | cmp - root.tar
fails 1 gone slipway export -o x.tar gone
expect_no_file x.tar
