#!/usr/bin/env bash
# --debug-on-failure: a shell among the files, mounts and variables of the step that failed; the build fails all the same.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
command -v tmux >/dev/null || skip "tmux is not installed"
load_busybox
mkdir context
file context/Dockerfile <<'END'
FROM busybox
ENV COLOUR=blue
WORKDIR /where
RUN --mount=type=tmpfs,target=/scratch --mount=type=bind,from=busybox,target=/other,rw echo half > /half; touch /other/mine; exit 7
END
fails 2 'needs a terminal' slipway build --debug-on-failure context

pane() { tmux -S "$WORK/tmux" "$@"; }
shows() { pane capture-pane -p | grep -qE -- "$1"; }
trap 'pane kill-server 2>/dev/null || true' EXIT
pane -f /dev/null new-session -d -x 120 -y 50 "SLIPWAY='$SLIPWAY' ROOT='$ROOT' FLAGS='${runtime_flags[*]-}' PS1='outer> ' bash --norc"
wait_until shows 'outer>'
pane send-keys '"$SLIPWAY" --root "$ROOT" build $FLAGS --debug-on-failure context; echo "status $?"' Enter
wait_until shows 'Leave it with'
wait_until shows '^/where #'
pane send-keys 'clear; echo $COLOUR-$(cat /half); ls -1d /scratch /other/mine /other/bin; tty; exit 0' Enter
wait_until shows '^blue-half'
# With chroot what a step writes to a mount is thrown away when it ends.
[ "$SANDBOX" = chroot ] || wait_until shows '^/other/mine'
wait_until shows 'exit code: 7'
wait_until shows '^status 1'
