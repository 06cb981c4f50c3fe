#!/usr/bin/env python3
"""The checks find what is planted for them, and nothing in code that keeps the rules."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import arrows
import bans
import catches
import shape
import sizes
import tools
from tree import Tree, blank_literals


class Planted(unittest.TestCase):
    """A tree of a few files; `found(check)` is what the check says of it, a line each."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tidy-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def plant(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def found(self, check, *arguments) -> list[str]:
        return [f"{violation.path}:{violation.line}: {violation.problem}" for violation in check(Tree(self.folder), *arguments)]

    def assert_found(self, check, path: str, text: str, expected: str) -> None:
        """Planting `text` gives exactly one violation, whose line holds `expected`."""
        self.plant(path, text)
        found = self.found(check)
        self.assertEqual(len(found), 1, f"{text!r}: {found}")
        self.assertIn(expected, found[0])
        (self.folder / path).unlink()

    def assert_nothing(self, check, path: str, text: str) -> None:
        self.plant(path, text)
        self.assertEqual(self.found(check), [], text)
        (self.folder / path).unlink()


class Arrows(Planted):
    def test_a_room_that_includes_a_room_above_it_is_found(self):
        self.assert_found(arrows.check, "base/fd.h", '#include "cache/store.h"\n', "base/fd.h:1: base includes cache/store.h")
        self.assert_found(arrows.check, "parser/words.cc", '#include "base/text.h"\n', "parser includes base/text.h")
        self.assert_found(arrows.check, "registry/oci/x.h", '\n#  include "builder/build.h"\n', "registry/oci/x.h:2:")
        self.assert_nothing(arrows.check, "cmd/main.cc", '#include "builder/build.h"\n#include "parser/ast.h"\n')

    def test_a_closet_that_knows_too_much_is_found(self):
        self.assert_found(arrows.check, "builder/sandbox/spec.h", '#include "builder/plan/graph.h"\n', "must not know")
        self.assert_found(arrows.check, "builder/solve/driver.cc", '#include "builder/ops/exec_op.h"\n', "must not know")
        self.assert_found(arrows.check, "builder/ops/exec_op.cc", '#include "builder/build.h"\n', "builder/ops includes builder/build.h")
        self.assert_nothing(arrows.check, "builder/solve/driver.cc", '#include "builder/ops/op.h"\n')

    def test_an_include_in_a_comment_is_none(self):
        self.assert_nothing(arrows.check, "base/fd.h", '// #include "cache/store.h"\n/*\n#include "cmd/flags.h"\n*/\n')

    def test_closets_that_include_each_other_are_found(self):
        self.plant("cache/gc/sweep.h", '#include "cache/records/records.h"\n')
        self.plant("cache/records/records.h", '#include "cache/content/blobs.h"\n')
        self.assertEqual(self.found(arrows.check), [])
        self.assert_found(arrows.check, "cache/content/blobs.h", '#include "cache/gc/sweep.h"\n', "closets include each other")

    def test_files_on_top_of_a_room_are_closets_of_their_own(self):
        self.plant("parser/ast/words.h", '#include "parser/source.h"\n')
        self.assert_nothing(arrows.check, "parser/parser.h", '#include "parser/ast/words.h"\n')
        self.assert_found(arrows.check, "parser/source.h", '#include "parser/ast/words.h"\n', "closets include each other")

    def test_rooms_know_nothing_of_tests(self):
        self.assert_found(arrows.check, "cache/store.cc", '#include "tests/support/golden.h"\n', "a room includes tests/")


