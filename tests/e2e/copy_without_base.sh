#!/usr/bin/env bash
# COPY onto an image of a registry: its layers are not fetched, or read once for what they hold and not unpacked.
# kinds: registry
. "$(dirname "$0")/lib.bash"
start_registry
load_busybox
ok slipway tag busybox "$REGISTRY/base"
ok slipway push "$REGISTRY/base"
layer=$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/base" | jq -r '.layers[0].digest')
ROOT=$WORK/other-store
layer_requests() { requests "^GET .*/blobs/$layer" | wc -l; }

file c/one <<<one
file c/Dockerfile <<END
FROM $REGISTRY/base
COPY --link --chown=5:6 one /etc/new/
ENV A=b
END
build -t "$REGISTRY/linked" c
expect_eq "$(layer_requests)" 0
ok slipway push "$REGISTRY/linked"
expect_eq "$(layer_requests)" 0

# A plain COPY asks what the image has at the destination: the layer is read once, and its tree is not made.
sed -i 's/--link //' c/Dockerfile
build -t "$REGISTRY/plain" c
expect_eq "$(layer_requests)" 1
echo two >c/one
build -t "$REGISTRY/plain2" c
expect_eq "$(layer_requests)" 1
expect_eq "$(find "$ROOT/trees" -mindepth 1 -maxdepth 1 | wc -l)" 0
echo one >c/one

# The same files either way.
for name in linked plain; do
  printf 'FROM %s/%s\n' "$REGISTRY" $name | slipway build -q -o "$name" - >/dev/null
done
diff -r linked plain || fail "COPY and COPY --link give different files"
expect_eq "$(cat plain/etc/new/one)" one

# A name is looked up in the image's passwd, also for --link.
file c/Dockerfile <<END
FROM $REGISTRY/base
COPY --link --chown=daemon one /owned
RUN test "\$(stat -c %u:%g /owned)" = 1:1
END
build c
stop_registry
