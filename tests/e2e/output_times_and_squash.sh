#!/usr/bin/env bash
# SOURCE_DATE_EPOCH in outputs, and --squash.
. "$(dirname "$0")/lib.bash"
load_busybox
file context/data <<<data
file context/Dockerfile <<'END'
FROM busybox
RUN rm /bin/yes && echo one > /one && mkdir /dir && echo a > /dir/a && ln /dir/a /dir/b && chmod 700 /root
COPY data /data
RUN rm /one && rm -r /dir/a && echo two > /two && mv /data /moved
CMD ["sh"]
END
epoch=1600000000

# --- times: only with rewrite-timestamp in layers, always in folders and tars
build --build-arg SOURCE_DATE_EPOCH=$epoch -o type=oci,dest=plain.tar -o type=oci,dest=rewritten.tar,rewrite-timestamp=true \
  -o type=tar,dest=files.tar -o type=local,dest=folder --iidfile id context
expect_eq "$(stat -c %Y folder/two folder/dir | sort -u)" $epoch
newest() { python3 -c 'import sys, tarfile; print(max(int(m.mtime) for m in tarfile.open(sys.argv[1])))' "$1"; }
expect_eq "$(newest files.tar)" $epoch
for name in plain rewritten; do
  mkdir $name && tar -C $name -xf $name.tar
  ok python3 "$library/verify_image.py" $name.tar
done
layers() { jq -r '.layers[].digest' "$1/blobs/$(jq -r '.manifests[0].digest' "$1/index.json" | tr : /)" | tr : /; }
expect_eq "$(layers plain | head -n 1)" "$(layers rewritten | head -n 1)"
for layer in $(layers rewritten | tail -n +2); do
  [ "$(newest "rewritten/blobs/$layer")" -le $epoch ] || fail "a file is newer than SOURCE_DATE_EPOCH"
done
[ "$(newest "plain/blobs/$(layers plain | tail -n 1)")" -gt $epoch ] || fail "times were changed without rewrite-timestamp"
cp -r rewritten first
build --no-cache --build-arg SOURCE_DATE_EPOCH=$epoch -o type=oci,dest=again.tar,rewrite-timestamp=true context
mkdir again && tar -C again -xf again.tar
expect_eq "$(layers again)" "$(layers first)"

# --- squash: the base's layer and one more, the same files
build -t long context
build -t short --squash context
verify_image short
expect_eq "$(diff_ids long | wc -l) $(diff_ids short | wc -l)" "4 2"
expect_eq "$(diff_ids short | head -n 1)" "$(diff_ids long | head -n 1)"
expect_json "$(slipway inspect short)" '.[0].Config.Cmd' '["sh"]'
listing='find / -xdev \( -path /proc -o -path /sys -o -path /dev \) -prune -o -print | sort; cat /two /moved /dir/b; stat -c %a /root; ls /bin/yes /one 2>&1; true'
expect_eq "$(in_image short "$listing")" "$(in_image long "$listing")"
expect_eq "$(slipway history -q short | wc -l)" "$(($(slipway history -q long | wc -l) + 1))"
build -t again --squash context
expect_eq "$(image_id again)" "$(image_id short)"
