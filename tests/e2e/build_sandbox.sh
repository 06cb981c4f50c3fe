#!/usr/bin/env bash
# What a RUN step sees and may do: its own processes, a private /dev, no power over the host.
# as: root rootless
. "$(dirname "$0")/lib.bash"
load_busybox
echo host >"$WORK/host-file"
file context/Dockerfile <<'END'
FROM busybox
ARG HOST_FILE
RUN id -u; id -g; umask; pwd; hostname; test $(ls /proc | grep -c '^[0-9]*$') -lt 9
RUN test ! -e $HOST_FILE
RUN ls -l /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fd /dev/stdin && test -d /dev/pts && test -d /dev/shm
RUN test ! -e /dev/sda && test ! -e /dev/kmsg && test ! -e /dev/vda
RUN ! mount -t tmpfs x /tmp && ! mount -o remount,rw /sys
# A node of a disk is of no use, if it can be made at all.
RUN for n in 8:0 253:0 254:0 259:0; do mknod /node b ${n%:*} ${n#*:} 2>/dev/null && ! head -c 1 /node >/dev/null && rm /node || test ! -e /node || exit 1; done
RUN ! touch /sys/kernel/x && ! sh -c 'echo x > /proc/sysrq-trigger' && ! sh -c 'echo 1 > /proc/sys/vm/drop_caches'
RUN ! dd if=/proc/kcore bs=1 count=1 2>/dev/null | grep -q . && ! ls /proc/acpi/* 2>/dev/null
RUN ! unshare -m true && ! chroot /no-such-folder true && ! hwclock -w && ! dmesg
RUN grep -q '^CapEff:.*00000000a80425fb$' /proc/self/status && grep -q '^Seccomp:.*2$' /proc/self/status && grep -q '^NoNewPrivs:.*0$' /proc/self/status
RUN touch /root-file && chown 33:33 /root-file && su -s /bin/sh www-data -c 'test ! -w /etc/passwd && id -u' | grep 33
RUN --network=none ip link | grep -c '^[0-9]' && ! wget -T 1 -O - http://127.0.0.1:1/
RUN cat /etc/resolv.conf /etc/hosts | grep -q localhost
WORKDIR /some/where
USER www-data
RUN pwd; id -u; ! touch /root/x 2>/dev/null
END
build --no-cache --build-arg "HOST_FILE=$WORK/host-file" -t sandboxed context
expect_match "$err" ' 0022'
case $MODE in
  root) expect_in "$err" 'sandbox: as root, overlay of the kernel' ;;
  *) expect_match "$err" 'sandbox: without root, [0-9]+ ids, (overlay of the kernel|fuse-overlayfs)' ;;
esac
expect_match "$err" ' /some/where'
verify_image sandboxed