class Bans(Planted):
    def test_each_banned_call_is_found(self):
        for path, text in (
            ("base/a.cc", "int f() { return system(command); }"),
            ("cmd/a.cc", "auto* pipe = ::popen(command, mode);"),
            ("cache/a.cc", "check(chdir(path));"),
            ("cmd/a.cc", "::setenv(name, value, 1);"),
            ("base/a.cc", "std::thread(run).detach();"),
            ("registry/a.cc", "std::regex pattern(text);"),
            ("tests/base/a_test.cc", "std::this_thread::sleep_for(delay);"),
            ("tests/base/a_test.cc", "::usleep(10);"),
            ("tests/base/a_test.cc", "std::filesystem::remove_all(folder);"),
            ("builder/a.cc", "fs::create_directories(folder);"),
            ("builder/a.cc", "std::filesystem::rename(from, to);"),
            ("builder/a.cc", "const char* home = std::getenv(name);"),
            ("builder/a.cc", "std::cerr << message;"),
            ("builder/a.cc", "std::fprintf(stderr, format);"),
            ("builder/a.cc", "printf(format);"),
            ("builder/a.cc", "std::exit(1);"),
            ("cache/a.cc", "volatile int flag = 0;"),
            ("cmd/a.cc", "using namespace std;"),
            ("parser/a.cc", "throw Oops{};"),
        ):
            self.assert_found(bans.check, path, text + "\n", f"{path}:1:")

    def test_other_names_comments_and_strings_are_free(self):
        self.assert_nothing(
            bans.check, "builder/a.cc",
            'fail("can\'t exit(1) or getenv(x)");  // system("x") is banned\n'
            "file_system(x); child.exit(0); base::exit(1); _exit(127); snprintf(text, size, format); auto n = 1'000 + 'x';\n"
            'auto raw = R"(std::cout << system("x"))";\n',
        )

    def test_places_that_may_are_free(self):
        self.assert_nothing(bans.check, "builder/sandbox/child.cc", "::chdir(cwd);\n")
        self.assert_nothing(bans.check, "cmd/main.cc", "std::cout << std::getenv(name); exit(2);\n")

    def test_libraries_stay_in_their_files(self):
        self.assert_found(bans.check, "registry/a.h", "#include <nlohmann/json.hpp>\n", "json.hpp in a header")
        self.assert_found(bans.check, "registry/client.cc", "#include <httplib.h>\n", "httplib.h")
        self.assert_found(bans.check, "parser/lines.cc", "#include <fstream>\n", "parser includes <fstream>")
        self.plant("registry/http/transport.cc", "#include <httplib.h>\n")
        self.assertEqual(self.found(bans.check), [])
        self.assert_found(bans.check, "registry/http/upload.cc", "#include <httplib.h>\n", "httplib.h")

    def test_a_script_that_sleeps_is_found(self):
        self.assert_found(bans.check, "tests/e2e/run.sh", "slipway build &\n  sleep 2\n", "tests/e2e/run.sh:2:")


class Catches(Planted):
    def test_a_catch_elsewhere_or_too_often_is_found(self):
        self.assert_found(catches.check, "builder/ops/copy_op.cc", "try { f(); } catch (...) {}\n", "outside of the places")
        self.assert_nothing(catches.check, "cmd/main.cc", "try { f(); } catch (const E& e) {} catch (...) {}\n")
        self.assert_found(catches.check, "cmd/main.cc", "try {} catch (A&) {}\ntry {} catch (B&) {}\n", "cmd/main.cc:2:")


class Sizes(Planted):
    LONG = "  step();\n" * 79

    def test_a_long_function_is_found_wherever_it_stands(self):
        for head in (
            "void f() {",
            "static std::vector<int> Type::member(int a, std::map<int, int> b = {}) const noexcept {",
            "Type::Type(int a) : a_{a}, b_(a) {",
            "template <typename T, class U>\nauto f(T t) -> decltype(t.x()) {",
            "bool operator==(const A& a, const B& b) {",
            "const auto lambda = [](int a) {",
            "TEST(Suite, Behaviour) {",
        ):
            for before, after in (("", ""), ("namespace a::b {\n", "}"), ("struct S final : Base<int> {\n public:\n", "};")):
                self.assert_found(sizes.check, "base/a.cc", f"{before}{head}\n{self.LONG}}}\n{after}\n", "lines")

    def test_short_functions_in_long_types_and_tables_are_fine(self):
        short = "int f(int x) {\n  if (x) {\n    return g({1, 2});\n  }\n  return 0;\n}\n"
        self.assert_nothing(sizes.check, "base/a.h", "class A {\n" + short * 40 + "};\nenum class E {\n" + "  kA,\n" * 90 + "};\n")
        self.assert_nothing(sizes.check, "base/a.cc", "constexpr Row kRows[] = {\n" + "  {1, f(2)},\n" * 90 + "};\n")
        self.assert_nothing(sizes.check, "base/a.cc", "const auto kRows = std::to_array<Row>({\n" + "  {1, f(2)},\n" * 90 + "});\n")

    def test_the_longest_function_is_measured_to_the_line(self):
        self.assert_nothing(sizes.check, "base/a.cc", "void f() {\n" + "  step();\n" * 78 + "}\n")
        self.assert_found(sizes.check, "base/a.cc", "\nvoid f() {\n" + self.LONG + "}\n", "base/a.cc:2: f has 81 lines")

    def test_a_long_file_and_a_long_main_are_found(self):
        self.assert_found(sizes.check, "base/a.cc", "int x;\n" * 801, "801 lines")
        self.assert_found(sizes.check, "cmd/main.cc", "int x;\n" * 60, "60 lines")
        self.assert_nothing(sizes.check, "base/masks_table.cc", "int x;\n" * 900)


