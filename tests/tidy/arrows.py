"""Includes between rooms and closets go one way only."""

from collections import defaultdict
from collections.abc import Iterator

from tree import ROOMS, Tree, Violation

# Which rooms a room may include, besides itself.
ROOM_ARROWS = {
    "base": (),
    "parser": (),
    "cache": ("base",),
    "registry": ("base", "cache"),
    "builder": ("base", "parser", "cache", "registry"),
    "cmd": ("base", "parser", "cache", "registry", "builder"),
}

# Which closets a closet may include, besides itself, by prefix: the ones listed here know less than their room may.
# A file name stands for that header alone.
CLOSET_ARROWS = {
    "registry/oci": ("base", "cache/content/ids.h", "cache/records/rows.h"),
    "builder/sandbox": ("base",),
    "builder/devices": ("base", "builder/sandbox", "parser/suggest.h"),
    "builder/layer": ("base", "cache", "registry/oci", "parser/chmod.h", "parser/glob.h", "parser/ignore.h", "parser/suggest.h"),
    "builder/context": ("base", "parser", "cache", "builder/layer"),
    "builder/plan": ("base", "parser", "cache/content", "registry", "builder/context", "builder/layer"),
    "builder/solve": ("base", "cache", "registry/oci", "builder/plan", "builder/ops/op.h", "builder/layer"),
}

# Headers of plain values that closets below their own may know: each counts as a closet of its own.
VALUE_HEADERS = ("cache/content/ids.h",)

# Only the last part of builder may see all of it.
BUILDER_LAST = ("builder/image", "builder/export", "builder")
BUILDER_ORDER = ("builder/sandbox", "builder/devices", "builder/layer", "builder/context", "builder/plan", "builder/solve", "builder/ops")


def closet_of(path: str) -> str:
    """builder/layer/tar.h -> builder/layer; base/fd.h -> base"""
    return path.rpartition("/")[0]


def _node_of(path: str) -> str:
    """For cycles, a file on top of a room is a closet of its own, as base/fd is; its .cc may use what shows it."""
    on_top = path.count("/") == 1
    return path.rpartition(".")[0] if on_top or path in VALUE_HEADERS else closet_of(path)


def _within(path: str, allowed: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in allowed)


def check(tree: Tree) -> Iterator[Violation]:
    edges: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for path in tree.sources(*ROOMS):
        for line, included in tree.includes(path):
            if included.split("/")[0] not in ROOMS or "/" not in included:
                continue
            yield from _check_one(path, line, included)
            if "/" in closet_of(path) or path.endswith(".h"):
                edges[_node_of(path)].setdefault(_node_of(included), (path, line))
    yield from _check_cycles(edges)
    for path in tree.sources("bench", "testdata"):
        for line, included in tree.includes(path):
            if included.startswith("tests/"):
                yield Violation(path, line, f"{path.split('/')[0]} includes {included}", "only tests include tests/")
    for path in tree.sources(*ROOMS):
        for line, included in tree.includes(path):
            if included.startswith(("tests/", "bench/", "../")) or "/../" in included:
                yield Violation(path, line, f"a room includes {included}", "rooms know nothing of tests, and write includes from the root")


def _check_one(path: str, line: int, included: str) -> Iterator[Violation]:
    room, other = path.split("/")[0], included.split("/")[0]
    if room != other and other not in ROOM_ARROWS[room]:
        allowed = ", ".join(ROOM_ARROWS[room]) or "no other room"
        yield Violation(
            path, line, f"{room} includes {included}, against the arrows",
            f"{room} may include {allowed}: move what is needed down, or this code up",
        )
        return
    closet = closet_of(path)
    known = CLOSET_ARROWS.get(closet)
    if known is not None and closet_of(included) != closet and not _within(included, known):
        yield Violation(
            path, line, f"{closet} includes {included}, which it must not know",
            f"{closet} may include {', '.join(known)}: pass a value or an interface instead",
        )
    if closet in BUILDER_ORDER and closet_of(included) in BUILDER_LAST:
        yield Violation(path, line, f"{closet} includes {included}", "builder/image, builder/export and builder/build come last in builder")


def _check_cycles(edges: dict[str, dict[str, tuple[str, int]]]) -> Iterator[Violation]:
    done: set[str] = set()
    for start in sorted(edges):
        cycle = _find_cycle(start, edges, done, [])
        if cycle:
            path, line = edges[cycle[0]][cycle[1]]
            yield Violation(
                path, line, f"closets include each other: {' -> '.join(cycle)}",
                "move what both need into a closet that includes neither",
            )
            return


def _find_cycle(closet: str, edges: dict, done: set[str], trail: list[str]) -> list[str] | None:
    if closet in trail:
        return [*trail[trail.index(closet):], closet]
    if closet in done:
        return None
    for other in sorted(edges.get(closet, ())):
        if other != closet:
            cycle = _find_cycle(other, edges, done, [*trail, closet])
            if cycle:
                return cycle
    done.add(closet)
    return None
