#!/usr/bin/env bash
# Steps that mean harm: they reach nothing outside, leave nothing behind (run.py looks), and give a correct layer or
# one clear error.
# as: root rootless one-id chroot crun runc crun-rootless runc-rootless
. "$(dirname "$0")/lib.bash"
load_busybox
echo untouched >"$WORK/host-file"
mkdir context

# hostile TAG: the Dockerfile on standard input after FROM busybox builds, and the image is sound.
hostile() {
  { echo 'FROM busybox'; cat; } >context/Dockerfile
  build --no-cache -t "$1" context
  verify_image "$1"
}

# Everybody is killed but the step's init, which is out of reach; what still runs at the end of a step is ended.
hostile killer <<END
RUN sleep $long & kill -9 -1; echo survived > /survived
RUN test "\$(cat /survived)" = survived && ! ps | grep -v grep | grep $long
RUN (trap '' TERM INT HUP; sleep $long) & (setsid sleep $long &) ; true
END
expect_none_asleep

# The init's memory, root, descriptors and environment are nobody's business. (With an OCI runtime the step is pid 1;
# with chroot its /proc is a plain folder that has neither processes nor switches.)
case $SANDBOX in
  own) hostile peeping <<'END' ;;
RUN ! ls /proc/1/root/ 2>/dev/null && ! readlink /proc/1/fd/1 && ! cat /proc/1/environ 2>/dev/null && ! readlink /proc/1/exe
RUN ! sh -c 'echo x > /proc/1/mem' 2>/dev/null && ! sh -c 'echo 1 > /proc/1/oom_score_adj' 2>/dev/null || test $(id -u) = 0
END
  chroot) hostile peeping <<'END' ;;
RUN ! ls -d /proc/[0-9]* /proc/self /proc/sys /proc/sysrq-trigger 2>/dev/null && echo b >/proc/sysrq-trigger && ! chroot / true
RUN test ! -e /proc/sysrq-trigger && test -z "$(ls -A /sys)"
END
  *) hostile peeping <<'END' ;;
RUN test -x /proc/1/root/bin/sh && test -d /proc/1/root/../../../bin && test "$(ls /proc | grep -c '^[0-9]*$')" -lt 6
END
esac
[ "$SANDBOX" = chroot ] || hostile switches <<'END'
RUN ! sh -c 'echo "|/evil" > /proc/sys/kernel/core_pattern' && ! sh -c 'echo b > /proc/sysrq-trigger'
RUN mkdir -p /jail && cp -r /bin /jail && chroot /jail sh -c 'cd ../../../../..; test -x /bin/sh'
END
hostile mounts <<'END'
RUN ! mount -o bind / /mnt && ! mount -t proc p /tmp && ! umount /proc && ! umount /etc/resolv.conf && ! mount -o remount,rw /sys
END

# Links in the places where the sandbox mounts something: they lead to places in the image.
mkdir -p context/links/elsewhere
ln -s /elsewhere context/links/etc
hostile links <<END
FROM scratch
COPY --from=busybox /bin /bin
COPY links /
RUN echo evil > /etc/resolv.conf; grep localhost /elsewhere/hosts
RUN rm /etc && mkdir /etc && ln -s $WORK/host-file /etc/resolv.conf && ln -s ../../../../../../$WORK/host-file /etc/hosts
RUN echo evil > /etc/resolv.conf; echo evil > /etc/hosts; echo evil > $WORK/host-file; test -L /etc/resolv.conf
RUN ln -s /proc/1/root/tmp /tmp
RUN --mount=type=tmpfs,target=/etc/a/../../$WORK/deep touch $WORK/deep/x
END
expect_eq "$(cat "$WORK/host-file")" untouched
expect_no_file "$WORK/deep"

# Where the mount point of a system folder is a link, nothing is mounted through it.
printf 'FROM busybox\nRUN rm -rf /sys /dev /proc 2>/dev/null; true\nRUN ls -d /proc/cpuinfo /dev/null\n' >context/Dockerfile
build --no-cache context
mkdir -p context/tree && ln -sfn /bin context/tree/sys
printf 'FROM scratch\nCOPY tree /\nCOPY --from=busybox /bin /bin\nRUN echo no\n' >context/Dockerfile
fails 1 '/sys' slipway build --progress plain context

# Nothing of the image is left; the step that follows has no shell.
hostile gone <<'END'
RUN rm -rf --no-preserve-root / 2>/dev/null || rm -rf /* 2>/dev/null; true
END
echo 'RUN true' >>context/Dockerfile
no_shell='stat /bin/sh: no such file'
[ "$SANDBOX" != crun ] || no_shell='/bin/sh` not found'
fails 1 "$no_shell" slipway build --progress plain context

# What means "deleted" in a layer can't be made by hand.
hostile whiteouts <<'END'
RUN ! mknod /whiteout c 0 0 2>/dev/null || rm /whiteout
RUN mkdir /d && mkfifo /d/fifo
END
printf 'FROM busybox\nRUN touch /home/.wh.x\n' >context/Dockerfile
fails 1 '.wh.x' slipway build --progress plain context

# Names, depths and modes are kept as they are; a shell takes the line feed from the end of what printf prints.
hostile names <<'END'
RUN end=$(printf '/end\nx') && touch "$(printf '/a\nb')" "${end%x}" "$(printf '/\377\376\001')" '/-rf' '/ ' && cd / && i=0 && while [ $i -lt 200 ]; do mkdir d && cd d || exit 1; i=$((i+1)); done && touch leaf
RUN ls "$(printf '/\377\376\001')" "$(printf '/a\nb')" && end=$(printf '/end\nx') && test -e "${end%x}" && find /d -name leaf | tr -cd / | wc -c | grep -qx 201
RUN touch /setuid && chmod 6755 /setuid && truncate -s 64M /sparse
RUN test "$(stat -c %a /setuid)" = 6755 && test "$(stat -c %s /sparse)" = 67108864
END
build -o type=tar,dest=names.tar context
python3 - <<'END' || fail "a name is not in the layer as it was made"
import sys, tarfile
names = set(tarfile.open("names.tar", errors="surrogateescape").getnames())
sys.exit(not names >= {"a\nb", "end\n", "\udcff\udcfe\x01", "-rf", " "})
END

# More processes than are good, with a limit where the machine gives us one; all of them are gone in the end.
cat >context/Dockerfile <<END
FROM busybox
RUN i=0; while [ \$i -lt 150 ]; do sleep $long & i=\$((i+1)); done; true
END
try slipway build --progress plain --pids-limit 40 --no-cache context
if [[ $err != *'not applied'* ]]; then
  expect_in "$err" "can't fork"
fi
expect_none_asleep
