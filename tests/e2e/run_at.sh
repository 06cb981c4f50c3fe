#!/usr/bin/env bash
# `run --at STEP`: the sandbox of any step of a Dockerfile, before the step, with its mounts, variables, user and folder.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
echo content >context/file
file context/Dockerfile <<'END2'
FROM busybox AS tools
RUN echo tool > /tool
FROM busybox AS app
ARG WHO=world
ENV GREETING=hello
RUN echo one > /one
WORKDIR /work
COPY file copied
USER 12:13
RUN --mount=from=tools,target=/tools --mount=type=secret,id=s,required=true,mode=444 cat /run/secrets/s && \
  echo two > two
FROM scratch
COPY --from=app /work /
END2
echo hidden-word >secret
at() { try slipway run --at "$@"; }
fine() { at "$@"; expect_eq "$status" 0; }

# A RUN, by all its names; the step itself is not run.
for name in '[app 5/5]' 'app 5/5' app:5 5 Dockerfile:10 :11 'cat /run'; do
  fine "$name" -f context/Dockerfile --secret id=s,src=secret context sh -c 'cat /tools/tool /run/secrets/s /one copied; pwd; id -u; id -g; echo $GREETING $WHO; ls'
  expect_eq "$out" $'tool\nhidden-word\none\ncontent\n/work\n12\n13\nhello world\ncopied'
done
fine app:5 --build-arg WHO=you -e GREETING=hi --secret id=s,src=secret context -- sh -c 'echo $GREETING $WHO'
expect_eq "$out" 'hi you'
# Instructions that run nothing: what a RUN in their place would see.
fine app:4 context sh -c 'pwd; ls; cat /one; id -u'
expect_eq "$out" $'/work\none\n0'
fine app:3 context pwd
expect_eq "$out" /
# A shell, reading standard input; what is written is gone.
expect_eq "$(echo 'cat /one; touch /written' | slipway run --at=app:4 context 2>/dev/null)" one
fine app:4 context ls /
expect_not_in "$out" written
at app:4 context sh -c 'exit 5'
expect_eq "$status" 5

fails 125 'there is no such step; there are' slipway run --at app:9 context
expect_in "$err" '[app 2/5] RUN echo one > /one  (line 6)'
fails 125 'can mean several steps' slipway run --at 2 context
fails 125 'secret s: not found' slipway run --at app:5 context true
fails 125 'comes first' slipway run -i --at app:4 context
fails 127 'no shell' slipway run --at stage-2:1 context
