#!/usr/bin/env bash
# as: root rootless
# A base image with a device node: kept where nothing mounts it; a step that must mount it without root is told why not.
. "$(dirname "$0")/lib.bash"
load_busybox
python3 - <<'END'
import tarfile
with tarfile.open("root.tar", "w") as tar:
    node = tarfile.TarInfo("srv/node")
    node.type, node.devmajor, node.devminor, node.mode = tarfile.CHRTYPE, 1, 3, 0o640
    tar.addfile(node)
END
ok slipway import root.tar nodes
file keep/Dockerfile <<'END'
FROM nodes
COPY Dockerfile /
END
build -o type=tar,dest=out.tar keep
expect_in "$(tar -tvf out.tar srv/node)" "crw-r-----"
expect_in "$(tar -tvf out.tar srv/node)" "1,3"
file mount/Dockerfile <<'END'
FROM busybox
RUN --mount=from=nodes,target=/mnt ls -l /mnt/srv >&2
END
if [ "$MODE" = root ]; then
  build mount
  expect_in "$err" "1,   3"
else
  fails 3 "device node /srv/node" slipway build --progress plain mount
  expect_in "$err" "hint:"
  file mount/Dockerfile <<'END'
FROM busybox
RUN true
END
  build mount
fi
