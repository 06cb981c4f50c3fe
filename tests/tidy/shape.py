"""The shape of the tree: a README per room, a source (or a named behaviour) per test, `#pragma once` per header."""

from collections.abc import Iterator

from tree import ROOMS, Tree, Violation

README_LINES_MAX = 60


def check(tree: Tree) -> Iterator[Violation]:
    files = set(tree.files)
    for room in ROOMS:
        if tree.sources(room):
            yield from _check_readme(tree, files, room)
    for path in tree.sources("tests"):
        if path.endswith("_test.cc"):
            yield from _check_test(tree, files, path)
        elif path.split("/")[1] in ROOMS and path.endswith(".cc") and tree.matches(path, r"\bTEST(?:_[FP])?\s*\("):
            yield Violation(path, 1, "a file of tests that is not named x_test.cc", "name it for the source file or behaviour that it tests")
    for path in tree.sources():
        if path.endswith(".h") and not tree.matches(path, r"#pragma once"):
            yield Violation(path, 1, "no #pragma once", "begin the header with it")


def _check_readme(tree: Tree, files: set[str], room: str) -> Iterator[Violation]:
    readme = f"{room}/README.md"
    if readme not in files:
        yield Violation(readme, 1, "missing", "say what lives here, what does not, the invariants, and where to start reading")
        return
    lines = tree.text(readme).count("\n")
    if lines > README_LINES_MAX:
        yield Violation(readme, lines, f"{lines} lines", f"at most {README_LINES_MAX}: move what users need to docs/")


def _check_test(tree: Tree, files: set[str], path: str) -> Iterator[Violation]:
    """tests/base/path_test.cc and tests/base/path_corpus_test.cc test base/path.{h,cc}; others say in their first line what they test."""
    mirrored = path.removeprefix("tests/").removesuffix("_test.cc")
    folder, _, name = mirrored.rpartition("/")
    words = name.split("_")
    stems = [f"{folder}/{'_'.join(words[:count])}" for count in range(1, len(words) + 1)]
    if any(stem + suffix in files for stem in stems for suffix in (".h", ".cc")):
        return
    if not tree.text(path).startswith("// "):
        yield Violation(
            path, 1, f"no {mirrored}.h or {mirrored}.cc",
            "name the test for the source file it mirrors, or begin it with a comment that says which behaviour it tests",
        )
