#!/usr/bin/env bash
# A second build runs nothing; a change runs only what depends on it; times alone are no change.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox

file context/a.txt <<<"a"
file context/b.txt <<<"b"
file context/Dockerfile <<'END'
FROM busybox
COPY a.txt /
RUN cat /a.txt > /a.copy
COPY b.txt /
RUN cat /b.txt > /b.copy; cat /proc/sys/kernel/random/uuid > /random
END
build -t cached context
first=$(image_id cached)
for step in 'COPY a.txt' 'RUN cat /a.txt' 'COPY b.txt' 'RUN cat /b.txt'; do expect_ran "$step"; done

build -t cached context
for step in 'COPY a.txt' 'RUN cat /a.txt' 'COPY b.txt' 'RUN cat /b.txt'; do expect_cached "$step"; done
expect_eq "$(image_id cached)" "$first"

# Other times, same content: also in a copy of the folder.
touch -d '2001-02-03' context/a.txt
cp -r context copy
for folder in context copy; do
  build -t cached $folder
  expect_cached 'RUN cat /b.txt'
  expect_eq "$(image_id cached)" "$first"
done

file context/b.txt <<<"changed"
build -t cached context
expect_cached 'RUN cat /a.txt'
expect_ran 'COPY b.txt'
expect_ran 'RUN cat /b.txt'
expect_eq "$(in_image cached 'cat /b.copy')" changed
# A change of mode is a change.
chmod 755 context/a.txt
build -t cached context
expect_ran 'COPY a.txt'
verify_image cached