class Shape(Planted):
    def setUp(self):
        super().setUp()
        self.plant("base/README.md", "what lives here\n")
        self.plant("base/fd.h", "#pragma once\n")

    def test_rooms_without_a_readme_or_with_a_long_one_are_found(self):
        self.assert_found(shape.check, "base/README.md", "line\n" * 61, "61 lines")
        self.assert_found(shape.check, "unrelated.txt", "", "base/README.md:1: missing")

    def test_a_test_mirrors_a_source_or_says_what_it_tests(self):
        self.assert_nothing(shape.check, "tests/base/fd_test.cc", "TEST(Fd, Closes) {}\n")
        self.assert_nothing(shape.check, "tests/base/fd_corpus_test.cc", "TEST(Fd, Closes) {}\n")
        self.assert_nothing(shape.check, "tests/base/two_ways_test.cc", "// One worker and many give one answer.\n")
        self.assert_found(shape.check, "tests/base/other_test.cc", "TEST(Other, Works) {}\n", "no base/other.h")
        self.assert_found(shape.check, "tests/base/checks.cc", "TEST(Fd, Closes) {}\n", "not named x_test.cc")

    def test_a_header_without_a_guard_is_found(self):
        self.assert_found(shape.check, "base/path.h", "int f();\n", "no #pragma once")


class Tools(Planted):
    def test_a_header_that_needs_another_is_found(self):
        self.plant("base/good.h", "#pragma once\n#include <string>\nstd::string f();\n")
        self.plant("base/bad.h", "#pragma once\nstd::string f();\n")
        self.plant("base/bad.cc", "#include <string>\n#include \"base/bad.h\"\n")
        self.plant("base/proven.h", "#pragma once\nwhat only the build of proven.cc sees\n")
        self.plant("base/proven.cc", "#include \"base/proven.h\"\n")
        found = self.found(tools.check_headers, self.folder / "build")
        self.assertEqual(len(found), 1)
        self.assertIn("base/bad.h:1: does not compile alone", found[0])

    @unittest.skipUnless(shutil.which(tools.FORMATTER), f"{tools.FORMATTER} is not installed")
    def test_a_file_that_is_not_formatted_is_found(self):
        self.plant(".clang-format", "BasedOnStyle: Google\n")
        self.plant("base/good.cc", "int f() { return 1; }\n")
        self.plant("base/bad.cc", "int g() { return 1; }\nint f( )  {return 1;}\n")
        self.assertEqual(self.found(tools.check_format, self.folder), ["base/bad.cc:2: not as the formatter writes it"])

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_a_careless_script_is_found(self):
        self.plant("good", "#!/usr/bin/env bash\necho ok\n")
        self.plant("bad", "#!/usr/bin/env bash\nrm -rf $1\n")
        found = self.found(tools.check_shell, self.folder)
        self.assertEqual(len(found), 1)
        self.assertIn("bad:1: shellcheck says", found[0])


class Literals(unittest.TestCase):
    def test_code_stays_and_literals_are_blank(self):
        for text, expected in (
            ('a("b\\"c") + d', 'a("    ") + d'),
            ("x = 'y'; n = 1'000'000;", "x = ' '; n = 1'000'000;"),
            ("a /* b\nc */ d // e", "a     \n     d     "),
            ('R"x(a")" b)x" + c', 'R           " + c'),
        ):
            self.assertEqual(blank_literals(text), expected)


if __name__ == "__main__":
    unittest.main()
