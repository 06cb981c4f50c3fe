#!/usr/bin/env bash
# Root without the right to mount, as in most containers: steps run in a user namespace with the ids there are. The Job of
# docs/kubernetes.md does what it says. Where no namespaces are to be had, one error says what is missing.
# as: root
. "$(dirname "$0")/lib.bash"
command -v capsh >/dev/null || skip "capsh is not installed"
load_busybox
file context/Dockerfile <<'END'
FROM busybox
COPY --chown=33:44 Dockerfile /d
RUN echo x >> /d && touch /a && chown 55:66 /a && rm /bin/yes && rm -r /home && mkdir /home && id -u
USER www-data
RUN id -u && touch /tmp/mine
END
# Docker's capabilities.
contained() {
  local dropped
  dropped=$(capsh --print | sed -n 's/^Bounding set =//p' | tr , '\n' | grep -vE '^cap_(chown|dac_override|fowner|fsetid|kill|setgid|setuid|setpcap|net_bind_service|net_raw|sys_chroot|mknod|audit_write|setfcap)$' | paste -sd,)
  capsh --drop="$dropped" -- -c 'exec "$@"' contained "$@"
}
ROOT=$WORK/inside
ok contained "$SLIPWAY" --root "$ROOT" load -i "$IMAGES/busybox.tar"
ok contained "$SLIPWAY" --root "$ROOT" build --progress plain -t app context
expect_match "$err" 'sandbox: root of a user namespace, [0-9]+ ids, .*\(root may not mount here\)'
expect_in "$err" ' 33'
ok contained "$SLIPWAY" --root "$ROOT" export -o root.tar app
expect_eq "$(tar --numeric-owner -tvf root.tar | awk '$6 ~ /^(a|d|home\/|tmp\/mine)$/ {print $2, $6}' | sort -k 2 | tr '\n' ',')" \
  '55/66 a,33/44 d,0/0 home/,33/33 tmp/mine,'
ok contained "$SLIPWAY" --root "$ROOT" run --rm app id -u
expect_eq "$out" 33
fails 3 'isolation root: root has no CAP_SYS_ADMIN here' contained "$SLIPWAY" --root "$ROOT" build --isolation root context
# Trees of one kind are not taken for those of another.
fails 1 'was made in a container where root may not mount' "$SLIPWAY" --root "$ROOT" build --no-cache context
fails 1 "$ROOT was made" "$SLIPWAY" --root "$ROOT" build --isolation one-id context
fails 2 'isolation "nowhere" is not known' "$SLIPWAY" --root "$ROOT" build --isolation nowhere context

# A container that hides parts of its /proc.
masked() { unshare --mount sh -c 'mount --bind /dev/null /proc/interrupts && exec "$@"' masked "$@"; }
fails 3 'procMount: Unmasked' masked bash -c "$(declare -f contained); contained \"\$@\"" x \
  "$SLIPWAY" --root "$ROOT" build --no-cache context

# One that allows no user namespaces: what needs no step works.
closed() {
  unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces && exec capsh --drop=cap_sys_admin -- -c "exec \"\$@\"" x "$@"' closed "$@"
}
ok closed "$SLIPWAY" --root "$WORK/closed" load -i "$IMAGES/busybox.tar"
file copies/Dockerfile <<<$'FROM busybox\nCOPY Dockerfile /d\nWORKDIR /w'
ok closed "$SLIPWAY" --root "$WORK/closed" build copies
fails 3 "a step can't have namespaces of its own here" closed "$SLIPWAY" --root "$WORK/closed" build context
fails 3 'user namespaces cannot be used here' closed "$SLIPWAY" --root "$WORK/closed" build --isolation rootless context

# The Job's own command, with our context and registry.
python3 -c 'import yaml' 2>/dev/null || skip "the Job is not looked at without python3-yaml"
python3 - "$(dirname "$0")/../../docs/kubernetes.md" >job.args <<'END'
import re, sys, yaml
job = yaml.safe_load(re.search(r"```yaml\n(.*?)```", open(sys.argv[1], encoding="utf-8").read(), re.DOTALL)[1])
assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
pod = job["spec"]["template"]["spec"]
container = pod["containers"][0]
assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
print("\n".join(container["args"]))
END
start_registry
mapfile -t arguments < <(sed "s|registry.example.com|$REGISTRY|; s|^https://git.*|context|" job.args)
ok contained "$SLIPWAY" --root "$ROOT" "${arguments[@]}"
ROOT=$WORK/outside
ok slipway pull "$REGISTRY/team/app:latest"
verify_image "$REGISTRY/team/app:latest"
