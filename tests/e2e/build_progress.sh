#!/usr/bin/env bash
# Progress on a terminal is redrawn in place and fits its window; elsewhere it is lines, or JSON for programs.
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
file context/Dockerfile <<'EOT'
FROM busybox
RUN printf 'first line\n\033[31mred line\033[0m\n10%%\r20%%\r'; until [ -e /cache/go ]; do sleep 0.1; done
RUN --mount=type=cache,target=/cache true
ENV old form
EOT
# The running step waits for a file in its cache mount, which the next build makes.
sed -i '2s/^RUN /RUN --mount=type=cache,target=\/cache /' context/Dockerfile
file release/Dockerfile <<'EOT'
FROM busybox
RUN --mount=type=cache,target=/cache touch /cache/go
EOT

command -v tmux >/dev/null || skip "tmux is not installed"
pane() { tmux -S "$WORK/tmux" "$@"; }
shows() { pane capture-pane -p | grep -qE -- "$1"; }
trap 'pane kill-server 2>/dev/null || true' EXIT
pane -f /dev/null new-session -d -x 60 -y 16 "SLIPWAY='$SLIPWAY' ROOT='$ROOT' PS1='outer> ' bash --norc"
wait_until shows 'outer>'
pane send-keys '"$SLIPWAY" --root "$ROOT" build context; echo "status $?"' Enter
wait_until shows '^\[\+\] Building [0-9.]+s \(1/2\)$'
wait_until shows '^ => => # red line$'
wait_until shows '^ => => # 20%$'
# A line is as wide as the window, cut, with its time at the end; a narrower window has narrower lines.
wait_until shows '^ => \[stage-0 2/3\] RUN --mount=type=cache.* [0-9.]+s$'
pane resize-window -x 40 -y 16
wait_until shows '^ => \[stage-0 2/3\] RUN .{4,12} [0-9.]+s$'
ok slipway build --progress quiet release
wait_until shows '^\[\+\] Building [0-9.]+s \(3/3\) FINISHED$'
wait_until shows '^ - LegacyKeyValueFormat'
wait_until shows '^status 0$'
pane kill-server

# Not on a terminal.
fails 2 'no terminal' slipway build --progress tty context
fails 2 'use auto, tty, plain' slipway build --progress loud context
ok slipway build context
expect_in "$err" '#2 CACHED'
ok env BUILDKIT_PROGRESS=quiet "$SLIPWAY" --root "$ROOT" build context
expect_eq "$err" ''
ok slipway build --progress rawjson context
expect_eq "$(jq -r 'select(.vertexes) | .vertexes[] | select(.cached) | .name' <<<"$err" | wc -l)" 2
expect_in "$(jq -r 'select(.warnings) | .warnings[].short | @base64d' <<<"$err")" 'LegacyKeyValueFormat'

# Ctrl-C shows what was stopped, and no lines of the Dockerfile.
file context/Dockerfile <<'EOT'
FROM busybox
RUN echo started; sleep 1000
EOT
pane -f /dev/null new-session -d -x 60 -y 16 "SLIPWAY='$SLIPWAY' ROOT='$ROOT' PS1='outer> ' bash --norc"
wait_until shows 'outer>'
pane send-keys '"$SLIPWAY" --root "$ROOT" build context; echo "status $?"' Enter
wait_until shows '^ => => # started$'
pane send-keys C-c
wait_until shows '^status 130$'
shows '^ => CANCELED \[2/2\] RUN echo started' || fail 'the stopped step is not named'
shows '>>>' && fail 'lines of the Dockerfile are shown'
pane kill-server
