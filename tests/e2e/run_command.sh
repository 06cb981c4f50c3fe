#!/usr/bin/env bash
# `slipway run`: the image's command or another, its environment, folder and user, and the exit code.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
ENV FROM_IMAGE=yes
WORKDIR /work
USER 33:33
CMD ["sh", "-c", "echo cmd; pwd; id -u; echo $FROM_IMAGE"]
END
build -t plain context
file context/Dockerfile <<<$'FROM plain\nENTRYPOINT ["echo", "entry"]\nCMD ["default"]'
build -t entry context

ok slipway run --rm plain
expect_eq "$out" $'cmd\n/work\n33\nyes'
ok slipway run plain echo 'two  words' '$HOME' --flag -e
expect_eq "$out" 'two  words $HOME --flag -e'
ok slipway run entry
expect_eq "$out" "entry default"
ok slipway run entry other arguments
expect_eq "$out" "entry other arguments"
ok slipway run --entrypoint id entry -u
expect_eq "$out" 33

ok env GIVEN=outside "$SLIPWAY" --root "$ROOT" run -e A=1 --env B='x y' -e GIVEN -e FROM_IMAGE=no plain sh -c 'echo $A-$B-$GIVEN-$FROM_IMAGE'
expect_eq "$out" "1-x y-outside-no"
ok slipway run -w /tmp plain pwd
expect_eq "$out" /tmp
ok slipway run -u root plain id -u
expect_eq "$out" 0
ok slipway run --user 12:34 plain sh -c 'id -u; id -g'
expect_eq "$out" $'12\n34'

# Standard streams and status are the command's own.
expect_eq "$(echo input | slipway run -i plain cat)" input
ok slipway run plain sh -c 'echo out; echo err >&2'
expect_eq "$out/$err" "out/err"
for code in 0 1 7 255; do
  try slipway run plain sh -c "exit $code"
  expect_eq "$status" "$code"
done
try slipway run plain sh -c 'kill -TERM $$'
expect_eq "$status" 143
# What a run writes is its own.
ok slipway run -u 0 plain sh -c 'echo x > /written'
fails 1 'No such file' slipway run plain cat /written
verify_image plain
