#!/usr/bin/env python3
"""The judge of the results lets nothing go untested or unsaid."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".ci"))

import results

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


LINES = "\n".join(f"line {number}" for number in range(100))
FAILURES = f"""<testsuite>
  <testcase name="Words.Join" status="fail"><failure/><system-out>[ RUN      ] Words.Join
a_test.cc:3: Failure
Expected: true</system-out></testcase>
  <testcase name="e2e.push" status="fail"><failure/><system-out>{LINES}</system-out></testcase>
  <testcase name="e2e.pull" status="fail"><failure/></testcase>
</testsuite>"""


def made(name: str, outcome: str, *labels: str) -> results.Result:
    return results.Result(name, outcome, "why", labels)


class Results(unittest.TestCase):
    everything = [made(f"test of {kind}", "passed", kind) for kind in results.KINDS]

    def test_outcomes_and_reasons_are_read(self):
        found = results.read_results(JUNIT, {"Mount.Binds": ("unit", "root")})
        self.assertEqual([result.outcome for result in found], ["passed", "failed", "skipped", "skipped"])
        self.assertEqual([result.reason for result in found[2:]], ["needs root", "docker-registry is not installed"])
        self.assertEqual(found[2].labels, ("unit", "root"))

    def test_a_failure_is_told_with_what_was_printed(self):
        found = results.read_results(FAILURES, {})
        self.assertEqual(found[0].reason, "  | a_test.cc:3: Failure\n  | Expected: true")
        self.assertEqual(found[1].reason.splitlines()[0], f"  | line {100 - results.FAILURE_LINES_MAX}")
        self.assertEqual(found[1].reason.splitlines()[-1], "  | line 99")
        self.assertEqual(found[2].reason, "  | printed nothing")

    def test_what_failed_is_not_skipped_whatever_was_skipped_inside(self):
        inside = JUNIT.replace("[  SKIPPED ] Mount.Binds (0 ms)", "[  SKIPPED ] Inner.Test\n[  FAILED  ] Mount.Binds (0 ms)")
        self.assertEqual(results.read_results(inside, {})[2].outcome, "failed")

    def test_a_run_that_tested_every_kind_is_fine(self):
        self.assertEqual(results.judge(self.everything), [])
        self.assertEqual(results.judge([*self.everything, made("one of two", "skipped", "root")]), [])

    def test_a_kind_that_was_not_tested_is_a_problem(self):
        self.assertIn("no test has the label root", results.judge([one for one in self.everything if one.labels != ("root",)])[0])
        self.assertIn("all 1 tests of the kind unit were skipped", results.judge([*self.everything, made("x", "skipped", "unit")])[0])

    def test_one_skipped_corpus_test_is_a_problem(self):
        self.assertIn("1 corpus tests were skipped", results.judge([*self.everything, made("x", "skipped", "corpus")])[0])


if __name__ == "__main__":
    unittest.main()
