"""Where `catch` may stand: everything else lets errors climb."""

from collections.abc import Iterator

from tree import ROOMS, Tree, Violation

# file, or folder with a slash at the end -> (how many try blocks, why)
PLACES = {
    "base/error.h": (1, "noting adds a line of context and rethrows"),
    "base/fs.cc": (1, "the destructor of a temporary folder must not throw"),
    "base/read_ahead.cc": (1, "thread entry: the error is thrown again by read()"),
    "base/worker_pool.cc": (2, "thread entry: the error is handed to whoever waits; without another thread the caller does it all"),
    "cache/session/background_sync.cc": (1, "thread entry: the error is thrown again by the next request"),
    "base/write_behind.cc": (1, "thread entry: the error is thrown again by the writer"),
    "builder/devices/device_registry.cc": (1, "one wrong file must not take the devices of the others along; it is told to whoever misses some"),
    "builder/image/resolver.cc": (1, "a build makes do with what is here when the registry has nothing better, or can't be asked"),
    "builder/layer/archive_view.cc": (1, "whether a file is an archive is found by unpacking its first block"),
    "builder/layer/layer_receive.cc": (1, "unreadable bytes are read to their end, where a wrong digest is told instead"),
    "builder/layer/tree_behind.cc": (1, "thread entry: the error is thrown again by the next call"),
    "builder/ops/exec_output.cc": (1, "thread entry: the error is thrown again by finish()"),
    "builder/plan/resolver_outcome.h": (1, "thread entry: which failure is reported must not depend on time"),
    "builder/sandbox/chroot_process.cc": (1, "the border of a process: what fails in the step is reported to its owner"),
    "builder/sandbox/command.cc": (1, "the border of a process: what fails in the step is reported to its owner"),
    "builder/sandbox/helper.cc": (1, "the border of a process: a request that fails must not end the helper"),
    "builder/sandbox/step_process.cc": (1, "the border of a process: what fails in the step is reported to its owner"),
    "builder/solve/": (2, "the vertex boundary gives errors their span; without another thread a build goes on with those it has"),
    "cmd/flags.cc": (1, "the flag library reports usage by throwing types of its own"),
    "cmd/main.cc": (1, "the one place that prints an error and chooses the exit code"),
    "cmd/report.cc": (1, "verbs that take several images tell each failure; `run` has exit codes of its own"),
    "cmd/services.cc": (1, "a destructor must not throw; the trash that it can't empty waits for the next start"),
    "cmd/daemon/": (1, "the request boundary turns errors into responses"),
    "registry/http/": (1, "the retry loop of requests"),
    "registry/blob_download.cc": (2, "the retry loop of bodies, and the next of several places that have a blob"),
    "registry/blob_upload.cc": (1, "the retry loop of uploads"),
    "registry/client_state.cc": (1, "the next of several mirrors"),
    "registry/pull.cc": (1, "the next of several repositories that have a layer"),
    "registry/server/": (2, "the request boundary turns errors into answers; a collection that fails is tried again"),
    "registry/registry_host.cc": (1, "whether a host speaks TLS is found by trying"),
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
