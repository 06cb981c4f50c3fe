#!/usr/bin/env bash
# registries.conf: names move to other places, mirrors come first, blocked registries are not asked; pull -a takes all tags.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
serve
for name in mirror/library/tool:v1 mirror/library/tool:v2 inside/app:v1; do
  ok slipway tag busybox "$REGISTRY/$name"
  ok slipway push "$REGISTRY/$name"
done
file registries.conf <<END
unqualified-search-registries = ["docker.io"]

[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:1/nobody"   # not there: the next one is asked
[[registry.mirror]]
location = "$REGISTRY/mirror"

[[registry]]
prefix = "outside.example/team"
location = "$REGISTRY/inside"

[[registry]]
prefix = "*.bad.example"
blocked = true
END
export CONTAINERS_REGISTRIES_CONF=$WORK/registries.conf
ROOT=$WORK/other
ok slipway pull tool:v1
expect_eq "$(tail -n 1 <<<"$out")" docker.io/library/tool:v1
ok slipway pull outside.example/team/app:v1
ok slipway tag tool:v1 outside.example/team/new:v1
ok slipway push outside.example/team/new:v1
expect_ne "$(served 'PUT /v2/inside/new/manifests/v1 201')" ""
fails 3 blocked slipway pull www.bad.example/app
ok slipway pull -a "$REGISTRY/mirror/library/tool"
expect_eq "$(slipway images --format '{{.Tag}}' "$REGISTRY/mirror/library/tool" | sort | xargs)" 'v1 v2'
# A short name with an alias stands for what that says, unless the store has that very name.
file registries.conf <<END
[aliases]
"thing" = "$REGISTRY/mirror/library/tool"
"team/thing" = "$REGISTRY/inside/app"
END
ROOT=$WORK/aliases
ok slipway pull thing:v2
expect_eq "$(tail -n 1 <<<"$out")" "$REGISTRY/mirror/library/tool:v2"
mkdir context
file context/Dockerfile <<<$'FROM team/thing:v1\nCOPY --from=thing:v1 /bin/busybox /copied'
build -t thing:v2 context
expect_eq "$(slipway images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)" \
  "$REGISTRY/inside/app:v1 $REGISTRY/mirror/library/tool:v1 $REGISTRY/mirror/library/tool:v2 thing:v2"
ok slipway run --rm thing:v2 ls /copied
file context/Dockerfile <<<$'FROM thing:v2\nCOPY Dockerfile /'
build -t again context
ok slipway run --rm again ls /copied
# What podman has noted counts before.
if [ "$MODE" != root ]; then
  mkdir -p "$HOME/.cache/containers"
  file "$HOME/.cache/containers/short-name-aliases.conf" <<<$'[aliases]\nthing = "127.0.0.1:1/nowhere"'
  fails 4 127.0.0.1:1 slipway pull --retry-times 0 thing:v1
fi
file registries.conf <<<'[[registry]'
fails 1 'registries.conf, line 1' slipway pull tool:v3
