#!/usr/bin/env bash
# import makes an image of one layer from a tar of a root file system.
. "$(dirname "$0")/lib.bash"
mkdir -p tree/bin tree/etc
cp /bin/busybox tree/bin/
ln -s busybox tree/bin/sh
echo imported >tree/etc/file
tar -C tree --owner 0 --group 0 -cf root.tar .
ok slipway import --change 'CMD ["sh", "-c", "busybox cat /etc/file"]' --change 'ENV A=b' -m 'by hand' root.tar imported:v1
expect_match "$out" '^sha256:[0-9a-f]{64}$'
ok slipway run --rm imported:v1
expect_eq "$out" imported
expect_json "$(slipway inspect imported:v1)" '.[0].Config.Env | index("A=b") != null' true
expect_in "$(slipway history --no-trunc imported:v1)" 'by hand'
verify_image imported:v1

gzip -c root.tar | slipway import - from:gzip >/dev/null
expect_eq "$(diff_ids from:gzip)" "$(diff_ids imported:v1)"
fails 1 'missing.tar' slipway import missing.tar x
fails 2 'FROM' slipway import --change 'FROM scratch' root.tar x
echo nonsense >broken.tar
fails 1 'broken.tar' slipway import broken.tar x
expect_eq "$(slipway images -q x)" ""
