#!/usr/bin/env bash
# RUN steps and `run` through OCI runtimes: what the step sees, how it ends, what is left.
# as: root rootless one-id
# seconds: 600
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
dockerfile() { { echo 'FROM busybox'; cat; } >context/Dockerfile; }

fails 125 'the OCI runtime "no-such-runtime" is in no folder of $PATH' slipway run --runtime no-such-runtime busybox true
fails 125 'the OCI runtime "runsc" is in no folder of $PATH' env PATH=/nowhere "$SLIPWAY" --root "$ROOT" run --runtime runsc busybox true
dockerfile <<<'RUN true'
fails 1 'no OCI runtime is installed' env PATH=/nowhere "$SLIPWAY" --root "$ROOT" build --isolation oci context
expect_in "$err" 'install the package crun'

runtimes=()
for name in crun runc; do
  if command -v "$name" >/dev/null; then runtimes+=("$name"); fi
done
[ ${#runtimes[@]} -gt 0 ] || skip "neither crun nor runc is installed"
if [ "$MODE" = one-id ]; then
  dockerfile <<<'RUN true'
  fails 3 "can't run steps where there is only one id" slipway build --runtime "${runtimes[0]}" context
  exit 0
fi

for name in "${runtimes[@]}"; do
  # The layer is that of our own sandbox: neither mount points nor the runtime's own files are in it.
  dockerfile <<'END'
RUN set -ex; test "$$" -lt 3; test "$(hostname)" = buildkitsandbox; test "$(umask)" = 0022; \
  grep 'CapEff:.*00000000a80425fb' /proc/self/status; grep 'Seccomp:.*2' /proc/self/status; \
  if echo x >/proc/sys/kernel/hostname || touch /sys/x; then exit 1; fi; test -z "$(cat /proc/kcore)"; \
  mkdir -p /srv; touch /made /srv/made; rm /bin/yes; test -c /dev/null; echo x >/dev/null; echo told; echo "told too" >&2
USER 12:34
RUN --mount=type=tmpfs,target=/scratch --mount=type=cache,target=/cache,uid=12 --mount=type=bind,target=/context \
  set -ex; test "$(id -u):$(id -g)" = 12:34; touch /scratch/x /cache/x; test -f /context/Dockerfile; grep 'CapEff:.*0000000000000000' /proc/self/status
END
  build --no-cache --runtime "$name" -o type=tar,dest=with.tar context
  expect_match "$err" "sandbox: .*, steps run by /.*$name"
  expect_in "$err" told
  build --no-cache -o type=tar,dest=without.tar context
  expect_eq "$(tar -tf with.tar | sort)" "$(tar -tf without.tar | sort)"

  # Targets that lie in the runtime's /dev, also by a link; but not through what other steps can change meanwhile.
  dockerfile <<'END'
RUN ln -s /dev/shm /memory && ln -s /proc/self /self
RUN --mount=type=tmpfs,target=/memory/x --mount=type=cache,target=/dev/cache --mount=type=tmpfs,target=/srv/a --mount=type=cache,target=/srv \
  touch /memory/x/y /dev/shm/x/z && grep ' /dev/shm/x ' /proc/mounts && grep ' /dev/cache ' /proc/mounts && grep ' /srv/a ' /proc/mounts
END
  build --no-cache --runtime "$name" context
  dockerfile <<<'RUN --mount=type=cache,target=/dev/cache --mount=type=tmpfs,target=/dev/cache/x true'
  fails 1 "can't mount /dev/cache/x, which is beneath /dev/cache, safely" slipway build --progress plain --runtime "$name" context
  dockerfile <<<$'RUN ln -s /proc/sys /sysctl\nRUN --mount=type=tmpfs,target=/sysctl/x true'
  fails 1 'it leads into /proc' slipway build --progress plain --runtime "$name" context

  # Nothing opens a device that the step, or the image, has made.
  dockerfile <<'END'
RUN mknod /node c 1 3 || exit 0; ! echo x >/node
RUN mknod /dev/node c 1 3 || exit 0; ! echo x >/dev/node
END
  build --no-cache --runtime "$name" context

  # Ends.
  fails 127 'not found in $PATH' slipway run --runtime "$name" busybox no-such-program
  fails 126 'ermission denied' slipway run --runtime "$name" busybox /etc/passwd
  fails 7 '' slipway run --runtime "$name" busybox sh -c 'exit 7'
  fails 137 '--timeout' slipway run --runtime "$name" --timeout 300ms busybox sleep 1000
  dockerfile <<<'RUN sleep 1000 & exit 3'
  fails 1 'exit code: 3' slipway build --runtime "$name" context
  dockerfile <<<'RUN sleep 1000'
  fails 1 '--timeout=300ms allows' slipway build --runtime "$name" --timeout 300ms context

  # Standard input, settings of `run`.
  echo text | slipway run -i --runtime "$name" --network none --read-only --cap-drop ALL --security-opt no-new-privileges busybox sh -c \
    'cat; ! touch /x; ls /sys/class/net; grep -E "NoNewPrivs|CapEff" /proc/self/status' >told
  expect_eq "$(tr -s '\t\n' ' ' <told)" 'text lo CapEff: 0000000000000000 NoNewPrivs: 1 '

  # A file that its output goes to stays ours.
  slipway run --runtime "$name" -u 33:34 busybox sh -c 'id -u; echo more >&2' >ours 2>&1
  expect_eq "$(stat -c %u ours) $(head -n 1 ours)" "$(id -u) 33"

  # The hooks of a device are called.
  mkdir -p devices
  printf '#!/bin/sh\ncat >/dev/null\n' >hook
  chmod 755 hook . && chmod a+rx "$WORK"
  cat >devices/a.json <<END
{"cdiVersion": "0.6.0", "kind": "v.example/hooked", "devices": [{"name": "a", "containerEdits": {"env": ["HOOKED=yes"],
  "deviceNodes": [{"path": "/dev/thing", "hostPath": "/dev/null"}],
  "hooks": [{"hookName": "createContainer", "path": "$WORK/hook", "args": ["hook"]}]}}]}
END
  ok slipway run --runtime "$name" --cdi-spec-dir devices --device v.example/hooked=a busybox sh -c 'echo x >/dev/thing && echo $HOOKED'
  expect_eq "$out" yes
  printf '#!/bin/sh\nexit 1\n' >hook
  fails 125 "could not make the container" slipway run --runtime "$name" --cdi-spec-dir devices --device v.example/hooked=a busybox true

  # Killed, it leaves nothing: no process, no mount, no state.
  slipway run --runtime "$name" busybox sh -c 'sleep 4321 & sleep 4321' >/dev/null 2>&1 &
  pid=$!
  sleeps() { [ "$(pgrep -cfx 'sleep 4321')" = "$1" ]; }
  wait_until sleeps 2
  kill -9 "$pid"
  wait "$pid" || true
  children=$(pgrep -fx "$SLIPWAY --root $ROOT run --runtime $name .*" || true)
  for child in $children; do kill -9 "$child"; done
  wait_until sleeps 0
  expect_not_in "$(cat /proc/self/mounts)" "$ROOT"
  expect_no_file "/run/$name/slipway"
done
# The next start sweeps the store.
ok slipway run --runtime "${runtimes[0]}" busybox true
