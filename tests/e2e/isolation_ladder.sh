#!/usr/bin/env bash
# The ladder of docs/without-root.md: what --isolation=auto takes where something is missing, which is said in one line,
# what each of its names takes, and the error where that can't be had. The same files come out on every rung.
# as: root rootless one-id
# seconds: 600
. "$(dirname "$0")/lib.bash"
command -v setpriv >/dev/null || skip "setpriv is not installed"
load_busybox
# The base is a file, so that the first word of a store is the build's.
mkdir context
echo 'FROM busybox' >context/Dockerfile
ok slipway build -o type=tar,dest=base.tar context
mv base.tar context
file context/Dockerfile <<'END'
FROM scratch
ADD base.tar /
RUN --mount=type=cache,target=/cache,uid=33 mkdir /d && echo 1 >/d/f && echo 1 >/cache/f && chown 7:8 /d /d/f && chown 33 /cache/f && rm /bin/yes
RUN rm -r /home && mkdir /home && chmod 700 /home
USER 33:33
RUN --mount=type=cache,target=/cache,uid=33 test "$(id -u):$(id -g)" = 33:33 && echo 2 >>/cache/f && cp /cache/f /tmp/mine
END
chmod -R a+rX context
cp "$SLIPWAY" slipway # where everybody may read it

# in_new_store FLAG...: in a new store of whoever "${here[@]}" makes us.
here=()
in_new_store() {
  store=$(mktemp -d "$WORK/store-XXXX")
  chmod 777 "$store"
  "${here[@]}" "$WORK/slipway" --root "$store/s" build --progress plain -o "type=tar,dest=$store/out.tar" "$@" context
}
# takes RUNG FLAG...: steps run there, which is said once and matches the pattern, and the image is the same as ever.
takes() {
  local rung=$1
  shift
  ok in_new_store "$@"
  expect_eq "$(grep -c '^sandbox: ' <<<"$err")" 1
  expect_match "$(grep '^sandbox: ' <<<"$err")" "^sandbox: $rung"
  tar --numeric-owner -tvf "$store/out.tar" | sed -E 's/ [0-9]{4}-[0-9-]+ [0-9:]+ / /' | sort >listed
  [ -e expected ] || cp listed expected
  expect_eq "$(diff expected listed)" ''
  expect_eq "$(grep -E ' (d|home|tmp)/.' listed | awk '{print $1, $2, $4}' | tr '\n' ',')" '-rw-r--r-- 33/33 tmp/mine,-rw-r--r-- 7/8 d/f,'
}
# refused TEXT REMEDY FLAG...: one error says both, and nothing else is tried.
refused() {
  local text=$1 remedy=$2
  shift 2
  fails 3 "$text" in_new_store "$@"
  expect_in "$err" "hint: $remedy"
  expect_eq "$(grep -c '^ERROR: ' <<<"$err")" 1
  expect_not_in "$err" 'sandbox: '
}
by_a_runtime() { # RUNG: where one is installed
  ! command -v crun >/dev/null || takes "$1.*, steps run by /.*crun" --isolation oci --runtime crun
}

filtered=(python3 "$library/no_namespaces.py")

# What every user has: no rung of root, and none at all where user namespaces are forbidden.
user_is_refused() {
  refused 'isolation root: this is the user' 'run as root' --isolation root
  refused 'isolation chroot: this is the user' 'run as root of a container' --isolation chroot
}
user_without_namespaces() { # REMEDY
  local name
  for name in auto rootless one-id; do
    refused 'user namespaces cannot be used here' "$1" --isolation "$name"
  done
  user_is_refused
}
user_with_sub_ids() {
  takes 'without root, 65537 ids, (overlay of the kernel|fuse-overlayfs)$'
  takes 'without root, 65537 ids, [a-z -]*$' --isolation rootless
  takes 'without root, 65537 ids, [a-z -]*$' --isolation sub-ids
  takes 'without root, one id, owners recorded, [a-z -]*$' --isolation one-id
  expect_not_in "$err" 'one user only'
  by_a_runtime 'without root, 65537 ids, '
  user_is_refused
}
# user_with_one_id REASON: which is in the warning, in the line, and in the error if a range is insisted on.
user_with_one_id() {
  local reason=$1
  takes "without root, one id, owners recorded, [a-z -]+ \\(because $reason"
  expect_match "$err" "WARNING: files can belong to one user only, because $reason"
  takes "without root, one id, owners recorded, [a-z -]+ \\(because $reason" --isolation rootless
  takes 'without root, one id, owners recorded, [a-z -]*$' --isolation one-id
  refused 'isolation sub-ids: ' 'mend that, or use one-id' --isolation sub-ids
  expect_match "$err" "isolation sub-ids: $reason"
  user_is_refused
}
no_network_helper() {
  here=("${here[@]}" env PATH=/nowhere)
  takes '' # whatever it is
  expect_eq "$(grep -c "steps use the machine's network, because neither pasta (package passt) nor slirp4netns is installed" <<<"$err")" 1
}

case $MODE in
  rootless | one-id)
    if [ "$MODE" = one-id ]; then
      user_with_one_id '.* has no range in /etc/subuid \(root adds one with: usermod --add-subuids'
    else
      takes 'without root, [0-9]+ ids, '
      # As in a pod with allowPrivilegeEscalation: false.
      here=(setpriv --no-new-privs)
      user_with_one_id 'newuidmap gets no privileges here: no_new_privs is set'
    fi
    here=("${filtered[@]}")
    user_without_namespaces 'run as root, or in a container that permits the unshare system call'
    here=()
    no_network_helper
    exit 0
    ;;
