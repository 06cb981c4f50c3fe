#!/usr/bin/env bash
# `run --keep` keeps what a command wrote; ps lists it, diff and export show it, commit makes an image of it, rm and prune remove it.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
ok slipway ps -q
expect_eq "$out" ""
try slipway run --keep=first -e COLOUR=blue -w /tmp busybox sh -c 'echo new > /new; rm /bin/yes; mkdir /d; chown 5:6 /d; exit 3'
expect_eq "$status" 3
ok slipway ps --format '{{.Names}} {{.Image}} {{.Status}}'
expect_eq "$out" 'first busybox Exited (3)'
ok slipway df --format '{{.Type}}={{.TotalCount}}'
expect_in "$out" 'Containers=1'
fails 125 'the container name "first" is in use' slipway run --name first busybox true
fails 125 'invalid container name' slipway run --keep='a b' busybox true
fails 125 'either --rm or' slipway run --rm --keep busybox true
ok slipway run --rm --name gone busybox true
ok slipway run --name second busybox touch /second
ok slipway run --keep busybox touch /third
expect_eq "$(slipway ps -aq | wc -l)" 3

# Seen as images are.
ok slipway diff first
expect_in "$out" 'D /bin/yes'
expect_in "$out" 'A /new'
ok slipway export -o first.tar first
tar -tvf first.tar >members
grep -qE ' 5/6 .*[ /]d/?$' members || fail "no folder of 5:6 in the tar"
! grep -q 'bin/yes$' members || fail "a deleted file is in the tar"

# An image of it, started as the container was, or as the changes say.
ok slipway commit -m 'with a file' -a 'Ada <ada@example.org>' first made
expect_match "$out" '^sha256:[0-9a-f]{64}$'
id=$out
expect_eq "$(image_id made)" "$id"
verify_image made
config() { slipway inspect "$1" | jq -c "$2"; }
expect_eq "$(config made '.[0].Config.Cmd[0]')" '"sh"'
expect_eq "$(config made '.[0].Config.WorkingDir')" '"/tmp"'
expect_in "$(config made '.[0].Config.Env')" 'COLOUR=blue'
expect_eq "$(config made '.[0].Author')" '"Ada <ada@example.org>"'
ok slipway history --format '{{.Comment}}|{{.CreatedBy}}' made
expect_match "$(head -n 1 <<<"$out")" '^with a file\|.*echo new'
expect_eq "$(in_image made 'cat /new; stat -c %u:%g /d; ls /bin/yes 2>/dev/null || true')" $'new\n5:6'
expect_eq "$(diff_ids made | head -n 1)" "$(diff_ids busybox | head -n 1)"
ok slipway commit -q -p -c 'ENTRYPOINT ["cat"]' -c 'CMD ["/new"]' -c 'ENV PATH=$PATH:/more A=1' -c 'LABEL a=b' -c 'WORKDIR sub' \
  -c 'USER 7' -c 'EXPOSE 80' -c 'VOLUME /v' -c 'ONBUILD RUN true' first made:changed
expect_eq "$(config made:changed '.[0].Config.Entrypoint+.[0].Config.Cmd')" '["cat","/new"]'
expect_eq "$(config made:changed '.[0].Config.WorkingDir')" '"/tmp/sub"'
expect_eq "$(config made:changed '[.[0].Config.User,.[0].Config.Labels.a,.[0].Config.OnBuild]')" '["7","b",["RUN true"]]'
expect_in "$(config made:changed '.[0].Config.Env')" ':/more'
fails 2 'not a valid change' slipway commit -c 'RUN x' first
fails 1 'No such container' slipway commit nothing
# It can be built on, and pushed into a file; the container is still there.
file context/Dockerfile <<<$'FROM made\nRUN cat /new && test ! -e /bin/yes'
build context
ok slipway commit first

# Its layers stay while it does; rm and prune take it away.
file other/Dockerfile <<<$'FROM busybox\nRUN echo x > /x'
build -t other other
ok slipway run --keep=on-other other touch /y
ok slipway rmi -f other
ok slipway prune
ok slipway diff on-other
expect_eq "$out" 'A /y'
ok slipway rm on-other second
expect_eq "$out" $'on-other\nsecond'
fails 1 'No such container: second' slipway rm second
ok slipway rm -f second
ok slipway prune --containers --dry-run
expect_in "$out" 'Would delete containers: first'
ok slipway prune --containers
expect_eq "$(slipway ps -q)" ""
expect_eq "$(ls "$ROOT/kept")" ""
