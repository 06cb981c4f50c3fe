#!/usr/bin/env bash
# Steps of another machine: they run where the kernel knows what runs such programs; where it does not, the error says
# which package is missing.
# as: root rootless
# kinds: registry
# seconds: 600
. "$(dirname "$0")/lib.bash"

[ "$(uname -m)" = x86_64 ] || skip "the other machine's programs are those of arm64"
[ -e "$IMAGES/qemu-aarch64" ] || skip "Debian's packages of arm64 could not be fetched"
mkdir -p context
cat >context/Dockerfile <<END
FROM busybox
RUN uname -m >/machine && cat /machine && touch /made && chown 5:6 /made
RUN ["/bin/busybox", "sh", "-c", "sleep $long & id"]
COPY Dockerfile /
END

# The file system for the kernel's list can be mounted in a user namespace since Linux 6.7: what is registered there is
# known there only, and goes with it.
known() { # COMMAND...: where programs of arm64 are known
  local enter=(unshare --user --map-root-user --map-auto --mount)
  [ "$MODE" != root ] || enter=(python3 "$library/identity_namespace.py")
  "${enter[@]}" bash -c '
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 66
    printf %s "$0" >/proc/sys/fs/binfmt_misc/register || exit 66
    exec "$@"' ":slipway-test:M::$magic:$mask:$IMAGES/qemu-aarch64:OPF" "$@"
}
magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
foreign() { known "$SLIPWAY" --root "$WORK/known" "$@"; }

# Without: said before anything of the step runs, with the machine and the package.
ok slipway load -i "$IMAGES/busybox-arm64.tar"
if ! grep -qs '^enabled' /proc/sys/fs/binfmt_misc/qemu-aarch64; then
  fails 1 'qemu-user-static' slipway build --progress plain --platform linux/arm64 context
  expect_in "$err" 'program for arm64'
  expect_in "$err" '>>> RUN uname -m'
fi

try foreign load -i "$IMAGES/busybox-arm64.tar"
[ "$status" != 66 ] || skip "this kernel takes no binfmt_misc in a user namespace"
expect_eq "$status" 0
ok foreign build --progress plain --platform linux/arm64 -t app context
expect_match "$err" '[0-9.]+ aarch64'
ok foreign inspect app
expect_json "$out" '.[0].Architecture' arm64
ok foreign run --rm --platform linux/arm64 app stat -c %u:%g /made
expect_eq "$out" 5:6
expect_none_asleep

# Two machines at once, as an index in a registry that other tools read.
start_registry
ok slipway load -i "$IMAGES/busybox.tar"
for machine in arm64 amd64; do
  suffix=${machine/amd64/} suffix=${suffix:+-$suffix}
  ok slipway --root "$WORK/$machine" load -i "$IMAGES/busybox$suffix.tar"
  ok slipway --root "$WORK/$machine" tag busybox "$REGISTRY/base:$machine"
  ok slipway --root "$WORK/$machine" push -q "$REGISTRY/base:$machine"
done
ok slipway manifest create "$REGISTRY/base" "$REGISTRY/base:amd64" "$REGISTRY/base:arm64"
ok slipway manifest push "$REGISTRY/base"
sed -i "s|^FROM .*|FROM $REGISTRY/base|" context/Dockerfile
ok foreign build --progress plain --platform linux/amd64,linux/arm64 --provenance -t "$REGISTRY/app" --push context
raw=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app")
expect_json "$raw" '[.manifests[].platform.architecture]' '["amd64","arm64"]'
for machine in amd64:x86_64 arm64:aarch64; do
  ok skopeo copy --src-tls-verify=false --override-arch "${machine%:*}" "docker://$REGISTRY/app" "oci:${machine%:*}:app"
  ok umoci unpack --rootless --image "${machine%:*}:app" "bundle-${machine%:*}"
  expect_eq "$(<"bundle-${machine%:*}/rootfs/machine")" "${machine#*:}"
  ok slipway manifest attestations --platform "linux/${machine%:*}" "$REGISTRY/app"
  expect_json "$out" '.predicate.buildDefinition.externalParameters.request.args.platform' "linux/${machine%:*}"
done
