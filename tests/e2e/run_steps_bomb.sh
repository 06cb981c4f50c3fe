#!/usr/bin/env bash
# A step whose processes start others again and again, deaf to signals: with a limit it is ended by the time, by Ctrl-C
# and by its own end, with no process left. Nothing of this runs without a limit of some hundred processes.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
cc -static -O1 -o context/hostile "$library/hostile.c" || skip "no C compiler with static libraries"
mv context/hostile "context/bomb-$$"
bombs() { expect_eq "$(pgrep -fc "^/bin/bomb-$$ explode" || true)" "$1"; }

# Which limit can be had: that of a control group, or else that of a user.
printf 'FROM busybox\nRUN true\n' >context/Dockerfile
build --no-cache --pids-limit 60 context
limits=(--pids-limit 60) user=root
if [[ $err == *'not applied'* ]]; then
  limits=(--ulimit nproc=60:60) user=33
fi
# Where that does not hold either nothing is to be lit.
printf 'FROM busybox\nUSER %s\nRUN i=0; while [ $i -lt 100 ]; do sleep 3 & i=$((i+1)); done\n' "$user" >context/Dockerfile
try slipway build --progress plain --no-cache "${limits[@]}" context
[[ $err == *"can't fork"* ]] || skip "no limit of processes holds here"

# bomb COMMAND: the Dockerfile of a step that lights it and goes on with the command.
bomb() {
  printf 'FROM busybox\nCOPY bomb-%s /bin/\nUSER %s\nRUN /bin/bomb-%s explode & %s\n' $$ "$user" $$ "$1" >context/Dockerfile
}

bomb 'sleep 0.5; exit 3'
fails 1 'exit code: 3' slipway build --progress plain --no-cache "${limits[@]}" context
bombs 0
bomb 'wait; wait; sleep 1000'
fails 1 '--timeout=1s allows' slipway build --progress plain --no-cache --timeout 1s "${limits[@]}" context
bombs 0
env --default-signal=INT "$SLIPWAY" --root "$ROOT" build ${runtime_flags[@]+"${runtime_flags[@]}"} --progress plain --no-cache "${limits[@]}" \
  context >"$WORK/log" 2>&1 &
build=$!
wait_until grep -q lit "$WORK/log"
kill -INT "$build"
status=0
wait "$build" || status=$?
expect_eq "$status" 130
bombs 0
# And one whose first process ends at once, killed among its own.
bomb 'sleep 0.3; kill -9 -1; true'
try slipway build --progress plain --no-cache "${limits[@]}" context
bombs 0
