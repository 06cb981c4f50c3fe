#!/usr/bin/env bash
# What a step with a program of its own tries: system calls, namespaces, devices, marks of overlays, stopped processes,
# endless output. Nothing outside is reached, nothing is left behind (run.py looks).
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
# seconds: 600
. "$(dirname "$0")/lib.bash"
load_busybox
mkdir context
cc -static -O1 -o context/hostile "$library/hostile.c" || skip "no C compiler with static libraries"

dockerfile() { { printf 'FROM busybox AS base\nCOPY hostile /bin/\n'; cat; } >context/Dockerfile; }

# As root of the step, and as another user, who may do less. With an OCI runtime the step is pid 1 itself.
attack=hostile
case $SANDBOX in
  crun | runc) attack='hostile as-first' ;;
esac
alone='--network=none'
[ "$SANDBOX" != chroot ] || alone=''
dockerfile <<END
RUN $attack
RUN $alone $attack </dev/null
USER nobody
RUN $attack
END
build --no-cache context
expect_not_in "$err" ALLOWED

# Signals reach nobody outside of the step; its init survives them, and passes on to the step what can be taken there.
# (With an OCI runtime the step is pid 1, which the kernel protects from itself; with chroot the init is out of reach.)
dockerfile <<'END'
RUN for s in STOP KILL; do kill -$s 1; done; sleep 0.1; echo "still alive"
RUN for s in TERM INT HUP SEGV USR1; do trap "echo told of $s" $s; kill -$s 1; sleep 0.1; done
RUN kill -STOP -1; echo "all is well"
END
build --no-cache context
expect_match "$err" '[0-9] still alive'
expect_match "$err" '[0-9] all is well'
for signal in TERM INT HUP SEGV USR1; do
  if [ "$SANDBOX" = chroot ]; then
    expect_not_in "$err" "told of $signal"
  else
    expect_match "$err" "[0-9] told of $signal"
  fi
done
for signal in KILL TERM SEGV; do
  dockerfile <<<"RUN sleep $long & kill -$signal 0"
  case $SANDBOX in
    crun | runc) build --no-cache context ;;
    *) fails 1 'did not complete' slipway build --progress plain --no-cache context ;;
  esac
  expect_none_asleep
done

# Time is up for stopped processes, too.
for command in 'kill -STOP $$' 'kill -STOP 0' 'kill -STOP $PPID; kill -STOP $$'; do
  dockerfile <<<"RUN sleep $long & sh -c '$command'; sh -c '$command'"
  fails 1 '--timeout=1s allows' slipway build --progress plain --no-cache --timeout 1s context
  expect_none_asleep
done

# Neither a socket of the machine without a file nor its network, unless they are given. (Without namespaces no step is
# without network, and that is refused: isolation_chroot.sh.)
if [ "$SANDBOX" != chroot ]; then
  python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); s.bind("\0slipway-e2e-'$$'"); s.listen(); print(flush=True); time.sleep(600)' >listening &
  listener=$!
  trap 'kill "$listener" 2>/dev/null || true' EXIT
  wait_until test -s listening
  dockerfile <<END
RUN --network=none ! hostile reach slipway-e2e-$$
END
  build --no-cache context
  kill "$listener"
  wait "$listener" || true
fi

# Marks of overlays made by hand mean nothing: what is below stays visible, here and in the image.
dockerfile <<'END'
RUN mkdir /marked && echo kept >/marked/kept && touch /marked/kept-too
RUN hostile mark && touch /marked/new
RUN cat /marked/kept && test -e /marked/kept-too && test -e /marked/new && test -f /marked/empty && ls /marked
END
build --no-cache -t marked context
verify_image marked
expect_eq "$(in_image marked 'cat /marked/kept; ls /marked')" 'kept
empty
kept
kept-too
new'

# Folders as deep as a path can name are kept; what no path reaches is one error, and is removed.
dockerfile <<'END'
RUN hostile deep /deep 350
RUN hostile find-deep /deep 350
END
build --no-cache -t deep context
verify_image deep
dockerfile <<<'RUN hostile deep /deep 2000'
fails 1 'a path of more than 4095 bytes below /deep/tenletters' slipway build --progress plain --no-cache context

# A socket is in no layer, a fifo is; nobody waits for either.
dockerfile <<'END'
RUN hostile socket /socket && mkfifo /fifo && test -S /socket
RUN test ! -e /socket && test -p /fifo
END
build --no-cache -t sockets context
verify_image sockets

# Holes: some are read as zeros, without taking room in the store; more than a layer can sensibly have are told.
dockerfile <<'END'
RUN truncate -s 300M /holes && printf end >>/holes
RUN test "$(stat -c %s /holes)" = 314572803 && tail -c 3 /holes | grep -q end
END
build --no-cache context
expect_eq "$(du -sm "$ROOT" | awk '{print ($1 < 100)}')" 1
dockerfile <<<'RUN truncate -s 1T /holes && echo x >/other'
fails 1 '/holes' slipway build --progress plain --no-cache context
expect_in "$err" 'holes'
dockerfile <<<'RUN for i in 1 2 3 4 5 6 7 8 9; do truncate -s 10G /holes$i; done'
fails 1 '/holes' slipway build --progress plain --no-cache context

# Much output is kept whole, and not in memory. (A sanitizer keeps what was freed: there the size says nothing.)
dockerfile <<<'RUN yes "a line of output that is repeated many times" | head -c 80000000; echo; echo "the last line"'
python3 - "$SLIPWAY" "$ROOT" >memory <<'END'
import resource, subprocess, sys
done = subprocess.run([sys.argv[1], "--root", sys.argv[2], "build", "--progress", "plain", "--no-cache", "context"], stderr=subprocess.PIPE)
print(done.returncode, b"the last line" in done.stderr, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
END
read -r code last kibibytes <memory
expect_eq "$code $last" '0 True'
grep -q __asan_init "$SLIPWAY" || [ "$kibibytes" -lt 60000 ] || fail "$kibibytes KiB of memory"
