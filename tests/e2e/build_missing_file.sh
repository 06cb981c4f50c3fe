#!/usr/bin/env bash
# A source of COPY that is not there: the path, the lines, and what is there under a similar name.
. "$(dirname "$0")/lib.bash"
load_busybox
file context/src/main.c <<<"int main(void) { return 0; }"
file context/Dockerfile <<'END'
FROM busybox
COPY src/mian.c /
END
fails 1 'src/mian.c' slipway build -t missing context
expect_in "$err" 'not found'
expect_in "$err" '>>> COPY src/mian.c /'
expect_in "$err" 'Dockerfile:2'

file context/Dockerfile <<'END'
FROM busybox AS base
FROM busybox
COPY --from=base /bin/sh /no/such/file /
END
fails 1 '/no/such/file' slipway build context
expect_in "$err" '>>> COPY --from=base'

# A pattern may match nothing, as in docker; a link out of the context is not followed.
file context/Dockerfile <<<$'FROM busybox\nCOPY *.nothing /'
build context
ln -s /etc/passwd context/passwd
file context/Dockerfile <<<$'FROM busybox\nCOPY passwd /copied'
try slipway build -t link context
[ "$status" != 0 ] || ! slipway run --rm link cat /copied 2>/dev/null | grep -q "$(head -n 1 /etc/passwd)" ||
  fail "a file outside of the context came into the image"
expect_eq "$(slipway images -q missing)" ""
