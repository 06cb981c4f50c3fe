#!/usr/bin/env bash
# RUN --mount=type=bind of a context: what the step sees, that nothing of it reaches the host, and what happens where
# the context changes while a step reads it.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
umask 022
file context/tree/sub/a <<<a
file context/tree/run 0755 <<<$'#!/bin/sh\necho ran'
ln -s sub/a context/tree/link
ln -s tree context/other

# The whole context, a directory of it, one by way of a link, and a file; with and without files hidden.
file context/Dockerfile <<'END'
FROM busybox
RUN --mount=type=bind,target=/all --mount=type=bind,source=tree,target=/tree --mount=type=bind,source=other,target=/other \
  --mount=type=bind,source=tree/run,target=/run-it \
  cat /all/tree/sub/a /tree/link /other/sub/a; /run-it; stat -c '%u %g %a %n' /all /tree /tree/sub /tree/run /run-it; \
  ls -A /all; ! touch /all/new 2>/dev/null
RUN --mount=type=bind,target=/all,rw echo changed > /all/tree/sub/a && rm /all/tree/run && mkdir /all/new && ! test -e /all/tree/run
END
seen=$'a\na\na\nran\n0 0 755 /all\n0 0 755 /tree\n0 0 755 /tree/sub\n0 0 755 /tree/run\n0 0 755 /run-it'
expect_seen() {
  build -t seen context
  expect_eq "$(sed -nE 's/^#[0-9]+ [0-9]+\.[0-9]+ //p' <<<"$err")" "$seen"$'\n'"$1"
  expect_eq "$(cat context/tree/sub/a)" a
  expect_file context/tree/run
  expect_no_file context/new
  verify_image seen
}
expect_seen $'Dockerfile\nother\ntree'
build context
expect_cached '--mount=type=bind,target=/all --mount'
# A hidden file is not there either: a directory that is not shown as it lies there.
echo hidden >context/hidden
echo hidden >context/.dockerignore
expect_seen $'.dockerignore\nDockerfile\nother\ntree'
rm context/hidden context/.dockerignore
# Nor is one with another mode, or with something that is no file. A socket is an empty file.
chmod 0750 context
expect_match "$(build --no-cache context; echo "$err")" '0 0 755 /all'
chmod 0755 context
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("context/socket")'
expect_seen $'Dockerfile\nother\nsocket\ntree'
rm context/socket

# Files that change while the step runs: it goes on, and nobody else gets its result.
file changing/Dockerfile <<'END'
FROM busybox
RUN --mount=type=bind,source=tree,target=/tree echo "it runs"; sleep 5; cat /tree/a > /a
RUN cat /a
END
echo before | file changing/tree/a
slipway build --progress plain -t changing changing >"$WORK/log" 2>&1 </dev/null &
builder=$!
started "$builder"
wait_until grep -q '^#.* it runs' "$WORK/log"
echo after >changing/tree/a
wait "$builder" || fail "$(cat "$WORK/log")"
verify_image changing
sed -i 's/sleep 5/sleep 0/' changing/Dockerfile
echo before >changing/tree/a
build -t changing changing
expect_eq "$(in_image changing 'cat /a')" before
expect_in "$(cat "$WORK/log")" '/tree/a of the context changed while'
expect_eq "$(grep -c 'not remembered' "$WORK/log")" 1
