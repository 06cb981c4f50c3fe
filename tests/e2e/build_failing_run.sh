#!/usr/bin/env bash
# A failing RUN shows its exit code, its lines in the Dockerfile and the end of its output; what it did is gone.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN echo fine > /fine
RUN for n in $(seq 1 50); do echo "line $n"; done; echo "the reason" >&2; touch /half; exit 42
RUN echo never
END
fails 1 'exit code: 42' slipway build --progress plain -t failing context
expect_in "$err" 'Dockerfile:3'
expect_in "$err" '>>> RUN for n in'
report=${err##*$'\n#'}
expect_in "$report" 'the reason'
expect_in "$report" 'line 50'
expect_not_in "$err" '] RUN echo never'
expect_eq "$(slipway images -q failing)" ""

# The steps before it are kept.
sed -i 's/exit 42/exit 0/' context/Dockerfile
build -t failing context
expect_cached 'RUN echo fine'
verify_image failing

file context/Dockerfile <<<$'FROM busybox\nRUN kill -9 $$'
fails 1 '137' slipway build context
file context/Dockerfile <<<$'FROM busybox\nRUN ["/no/such/program"]'
fails 1 '/no/such/program' slipway build context
file context/Dockerfile <<<$'FROM busybox\nUSER nobodyknows\nRUN id'
fails 1 'nobodyknows' slipway build context
file context/Dockerfile <<<$'FROM scratch\nRUN echo'
fails 1 '/bin/sh' slipway build context
