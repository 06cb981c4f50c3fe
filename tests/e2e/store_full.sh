#!/usr/bin/env bash
# A full disk is one clear error; afterwards the store works as before.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
if [ -z "${IN_NAMESPACE-}" ]; then
  # A mount namespace of our own, and one of a user who may not mount: the small file system is nobody else's.
  case $MODE in
    root) IN_NAMESPACE=1 exec unshare --mount bash "$0" ;;
    rootless) IN_NAMESPACE=1 exec unshare --user --map-root-user --map-auto --mount bash "$0" ;;
    one-id) IN_NAMESPACE=1 exec unshare --user --map-root-user --mount bash "$0" ;;
  esac
fi
mkdir "$ROOT" context
mount -t tmpfs -o size=24m small "$ROOT" || skip "a small file system can't be mounted"
load_busybox
file context/Dockerfile <<<$'FROM busybox\nRUN echo small > /small'
build -t small context

full() { fails 6 'No space left' "$@"; }
file context/Dockerfile <<<$'FROM busybox\nRUN echo small > /small\nRUN dd if=/dev/urandom of=/big bs=1M count=40'
full slipway build -t big context
head -c 40000000 /dev/urandom >context/big
file context/Dockerfile <<<$'FROM busybox\nCOPY big /'
full slipway build -t big context
tar -C context -cf big.tar big
full slipway import big.tar big
expect_eq "$(slipway images -q big)" ""
expect_eq "$(find "$ROOT/tmp" -mindepth 1 | wc -l)" 0

# Outputs elsewhere that do not fit are gone, too.
mkdir out && mount -t tmpfs -o size=200k small out
full slipway save -o out/small.tar small
expect_no_file out/small.tar
file context/Dockerfile <<<'FROM busybox'
full slipway build --output type=oci,dest=out/oci.tar context
expect_eq "$(ls -A out)" ""
umount out

file context/Dockerfile <<<$'FROM busybox\nRUN echo small > /small\nRUN echo more > /more'
build -t more context
expect_cached 'RUN echo small'

verify_image more
umount "$ROOT"
