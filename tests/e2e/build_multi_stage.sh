#!/usr/bin/env bash
# A stage copies from stages by name and number; what only they needed is not in the image.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox

file context/main.txt <<<"from the context"
file context/Dockerfile <<'END'
FROM busybox AS one
COPY main.txt /work/
RUN mkdir -p /out && tr a-z A-Z < /work/main.txt > /out/upper && echo left behind > /scrap

FROM busybox
RUN echo second > /second

FROM busybox AS last
WORKDIR /data
COPY --from=one /out/ ./
COPY --from=1 --chown=33:33 --chmod=640 /second renamed
LABEL kind=test
CMD ["cat", "/data/upper"]
END
build -t multi context
verify_image multi

expect_eq "$(in_image multi 'cat /data/upper /data/renamed')" $'FROM THE CONTEXT\nsecond'
expect_eq "$(in_image multi 'stat -c "%u:%g %a" /data/renamed')" "33:33 640"
expect_eq "$(in_image multi 'ls -d /scrap /work /second 2>/dev/null | wc -l')" 0
ok slipway run --rm multi
expect_eq "$out" "FROM THE CONTEXT"
config=$(slipway inspect multi | jq -c '.[0].Config')
expect_json "$config" .WorkingDir /data
expect_json "$config" .Labels.kind test
# The base's layer, WORKDIR and two COPY.
expect_eq "$(diff_ids multi | wc -l)" 4
