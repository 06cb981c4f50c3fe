#!/usr/bin/env python3
"""The runner notices what a script leaves behind, and verify_image notices what is wrong with an image."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import run
import verify_image

HERE = Path(__file__).resolve().parent


class Runner(unittest.TestCase):
    def run_script(self, text: str, mode: str = "anyone") -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            script = Path(folder) / "script.sh"
            script.write_text(f'. "$(dirname "$0")/lib.bash"\n{text}\n')
            shutil.copy(HERE / "lib.bash", folder)
            command = [sys.executable, HERE / "run.py", "--slipway", "/bin/true", "--images", folder, "--as", mode, script]
            environment = os.environ | {"SLIPWAY_LEAK_SECONDS": "1"}
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment)
            return done.returncode, done.stdout

    def test_a_clean_script_passes(self):
        self.assertEqual(self.run_script('ok slipway; expect_eq "$(pwd)" "$WORK"; file x <<<y; expect_file x'), (0, ""))

    def test_a_failed_expectation_names_its_line(self):
        status, said = self.run_script("true\nexpect_eq a b")
        self.assertEqual(status, 1)
        self.assertIn("line 3: is 'a' instead of 'b'", said)

    def test_every_expectation_can_fail(self):
        for text in (
            "ok false", "fails 1 text true", "fails 1 text false", "expect_in abc d", "expect_not_in abc b", "expect_ne a a",
            "expect_match abc ^b", "expect_file gone", "file x <<<y; expect_no_file x", "expect_json '{\"a\":1}' .a 2",
            "err='#1 [1/1] RUN x\n#1 DONE 0.1s'; expect_cached 'RUN x'", "err='#1 [1/1] RUN x\n#1 CACHED'; expect_ran 'RUN x'",
            "err=''; expect_ran 'RUN x'", "x=$(fail deep)", "false",
        ):
            self.assertEqual(self.run_script(text)[0], 1, text)

    def test_a_skip_is_no_pass(self):
        self.assertEqual(self.run_script("skip 'no such kernel'"), (77, "skipped: no such kernel\n"))

    def test_what_is_left_behind_fails(self):
        for text, what in (
            ("(setsid sleep 1000 &)", "process"),
            ("touch $TMPDIR/rest", "temporary file"),
            ("mkdir -p $ROOT/tmp/123-rest", "temporary file"),
        ):
            status, said = self.run_script(text)
            self.assertEqual(status, 1, text)
            self.assertIn(f"LEFT BEHIND: {what}", said)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_a_mount_that_is_left_behind_fails(self):
        status, said = self.run_script("mkdir m; mount -t tmpfs none m")
        self.assertEqual(status, 1)
        self.assertIn("LEFT BEHIND: mount", said)

    def test_a_control_group_whose_helper_is_gone_is_left_behind(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        with tempfile.TemporaryDirectory() as folder:
            for name in (f"slipway-{ended.pid}-1", f"slipway-{os.getpid()}-1", "other"):
                os.makedirs(Path(folder, "pids", name))
            self.assertEqual(run.control_groups(folder), [Path(folder, "pids", f"slipway-{ended.pid}-1")])

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_the_user_without_privileges_has_sub_ids(self):
        status, said = self.run_script('id -un; unshare --map-auto --map-root-user cat /proc/self/uid_map', "rootless")
        self.assertIn("slipway-test", said)
        # Whose range it is depends on who made the user first; that there is one is what matters.
        self.assertRegex(said, r"\d{5,} +65\d{3}\b")
        self.assertEqual(status, 0)


class VerifyImage(unittest.TestCase):
    """A small image, written whole, and then with one thing wrong at a time."""

    def archive(self, layer=None, diff_id=None, history=1, size=0, blob=lambda name, content: content) -> list[str]:
        plain = layer if layer is not None else self.layer([("bin/sh", b"text")])
        packed = gzip.compress(plain, mtime=0)
        config = json.dumps({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [diff_id or verify_image.digest_of(plain)]},
            "history": [{"created_by": "x"}] * history,
        }).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "config": self.descriptor("config", config),
            "layers": [self.descriptor("application/vnd.oci.image.layer.v1.tar+gzip", packed, size)],
        }).encode()
        files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
                 "index.json": json.dumps({"manifests": [self.descriptor("manifest", manifest)]}).encode()}
        for content in (packed, config, manifest):
            files["blobs/sha256/" + hashlib.sha256(content).hexdigest()] = content
        with tempfile.NamedTemporaryFile() as target:
            with tarfile.open(fileobj=target, mode="w") as tar:
                for name, content in files.items():
                    self.add(tar, name, blob(name, content))
            target.flush()
            return verify_image.verify(target.name)

    @staticmethod
    def descriptor(media_type: str, content: bytes, more: int = 0) -> dict:
        return {"mediaType": media_type, "digest": verify_image.digest_of(content), "size": len(content) + more}

    @staticmethod
    def add(tar: tarfile.TarFile, name: str, content: bytes, kind: bytes = tarfile.REGTYPE, target: str = "") -> None:
        info = tarfile.TarInfo(name)
        info.size, info.type, info.linkname = len(content), kind, target
        tar.addfile(info, io.BytesIO(content))

    def layer(self, files: list) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for file in files:
                self.add(tar, *file)
        return buffer.getvalue()

    def test_a_right_image_has_no_problems(self):
        self.assertEqual(self.archive(), [])

    def test_each_wrong_thing_is_found(self):
        for expected, wrong in (
            ("rootfs is", {"diff_id": "sha256:" + "0" * 64}),
            ("2 history entries with content for 1 layers", {"history": 2}),
            ("bytes, not", {"size": 1}),
            ("does not have the digest", {"blob": lambda name, content: content + b" " if b"rootfs" in content else content}),
            ("leaves the root", {"layer": self.layer([("../x", b"")])}),
            ("is there twice", {"layer": self.layer([("x", b""), ("x", b"")])}),
            ("does not stand before it", {"layer": self.layer([("x", b"", tarfile.LNKTYPE, "y")])}),
            ("has content", {"layer": self.layer([("d/.wh.x", b"1")])}),
            ("two empty blocks", {"layer": self.layer([("x", b"")])[:512]}),
        ):
            found = self.archive(**wrong)
            self.assertTrue(any(expected in problem for problem in found), f"{expected}: {found}")


if __name__ == "__main__":
    unittest.main()
