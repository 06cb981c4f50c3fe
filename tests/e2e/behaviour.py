#!/usr/bin/env python3
"""Runs the reference harness's end-to-end cases, with what can't be equal left out of its records.

    behaviour.py HARNESS-FOLDER [--without NAME=REASON] [ARGUMENT OF THE HARNESS'S behaviour.py]...

Left out is only what docs/differences.md argues; of a case that is left out as a whole, the reason is printed.
"""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the harness may lie in a folder that must stay as it is

# A repository that keeps its .git folder holds the URL that it came from, and in that the port of the
# harness's server; and in its index the inodes and times of the files that were checked out.
MACHINE_DEPENDENT = re.compile(r"(^|/)\.git/(config|index)$")


def main() -> int:
    harness = Path(sys.argv.pop(1))
    without = {}
    while sys.argv[1:2] == ["--without"]:
        name, _, reason = sys.argv.pop(2).partition("=")
        without[name] = reason
        sys.argv.pop(1)
    sys.path.insert(0, str(harness))
    import behaviour
    import exact

    load = behaviour.load_cases

    def load_some(path: Path):
        cases, contexts = load(path)
        for name, reason in without.items():
            print(f"SKIP {name}: {reason}")
        return [case for case in cases if case["name"] not in without], contexts

    behaviour.load_cases = load_some
    compare = exact.first_difference
    exact.first_difference = lambda recorded, found: compare(comparable(recorded), comparable(found))
    return behaviour.main()


def comparable(description: dict) -> dict:
    tree = {
        path: {name: value for name, value in entry.items() if name != "sha256"} if MACHINE_DEPENDENT.search(path) else entry
        for path, entry in description["tree"].items()
    }
    return {**description, "tree": tree}


if __name__ == "__main__":
    sys.exit(main())
