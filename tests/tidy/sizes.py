"""Functions of at most 80 lines, files of at most 800, a main of fewer than 60."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree import ROOMS, Tree, Violation

FUNCTION_LINES_MAX = 80
FILE_LINES_MAX = 800
MAIN_LINES_MAX = 59


def check(tree: Tree) -> Iterator[Violation]:
    for path in tree.sources(*ROOMS, "tests", "bench"):
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES_MAX and path.split("/")[0] in ROOMS and not path.endswith("_table.cc"):
            yield Violation(path, lines, f"{lines} lines", f"split it before {FILE_LINES_MAX}; a table of data is named x_table.cc")
        if path == "cmd/main.cc" and lines > MAIN_LINES_MAX:
            yield Violation(path, lines, f"{lines} lines", "main recognises the helper mode, looks up the verb and has one try: move the rest")
        for function in functions(tree.code(path)):
            if function.lines > FUNCTION_LINES_MAX:
                yield Violation(
                    path, function.first, f"{function.name} has {function.lines} lines",
                    f"split it before {FUNCTION_LINES_MAX}: keep the branching here and move straight-line work out",
                )


@dataclass(frozen=True)
class Function:
    name: str
    first: int
    lines: int


def functions(code: str) -> Iterator[Function]:
    """The functions of a file whose literals are blank, by matching braces from the outside in."""
    code = _without_directives(code)
    scopes: list[tuple[str, int, str]] = []  # (kind, first line, head)
    head = ""
    head_line = line = 1
    parentheses = 0
    inside = 0  # depth of function scopes
    for character in code:
        if character == "\n":
            line += 1
        if inside or parentheses:
            parentheses += {"(": 1, ")": -1}.get(character, 0) if not inside else 0
        elif character == "(":
            parentheses = 1
        if character == "{":
            kind = "block" if inside else _kind(head, parentheses)
            inside += kind == "function" or inside > 0
            scopes.append((kind, head_line, head))
            head = head + "{" if kind == "initialiser" else ""
        elif character == "}" and scopes:
            kind, first, opened_by = scopes.pop()
            inside -= inside > 0
            if kind == "function":
                yield Function(_name(opened_by), first, line - first + 1)
            head = opened_by + "{}" if kind == "initialiser" else ""
            continue
        elif character == ";" and not inside and not parentheses:
            head = ""
        elif not inside:
            if not head.strip() and not character.isspace():
                head, head_line = "", line
            head += character


def _without_directives(code: str) -> str:
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda found: "\n" * found.group(0).count("\n"), code, flags=re.M)


def _kind(head: str, parentheses: int) -> str:
    """What a brace after `head` opens, outside of functions."""
    head = re.sub(r"\b(?:alignas|__attribute__|decltype|noexcept)\s*\([^{;]*?\)+", "", head.strip())
    head = re.sub(r"^(?:public|private|protected)\s*:\s*", "", head)
    head = re.sub(r"^template\s*<[^{;]*?>\s*(?=\w)", "", head)
    if re.search(r"\bnamespace\b", head) or re.fullmatch(r'extern\s*"[^"]*"', head):
        return "namespace"
    if parentheses:
        return "initialiser"
    if re.match(r"(?:typedef\s+|static\s+|inline\s+|constexpr\s+|const\s+)*(?:class|struct|union|enum)\b", head) and "(" not in head:
        return "type"
    if "(" not in head or head.endswith(("=", ",", "return")):
        return "initialiser"
    # `Name::Name() : first_` opens a member's initialiser; `Name::Name() : first_{1}` opens the body.
    if re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", head) and re.search(r"[\w>]$", head):
        return "initialiser"
    return "function"


def _name(head: str) -> str:
    found = re.search(r"([\w:~]+|operator\s*\S+?)\s*\(([^)]*)", head)
    if not found:
        return "a function"
    return f"{found.group(1)}({found.group(2)})" if found.group(1).startswith("TEST") else found.group(1)
