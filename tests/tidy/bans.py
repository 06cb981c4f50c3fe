"""What is not used anywhere, or only in named places, and what to use instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree import ROOMS, Tree, Violation

BELOW_CMD = tuple(room for room in ROOMS if room != "cmd")
EVERYWHERE = (*ROOMS, "tests", "bench")

# A call of a C function: not a member, not part of a longer name, not another namespace's.
_CALL = r"(?<![\w.>:])(?:std::|::)?"
_STD_FILESYSTEM = r"\b(?:std::filesystem|filesystem|fs)::"


@dataclass(frozen=True)
class Ban:
    """`allowed` are the files and folders (with a slash at the end) where the pattern may stand."""

    pattern: str
    tops: tuple[str, ...]
    remedy: str
    allowed: tuple[str, ...] = ()


BANS = (
    Ban(_CALL + r"(?:system|popen)\s*\(", EVERYWHERE, "start programs with base::Child, which takes an argument list"),
    Ban(
        _CALL + r"f?chdir\s*\(", EVERYWHERE, "the working directory belongs to all threads: open relative to a directory Fd",
        ("builder/sandbox/", "base/process.cc"),  # the child, between clone and exec
    ),
    Ban(_CALL + r"(?:setenv|putenv|unsetenv|clearenv)\s*\(", EVERYWHERE, "pass an environment to base::Child; tests set theirs in CMake"),
    Ban(r"(?:\.|->)\s*detach\s*\(\s*\)", EVERYWHERE, "every thread has an owner: std::jthread or base::WorkerPool"),
    Ban(r"\bstd::(?:basic_)?w?regex\w*|#\s*include\s*<regex>", EVERYWHERE, "use re2: std::regex recurses on its input"),
    Ban(_CALL + r"(?:u?sleep|nanosleep)\s*\(|\bsleep_(?:for|until)\s*\(", ("tests",), "wait for the event itself, or step a fake clock"),
    Ban(
        _STD_FILESYSTEM + r"(?:remove_all|create_director(?:y|ies)|(?:weakly_)?canonical)\b", EVERYWHERE,
        "use base/fs: these follow links between the check and the use",
    ),
    Ban(
        _STD_FILESYSTEM + r"(?:copy\w*|rename|remove|permissions|resize_file|(?:recursive_)?directory_iterator|create_\w*link)\b", ROOMS,
        "std::filesystem is for naming only: act through base/fs and descriptors",
    ),
    Ban(_CALL + r"(?:secure_)?getenv\s*\(", BELOW_CMD, "cmd reads the environment and passes values down"),
    Ban(
        r"\bstd::(?:cout|cerr|clog|wcout|wcerr)\b|\b(?:stdout|stderr)\b|" + _CALL + r"(?:v?printf|puts|putchar|perror)\s*\(",
        BELOW_CMD, "emit a typed event, or throw base::Error: only cmd writes to the terminal",
    ),
    Ban(_CALL + r"(?:quick_)?exit\s*\(", BELOW_CMD, "throw base::Error: only cmd ends the process"),
    Ban(r"(?<!asm )\bvolatile\b", ROOMS, "volatile is no tool for threads: use Guarded or an atomic with a comment"),
    Ban(r"\busing\s+namespace\s+(?!std::(?:\w+_)?literals)", EVERYWHERE, "name what is used"),
    Ban(r"\bthrow\b|\bstd::j?thread\b", ("parser",), "the parser returns diagnostics and starts nothing"),
)

# header -> (where it may be included, what to do instead)
_HTTP = "registry/http and cmd/daemon each include it in one file, fakes for tests beside them: call the transport instead"
_PARSER_HEADERS = ("thread", "mutex", "future", "fstream", "iostream", "filesystem", "unistd.h", "fcntl.h", "stdio.h", "cstdio")


def check(tree: Tree) -> Iterator[Violation]:
    for ban in BANS:
        for path in tree.sources(*ban.tops):
            if not path.startswith(ban.allowed) or not ban.allowed:
                for line, found in tree.matches(path, ban.pattern):
                    yield Violation(path, line, f"`{found}` is not used here", ban.remedy)
    yield from _check_includes(tree)
    yield from _check_scripts(tree)


def _check_includes(tree: Tree) -> Iterator[Violation]:
    http_users: dict[str, str] = {}
    for path in tree.sources():
        for line, included in tree.includes(path):
            if included == "nlohmann/json.hpp" and path.endswith(".h"):
                yield Violation(path, line, "nlohmann/json.hpp in a header", "include <nlohmann/json_fwd.hpp>, and json.hpp in the .cc")
            if path.startswith("parser/") and included in _PARSER_HEADERS:
                yield Violation(path, line, f"parser includes <{included}>", "the parser does no I/O and starts no thread")
            if included == "httplib.h":
                place = next((top for top in ("registry/http/", "cmd/daemon/", "tests/fakes/") if path.startswith(top)), None)
                if place is None or http_users.setdefault(place, path) != path:
                    yield Violation(path, line, "httplib.h is included here", _HTTP)


def _check_scripts(tree: Tree) -> Iterator[Violation]:
    """The end-to-end scripts wait for events too."""
    for path in tree.files:
        if not path.startswith("tests/e2e/") or not path.endswith(".sh"):
            continue
        for number, text in enumerate(tree.text(path).splitlines(), 1):
            if re.match(r"\s*sleep\s+[0-9.]", text):
                yield Violation(path, number, "the script sleeps", "use wait_until of lib.bash: it returns as soon as the thing is true")
