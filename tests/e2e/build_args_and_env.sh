#!/usr/bin/env bash
# ARG before and in a stage, defaults, --build-arg, ENV, and what of it the image keeps.
. "$(dirname "$0")/lib.bash"
load_busybox

mkdir context
file context/Dockerfile <<'END'
ARG BASE=nothing
ARG VERSION=1.0
FROM ${BASE} AS first
ARG VERSION
ARG COLOUR=blue
ENV GREETING="hello ${COLOUR:-grey}" SHORT=${VERSION%.*}
RUN echo "$GREETING $VERSION $SHORT ${UNSET:-unset}" > /said
ENV GREETING=$GREETING!
CMD echo "$GREETING"
END
build -t plain --build-arg BASE=busybox context
expect_eq "$(in_image plain 'cat /said')" "hello blue 1.0 1 unset"
build -t red --build-arg BASE=busybox --build-arg COLOUR=red --build-arg VERSION=2.7 context
expect_eq "$(in_image red 'cat /said')" "hello red 2.7 2 unset"
verify_image red

ok slipway run --rm red
expect_eq "$out" "hello red!"
# Arguments are no part of the environment of the image.
expect_json "$(slipway inspect red)" '.[0].Config.Env | map(split("=")[0]) | sort | join(" ")' "GREETING PATH SHORT"

# From the caller's environment, when no value is given.
COLOUR=green build -t green --build-arg BASE=busybox --build-arg COLOUR context
expect_eq "$(in_image green 'cat /said')" "hello green 1.0 1 unset"
# A base that is not there is named as the arguments made it.
fails 1 gone slipway build --build-arg BASE=gone --pull=never context
