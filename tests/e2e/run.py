#!/usr/bin/env python3
"""Runs one end-to-end script in a world of its own, and fails if it leaves anything behind.

    run.py --slipway BINARY --images FOLDER [--as anyone|root|rootless|one-id|chroot|crun|...] SCRIPT

The script gets a temporary folder with a home, a store and a work folder (see lib.bash), and sees nothing of the
user's own settings. Afterwards there must be no process, no mount and no temporary file of it. Exit status: the
script's; 1 if something was left behind; 77 if it can't run here, with the reason.

rootless: the script runs as a user without privileges who has sub-ids. The test runner's own user will do; root makes
one up, in a mount namespace where /etc/passwd and /etc/subuid have that user, so that the machine stays as it is.
one-id: the same with a user who has none, whom only root can make up.
chroot, crun, runc: as root, and steps are kept in by no more than chroot, or run by that OCI runtime. crun-rootless,
runc-rootless: without root.
"""

import argparse
import ctypes
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
# Who runs the script (an entry of USERS), and what keeps steps in.
USERS = ("anyone", "root", "rootless", "one-id")
MODES = {
    **{user: (user, "own") for user in USERS},
    "chroot": ("root", "chroot"),
    **{runtime: ("root", runtime) for runtime in ("crun", "runc")},
    **{f"{runtime}-rootless": ("rootless", runtime) for runtime in ("crun", "runc")},
}
PR_SET_CHILD_SUBREAPER = 36

USER = "slipway-test"
USER_ID = 64321
SUB_IDS = "1879048192:65536"  # far above what distributions hand out

# As root, in a mount namespace of its own: the made-up user, and what it must be able to read whatever the mode of
# the folders above it.
ENTER_ROOTLESS = f"""
set -e
world=$1 binary=$2 scripts=$3 images=$4 shared=$5 mode=$6
shift 6
cp /etc/passwd /etc/subuid /etc/subgid "$world/etc" 2>/dev/null || true
echo "{USER}:x:{USER_ID}:{USER_ID}::$world/home:/bin/sh" >> "$world/etc/passwd"
# Some tests make such a user for real.
sed -i '/^{USER}:/d' "$world/etc/subuid" "$world/etc/subgid" 2>/dev/null || true
if [ "$mode" = rootless ]; then
  echo "{USER}:{SUB_IDS}" >> "$world/etc/subuid"
  echo "{USER}:{SUB_IDS}" >> "$world/etc/subgid"
fi
for file in passwd subuid subgid; do
  [ -e "/etc/$file" ] || touch "/etc/$file"
  mount --bind "$world/etc/$file" "/etc/$file"
done
touch "$world/slipway"
mount --bind "$binary" "$world/slipway"
mount --bind "$scripts" "$world/scripts"
mount --bind "$images" "$world/images"
[ -z "$shared" ] || mount --bind "$shared" "$world/shared"
# Everybody may open it, as udev has it.
mount -t tmpfs none "$world/dev"
[ ! -e /dev/net/tun ] || mknod -m 666 "$world/dev/tun" c 10 200 && mount --bind "$world/dev/tun" /dev/net/tun || true
exec setpriv --reuid {USER_ID} --regid {USER_ID} --clear-groups -- "$@"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slipway", type=Path, required=True, help="the binary")
    parser.add_argument("--images", type=Path, required=True, help="the folder with the base images")
    parser.add_argument("--as", dest="mode", choices=MODES, default="anyone")
    parser.add_argument("script", type=Path)
    options = parser.parse_args()
    options.user, options.sandbox = MODES[options.mode]
    reason = why_not(options.user, options.sandbox)
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    # Whatever the script starts and forgets becomes our child when its parent ends.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    world = Path(tempfile.mkdtemp(prefix="slipway-e2e-"))
    try:
        return run_in(world, options)
    finally:
        remove(world)


def why_not(user: str, sandbox: str) -> str | None:
    """Why this can't be had here; None if it can."""
    root = os.geteuid() == 0
    if user in ("root", "one-id") and not root:
        return "needs root"
    if sandbox in ("crun", "runc") and not shutil.which(sandbox):
        return f"needs {sandbox}"
    if user == "rootless":
        if not shutil.which("newuidmap"):
            return "needs newuidmap (package uidmap)"
        if not root and not has_sub_ids():
            return "this user has no line in /etc/subuid"
    return None


def has_sub_ids() -> bool:
    user = pwd.getpwuid(os.geteuid())
    return any(line.split(":")[0] in (user.pw_name, str(user.pw_uid)) for line in Path("/etc/subuid").read_text().splitlines())


