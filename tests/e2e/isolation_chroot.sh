#!/usr/bin/env bash
# Steps where no namespace can be had: root of a container whose filter forbids them, as most pods are. The same layers
# come out as elsewhere, nothing outside is reached, nothing is left behind (run.py looks).
# as: root
# seconds: 600
. "$(dirname "$0")/lib.bash"
command -v capsh >/dev/null || skip "capsh is not installed"
load_busybox
# Docker's capabilities and no namespaces.
pod() {
  local dropped
  dropped=$(capsh --print | sed -n 's/^Bounding set =//p' | tr , '\n' | grep -vE '^cap_(chown|dac_override|fowner|fsetid|kill|setgid|setuid|setpcap|net_bind_service|net_raw|sys_chroot|mknod|audit_write|setfcap)$' | paste -sd,)
  python3 "$library/no_namespaces.py" capsh --drop="$dropped" -- -c 'exec "$@"' pod "$@"
}
POD=$WORK/pod
inside() { pod "$SLIPWAY" --root "$POD" "$@"; }
build_inside() { ok inside build --progress plain "$@"; }
# What the image holds, without times.
files_of() { tar --numeric-owner --xattrs -tvvf "$1" | sed -E 's/ [0-9]{4}-[0-9-]+ [0-9:]+ / /' | sort; }
mkdir context
cc -static -O1 -o context/hostile "$library/hostile.c" || skip "no C compiler with static libraries"
ok inside load -i "$IMAGES/busybox.tar"

# Changes of every kind, found though times are put back.
cat >context/Dockerfile <<'END'
FROM busybox AS base
COPY hostile /bin/
FROM base
RUN mkdir -p /d/e/f /old && echo 1 >/d/e/f/g && echo 1 >/d/h && ln /d/h /d/i && ln -s h /d/j && mkfifo /d/k && touch /old/a /old/b
RUN cp -p /etc/group /tmp/t && sed 's/x/y/' /etc/group >/tmp/u && cat /tmp/u >/etc/group && touch -r /tmp/t /etc/group && rm /tmp/t /tmp/u
RUN rm -r /d/e /home && mkdir /home && rm /bin/yes && rm -r /old && mkdir /old && touch /old/c && ln /etc/passwd /old/box && mkdir /m && touch /m/a /m/b
COPY Dockerfile /d/dockerfile
RUN rm /d/i && mv /m /moved && mkdir /m && chown 7:8 /moved/a /d/h && echo more >>/d/dockerfile && mkdir -m 1777 /sticky
RUN touch /untouched && rm /untouched; hostile socket /socket; truncate -s 1G /holes && printf end >>/holes
RUN d=/; for i in $(seq 200); do d=$d/l$i; mkdir $d; done; echo deep >$d/f; touch "$(printf '/line\nfeed')" "$(printf '/\377\376')"
USER www-data
RUN echo mine >/tmp/mine
END
build_inside -t app context
expect_in "$err" 'sandbox: as root, chroot only: processes, network, host name'
expect_in "$err" '(root may not mount here, and user namespaces are forbidden)'
ok inside export -o inside.tar app
build -t app context
ok slipway export -o outside.tar app
files_of inside.tar >inside.txt; files_of outside.tar >outside.txt
expect_eq "$(diff inside.txt outside.txt)" ""
expect_eq "$(inside inspect app | jq '.[0].RootFS.Layers | length')" "$(diff_ids app | wc -l)"
ok inside save -o saved.tar app
ok python3 "$library/verify_image.py" saved.tar
ok inside run --rm app id -u
expect_eq "$out" 33

# A step reaches no process but its own, whatever it calls them, and leaves none.
python3 -c 'import signal; signal.pause()' &
other=$!
started "$other"
cat >context/Dockerfile <<END
FROM busybox
COPY hostile /bin/
RUN hostile; hostile capabilities
RUN hostile processes $other 1 \$PPID
RUN kill -9 -1; kill -STOP -1; echo survived; for s in KILL STOP TERM; do kill -\$s $other && exit 1; done; kill -9 \$PPID; echo alive
RUN sleep 97532 & (setsid sleep 97532 &) ; (sleep 97532 & exit); sleep 97532 & kill \$!; wait \$!; echo "ended with \$?"
RUN sh -c 'kill -TERM \$\$'; echo "\$?"; timeout 1 sleep 97532; echo "\$?"
USER www-data
RUN sleep 97532 & pid=\$!; kill -0 \$pid && kill \$pid && wait \$pid; echo "\$?"; ! kill -0 1
END
build_inside --no-cache context
expect_not_in "$err" ALLOWED
expect_in "$err" 'effective 00000000a00025fb bounding 00000000a00025fb no_new_privs 1 seccomp 2'
expect_in "$err" survived
expect_in "$err" alive
expect_in "$err" 'ended with 143'
kill -0 "$other" || fail "a step has killed a process of the machine"
expect_eq "$(grep -c 'State:.*T' /proc/$other/status || true)" 0
expect_eq "$(pgrep -fc 'sleep 97532' || true)" 0

