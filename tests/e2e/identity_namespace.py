"""Runs a command as root in a user namespace of its own where every id is what it is outside, and in a mount namespace.

    python3 identity_namespace.py COMMAND...        needs root
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    entered, may_go_on = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        run_inside(entered[1], may_go_on[0])
    os.close(entered[1])
    if os.read(entered[0], 1):
        for file in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{file}", "w", encoding="ascii") as ids:
                ids.write("0 0 4294967295\n")
        os.write(may_go_on[1], b".")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_inside(entered: int, may_go_on: int) -> None:
    if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        os._exit(1)
    os.write(entered, b".")
    os.read(may_go_on, 1)
    os.setgid(0)
    os.setuid(0)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
