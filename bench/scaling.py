#!/usr/bin/env python3
"""How cost grows with the size of a job: files of a context, steps, stages, content of the store.

    scaling.py BINARY [--small] [--large] [--work FOLDER] [SERIES...]

Prints a table for each series: wall and CPU time, peak memory, and CPU time per unit, which stays about the same or
falls where growth is linear or better. `--small` takes little data, for a test of the results; `--large` adds a
context of a million files.
"""

import argparse
import io
import json
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from workloads import TOP, Cost, Slipway, WrongResult, expect, remove_stores, run, seconds


class Series:
    def __init__(self, binary: Path, work: Path, small: bool, large: bool):
        self.binary, self.work, self.small, self.large = binary, work, small, large
        self.busybox = work / "busybox.tar"
        run([str(TOP / "tests/images/make-busybox-image"), str(self.busybox)])

    def slipway(self) -> Slipway:
        made = Slipway(self.binary, self.work)
        made("load", "-i", self.busybox)
        return made

    def context(self, name: str, dockerfile: str) -> Path:
        folder = self.work / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(dockerfile)
        return folder


def heading(title: str, unit: str) -> None:
    print(f"\n### {title}\n\n| {unit} | job | wall | CPU | peak MiB | CPU per {unit} |\n|---|---|---|---|---|---|")


def row(count: int, job: str, cost: Cost) -> None:
    per_unit = f"{cost.cpu / count * 1e6:.1f} us"
    print(f"| {count:,} | {job} | {seconds(cost.wall)} | {seconds(cost.cpu)} | {cost.peak_mib:.0f} | {per_unit} |", flush=True)


def files(series: Series) -> None:
    heading("Files of a context: `COPY . /app`", "file")
    for count in [100, 1000] if series.small else [1000, 10_000, 100_000] + [1_000_000] * series.large:
        context = series.context(f"files-{count}", "FROM busybox\nCOPY . /app\n")
        for number in range(count):
            folder = context / f"d{number // 10_000}" / f"d{number // 100 % 100}"
            if number % 100 == 0:
                folder.mkdir(parents=True)
            (folder / f"file{number}").write_bytes(b"%d" % number * 50)
        slipway = series.slipway()
        row(count, "cold", slipway.build(context))
        row(count, "nothing changed", slipway.build(context))
        (context / "d0/d0/file0").write_text("changed")
        row(count, "one file changed", slipway.build(context))
        expect(slipway.in_image("cat", "/app/d0/d0/file0") == "changed", "files: the changed file")


def steps(series: Series) -> None:
    heading("Steps: `RUN` of a trivial command", "step")
    for count in [1, 10] if series.small else [1, 10, 100, 1000]:
        lines = [f"RUN : {number}" for number in range(count)]
        context = series.context(f"steps-{count}", "\n".join(["FROM busybox", *lines, ""]))
        slipway = series.slipway()
        row(count, "cold", slipway.build(context))
        row(count, "nothing changed", slipway.build(context))
        expect(slipway.layers() == 1 + count, "steps: a layer each")


def stages(series: Series) -> None:
    heading("Stages, each a `RUN`, and their files copied into one", "stage")
    for count in [1, 3] if series.small else [1, 10, 100]:
        lines: list[str] = []
        for number in range(count):
            lines += [f"FROM busybox AS s{number}", f"RUN echo {number} > /out"]
        lines += ["FROM busybox", *[f"COPY --from=s{number} /out /{number}" for number in range(count)], ""]
        context = series.context(f"stages-{count}", "\n".join(lines))
        slipway = series.slipway()
        row(count, "cold", slipway.build(context))
        row(count, "nothing changed", slipway.build(context))
        expect(slipway.in_image("cat", f"/{count - 1}") == str(count - 1), "stages: the last file")


def store(series: Series) -> None:
    """A build beside many images and records of others."""
    heading("Images in the store, with ten records for each", "image")
    context = series.context("beside", "FROM busybox\nCOPY a /a\nRUN cat /a\n")
    (context / "a").write_text("a")
    for count in [10, 100] if series.small else [10, 1000, 10_000]:
        slipway = series.slipway()
        archive = series.work / f"images-{count}.tar"
        write_images(archive, count)
        row(count, "load", slipway("load", "-i", archive))
        archive.unlink()
        slipway.build(context)
        add_records(slipway.root / "db.sqlite", 10 * count)
        row(count, "list images", slipway("images", "-q"))
        row(count, "build, nothing changed", slipway.build(context))
        (context / "a").write_text(f"other {count}")
        row(count, "build, a new file", slipway.build(context))
        row(count, "df", slipway("df"))
        row(count, "save", slipway("save", "-o", archive, *[f"example.com/many:{number}" for number in range(count)]))
        archive.unlink()
        listed = slipway.text("images", "-q", "example.com/many").split()
        expect(len(listed) == count, f"store: {count} images")
        row(count, "remove them, and prune", remove_many(slipway, count))
        expect(slipway.in_image("cat", "/a") == f"other {count}", "store: the image that was built stays")


def remove_many(slipway: Slipway, count: int) -> Cost:
    begin = slipway("rmi", *[f"example.com/many:{number}" for number in range(count)])
    pruned = slipway("prune", "--force")
    expect(not slipway.text("images", "-q", "example.com/many").split(), "store: the images are gone")
    return Cost(begin.wall + pruned.wall, begin.cpu + pruned.cpu, max(begin.peak_mib, pruned.peak_mib))


def write_images(archive: Path, count: int) -> None:
    """As `docker save` writes them: one layer, and a config for each."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    layer = empty.getvalue()
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]}
    manifest = []
    with tarfile.open(archive, "w") as tar:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

        add("layer.tar", layer)
        for number in range(count):
            labels = {"Labels": {"number": str(number)}}
            config = json.dumps({"architecture": "amd64", "os": "linux", "config": labels, "rootfs": rootfs}).encode()
            name = sha256(config).hexdigest() + ".json"
            add(name, config)
            manifest.append({"Config": name, "RepoTags": [f"example.com/many:{number}"], "Layers": ["layer.tar"]})
        add("manifest.json", json.dumps(manifest).encode())


def add_records(database: Path, count: int) -> None:
    """Copies of a step's record under other keys and names; to make them by building would take hours."""
    columns = "diff_id, content_id, created_ns, duration_ns, log_blob, last_use_ns, parts"
    with sqlite3.connect(database) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO records(key, family, {columns}) SELECT randomblob(32), 'other ' || i, {columns} "
            "FROM n, (SELECT * FROM records LIMIT 1)",
            (count,),
        )
    connection.close()


SERIES: dict[str, Callable[[Series], None]] = {"files": files, "steps": steps, "stages": stages, "store": store}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--work", type=Path, help="a folder for data and stores (default: a temporary one)")
    parser.add_argument("series", nargs="*", metavar="SERIES", help=", ".join(SERIES))
    options = parser.parse_intermixed_args()
    if unknown := set(options.series) - set(SERIES):
        parser.error(f"no series {', '.join(sorted(unknown))}; there are {', '.join(SERIES)}")
    with tempfile.TemporaryDirectory(prefix="slipway-scaling-", dir=options.work, ignore_cleanup_errors=True) as folder:
        work = Path(folder)
        try:
            series = Series(options.binary.resolve(), work, options.small, options.large)
            for name in options.series or SERIES:
                SERIES[name](series)
        except WrongResult as error:
            print(f"wrong result: {error}", file=sys.stderr)
            return 1
        finally:
            remove_stores(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
