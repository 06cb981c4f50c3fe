#!/usr/bin/env bash
# --target stops at a stage; stages that it does not need are not even started.
. "$(dirname "$0")/lib.bash"
load_busybox

mkdir context
file context/Dockerfile <<'END'
FROM busybox AS base
RUN echo base > /base
FROM base AS broken
RUN exit 3
FROM base AS wanted
RUN echo wanted > /wanted
FROM broken
RUN echo never
END
build -t target --target wanted context
expect_eq "$(in_image target 'cat /base /wanted')" $'base\nwanted'
expect_not_in "$err" "exit 3"
verify_image target
# In any case of letters, as docker takes it.
build -t upper --target WANTED context
expect_eq "$(image_id upper)" "$(image_id target)"
# Without a target: the last stage, with what it needs.
fails 1 'exit code: 3' slipway build context
# A near miss is named.
fails 2 'wanted' slipway build --target wantd context
