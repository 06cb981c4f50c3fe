"""Where `catch` may stand: everything else lets errors climb."""

from collections.abc import Iterator

from tree import ROOMS, Tree, Violation

# file, or folder with a slash at the end -> (how many try blocks, why)
PLACES = {
    "base/error.h": (1, "noting adds a line of context and rethrows"),
    "base/fs.cc": (1, "the destructor of a temporary folder must not throw"),
    "base/worker_pool.cc": (1, "thread entry: the error is handed to whoever waits"),
    "builder/solve/": (1, "the vertex boundary gives errors their span"),
    "cmd/flags.cc": (1, "the flag library reports usage by throwing types of its own"),
    "cmd/main.cc": (1, "the one place that prints an error and chooses the exit code"),
    "cmd/daemon/": (1, "the request boundary turns errors into responses"),
    "registry/http/": (1, "the retry loop"),
}


def check(tree: Tree) -> Iterator[Violation]:
    used = dict.fromkeys(PLACES, 0)
    for path in tree.sources(*ROOMS):
        place = next((name for name in PLACES if path == name or name.endswith("/") and path.startswith(name)), None)
        for line, _ in tree.matches(path, r"\btry\s*\{"):
            if place is None:
                yield Violation(path, line, "an error is caught outside of the places that may", _remedy())
                continue
            used[place] += 1
            if used[place] > PLACES[place][0]:
                yield Violation(path, line, f"{place} may catch {PLACES[place][0]} time(s): {PLACES[place][1]}", _remedy())


def _remedy() -> str:
    return "let it climb; if a caller would catch to decide something, offer a function that returns the outcome as a value"
