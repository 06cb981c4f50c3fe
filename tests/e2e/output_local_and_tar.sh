#!/usr/bin/env bash
# --output type=local and type=tar (and -o FOLDER) write the files of the result.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox AS make
RUN mkdir -p /out/sub && echo result > /out/sub/file && ln -s file /out/sub/link && ln /out/sub/file /out/hard && chmod 750 /out/sub
FROM scratch
COPY --from=make /out /
END
build --output type=local,dest=folder context
expect_eq "$(cat folder/sub/file)" result
expect_eq "$(readlink folder/sub/link)" file
expect_eq "$(stat -c %a folder/sub)" 750
expect_eq "$(find folder | sort | tr '\n' ' ')" "folder folder/hard folder/sub folder/sub/file folder/sub/link "
[ "$MODE" = root ] || expect_eq "$(stat -c %u folder/hard)" "$(id -u)"

build --output type=tar,dest=files.tar context
expect_eq "$(tar -tf files.tar | sed 's,^\./,,;s,/$,,' | sort | tr '\n' ' ')" "hard sub sub/file sub/link "
mkdir unpacked && tar -C unpacked -xf files.tar
diff -r folder unpacked || fail "the tar has other files than the folder"
expect_eq "$(stat -c %h unpacked/sub/file)" 2

build -o short context
expect_eq "$(cat short/hard)" result
slipway build -o - context >stdout.tar 2>/dev/null
cmp files.tar stdout.tar || fail "the tar on standard output is another"

# Nothing gets a name unless asked for.
expect_eq "$(slipway images -q | sort -u | wc -l)" 1
fails 2 'type=' slipway build --output type=unknown context
# What is in the way is not replaced by a folder.
echo in the way >blocked
try slipway build -o blocked context
[ "$status" != 0 ] || fail "a file was taken for a folder"
expect_eq "$(cat blocked)" "in the way"

# A link, as /dev/stdout is one, is written through, and stays what it is: so would a device.
for output in 'build -o type=tar,dest=link context' 'build -o type=oci,dest=link context' 'build --iidfile link context' \
  'build --metadata-file link context' 'save -o link busybox' 'export -o link busybox'; do
  : >behind
  ln -sf behind link
  # shellcheck disable=SC2086
  ok slipway $output
  [ -s behind ] || fail "nothing came through the link of: $output"
  expect_eq "$(readlink link)" behind
done
printf 'before' >streamed
slipway save -o /dev/stdout busybox >>streamed
expect_eq "$(head -c 6 streamed)" before
expect_in "$(tail -c +7 streamed | tar -tf -)" manifest.json
# In /dev/shm, too, are regular files: a shorter one takes the place of a longer one.
if [ -w /dev/shm ]; then
  shm=$(mktemp /dev/shm/slipway-e2e-XXXXXX)
  trap 'rm -f "$shm"' EXIT
  head -c 20000000 /dev/zero >"$shm"
  ok slipway save -o "$shm" busybox
  ok slipway save -o again.tar busybox
  cmp "$shm" again.tar || fail "something of the older file is left"
fi
[ "$(id -u)" != 0 ] || mknod null c 1 3
if [ -c null ] && echo x 2>/dev/null >null; then
  ok slipway save -o null busybox
  test -c null || fail "a device was replaced"
fi

# A pipe or a device is written to, and stays what it is.
mkfifo pipe
for job in 'build --output type=tar,dest=pipe context' 'save -o pipe short' 'build --iidfile pipe context' 'build --metadata-file pipe context'; do
  [ "$job" != 'save -o pipe short' ] || build -t short context
  timeout 60 cat pipe >through &
  reader=$!
  # shellcheck disable=SC2086
  ok slipway $job
  wait "$reader" || fail "nothing came through the pipe: $job"
  [ -s through ] || fail "nothing came through the pipe: $job"
  [ -p pipe ] || fail "the pipe was replaced: $job"
done
