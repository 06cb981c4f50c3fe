"""Checks that need a program: headers compile alone, the formatters and shellcheck have nothing to say."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tree import Tree, Unavailable, Violation

FORMATTER = "clang-format-19"
FLAGS = ["-std=c++23", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", '-DSLIPWAY_VERSION="0"']


def check_headers(tree: Tree, work: Path) -> Iterator[Violation]:
    """Each header, included twice in a file of its own, unless the build proves it: a .cc that begins with its own header."""
    headers = [path for path in tree.sources() if path.endswith(".h") and not _begins_its_source(tree, path)]
    launcher = ["ccache"] if shutil.which("ccache") else []
    compiler = os.environ.get("CXX", "g++")

    def compile_one(header: str) -> str:
        source = work / (header.replace("/", "__") + ".cc")
        source.write_text(f'#include "{header}"\n#include "{header}"\n')
        command = [*launcher, compiler, *FLAGS, "-I", str(tree.root), "-c", str(source), "-o", str(source.with_suffix(".o"))]
        return _output_if_failed(command, tree.root)

    work.mkdir(parents=True, exist_ok=True)
    for header, said in zip(headers, _in_parallel(compile_one, headers)):
        if said:
            yield Violation(header, 1, "does not compile alone:\n" + said, "include what the header uses")


def _begins_its_source(tree: Tree, header: str) -> bool:
    source = header.removesuffix(".h") + ".cc"
    return source in tree.files and [path for _, path in tree.includes(source)][:1] == [header]


def check_format(tree: Tree, _work: Path) -> Iterator[Violation]:
    if not shutil.which(FORMATTER):
        raise Unavailable(f"{FORMATTER} is not installed")
    files = tree.sources()
    outputs = _in_parallel(lambda path: _output_if_failed([FORMATTER, "--dry-run", "-Werror", path], tree.root), files)
    for path, said in zip(files, outputs):
        if said:
            yield Violation(path, _line_of(said), "not as the formatter writes it", "run ./dev fmt")


def check_shell(tree: Tree, _work: Path) -> Iterator[Violation]:
    if not shutil.which("shellcheck"):
        raise Unavailable("shellcheck is not installed")
    scripts = [path for path in tree.files if path.endswith((".sh", ".bash")) or _is_bash(tree, path)]
    for path, said in zip(scripts, _in_parallel(lambda path: _output_if_failed(["shellcheck", "-x", path], tree.root), scripts)):
        if said:
            yield Violation(path, 1, "shellcheck says:\n" + said, "follow it, or disable the check in the line with a reason")


def _is_bash(tree: Tree, path: str) -> bool:
    if "." in path.rpartition("/")[2].lstrip(".") or path.startswith("testdata/parser"):
        return False
    with open(tree.root / path, "rb") as file:
        return file.readline().rstrip() in (b"#!/usr/bin/env bash", b"#!/bin/bash")


def _line_of(diagnostic: str) -> int:
    parts = diagnostic.split(":")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 1


def _output_if_failed(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip() or f"exit status {done.returncode}" if done.returncode else ""


def _in_parallel(work: Callable[[str], str], items: list[str]) -> list[str]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))
