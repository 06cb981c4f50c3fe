#!/usr/bin/env bash
# A step that failed can be looked into later: its files, mounts and variables; without its secrets, and without changing it.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
fails 1 'no failed step is kept' slipway debug
mkdir context
echo from-context >context/shown
file context/Dockerfile <<'END2'
FROM busybox AS tools
RUN echo tool > /tool
FROM busybox AS app
ENV COLOUR=blue
WORKDIR /where
RUN echo base > /base
USER 33:34
RUN --mount=type=tmpfs,target=/scratch --mount=type=bind,target=/all --mount=type=bind,source=shown,target=/tmp/shown --mount=from=tools,target=/tools \
  --mount=type=cache,id=c,target=/tmp/cache,uid=33 --mount=type=secret,id=pass,env=PASS --mount=type=secret,id=pass,mode=0444 \
  echo half > /tmp/half; rm -f /tmp/x; echo kept > /tmp/cache/x; exit 7
END2
echo 'top-secret-word' >secret
fails 1 'exit code: 7' slipway build --progress plain --build-arg HTTP_PROXY=http://user:proxy-password@p:1 --secret id=pass,src=secret context
expect_match "$err" 'To look into it: slipway debug [0-9a-f]{12}'
build_id=$(sed -n 's/.*slipway debug \([0-9a-f]*\)$/\1/p' <<<"$err")
! grep -rqsE 'top-secret-word|proxy-password' "$ROOT" || fail "a secret is in the store"
before=$(slipway df --format '{{.Type}}={{.TotalCount}}')
expect_in "$before" 'Failed steps=1'

# The files as they were left, the step's mounts, variables, user and folder; no secret, and that is said.
echo changed >context/shown
ok slipway debug "$build_id" -- sh -c 'cat /tmp/half /base /tmp/shown /all/shown /tools/tool /tmp/cache/x; pwd; id -u; id -g; echo $COLOUR; ls /run/secrets 2>/dev/null || true'
expect_eq "$out" $'half\nbase\nfrom-context\nfrom-context\ntool\nkept\n/where\n33\n34\nblue'
expect_in "$err" 'Secrets are not kept: "pass"'
ok slipway debug --secret id=pass,src=secret -e COLOUR=red -- sh -c 'cat /run/secrets/pass; echo $PASS $COLOUR'
expect_eq "$out" $'top-secret-word\ntop-secret-word red'
ok slipway debug "${build_id:0:5}" --step 'app:4' -- sh -c 'echo more > /tmp/half; touch /scratch/y; ls /scratch'
expect_eq "$out" y
# Nothing of that stays; and commands fail as they do.
ok slipway debug -- cat /tmp/half
expect_eq "$out" half
try slipway debug -- sh -c 'exit 9'
expect_eq "$status" 9
# Without a command a shell, which reads standard input.
expect_eq "$(echo 'cat /tmp/half; exit 0' | slipway debug "$build_id" 2>/dev/null)" half
fails 2 'there is no such step' slipway debug --step 9/9
fails 1 '--list' slipway debug 123456789999
ok slipway debug --list --format '{{.ID}} {{.Step}}'
expect_match "$out" "^$build_id .app 4/4. RUN"

# It is no result: the same build fails again, and a build of something else does not sweep it away.
fails 1 'exit code: 7' slipway build --progress plain --secret id=pass,src=secret context
expect_ran 'app 4/4'
file other/Dockerfile <<<$'FROM busybox\nRUN true'
build other
ok slipway debug "$build_id" -- cat /tmp/half
expect_eq "$out" half
# What holds the bytes of a secret is not kept.
file leak/Dockerfile <<<$'FROM busybox\nRUN --mount=type=secret,id=pass cp /run/secrets/pass /copy; exit 3'
fails 1 'exit code: 3' slipway build --progress plain --secret id=pass,src=secret leak
expect_in "$err" 'has the bytes of a secret, in "/copy'
expect_not_in "$err" 'slipway debug '"'"
expect_not_in "$err" 'To look into it'
! grep -rqs top-secret-word "$ROOT"/{kept,db.sqlite,db.sqlite-wal,trees,blobs} || fail "a secret is in the store"

# No more than a few are kept; the layers that they need stay until prune takes both.
for i in 1 2 3 4 5 6; do
  file failing/Dockerfile <<<$'FROM busybox\nRUN echo '"$i"$' > /n; exit 1'
  fails 1 'exit code: 1' slipway build failing
done
expect_eq "$(slipway debug --list --format '{{.ID}}' | wc -l)" 5
ok slipway debug -- cat /n
expect_eq "$out" 6
ok slipway rmi -f busybox
ok slipway debug -- cat /n
expect_eq "$out" 6
ok slipway prune
expect_in "$out" 'failed steps'
fails 1 'no failed step is kept' slipway debug
expect_eq "$(ls "$ROOT/kept")" ""
load_busybox

# An image without a shell.
tar -cf empty.tar -T /dev/null
ok slipway import empty.tar bare
file bare/Dockerfile <<<$'FROM bare\nRUN ["/nothing"]'
fails 1 'o such file' slipway build bare
fails 127 'there is no shell in this sandbox' slipway debug
expect_in "$err" '-- COMMAND'
