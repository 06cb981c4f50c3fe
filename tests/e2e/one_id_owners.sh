#!/usr/bin/env bash
# Without sub-ids: what steps chown, and what layers and --chown say of owners, is in the layers, though all files on
# disk belong to one user. The same Dockerfile gives the same owners as with real ones.
# as: root rootless one-id
. "$(dirname "$0")/lib.bash"
load_busybox
file context/one <<<one
file context/Dockerfile <<'END'
FROM busybox
COPY --chown=33:44 one /copied
COPY --chown=33:44 one /removed
RUN echo old > /old && mkdir -p /d/sub && touch /d/sub/file && ln -s old /link && mkfifo /pipe
# A file of a lower layer keeps its owner when it is changed, its mode set, its name changed or linked.
RUN echo more >> /copied && chmod 600 /copied && ln /copied /linked
RUN rm /removed && echo again > /removed
# By path, through a link, below a folder.
RUN chown 5:6 /old && chown -R 7:8 /d && chown 7:9 /d/sub/file && chown 10:0 /link && touch /new
RUN mv /old /moved && mv /d/sub/file /d/file
RUN chown 11:12 /d/sub && chmod 4755 /moved
RUN mkdir -m 750 /installed && chown 13:14 /installed && cd /installed && touch here && chown 15:16 here ./here ../installed/here
RUN ! chown 1:1 /no/such/file && ! chown -h 1:1 /copied/below && chown 17:17 /dev/shm && chown 18:18 /tmp
END
build -t owners context
verify_image owners
ok slipway save -o owners.tar owners
mkdir layout && tar -C layout -xf owners.tar
manifest=layout/blobs/sha256/$(jq -r '.manifests[0].digest' layout/index.json | cut -d: -f2)
# members NUMBER: owner and name of each entry of a layer.
members() {
  tar --numeric-owner -tvf "layout/blobs/sha256/$(jq -r ".layers[$1].digest" "$manifest" | cut -d: -f2)" | awk '{print $2, $6}' | sort -k 2 | tr '\n' ','
}
expect_eq "$(members 1)" '33/44 copied,'
expect_eq "$(members 3)" '0/0 d/,0/0 d/sub/,0/0 d/sub/file,0/0 link,0/0 old,0/0 pipe,'
expect_eq "$(members 4)" '33/44 copied,33/44 linked,'
expect_eq "$(members 5)" '0/0 removed,'
expect_eq "$(members 6)" '7/8 d/,7/8 d/sub/,7/9 d/sub/file,0/0 new,10/0 old,'
expect_match "$(members 7)" '7/8 d/,7/9 d/file,7/8 d/sub/,0/0 d/sub/.wh.file,10/0 moved,'
expect_match "$(members 8)" '11/12 d/sub/,10/0 moved,'
expect_match "$(members 9)" '13/14 installed/,15/16 installed/here,'
expect_match "$(members 10)" '18/18 tmp/'

# Copied between stages, exported, and the base of another build.
file context/Dockerfile <<'END'
FROM owners AS from
FROM busybox
COPY --from=from /d /e
COPY --from=from /copied /
RUN --mount=type=cache,target=/cache,uid=3 --mount=type=secret,id=s,uid=7,target=/s \
  touch /cache/x && chown 5 /cache/x && test "$(cat /s)" = hidden
RUN chmod 777 /tmp
USER 1000:1001
RUN touch /tmp/mine && mkdir /tmp/dir && chmod 700 /tmp/dir
END
file secret <<<hidden
build -t second --secret id=s,src=secret context
ok slipway export -o root.tar second
expect_eq "$(tar --numeric-owner -tvf root.tar | awk '$6 ~ /^(e\/|copied|tmp\/.)/ {print $2, $6}' | sort -k 2 | tr '\n' ',')" \
  '33/44 copied,0/0 e/,7/9 e/file,11/12 e/sub/,1000/1001 tmp/dir/,1000/1001 tmp/mine,'
verify_image second

# Programs that drop root go on.
file context/Dockerfile <<'END'
FROM busybox
RUN echo someone:x:1001:1001::/:/bin/sh >> /etc/passwd && su -s /bin/sh someone -c 'touch /tmp/x' && test -e /tmp/x
RUN test "$(su -s /bin/sh www-data -c 'id -u; id -g; sh -c "id -u"' | tr '\n' ' ')" = '33 33 33 '
USER someone
RUN test "$(id -u)" = 1001
END
build --no-cache -t drops context
if [ "$MODE" = one-id ]; then
  expect_match "$err" 'sandbox: without root, one id, owners recorded, [a-z -]+ \((because .*range in /etc/subuid|as the store was begun)'
fi
