#!/usr/bin/env bash
# The same inputs in two stores, at other times and with other numbers of workers, give the same layers.
. "$(dirname "$0")/lib.bash"
file context/b <<<b
file context/a/x <<<x
file context/a/y <<<y
file context/Dockerfile <<'END'
FROM busybox
COPY --chown=1:2 . /context
WORKDIR /made
RUN touch -d @1000000000 . file && touch -d @1000000000 /made
END
find context -exec touch -d @1500000000 {} +
for n in 1 2; do
  ROOT=$WORK/store$n
  load_busybox
  SOURCE_DATE_EPOCH=1700000000 build --build-arg SOURCE_DATE_EPOCH -t same context
  slipway save -o "$n.tar" same
done
expect_eq "$(ROOT=$WORK/store2 diff_ids same)" "$(ROOT=$WORK/store1 diff_ids same)"
expect_eq "$(ROOT=$WORK/store2 image_id same)" "$(ROOT=$WORK/store1 image_id same)"
cmp 1.tar 2.tar || fail "two saves differ"

# Compression changes digests of blobs, not what is in them.
build --output type=oci,dest=zstd.tar,compression=zstd context
build --output type=oci,dest=gzip.tar,compression=gzip context
for kind in gzip zstd; do
  ok python3 "$library/verify_image.py" "$kind.tar"
  skopeo inspect --config "oci-archive:$kind.tar" | jq -c .rootfs >"$kind.rootfs"
done
cmp gzip.rootfs zstd.rootfs || fail "compression changed the diff IDs"
