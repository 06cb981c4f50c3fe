#!/usr/bin/env python3
"""Checks the rules of the tree that no compiler checks. Exit status: 0, 1 (violations, printed), 77 (can't check here).

    check.py NAME [--source DIR] [--work DIR]
"""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import arrows
import bans
import catches
import shape
import sizes
import tools
from tree import Tree, Unavailable

CHECKS = {
    "arrows": lambda tree, _: arrows.check(tree),
    "bans": lambda tree, _: bans.check(tree),
    "catches": lambda tree, _: catches.check(tree),
    "format": tools.check_format,
    "headers": tools.check_headers,
    "shape": lambda tree, _: shape.check(tree),
    "shell": tools.check_shell,
    "sizes": lambda tree, _: sizes.check(tree),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=sorted(CHECKS))
    parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parents[2], help="the tree to check")
    parser.add_argument("--work", type=Path, help="where compiled headers go (default: build/tidy of the tree)")
    options = parser.parse_args()
    tree = Tree(options.source)
    try:
        violations = sorted(set(CHECKS[options.check](tree, (options.work or options.source / "build/tidy").absolute())))
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return 77
    for violation in violations:
        print(violation)
    print(f"{options.check}: {len(violations)} violation(s) in {len(tree.sources())} C++ files")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
