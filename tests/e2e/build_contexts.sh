#!/usr/bin/env bash
# Where the Dockerfile and the context come from: -f, standard input, a folder elsewhere, a named context.
. "$(dirname "$0")/lib.bash"
load_busybox

file context/data.txt <<<"main"
file context/sub/Containerfile <<'END'
FROM busybox
COPY data.txt /
END
build -t flag -f context/sub/Containerfile context
expect_eq "$(in_image flag 'cat /data.txt')" main

# The Dockerfile itself on standard input, the context a folder.
slipway build --progress plain -t stdin -f - context <context/sub/Containerfile 2>/dev/null
expect_eq "$(image_id stdin)" "$(image_id flag)"

# The whole context as a tar on standard input.
cp context/sub/Containerfile context/Dockerfile
tar -C context -c . | slipway build --progress plain -t tar - 2>/dev/null
expect_eq "$(in_image tar 'cat /data.txt')" main

for program in gzip bzip2 xz zstd; do
  tar -C context -c . | $program -c | slipway build --progress plain -t "tar:$program" - 2>/dev/null
  expect_eq "$(image_id "tar:$program")" "$(image_id tar)"
done
# A Dockerfile with another name in it, and one alone.
tar -C context -c . | slipway build --progress plain -t tar:named -f sub/Containerfile - 2>/dev/null
expect_eq "$(image_id tar:named)" "$(image_id tar)"
printf 'FROM busybox\nENV ALONE=1\n' | slipway build --progress plain -t alone - 2>/dev/null
expect_json "$(slipway inspect alone)" '.[0].Config.Env[-1]' ALONE=1
tar -C context -c . | slipway build -f none - >log 2>&1 && fail "a Dockerfile that is not in the archive was found"

file extra/data.txt <<<"extra"
file context/Dockerfile <<'END'
FROM busybox
COPY --from=more data.txt /
END
build -t named --build-context more=extra context
expect_eq "$(in_image named 'cat /data.txt')" extra
(cd context && slipway build --progress plain -t here . 2>/dev/null --build-context more=../extra)
expect_eq "$(image_id here)" "$(image_id named)"
verify_image named
