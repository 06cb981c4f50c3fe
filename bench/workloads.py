#!/usr/bin/env python3
"""Whole jobs with the real binary, beside the same jobs of other builders and floors measured in the same run.

    workloads.py BINARY [--small] [--runs N] [--json FILE] [--work FOLDER] [WORKLOAD...]

Prints a table: median wall time, CPU seconds of all processes, peak memory of the largest one, and the ratios to the
best peer (buildah, podman, docker buildx, and skopeo for transfers, where they are installed) and to the floor (what
another program needs for the data path alone). The result of every job is checked, so that a job that is fast because it does nothing fails; `--small`
takes small data, one run each and no peers, for a test. All data is made here from a fixed seed; each run has a store in a
folder of its own, because some file systems are slow where much was just deleted.
"""

import argparse
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
MIB = 1 << 20


@dataclass(frozen=True)
class Scale:
    """How much of everything."""

    files: int
    large_files: int
    large_bytes: int
    steps: int
    stages: int
    copied_files: int
    stage_seconds: float
    huge_bytes: int


FULL = Scale(50_000, 4, 256 * MIB, 100, 8, 20_000, 1, 10 << 30)
SMALL = Scale(300, 2, 8 * MIB, 5, 3, 100, 0.1, 64 * MIB)
PEAK_MIB_MAX = 96


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float
    peak_mib: float


@dataclass
class Row:
    name: str
    title: str
    ours: list[Cost] = field(default_factory=list)
    peers: dict[str, Cost] = field(default_factory=dict)
    floor: list[Cost] = field(default_factory=list)
    floor_name: str = ""


class WrongResult(Exception):
    """A job said that it succeeded, and its result is not what it must be."""


class Failed(Exception):
    """A program ended with an error."""