# Out of time, interrupted, killed: nothing goes on, nor do processes that are always about to be others. (As many as
# there were: a bomb would go off beneath all other tests.)
cat >context/Dockerfile <<'END'
FROM busybox
RUN sh -c 'kill -STOP $$' & (setsid sleep 97533 &); b() { sleep 0.01; b & }; for i in 1 2 3 4 5 6 7 8 9; do b & done; sleep 97533
END
fails 1 '--timeout=1s allows' inside build --progress plain --timeout 1s context
expect_eq "$(pgrep -fc 'sleep 97533' || true)" 0
sed -i 's/b() .*done; //' context/Dockerfile
for signal in INT KILL; do
  inside build --progress plain context >killed 2>&1 &
  builder=$!
  wait_until pgrep -f '^sleep 97533'
  kill -$signal "$(pgrep -f "^$SLIPWAY --root $POD build")"
  wait "$builder" 2>/dev/null || true
  wait_until bash -c "! pgrep -f '^sleep 97533'"
done

# Mounts are copies, or moved there and back.
echo topsecret >secret
cat >context/Dockerfile <<'END'
FROM busybox AS other
RUN mkdir /share && echo shared >/share/f
FROM busybox
RUN --mount=type=cache,target=/cache,id=c echo 1 >>/cache/f
RUN --mount=type=cache,target=/cache,id=c echo 1 >>/cache/f; test "$(wc -l </cache/f)" = 2; mv /cache /gone && mkdir /cache
RUN --mount=type=cache,target=/cache,id=c,readonly test ! -e /cache/f; test ! -e /cache || touch /cache/x
RUN --mount=type=bind,from=other,source=/share,target=/s,rw test "$(cat /s/f)" = shared && touch /s/mine
RUN --mount=type=bind,source=Dockerfile,target=/s/D grep -q share /s/D
RUN --mount=type=secret,id=s,target=/run/s grep -qx 'top.*ret' /run/s && test "$(stat -c %a /run/s)" = 400 && ln /run/s /kept && mv /run/s /kept2
RUN --mount=type=tmpfs,target=/tmp touch /tmp/x && rm -rf /dev /sys /etc/hosts && mv /etc /etc2 && ln -s / /etc && mv /etc2/resolv.conf /r
RUN test ! -e /s && test ! -e /run/s && test ! -s /kept && test ! -s /kept2 && test ! -e /tmp/x && test -c /dev/null && ls -d /gone
RUN echo 1; echo 2 >&2; echo 3 >/dev/stderr; echo 4 >/dev/stdout; echo 5; echo 6 | tee /dev/stderr >/dev/null; echo 7 </dev/stdin
END
build_inside --secret id=s,src=secret -t mounts context
expect_eq "$(sed -nE 's/^#[0-9]+ [0-9.]+ ([1-7])$/\1/p' <<<"$err" | tr -d '\n')" 1234567
ok inside export -o mounts.tar mounts
expect_eq "$(tar -tvf mounts.tar | awk '$NF ~ /^(s|run|cache|dev|sys|proc|kept2?)(\/|$)/ {print $3, $NF}' | tr '\n' ',')" '0 dev/,0 kept,0 kept,'
expect_eq "$(grep -rlE 'topsecret' "$POD" || true)" ''

cat >context/Dockerfile <<'END'
FROM busybox
RUN <<SCRIPT
#!/bin/sh
echo "a script of its own"
SCRIPT
END
build_inside context
expect_in "$err" 'a script of its own'

# A failed step is looked into in a root like its own: inside, and outside where the same is asked for.
cat >context/Dockerfile <<<$'FROM busybox\nRUN echo made >/f; false'
fails 1 'exit code: 1' inside build context
ok inside debug -- cat /f
expect_eq "$out" made
ok "$SLIPWAY" --root "$POD" debug --isolation chroot -- cat /f
expect_eq "$out" made

# What can't be had is said.
cat >context/Dockerfile <<<$'FROM busybox\nRUN --network=none true'
fails 1 "--network=none can't be had where steps have no namespaces" inside build context
cat >context/Dockerfile <<<$'FROM busybox\nRUN --security=insecure true'
fails 1 "--security=insecure can't be had where steps have no namespaces" inside build --allow security.insecure context
fails 3 'isolation chroot: root lacks SYS_CHROOT, MKNOD' capsh --drop=cap_sys_chroot,cap_mknod -- -c 'exec "$@"' x "$SLIPWAY" --root "$WORK/bare" build --isolation chroot context
fails 3 'isolation chroot: this is the user' setpriv --reuid 65534 --regid 65534 --clear-groups "$SLIPWAY" --root "$TMPDIR/nobody" build --isolation chroot context
