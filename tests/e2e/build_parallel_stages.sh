#!/usr/bin/env bash
# Stages that do not need each other run at the same time.
. "$(dirname "$0")/lib.bash"
load_busybox

mkdir context
file context/Dockerfile <<'END'
FROM busybox AS left
RUN sleep 1; echo left > /left
FROM busybox AS right
RUN sleep 1; echo right > /right
FROM busybox
COPY --from=left /left /
COPY --from=right /right /
END
build -t parallel context
expect_eq "$(in_image parallel 'cat /left /right')" $'left\nright'
# Both RUN steps are announced before either is done.
left=$(step_numbers 'RUN sleep 1; echo left') right=$(step_numbers 'RUN sleep 1; echo right')
before=$(sed "/^#\($left\|$right\) DONE/,\$d" <<<"$err")
expect_match "$before" "#$left .*echo left"
expect_match "$before" "#$right .*echo right"
verify_image parallel
