#!/usr/bin/env python3
"""Wall time and peak memory of whole builds with the real binary, in a temporary store.

    whole_builds.py BINARY

Medians of a few runs: the demo's first build and its cached rebuild, one trivial RUN step, `slipway version`. Peak
memory is that of the largest single process.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
RUNS = 5


def main() -> int:
    binary = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        work = Path(folder)
        subprocess.run([TOP / "tests/images/make-busybox-image", work / "busybox.tar"], check=True)
        shutil.copytree(TOP / "testdata/demo", work / "demo")
        (work / "steps").mkdir()
        print(f"{'what':40} {'wall ms':>10} {'peak MiB':>10}")
        report("version", [measure([binary, "version"]) for _ in range(RUNS)])
        first, again, trivial = [], [], []
        for run in range(RUNS):
            slipway = [binary, "--root", str(work / f"store{run}")]
            measure([*slipway, "load", "-i", str(work / "busybox.tar")])
            first.append(measure([*slipway, "build", "-t", "demo", str(work / "demo")]))
            again.append(measure([*slipway, "build", "-t", "demo", str(work / "demo")]))
            trivial.append(one_step([*slipway, "build", str(work / "steps")], work / "steps", run))
        report("demo, first build", first)
        report("demo, cached rebuild", again)
        report("one trivial RUN step (of 20 more, each)", trivial)
        if os.geteuid() != 0:  # files of sub-ids
            subprocess.run(["unshare", "--map-auto", "--map-root-user", "sh", "-c", f"rm -rf {work}/store*"], check=True)
    return 0




def one_step(command: list[str], folder: Path, run: int) -> tuple[float, float]:
    """What 20 steps more cost, divided by 20: start-up and planning cancel out."""
    times = []
    for count in (1, 21):
        lines = [f"RUN true {run} {count} {number}" for number in range(count)]
        (folder / "Dockerfile").write_text("\n".join(["FROM busybox", *lines, ""]))
        times.append(measure(command))
    return (times[1][0] - times[0][0]) / 20, max(time[1] for time in times)


def measure(command: list[str]) -> tuple[float, float]:
    """Milliseconds, and MiB of the largest process."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = (time.monotonic() - begin) * 1000
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode(errors='replace')}")
    return took, usage.ru_maxrss / 1024


def report(what: str, runs: list[tuple[float, float]]) -> None:
    print(f"{what:40} {statistics.median(run[0] for run in runs):10.1f} {max(run[1] for run in runs):10.1f}")


if __name__ == "__main__":
    sys.exit(main())