def run(command: list[str], **options) -> Cost:
    """Runs a command to its end; CPU and memory of what it started and waited for are in the cost."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            output.seek(0)
            raise Failed(f"{' '.join(command)} failed ({process.returncode}):\n{output.read().decode(errors='replace')[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def shell(script: str) -> list[str]:
    """A script that fails with any of its commands: half a job would be a fine floor."""
    return ["/bin/bash", "-e", "-o", "pipefail", "-c", script]


def text_of(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise WrongResult(what)


class Slipway:
    """The binary, with a store of its own."""

    def __init__(self, binary: Path, work: Path):
        self.root = Path(tempfile.mkdtemp(prefix="store-", dir=work))
        self.prefix = [str(binary), "--root", str(self.root)]

    def __call__(self, *arguments: str | Path) -> Cost:
        return run([*self.prefix, *map(str, arguments)])

    def text(self, *arguments: str | Path) -> str:
        return text_of([*self.prefix, *map(str, arguments)])

    def build(self, context: Path, *flags: str) -> Cost:
        return self("build", "--progress", "plain", "-t", "bench", *flags, context)

    def forget(self) -> None:
        """Removes the store: for those who need its room."""
        shutil.rmtree(self.root)

    def layers(self) -> int:
        return len(json.loads(self.text("inspect", "bench"))[0]["RootFS"]["Layers"])

    def in_image(self, *command: str) -> str:
        return self.text("run", "--rm", "bench", *command).strip()


class Peer:
    """Another builder, doing the same job in an empty storage of its own."""

    NAME = ""

    def __init__(self, bench: "Bench"):
        self.bench = bench
        self.root = Path(tempfile.mkdtemp(prefix=f"{self.NAME}-", dir=bench.work))

    @classmethod
    def is_here(cls) -> bool:
        return os.geteuid() == 0 and bool(shutil.which(cls.NAME))

    def load(self) -> None:
        """Its base image."""
        raise NotImplementedError

    def build(self, context: Path, *flags: str) -> Cost:
        raise NotImplementedError

    def build_stages(self, context: Path) -> Cost:
        """With all stages at once."""
        return self.build(context)

    def push(self, name: str) -> Cost:
        """What was built last, to a registry without TLS."""
        raise NotImplementedError

    def pull(self, name: str) -> Cost:
        raise NotImplementedError


class ContainersPeer(Peer):
    """Buildah and Podman share their flags; the isolation is the one that starts fastest."""

    FLAGS: list[str] = []

    def __init__(self, bench: "Bench"):
        super().__init__(bench)
        # Podman takes 50 bytes for it.
        self.run_folder = tempfile.TemporaryDirectory(prefix="run-", dir="/tmp", ignore_cleanup_errors=True)
        folders = ["--root", str(self.root / "root"), "--runroot", self.run_folder.name]
        self.prefix = [self.NAME, *folders, "--storage-driver", "overlay", *self.FLAGS]
        policy = bench.work / "policy.json"
        policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self.trust = ["--signature-policy", str(policy)]

    def __call__(self, *arguments: str | Path) -> Cost:
        return run([*self.prefix, *map(str, arguments)])

    def load(self) -> None:
        pull = [*self.prefix, "pull", "-q", *self.trust, f"oci-archive:{self.bench.busybox}"]
        self("tag", text_of(pull).strip(), "docker.io/library/busybox:latest")

    def build(self, context: Path, *flags: str) -> Cost:
        return self("build", "--layers", "--isolation", "chroot", *self.trust, "-t", "bench", *flags, context)

    def build_stages(self, context: Path) -> Cost:
        return self.build(context, "--jobs", "0")

    def push(self, name: str) -> Cost:
        return self("push", *self.trust, "--tls-verify=false", "bench", f"docker://{name}")

    def pull(self, name: str) -> Cost:
        return self("pull", *self.trust, "--tls-verify=false", f"docker://{name}")


class Buildah(ContainersPeer):
    NAME = "buildah"


class Podman(ContainersPeer):
    NAME = "podman"
    FLAGS = ["--cgroup-manager", "cgroupfs"]


class Buildx(Peer):
    """`docker buildx` with the builder that the machine's docker has. Its storage is the daemon's: it is emptied before."""

    NAME = "docker"

    @classmethod
    def is_here(cls) -> bool:
        return super().is_here() and all(
            subprocess.run(command, capture_output=True).returncode == 0 for command in (["docker", "info"], ["docker", "buildx", "ls"])
        )

    def load(self) -> None:
        run(["docker", "buildx", "prune", "--all", "--force"])
        run(["docker", "load", "-i", str(self.bench.busybox)])

    def build(self, context: Path, *flags: str) -> Cost:
        return run(["docker", "buildx", "build", "--load", "-t", "bench", *flags, str(context)])

    def push(self, name: str) -> Cost:
        run(["docker", "tag", "bench", name])
        return run(["docker", "push", name])

    def pull(self, name: str) -> Cost:
        return run(["docker", "pull", name])


class Bench:
    def __init__(self, binary: Path, work: Path, scale: Scale, runs: int):
        self.binary, self.work, self.scale, self.runs = binary, work, scale, runs
        self.busybox = work / "busybox.tar"
        run([str(TOP / "tests/images/make-busybox-image"), str(self.busybox)])
        self.peers = [kind for kind in (Buildah, Podman, Buildx) if runs > 1 and kind.is_here()]
        self.rows: list[Row] = []

    def slipway(self, base: bool = True) -> Slipway:
        made = Slipway(self.binary, self.work)
        if base:
            made("load", "-i", self.busybox)
        return made

    def row(self, name: str, title: str) -> Row:
        row = Row(name, title)
        self.rows.append(row)
        return row

    def context(self, name: str, dockerfile: str) -> Path:
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(dockerfile)
        return folder

    def settle(self) -> None:
        """What was written before is on the disk: otherwise the next job waits for it. Of no use where time does not count."""
        if self.runs > 1:
            os.sync()

    def repeat(self, job: Callable[[], None]) -> None:
        for _ in range(self.runs):
            self.settle()
            job()

    def peer(self, row: Row, job: Callable[[Peer], Cost], base: bool = True) -> None:
        """Each once: they take minutes, and their order of magnitude is what counts. One that fails has no figure."""
        for kind in self.peers:
            try:
                peer = kind(self)
                if base:
                    peer.load()
                self.settle()
                row.peers[kind.NAME] = job(peer)
            except (Failed, subprocess.CalledProcessError) as error:
                print(f"{row.name}: {error}", file=sys.stderr)
            finally:
                unmount_below(self.work)

    def skopeo(self, row: Row, source: str, target: str) -> None:
        """Once: the same image with `skopeo copy`."""
        if self.runs == 1 or not shutil.which("skopeo"):
            return
        flags = ["--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"]
        row.peers["skopeo"] = run(["skopeo", "copy", *[flag for flag in flags if is_for(flag, source, target)], source, target])

    def floor(self, row: Row, name: str, command: list[str], **options) -> None:
        row.floor_name = name
        row.floor += [run(command, **options) for _ in range(self.runs)]


def is_for(flag: str, source: str, target: str) -> bool:
    """skopeo refuses flags of TLS where no registry is."""
    place = {"--src-tls-verify=false": source, "--dest-tls-verify=false": target}.get(flag)
    return place is None or place.startswith("docker://")


# ------------------------------------------------------------------------------------------------ data


def make_tree(folder: Path, files: int) -> None:
    """A source tree's sizes: 4.6 kB on average, half of it compressible."""
    source = random.Random(files)
    words = [source.randbytes(source.randrange(2, 9)).hex() for _ in range(400)]
    for number in range(files):
        directory = folder / f"module{number // 200}"
        directory.mkdir(parents=True, exist_ok=True)
        size = int(source.lognormvariate(7.8, 1.1))
        text = " ".join(source.choices(words, k=size // 12 + 1)).encode()
        (directory / f"file{number}.txt").write_bytes((text + source.randbytes(size // 4))[: size + 1])


def make_large(folder: Path, files: int, size: int) -> None:
    """Files of which gzip saves about a third."""
    source = random.Random(size)
    for number in range(files):
        with open(folder / f"large{number}.bin", "wb") as file:
            left = size
            while left:
                block = (source.randbytes(43_000) + b"the same words again and again " * 710)[: min(65_536, left)]
                file.write(block)
                left -= len(block)


def make_huge(path: Path, size: int) -> None:
    """A sixteenth of it is data, the rest a hole."""
    source = random.Random(size)
    with open(path, "wb") as file:
        for place in range(0, size, 16 * MIB):
            file.seek(place)
            file.write(source.randbytes(MIB))
        file.truncate(size)


# ------------------------------------------------------------------------------------------------ workloads


def version(bench: Bench) -> None:
    row = bench.row("version", "slipway version")
    bench.repeat(lambda: row.ours.append(run([str(bench.binary), "version"])))
    bench.floor(row, "/bin/true", ["/bin/true"])


def w1(bench: Bench) -> None:
    lines = [f"RUN echo {number} > /file{number}" for number in range(10)]
    context = bench.context("w1", "\n".join(["FROM busybox", "COPY a /a", *lines, 'CMD ["sh"]', ""]))
    (context / "a").write_text("a\n")
    row = bench.row("w1", "fully cached rebuild, 12 steps")
    slipway = bench.slipway()
    slipway.build(context)
    bench.repeat(lambda: row.ours.append(slipway.build(context)))
    expect(slipway.in_image("cat", "/file9") == "9", "w1: /file9")

    def cached(peer: Peer) -> Cost:
        peer.build(context)
        return peer.build(context)

    bench.peer(row, cached)


def w2(bench: Bench) -> None:
    steps = bench.scale.steps
    context = bench.context("w2", "\n".join(["FROM busybox", *[f"RUN : {number}" for number in range(steps)], ""]))
    row = bench.row("w2", f"{steps} trivial RUNs")

    def job() -> None:
        slipway = bench.slipway()
        row.ours.append(slipway.build(context))
        expect(slipway.layers() == 1 + steps, "w2: a layer per step")

    bench.repeat(job)
    bench.peer(row, lambda peer: peer.build(context))
    script = f"i=0; while [ $i -lt {steps} ]; do unshare -m -p -i -u --fork /bin/true; i=$((i+1)); done"
    if os.geteuid() == 0:
        bench.floor(row, "unshare", shell(script))


def w3(bench: Bench) -> None:
    files = bench.scale.files
    context = bench.context("w3", "FROM busybox\nCOPY . /app\n")
    make_tree(context, files)
    cold = bench.row("w3", f"COPY of {files} files, cold")
    cached = bench.row("w3-cached", "the same, nothing changed")
    changed = bench.row("w3-changed", "the same, one file changed")

    def job() -> None:
        slipway = bench.slipway()
        cold.ours.append(slipway.build(context))
        cached.ours.append(slipway.build(context))
        text = f"changed {time.time_ns()}"
        (context / "module0/file0.txt").write_text(text)
        changed.ours.append(slipway.build(context))
        expect(slipway.in_image("cat", "/app/module0/file0.txt") == text, "w3: the changed file")
        count = slipway.in_image("sh", "-c", "find /app -type f | wc -l")
        expect(int(count) == files + 1, f"w3: {count} files")

    bench.repeat(job)
    mounted = bench.context("w3m", "FROM busybox\nCOPY . /app\nRUN true\n")
    if not (mounted / "tree").exists():
        shutil.copytree(context, mounted / "tree", ignore=shutil.ignore_patterns("Dockerfile"))
    row = bench.row("w3-mounted", "the same, cold, and a RUN after it")
    bench.repeat(lambda: row.ours.append(bench.slipway().build(mounted)))
    bench.peer(row, lambda peer: peer.build(mounted))
    bench.peer(cold, lambda peer: peer.build(context))
    bench.floor(cold, "tar|sha256", shell("tar -cf - . | openssl dgst -sha256"), cwd=context)
    bench.floor(cached, "find -printf", shell("find . -printf '%s %T@ %p\\n' | wc -l"), cwd=context)


def w4_w8(bench: Bench) -> None:
    scale = bench.scale
    megabytes = scale.large_files * scale.large_bytes // MIB
    context = bench.context("w4", "FROM busybox\nCOPY . /data\n")
    make_large(context, scale.large_files, scale.large_bytes)
    copy = bench.row("w4", f"COPY of {megabytes} MiB in {scale.large_files} files")
    push = bench.row("w8", "push of that image, gzip, registry here")

    def job() -> None:
        slipway = bench.slipway()
        copy.ours.append(slipway.build(context))
        with registry(bench.work) as address:
            slipway("tag", "bench", f"{address}/bench")
            push.ours.append(slipway("push", f"{address}/bench"))
            check_pushed(address, "bench", layers=2)

    bench.repeat(job)

    def peer_copy(peer: Peer) -> Cost:
        cost = peer.build(context)
        with registry(bench.work) as address:
            push.peers[peer.NAME] = peer.push(f"{address}/bench")
        return cost

    bench.peer(copy, peer_copy)
    # The same image, not compressed yet, as another tool may have it.
    slipway = bench.slipway()
    slipway.build(context)
    slipway("save", "--format", "oci", "--compression", "none", "-o", bench.work / "w8.tar", "bench")
    (bench.work / "w8").mkdir()
    run(["tar", "-C", str(bench.work / "w8"), "-xf", str(bench.work / "w8.tar")])
    with registry(bench.work) as address:
        bench.skopeo(push, f"oci:{bench.work}/w8", f"docker://{address}/bench")
        if "skopeo" in push.peers:
            check_pushed(address, "bench", layers=2)
    bench.floor(push, "sha256 of it", ["openssl", "dgst", "-sha256", str(bench.work / "w8.tar")])
    names = [f"large{number}.bin" for number in range(scale.large_files)]
    bench.floor(copy, "sha256 of them", ["openssl", "dgst", "-sha256", *names], cwd=context)


def w8_changed(bench: Bench) -> None:
    """A push of many files, and one again after one of them was changed."""
    files = bench.scale.files
    context = bench.context("w8c", "FROM busybox\nCOPY . /app\n")
    make_tree(context, files)
    first = bench.row("w8-files", f"push of {files} files, gzip, registry here")
    changed = bench.row("w8-changed", "the same, one file changed")

    def job() -> None:
        slipway = bench.slipway()
        with registry(bench.work) as address:
            name = f"{address}/bench"

            def push() -> Cost:
                slipway.build(context)
                slipway("tag", "bench", name)
                return slipway("push", name)

            first.ours.append(push())
            text = f"changed {time.time_ns()}"
            (context / "module0/file0.txt").write_text(text)
            changed.ours.append(push())
            check_pushed(address, "bench", layers=2)
            reader = bench.slipway(base=False)
            reader("pull", "-q", name)
            expect(reader.text("run", "--rm", name, "cat", "/app/module0/file0.txt") == text, "w8-changed: the changed file")
            count = reader.text("run", "--rm", name, "sh", "-c", "find /app -type f | wc -l")
            expect(int(count) == files + 1, f"w8-changed: {count} files")

    bench.repeat(job)


def w5(bench: Bench) -> None:
    stages, seconds = bench.scale.stages, bench.scale.stage_seconds
    lines = ["FROM busybox AS base"]
    for number in range(stages):
        lines += [f"FROM base AS s{number}", f"RUN sleep {seconds} && echo {number} > /out{number}"]
    lines += ["FROM base", *[f"COPY --from=s{number} /out{number} /" for number in range(stages)], ""]
    context = bench.context("w5", "\n".join(lines))
    row = bench.row("w5", f"{stages} independent stages of {seconds} s")

    def job() -> None:
        slipway = bench.slipway()
        row.ours.append(slipway.build(context))
        expect(slipway.in_image("cat", f"/out{stages - 1}") == str(stages - 1), "w5: the last stage's file")

    bench.repeat(job)
    bench.peer(row, lambda peer: peer.build_stages(context))
    bench.floor(row, "sleep", ["sleep", str(seconds)])


def w6(bench: Bench) -> None:
    files = bench.scale.copied_files
    command = "time -p -o /took cp -r /from/tree /copied"
    context = bench.context("w6", f"FROM busybox\nRUN --mount=type=bind,target=/from {command}\n")
    make_tree(context / "tree", files)
    row = bench.row("w6", f"RUN that copies {files} files")

    def job() -> None:
        slipway = bench.slipway()
        row.ours.append(slipway.build(context))
        count = slipway.in_image("sh", "-c", "find /copied -type f | wc -l")
        expect(int(count) == files, f"w6: {count} files")
        # What the command itself took, in its sandbox: real, user, sys.
        took = dict(line.split() for line in slipway.in_image("cat", "/took").splitlines())
        row.floor.append(Cost(float(took["real"]), float(took["user"]) + float(took["sys"]), 0))

    row.floor_name = "cp itself, in the step"
    bench.repeat(job)
    bench.peer(row, lambda peer: peer.build(context))


def w7(bench: Bench) -> None:
    scale = bench.scale
    layers = 8
    size = scale.large_files * scale.large_bytes // layers
    lines = ["FROM scratch"]
    context = bench.context("w7", "")
    for number in range(layers):
        folder = context / f"layer{number}"
        folder.mkdir(exist_ok=True)
        make_large(folder, 1, size // 2)
        make_tree(folder, max(size // 2 // 9200, 1))
        lines.append(f"COPY layer{number} /layer{number}")
    (context / "Dockerfile").write_text("\n".join([*lines, ""]))
    runs = bench.context("w7run", "")
    lazy = bench.row("w7-lazy", f"FROM an image of {layers * size // MIB} MiB in {layers} layers, nothing mounts it")
    row = bench.row("w7", "pull of it")
    unpacked = bench.row("w7-mounted", "the same, and a COPY --from that needs it")
    maker = bench.slipway(base=False)
    maker.build(context)
    with registry(bench.work) as address:
        name = f"{address}/large"
        maker("tag", "bench", name)
        maker("push", name)
        (runs / "Dockerfile").write_text(f"FROM {name}\nENV a=b\n")

        def job() -> None:
            lazy.ours.append(bench.slipway(base=False).build(runs))
            slipway = bench.slipway()
            row.ours.append(slipway("pull", "-q", name))

        bench.repeat(job)
        (runs / "Dockerfile").write_text(f"FROM busybox\nRUN --mount=from={name},target=/m ls /m/layer7 > /names\n")

        def mounted() -> None:
            slipway = bench.slipway()
            unpacked.ours.append(slipway.build(runs))
            expect("large0.bin" in slipway.in_image("cat", "/names"), "w7: the files of the last layer")

        bench.repeat(mounted)
        # They unpack at once.
        bench.peer(unpacked, lambda peer: peer.pull(name), base=False)
        bench.skopeo(row, f"docker://{name}", f"oci:{bench.work}/w7-copied")
        if shutil.which("curl"):
            urls = layer_urls(address, "large")
            hashed = "; ".join(f"curl -sSf {url} | openssl dgst -sha256" for url in urls)
            bench.floor(row, "curl|sha256", shell(hashed))
            for number in range(bench.runs):
                target = bench.work / f"w7-floor{number}"
                target.mkdir()
                each = "; ".join(f"curl -sSf {url} | tar -xzf -" for url in urls)
                unpacked.floor_name = "curl|tar -xz"
                unpacked.floor.append(run(shell(each), cwd=target))


def huge(bench: Bench) -> None:
    """One layer of 10 GiB on every way that a layer goes: what counts is the memory. Only on request: it takes minutes
    and 25 GB of disk."""
    size = bench.scale.huge_bytes
    title = f"one layer of {size // MIB} MiB"
    rows = {}

    def note(name: str, job: str, cost: Cost) -> None:
        rows[name] = bench.row(f"huge-{name}", job)
        rows[name].ours.append(cost)

    def in_file(slipway: Slipway, reference: str, context: Path) -> int:
        """Mounts it, which takes all of its bytes as files."""
        (context / "Dockerfile").write_text(
            f"FROM busybox\nRUN --mount=from={reference},target=/m stat -c %s /m/data >/size\n"
        )
        note(f"mounted-{len(rows)}", "a RUN that needs it", slipway.build(context, "--pull=missing"))
        return int(slipway.in_image("cat", "/size"))

    context = bench.context("huge", "FROM scratch\nCOPY data /\n")
    make_huge(context / "data", size)
    archive = bench.work / "huge.tar"
    with registry(bench.work) as address:
        name = f"{address}/huge"
        maker = bench.slipway(base=False)
        note("build", f"COPY of {title}", maker.build(context))
        (context / "data").unlink()
        maker("tag", "bench", name)
        note("push", "push of it", maker("push", name))
        check_pushed(address, "huge", layers=1)
        note("save", "save of it", maker("save", "-o", archive, "bench"))
        note("export", "export of it", exported(maker))
        maker.forget()
        slipway = bench.slipway()
        note("pull", "pull of it", slipway("pull", "-q", name))
        expect(in_file(slipway, name, context) == size, "huge: the size of the file that was pulled")
        slipway.forget()
    slipway = bench.slipway()
    note("load", "load of it", slipway("load", "-i", archive))
    archive.unlink()
    expect(in_file(slipway, "bench", context) == size, "huge: the size of the file that was loaded")
    slipway.forget()
    huge_run(bench, note, context)
    for row in rows.values():
        peak = max(cost.peak_mib for cost in row.ours)
        expect(peak <= PEAK_MIB_MAX, f"{row.name}: {peak:.0f} MiB of memory")


def exported(slipway: Slipway) -> Cost:
    """The tar is read by another program and not kept: there may be no room for it."""
    end = slipway.root / "end"
    cost = run([*shell('"$@" | tail -c 1024 >"$0"'), str(end), *slipway.prefix, "export", "bench"])
    expect(end.read_bytes() == bytes(1024), "huge: the end of the tar that was exported")
    return cost


def huge_run(bench: Bench, note: Callable[[str, str, Cost], None], context: Path) -> None:
    """The layer of a command: it is a tree, and every other form of it is made of that."""
    megabytes = bench.scale.huge_bytes // MIB
    (context / "Dockerfile").write_text(f"FROM busybox\nRUN dd if=/dev/zero of=/data bs=1M count={megabytes}\n")
    slipway = bench.slipway()
    note("run", f"RUN that writes {megabytes} MiB", slipway.build(context))
    note("run-export", "export of that image", exported(slipway))
    with registry(bench.work) as address:
        slipway("tag", "bench", f"{address}/run")
        note("run-push", "push of that image", slipway("push", f"{address}/run"))
        check_pushed(address, "run", layers=2)
    note("run-save", "save of that image", slipway("save", "-o", bench.work / "run.tar", "bench"))
    size = slipway.in_image("stat", "-c", "%s", "/data")
    expect(int(size) == bench.scale.huge_bytes, "huge: the size of the file that was written")


def w9(bench: Bench) -> None:
    context = bench.context("w9", 'FROM scratch\nCOPY hello /\nCMD ["/hello"]\n')
    shutil.copy("/bin/busybox", context / "hello")
    row = bench.row("w9", "hello world from scratch, cold store")

    def job() -> None:
        slipway = bench.slipway(base=False)
        row.ours.append(slipway.build(context))
        expect(slipway.layers() == 1, "w9: one layer")

    bench.repeat(job)
    bench.peer(row, lambda peer: peer.build(context))
    # As many as a new store has: how long that takes depends on what was deleted a short while ago.
    made = "mkdir made-$$; cd made-$$; for i in {1..25}; do : >$i; done"
    bench.floor(row, "25 new files", shell(made), cwd=bench.work)


# The small ones first: after many files were deleted, a file system is slow to make others for some minutes.
WORKLOADS = {"version": version, "w1": w1, "w9": w9, "w2": w2, "w5": w5, "w6": w6, "w3": w3, "w4": w4_w8, "w8-changed": w8_changed, "w7": w7, "huge": huge}
ON_REQUEST = {"huge"}


# ------------------------------------------------------------------------------------------------ registry


@contextmanager
def registry(work: Path) -> Iterator[str]:
    """Debian's docker-registry with an empty folder, on a free port."""
    folder = Path(tempfile.mkdtemp(prefix="registry-", dir=work))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '{address}'}}\n"
    )
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(address: str) -> None:
    host, port = address.split(":")
    for _ in range(500):
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    sys.exit(f"docker-registry does not answer on {address}")


def check_pushed(address: str, name: str, layers: int) -> None:
    manifest = json.loads(text_of(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{address}/{name}"]))
    expect(len(manifest["layers"]) == layers, f"{name}: {len(manifest['layers'])} layers were pushed")


def layer_urls(address: str, name: str) -> list[str]:
    manifest = json.loads(text_of(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{address}/{name}"]))
    return [f"http://{address}/v2/{name}/blobs/{layer['digest']}" for layer in manifest["layers"]]


# ------------------------------------------------------------------------------------------------ the table


def median(costs: list[Cost]) -> Cost | None:
    if not costs:
        return None
    middle = statistics.median
    return Cost(middle(c.wall for c in costs), middle(c.cpu for c in costs), max(c.peak_mib for c in costs))


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def print_table(rows: list[Row]) -> None:
    print("| job | wall | CPU | peak MiB | peers | ratio to the best | floor | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for row in (row for row in rows if row.ours):
        ours, floor = median(row.ours), median(row.floor)
        cells = [f"{row.name}: {row.title}", seconds(ours.wall), seconds(ours.cpu), f"{ours.peak_mib:.0f}"]
        cells.append(", ".join(f"{name} {seconds(cost.wall)}" for name, cost in row.peers.items()))
        cells.append(f"{ours.wall / min(cost.wall for cost in row.peers.values()):.2f}" if row.peers else "")
        # `time` in a step says 0.00 of a short command.
        ratio = f"{ours.wall / floor.wall:.2f}" if floor and floor.wall > 0 else ""
        cells += [f"{row.floor_name} {seconds(floor.wall)}" if floor else "", ratio]
        print("| " + " | ".join(cells) + " |", flush=True)


def as_json(rows: list[Row]) -> list[dict]:
    def costs(of: list[Cost]) -> list[dict]:
        return [{"wall_s": c.wall, "cpu_s": c.cpu, "peak_mib": c.peak_mib} for c in of]

    return [
        {
            "name": row.name,
            "title": row.title,
            "slipway": costs(row.ours),
            "peers": {name: costs([cost]) for name, cost in row.peers.items()},
            "floor": {"name": row.floor_name, "runs": costs(row.floor)},
        }
        for row in rows
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--small", action="store_true", help="small data, one run each")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write every run's figures there")
    parser.add_argument("--work", type=Path, help="a folder for data and stores (default: a temporary one)")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    options = parser.parse_intermixed_args()
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    scale, runs = (SMALL, 1) if options.small else (FULL, options.runs)
    chosen = [name for name in WORKLOADS if options.small or name not in ON_REQUEST]
    with tempfile.TemporaryDirectory(prefix="slipway-bench-", dir=options.work, ignore_cleanup_errors=True) as folder:
        bench = Bench(options.binary.resolve(), Path(folder), scale, runs)
        try:
            for name in options.workloads or chosen:
                WORKLOADS[name](bench)
                remove_large_files(bench.work)
        except WrongResult as error:
            print(f"wrong result: {error}", file=sys.stderr)
            return 1
        except Failed as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            print_table(bench.rows)  # what there is, if it was stopped
            remove_stores(bench.work)
        if options.json:
            options.json.write_text(json.dumps(as_json(bench.rows), indent=1) + "\n")
    return 0


def unmount_below(folder: Path) -> None:
    """A peer may leave its storage mounted, and what is mounted cannot be removed."""
    lines = Path("/proc/self/mounts").read_bytes().splitlines()
    for line in reversed(lines):
        place = os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), line.split()[1]))
        if place.startswith(f"{folder}/"):
            run(["umount", place])


def remove_large_files(work: Path) -> None:
    """So that a disk holds it all. Small ones stay to the end: file systems that are slow after deletions count files."""
    subprocess.run([*as_owner_of_stores(), "find", str(work), "-xdev", "-type", "f", "-size", "+15M", "-delete"], check=True)


def remove_stores(work: Path) -> None:
    names = [str(path) for path in work.glob("store-*")]
    subprocess.run([*as_owner_of_stores(), "rm", "-rf", *names], check=True)


def as_owner_of_stores() -> list[str]:
    """Without root, a store's files may belong to sub-ids: only their root may remove them."""
    return [] if os.geteuid() == 0 else ["unshare", "--map-auto", "--map-root-user"]


if __name__ == "__main__":
    sys.exit(main())
