#!/usr/bin/env bash
# --check and --call look at a Dockerfile without building it: warnings, arguments and secrets, stages.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'EOT'
# base the image to start from
ARG base=busybox
# builder makes it
FROM ${base} AS builder
# version what to build
ARG version=1.0
RUN --mount=type=secret,id=token,required --mount=type=ssh false $version
FROM scratch AS Release
COPY --from=builder /x /y
EOT

try slipway build --check context
expect_eq "$status" 1
expect_eq "$out" "Check complete, 1 warning has been found!

WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/
Stage name 'Release' should be lowercase
Dockerfile:8
--------------------
   6 |     ARG version=1.0
   7 |     RUN --mount=type=secret,id=token,required --mount=type=ssh false \$version
   8 | >>> FROM scratch AS Release
   9 |     COPY --from=builder /x /y
  10 |     
--------------------"
expect_eq "$err" ''
try slipway build --call check,format=json context
expect_eq "$status" 1
expect_json "$out" '.warnings | map(.ruleName)' '["StageNameCasing"]'
expect_json "$out" '.warnings[0].location.ranges[0].start.line' 8
expect_json "$out" '.sources[0] | .filename, (.data | @base64d | split("\n")[0])' \
  $'Dockerfile\n# base the image to start from'
ok slipway build --check --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=all context
expect_eq "$out" 'Check complete, no warnings found.'

ok slipway build --call outline --target builder --build-arg version=2 context
expect_eq "$out" 'TARGET:        builder
DESCRIPTION:   makes it

BUILD ARG   VALUE     DESCRIPTION
base        busybox   the image to start from
version     2         what to build

SECRET   REQUIRED
token    true

SSH       REQUIRED
default   '
ok slipway build --call outline,format=json --target builder context
expect_json "$out" '.args | map(.name + "=" + .value)' '["base=busybox","version=1.0"]'
expect_json "$out" '.secrets[0] | .name, .required' $'token\ntrue'

ok slipway build --call targets context
expect_eq "$out" 'TARGET              DESCRIPTION
builder             makes it
release (default)   '
ok slipway build --call targets,format=json context
expect_json "$out" '.targets | map([.name, .base, .default])' '[["builder","${base}",null],["release","scratch",true]]'

# A file that can't be built says so last.
file bad.Dockerfile <<<$'FROM scratch\nCOPY --form=x a b'
try slipway build --check -f bad.Dockerfile context
expect_eq "$status" 1
expect_in "$out" 'unknown flag: --form (did you mean from?)
bad.Dockerfile:2'
fails 2 'use build, check, outline or targets' slipway build --call inline context
fails 2 'target stage "nothing" could not be found' slipway build --call outline --target nothing context

# A build tells its warnings at its end, and fails if the file asks for that.
file context/Dockerfile <<<$'FROM busybox\nENV old form'
ok slipway build context
expect_in "$err" ' - LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format (line 2)'
file context/Dockerfile <<<$'# check=error=true\nFROM busybox\nENV old form'
fails 1 'lint violation found for rules: LegacyKeyValueFormat' slipway build context
# What is said above an instruction holds for that one only.
file context/Dockerfile <<<$'# check=error=true\nFROM busybox\n# check=skip=LegacyKeyValueFormat\nENV old form'
ok slipway build context
expect_not_in "$err" 'warning'