esac

# Root, and what it chooses by name.
takes 'as root, (overlay of the kernel|fuse-overlayfs)$'
takes 'as root, [a-z -]*$' --isolation root
takes '.*[0-9]+ ids, [a-z -]*$' --isolation rootless
takes '.*[0-9]+ ids, [a-z -]*$' --isolation sub-ids
takes '.*one id, owners recorded, [a-z -]*$' --isolation one-id
takes 'as root, chroot only: .*one step runs at a time$' --isolation chroot
by_a_runtime 'as root'
fails 2 'isolation "nowhere" is not known' in_new_store --isolation nowhere
expect_in "$err" 'use auto, root, rootless, sub-ids, one-id, chroot or oci'
# The variable is the same as the flag, which goes before it.
here=(env SLIPWAY_ISOLATION=chroot)
takes 'as root, chroot only'
takes 'as root, [a-z -]*$' --isolation root

# That may not mount.
here=(setpriv --bounding-set=-sys_admin)
takes 'root of a user namespace, [0-9]+ ids, [a-z -]+ \(root may not mount here\)$'
takes 'root of a user namespace, [0-9]+ ids, [a-z -]+$' --isolation sub-ids
takes '.*one id, owners recorded, [a-z -]+$' --isolation one-id
takes 'as root, chroot only: ' --isolation chroot
refused 'isolation root: root has no CAP_SYS_ADMIN here' 'give the container that right' --isolation root

# No namespaces: with the capability and without.
for bounding in +all -sys_admin; do
  here=("${filtered[@]}" setpriv "--bounding-set=$bounding")
  takes 'as root, chroot only: .* \(root may not mount here, and user namespaces are forbidden\)$'
  takes 'as root, chroot only: ' --isolation chroot
  for name in rootless sub-ids one-id; do
    refused 'user namespaces cannot be used here' 'run as root, or in a container that permits' --isolation $name
  done
  refused 'isolation root: root ' 'give the container that right' --isolation root
done
if command -v crun >/dev/null; then
  fails 3 "an OCI runtime can't run steps where no namespace can be had" in_new_store --isolation oci
fi
# Namespaces, but no mounts in them.
here=("${filtered[@]}" --mounts-only)
takes 'as root, chroot only: .* \(root may not mount here, and user namespaces are forbidden\)$'
refused 'isolation root: root may not mount here, in spite of CAP_SYS_ADMIN' 'give the container that right' --isolation root
refused 'user namespaces cannot be used here: Permission denied' 'run as root, or in a container' --isolation rootless
here+=(setpriv --bounding-set=-sys_admin)
takes 'as root, chroot only: .* \(root may not mount here, and user namespaces are forbidden\)$'

# One id, which somebody else has chosen.
here=(unshare --user --map-root-user --mount)
takes 'as root, one id, owners recorded, [a-z -]+$'
takes '.*one id, owners recorded, [a-z -]+$' --isolation one-id
refused 'isolation chroot: there is only one id' 'run as root of a container' --isolation chroot
refused 'isolation sub-ids: root has no other id here' 'mend that, or use one-id' --isolation sub-ids
here+=(setpriv --bounding-set=-sys_admin)
takes '.*one id, owners recorded, [a-z -]+ \(root may not mount here; because root has no other id here\)$'

# Groups that are not there, and a network that is not.
here=(unshare --mount bash -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' no-groups)
takes 'as root, ' --memory 64m --pids-limit 100
expect_eq "$(grep -c 'limits of [a-z]* are not applied' <<<"$err")" 2
here=()
no_network_helper

# Users, made up in a mount namespace.
chmod 711 "$(dirname "$WORK")"
{ cat /etc/passwd && echo "somebody:x:64321:64321::/nowhere:/bin/sh"; } >passwd
echo 'somebody:1879048192:65536' >range
: >none
# user SUBUID SUBGID SCRIPT: what "${here[@]}" has to be for one with those files, after the script of root.
user() {
  here=(unshare --mount bash -c "
    cd '$WORK' && mount --bind passwd /etc/passwd && mount --bind $1 /etc/subuid && mount --bind $2 /etc/subgid || exit
    $3
    exec setpriv --reuid 64321 --regid 64321 --clear-groups -- \"\$@\"" user)
}
for found in /etc/subuid /etc/subgid; do
  [ -e $found ] || skip "NO USERS: there is no $found"
done
if command -v newuidmap >/dev/null; then
  user range range ''
  user_with_sub_ids
  takes 'without root, 65537 ids' --memory 64m
  expect_match "$err" 'limits of memory are not applied: there is no control group here that we may'
  user range none ''
  user_with_one_id 'somebody has no range in /etc/subgid \(root adds one with: usermod '
fi
user none range ''
user_with_one_id '.*'
user range range "for path in {,/usr,/usr/local}/bin/newuidmap; do [ ! -e \$path ] || mount --bind /dev/null \$path || exit; done"
user_with_one_id 'newuidmap and newgidmap are not installed \(package uidmap\)'
here=(python3 "$library/identity_namespace.py" bash -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' closed
  setpriv --reuid 64321 --regid 64321 --clear-groups --)
user_without_namespaces 'as root: sysctl user.max_user_namespaces=15000'