def run_in(world: Path, options: argparse.Namespace) -> int:
    for name in ("home", "tmp", "work", "etc", "scripts", "images", "shared", "dev"):
        (world / name).mkdir()
    become_user = options.user in ("rootless", "one-id") and os.geteuid() == 0
    if become_user:
        for path in (world, *(world / name for name in ("home", "tmp", "work"))):
            os.chown(path, USER_ID, USER_ID)
    script = subprocess.Popen(
        command(world, options, become_user), cwd=world / "work", env=environment(world, options, become_user),
        stdin=subprocess.DEVNULL, start_new_session=True,
    )
    status = script.wait()
    leaks = left_behind(world, options.script.name)
    for leak in leaks:
        print(f"LEFT BEHIND: {leak}", file=sys.stderr)
    if status == SKIPPED:
        return SKIPPED
    return 1 if status or leaks else 0


def command(world: Path, options: argparse.Namespace, become_user: bool) -> list[str]:
    if not become_user:
        return ["bash", str(options.script.resolve())]
    enter = ["unshare", "--mount", "bash", "-c", ENTER_ROOTLESS, "enter"]
    folders = (options.script.resolve().parent, options.images.resolve(), shared_folder() or "")
    return [*enter, str(world), str(options.slipway.resolve()), *map(str, folders), options.user, "bash", str(world / "scripts" / options.script.name)]


def environment(world: Path, options: argparse.Namespace, become_user: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    binary, images = (world / "slipway", world / "images") if become_user else (options.slipway.resolve(), options.images.resolve())
    shared = shared_folder()
    return {
        **kept,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(world / "home"),
        "TMPDIR": str(world / "tmp"),
        "WORK": str(world / "work"),
        "ROOT": str(world / "store"),
        "SLIPWAY": str(binary),
        "IMAGES": str(images),
        "SHARED": "" if shared is None else str(world / "shared" if become_user else shared),
        "MODE": options.user if options.user in ("rootless", "one-id") else "rootless" if os.geteuid() else "root",
        "SANDBOX": options.sandbox,
        **({"SLIPWAY_ISOLATION": "chroot"} if options.sandbox == "chroot" else {}),
    }


def shared_folder() -> Path | None:
    """The folder with the reference harness and the corpora: around $SLIPWAY_CORPORA, else beside the checkout."""
    corpora = os.environ.get("SLIPWAY_CORPORA")
    shared = Path(corpora).resolve().parent if corpora else Path(__file__).resolve().parents[3] / "shared"
    return shared.resolve() if (shared / "harness" / "behaviour.py").is_file() else None


def left_behind(world: Path, script: str) -> list[str]:
    leaks = []
    # Who was told to end may have much to give back.
    deadline = time.monotonic() + float(os.environ.get("SLIPWAY_LEAK_SECONDS", "20"))
    while (processes := children()) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process, what in processes:
        leaks.append(f"process {process}: {what}")
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    for mount in mounts_below(world):
        leaks.append(f"mount {mount}")
        subprocess.run(["umount", "--lazy", mount], check=False)
    for folder in (world / "tmp", world / "store" / "tmp"):
        if folder.is_dir():
            leaks += [f"temporary file {path}" for path in sorted(folder.iterdir())]
    leaks += [f"control group {group}" for group in control_groups()]
    return leaks


def control_groups(hierarchies: str = "/sys/fs/cgroup") -> list[Path]:
    """Groups of steps whose sandbox helper is no more: slipway-<its pid>-<number>."""
    groups = []
    for folder, below, _ in os.walk(hierarchies):
        for name in below:
            match = re.fullmatch(r"slipway-(\d+)-\d+", name)
            if match and not Path(f"/proc/{match[1]}").exists():
                groups.append(Path(folder, name))
    return groups


def children() -> list[tuple[int, str]]:
    """Our children by now; those that have ended are reaped and not listed."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            return []
    pids = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [(int(pid), Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip() or "(no command line)") for pid in pids]


def mounts_below(world: Path) -> list[str]:
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(str(world))), reverse=True)


def remove(world: Path) -> None:
    if os.geteuid() != 0:  # some files belong to sub-ids: only root of a user namespace that has them may remove those
        subprocess.run(["unshare", "--map-auto", "--map-root-user", "rm", "-rf", str(world)], check=False)
    shutil.rmtree(world, ignore_errors=os.geteuid() != 0)


if __name__ == "__main__":
    sys.exit(main())
