#!/usr/bin/env python3
"""The judge of skipped tests lets nothing go untested unnoticed."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".ci"))

import skips

JUNIT = """<testsuite>
  <testcase name="Words.Split" status="run"/>
  <testcase name="Words.Join" status="fail"><failure/></testcase>
  <testcase name="Mount.Binds" status="notrun"><skipped/><system-out>[ RUN      ] Mount.Binds
mount_test.cc:12: Skipped
needs root

[  SKIPPED ] Mount.Binds (0 ms)</system-out></testcase>
  <testcase name="e2e.push" status="notrun"><skipped/><system-out>a line
skipped: docker-registry is not installed</system-out></testcase>
</testsuite>"""


def result(name: str, outcome: str, *labels: str) -> skips.Result:
    return skips.Result(name, outcome, "why", labels)


class Skips(unittest.TestCase):
    everything = [result(f"test of {kind}", "passed", kind) for kind in skips.KINDS]

    def test_outcomes_and_reasons_are_read(self):
        results = skips.read_results(JUNIT, {"Mount.Binds": ("unit", "root")})
        self.assertEqual([found.outcome for found in results], ["passed", "failed", "skipped", "skipped"])
        self.assertEqual([found.reason for found in results[2:]], ["needs root", "docker-registry is not installed"])
        self.assertEqual(results[2].labels, ("unit", "root"))

    def test_a_run_that_tested_every_kind_is_fine(self):
        self.assertEqual(skips.judge(self.everything), [])
        self.assertEqual(skips.judge([*self.everything, result("one of two", "skipped", "root")]), [])

    def test_a_kind_that_was_not_tested_is_a_problem(self):
        self.assertIn("no test has the label root", skips.judge([one for one in self.everything if one.labels != ("root",)])[0])
        self.assertIn("all 1 tests of the kind unit were skipped", skips.judge([*self.everything, result("x", "skipped", "unit")])[0])

    def test_one_skipped_corpus_test_is_a_problem(self):
        self.assertIn("1 corpus tests were skipped", skips.judge([*self.everything, result("x", "skipped", "corpus")])[0])


if __name__ == "__main__":
    unittest.main()
