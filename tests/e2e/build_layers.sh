#!/usr/bin/env bash
# What a layer records: removed files, hard links, links, modes, owners, times, special files, emptied folders.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
RUN mkdir -p /d/sub && echo one > /d/one && echo two > /d/sub/two && echo keep > /keep && ln /keep /d/hard
RUN rm /d/one && rm -rf /d/sub && mkdir /d/sub && echo new > /d/sub/new && rm /bin/yes
RUN mkfifo /fifo && ln -s ../nowhere /link && touch -d '2001-02-03 04:05:06' /old && chmod 4755 /keep && chown -h 8:9 /link
RUN mv /d /moved
RUN true
END
build -t layers context
verify_image layers
expect_eq "$(in_image layers 'ls /moved /moved/sub | tr "\n" " "')" "/moved: hard sub  /moved/sub: new "
expect_eq "$(in_image layers 'ls /d /bin/yes /moved/one 2>&1 | grep -c "No such"')" 3
expect_eq "$(in_image layers 'stat -c "%a %F" /keep; stat -c %F /fifo; readlink /link; stat -c %u:%g /link')" \
  $'4755 regular file\nfifo\n../nowhere\n8:9'
expect_eq "$(in_image layers 'TZ=UTC stat -c %y /old')" "2001-02-03 04:05:06.000000000 +0000"
expect_eq "$(in_image layers 'cat /proc/mounts | grep -c " /etc/resolv.conf "')" 1

# The layers as others see them.
ok slipway save -o layers.tar layers
mkdir layout && tar -C layout -xf layers.tar
names() { tar -tf "layout/blobs/sha256/$(jq -r ".layers[$1].digest" "$manifest" | cut -d: -f2)" | sort | tr '\n' ' '; }
manifest=layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)
expect_match "$(names 2)" 'bin/\.wh\.yes'
expect_match "$(names 2)" 'd/\.wh\.one'
expect_match "$(names 2)" 'd/sub/\.wh\.\.wh\.\.opq'
expect_match "$(names 4)" '\.wh\.d moved/'
# Nothing of the sandbox's own, such as resolv.conf, hosts or mount points, is in any of them.
expect_eq "$(for n in 1 2 3 4; do names $n; done | grep -cE 'etc/|proc|sys|dev/')" 0
