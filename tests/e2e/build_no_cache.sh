#!/usr/bin/env bash
# --no-cache runs every step again, --no-cache-filter those of one stage.
. "$(dirname "$0")/lib.bash"
load_busybox

mkdir context
file context/Dockerfile <<'END'
FROM busybox AS one
RUN cat /proc/sys/kernel/random/uuid > /one
FROM busybox AS two
RUN cat /proc/sys/kernel/random/uuid > /two
FROM busybox
COPY --from=one /one /
COPY --from=two /two /
END
values() { in_image no-cache 'cat /one /two'; }
build -t no-cache context
first=$(values)
build -t no-cache context
expect_eq "$(values)" "$first"

build -t no-cache --no-cache context
second=$(values)
expect_ne "$(head -n 1 <<<"$second")" "$(head -n 1 <<<"$first")"
expect_ne "$(tail -n 1 <<<"$second")" "$(tail -n 1 <<<"$first")"
# What ran last is what the cache has now.
build -t no-cache context
expect_eq "$(values)" "$second"

build -t no-cache --no-cache-filter two context
third=$(values)
expect_eq "$(head -n 1 <<<"$third")" "$(head -n 1 <<<"$second")"
expect_ne "$(tail -n 1 <<<"$third")" "$(tail -n 1 <<<"$second")"
verify_image no-cache
