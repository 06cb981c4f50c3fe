"""The source tree as the checks see it: its files, their text, and their text without comments and literals."""

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("base", "parser", "cache", "registry", "builder", "cmd")
SOURCE_SUFFIXES = (".cc", ".h")


@dataclass(frozen=True, order=True)
class Violation:
    """What is wrong where, and what to do about it."""

    path: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}\n    {self.remedy}"


class Unavailable(Exception):
    """A check can't run on this machine, and why."""


class Tree:
    """The files that are (or are about to be) under version control below `root`."""

    def __init__(self, root: Path):
        self.root = root
        self.files = sorted(path for path in self._listed() if (root / path).is_file())

    def _listed(self) -> list[str]:
        command = ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        if (self.root / ".git").exists():
            return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*")]

    def sources(self, *tops: str) -> list[str]:
        """The C++ files of these top-level folders, or of all."""
        return [path for path in self.files if path.endswith(SOURCE_SUFFIXES) and (not tops or path.split("/")[0] in tops)]

    @functools.lru_cache(maxsize=None)
    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path: str) -> str:
        return blank_literals(self.text(path))

    def includes(self, path: str) -> list[tuple[int, str]]:
        """(line, what stands between the quotes or brackets), in order."""
        pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)
        text = blank_comments(self.text(path))
        return [(text.count("\n", 0, found.start()) + 1, found.group(1)) for found in pattern.finditer(text)]

    def matches(self, path: str, pattern: str) -> list[tuple[int, str]]:
        """(line, matched text) of each match in the code, where comments and literals can't match."""
        code = self.code(path)
        return [(code.count("\n", 0, found.start()) + 1, found.group(0).strip()) for found in re.finditer(pattern, code)]


# A digit separator (1'000) is no quote: a character literal does not follow a digit or a letter other than a prefix.
_TOKENS = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
      | (?P<raw>\b(?:u8|[uUL])?R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<character>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')""",
    re.S | re.X,
)


def _spaces(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def blank_comments(text: str) -> str:
    return _TOKENS.sub(lambda found: _spaces(found.group(0)) if found.group("comment") else found.group(0), text)


def blank_literals(text: str) -> str:
    """Comments, and the insides of string and character literals, as spaces. Line numbers stay."""

    def blank(found: re.Match) -> str:
        whole = found.group(0)
        return _spaces(whole) if found.group("comment") else whole[0] + _spaces(whole[1:-1]) + whole[-1]

    return _TOKENS.sub(blank, text)
