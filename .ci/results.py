#!/usr/bin/env python3
"""Says which tests failed, with the end of what they printed, and which were skipped and why; fails if what
the skipped ones are for was not tested at all.

    results.py BUILD-FOLDER...      folders with the tests.xml that `./dev test` leaves there

The first folder must have run everything: there it is an error if
- any test with the label `corpus` was skipped: the reference corpora lie beside the checkout;
- all tests of a kind were skipped, or there is none: kinds are the labels in KINDS, and every label of a test that ran.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

# What a machine may lack, by the label of the tests that need it.
KINDS = {
    "corpus": "the reference corpora (../shared/corpora or $SLIPWAY_CORPORA)",
    "root": "sandboxes as root (mounts, overlay, namespaces)",
    "rootless": "sandboxes in a user namespace (newuidmap, sub-ids)",
    "registry": "Debian's docker-registry on 127.0.0.1",
    "images": "base images (busybox-static, mmdebstrap)",
}


FAILURE_LINES_MAX = 40
FAILURE_LINES_AFTER = 12
FAILURE_LINE_CHARACTERS_MAX = 400


@dataclass(frozen=True)
class Result:
    name: str
    outcome: str  # passed, failed, skipped
    reason: str  # of a skip; of a failure, what was printed
    labels: tuple[str, ...]


def main(folders: list[str]) -> int:
    problems: list[str] = []
    failures: list[tuple[str, Result]] = []
    total = defaultdict(int)
    for number, folder in enumerate(map(Path, folders)):
        if not (folder / "tests.xml").exists():
            problems.append(f"{folder}: no tests ran there")
            continue
        results = read_results((folder / "tests.xml").read_text(), labels_of(folder))
        for result in results:
            total[result.outcome] += 1
            if result.outcome == "skipped":
                print(f"skipped in {folder.name}: {result.name}: {result.reason}")
            if result.outcome == "failed":
                failures.append((folder.name, result))
        if number == 0:
            problems += judge(results)
    # Last, where it is found in what a machine kept of the output.
    for preset, failure in failures:
        print(f"FAILED in {preset}: {failure.name}\n{failure.reason}")
    for problem in problems:
        print(f"ERROR: {problem}")
    print(f"{total['passed']} passed, {total['failed'] + len(problems)} failed, {total['skipped']} skipped")
    return 1 if problems or total["failed"] else 0


def judge(results: list[Result]) -> list[str]:
    by_label: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        for label in result.labels:
            by_label[label].append(result)
    problems = [f"no test has the label {kind}: {why} is not tested" for kind, why in KINDS.items() if kind not in by_label]
    for label, members in sorted(by_label.items()):
        skipped = [member for member in members if member.outcome == "skipped"]
        if len(skipped) == len(members):
            problems.append(f"all {len(members)} tests of the kind {label} were skipped: {members[0].reason}")
        elif label == "corpus" and skipped:
            problems.append(f"{len(skipped)} corpus tests were skipped, the first is {skipped[0].name}: {skipped[0].reason}")
    return problems


def read_results(junit: str, labels: dict[str, tuple[str, ...]]) -> list[Result]:
    results = []
    for case in ElementTree.fromstring(junit).iter("testcase"):
        name, status = case.get("name", ""), case.get("status")
        outcome = {"run": "passed", "fail": "failed"}.get(status or "", "skipped")
        if outcome == "skipped" and "[  FAILED  ]" in (case.findtext("system-out") or ""):
            outcome = "failed"  # ctest calls it skipped where something inside it was
        reason = {"skipped": skip_reason, "failed": what_failed}.get(outcome, lambda _: "")
        results.append(Result(name, outcome, reason(case), labels.get(name, ())))
    return results


def what_failed(case: ElementTree.Element) -> str:
    """GoogleTest's failures with what follows each; else the last lines."""
    lines = (case.findtext("system-out") or "").splitlines()
    said = [line for number, line in enumerate(lines)
            if any(before.endswith(": Failure") for before in lines[max(0, number - FAILURE_LINES_AFTER):number + 1])]
    chosen = said[:FAILURE_LINES_MAX] or lines[-FAILURE_LINES_MAX:] or ["printed nothing"]
    return "\n".join(f"  | {line[:FAILURE_LINE_CHARACTERS_MAX]}" for line in chosen)


def skip_reason(case: ElementTree.Element) -> str:
    """The line that says why: GoogleTest's comes after `Skipped`, a script's begins with `skipped:`."""
    lines = [line.strip() for line in (case.findtext("system-out") or "").splitlines()]
    for number, line in enumerate(lines):
        if line.startswith("skipped:"):
            return line.removeprefix("skipped:").strip()
        if line.endswith("Skipped"):
            return next((after for after in lines[number + 1:] if after), "no reason given")
    return "no reason given"


def labels_of(folder: Path) -> dict[str, tuple[str, ...]]:
    command = ["ctest", "--test-dir", str(folder), "--show-only=json-v1"]
    listed = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {test["name"]: tuple(_property(test, "LABELS")) for test in listed["tests"]}


def _property(test: dict, name: str) -> list[str]:
    return next((entry["value"] for entry in test.get("properties", []) if entry["name"] == name), [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
