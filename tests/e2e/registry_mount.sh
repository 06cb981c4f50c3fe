#!/usr/bin/env bash
# A layer that the registry has in another repository is mounted there, not sent.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
start_registry
ok slipway tag busybox "$REGISTRY/base"
ok slipway push "$REGISTRY/base"
mkdir context
file context/Dockerfile <<<"FROM $REGISTRY/base"$'\nRUN echo own > /own'
build -t "$REGISTRY/app" context
forget_requests
ok slipway push "$REGISTRY/app"
expect_match "$(requests '^POST .*mount=sha256')" 'from=base.* 201'
# The own layer and the config.
expect_eq "$(requests '^PUT .*/app/blobs/uploads' | wc -l)" 2

# A base that was pulled is mounted as well, without being unpacked or fetched for it.
ROOT=$WORK/other
printf 'FROM %s/base\nLABEL only=config\n' "$REGISTRY" >context/Dockerfile
build -t "$REGISTRY/labelled" context
forget_requests
ok slipway push "$REGISTRY/labelled"
expect_match "$(requests '^POST .*mount=sha256')" 'from=base.* 201'
expect_eq "$(requests '^PUT .*/blobs/uploads' | wc -l)" 1
if command -v skopeo >/dev/null; then
  ok skopeo copy --src-tls-verify=false "docker://$REGISTRY/labelled" oci-archive:copied.tar
  ok python3 "$library/verify_image.py" copied.tar
fi
