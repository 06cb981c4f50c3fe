#!/usr/bin/env bash
# A step that runs again and makes the same content leaves the steps after it cached, and digests where they were.
. "$(dirname "$0")/lib.bash"
load_busybox

file context/source.txt <<<"one # a comment"
file context/Dockerfile <<'END'
FROM busybox AS build
COPY source.txt /
RUN cut -d'#' -f1 /source.txt > /result
FROM busybox
COPY --from=build /result /
RUN wc -c < /result > /size; cat /proc/sys/kernel/random/uuid > /random
END
build -t early context
before=$(diff_ids early)
random=$(in_image early 'cat /random')

file context/source.txt <<<"one # another comment"
build -t early context
expect_ran 'COPY source.txt'
expect_ran 'RUN cut'
expect_cached 'COPY --from=build'
expect_cached 'RUN wc'
expect_eq "$(diff_ids early)" "$before"
expect_eq "$(in_image early 'cat /random')" "$random"

file context/source.txt <<<"two # another comment"
build -t early context
expect_ran 'RUN wc'
expect_ne "$(in_image early 'cat /random')" "$random"
verify_image early
