#!/usr/bin/env bash
# A push that is killed leaves no name, and started again does not send what had arrived; rights are asked for before a build.
# kinds: registry
. "$(dirname "$0")/lib.bash"
load_busybox
serve
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN head -c 9000000 /dev/urandom > /a
RUN head -c 9000000 /dev/urandom > /b
RUN head -c 9000000 /dev/urandom > /c
RUN head -c 9000000 /dev/urandom > /d
END
build -t "$REGISTRY/app:v1" context
"$SLIPWAY" --root "$ROOT" push "$REGISTRY/app:v1" >first.out 2>&1 </dev/null &
push_pid=$!
wait_until grep -qE '^PUT .*/blobs/uploads/.* 201' "$WORK/serve.err"
kill -9 "$push_pid" 2>/dev/null || true
wait "$push_pid" 2>/dev/null || true
arrived=$(served '^PUT .*/blobs/uploads/.* 201' | wc -l)
ok slipway push "$REGISTRY/app:v1"
expect_eq "$(served '^PUT .*/blobs/uploads/.* 201' | wc -l)" 6
[ "$arrived" -ge 1 ] || fail "nothing had arrived"
ROOT=$WORK/other
ok slipway pull "$REGISTRY/app:v1"
verify_image "$REGISTRY/app:v1"
stop_serving

# Before the build, not after it.
serve --read-only
file context/Dockerfile <<<$'FROM scratch\nCOPY missing /'
fails 4 read-only slipway build --push -t "$REGISTRY/app:v2" context
expect_not_in "$err" missing
