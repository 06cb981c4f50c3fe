#!/usr/bin/env bash
# While one step swaps folders and links in a shared cache, others start whose mounts lie beneath it: nothing outside of
# their roots is made, mounted on or read, and each ends well or with one error.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context trap
echo untouched >trap/host-file
chmod 777 . trap # so that nothing but the sandbox is in the way
echo "a secret of the build" >secret
cc -static -O1 -o context/hostile "$library/hostile.c" || skip "no C compiler with static libraries"

# With chroot steps take turns, and see what the swapping step has left.
seconds=6 rounds=8
[ "$SANDBOX" != chroot ] || seconds=0.2 rounds=2

# The last of the stages of a round tells the swapping step that all have started.
{
  printf 'FROM busybox AS base\nCOPY hostile /bin/\nFROM base AS swapping\n'
  echo "RUN --mount=type=cache,target=/c,id=shared hostile swap /c/d /c/end $seconds / /etc /proc /dev .. $WORK/trap ../../../../../..$WORK/trap"
  echo 'FROM base AS before'
  for target in d/x d/deeper/x d/y/../../d/z; do
    echo "RUN --mount=type=cache,target=/c,id=shared --mount=type=tmpfs,target=/c/$target --mount=type=bind,target=/c/$target-bound \
--mount=type=secret,id=s,target=/c/$target-secret true"
  done
  printf 'FROM base AS end\nRUN --mount=type=cache,target=/c,id=shared echo > /c/end\n'
} >context/Dockerfile

"$SLIPWAY" --root "$ROOT" build ${runtime_flags[@]+"${runtime_flags[@]}"} --progress plain --no-cache --target swapping context >swapping.out 2>&1 </dev/null &
swapping=$!
started "$swapping"
if [ "$SANDBOX" != chroot ]; then
  wait_until grep -q '[0-9] swapping$' swapping.out
fi
succeeded=0
for ((round = 0; round < rounds; ++round)); do
  try slipway build --progress plain --no-cache --secret id=s,src=secret --target before context
  case $status in
    0) succeeded=$((succeeded + 1)) ;;
    1 | 6) expect_eq "$(grep -c "^ERROR" <<<"$err")" 1 ;;
    *) fail "exit status $status" ;;
  esac
  expect_not_in "$err" 'ERROR: internal'
done
build --no-cache --target end context
wait "$swapping" || fail "the swapping step: $(tail -n 5 swapping.out)"
echo "$succeeded of $rounds rounds came through"

expect_eq "$(cat trap/host-file)" untouched
expect_eq "$(ls -A trap)" host-file
for name in x x-bound x-secret deeper y z z-bound z-secret; do
  expect_no_file "/$name"
  expect_no_file "/etc/$name"
done
