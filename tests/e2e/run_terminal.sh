#!/usr/bin/env bash
# -it gives the command a terminal: its size, its line editing, Ctrl-C to the command, and our own terminal back.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
command -v tmux >/dev/null || skip "tmux is not installed"
load_busybox
pane() { tmux -S "$WORK/tmux" "$@"; }
shows() { pane capture-pane -p | grep -qE -- "$1"; }
trap 'pane kill-server 2>/dev/null || true' EXIT
pane -f /dev/null new-session -d -x 97 -y 31 "SLIPWAY='$SLIPWAY' ROOT='$ROOT' PS1='outer> ' bash --norc"

wait_until shows 'outer>'
pane send-keys '"$SLIPWAY" --root "$ROOT" run '"${runtime_flags[*]-}"' -it busybox' Enter
wait_until shows '^/ #'
pane send-keys 'stty size; tty; test -t 0 && test -t 1 && echo a-termi""nal' Enter
wait_until shows '^31 97'
# With chroot a terminal has no name.
[ "$SANDBOX" = chroot ] || wait_until shows '^/dev/(pts/|console)'
wait_until shows '^a-terminal'
# A new size arrives, some time after the window has it.
pane resize-window -x 80 -y 25
pane send-keys 'clear; until stty size | grep "^25 80$"; do sleep 0.1; done' Enter
wait_until shows '^25 80'
# Ctrl-C goes to the command, not to slipway.
pane send-keys 'echo sleep""ing; sleep 1000' Enter
wait_until shows '^sleeping'
pane send-keys C-c
pane send-keys 'echo still-""here; exit 9' Enter
wait_until shows '^still-here'
pane send-keys 'echo "status $?"; stty -a | grep -o " echo " && echo ec""ho-works' Enter
wait_until shows '^status 9'
wait_until shows '^echo-works'
pane kill-server

fails 125 'TTY' slipway run -it busybox true
