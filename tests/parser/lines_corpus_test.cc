#include <filesystem>
#include <iostream>
#include <set>

#include <nlohmann/json.hpp>

#include "parser/lines.h"
#include "tests/support/corpora.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;

json lines_of(const parser::LineFile& file) {
  json lines = json::array();
  for (const parser::LogicalLine& line : file.lines) {
    lines.push_back({line.lines.first, line.lines.last});
  }
  return lines;
}

json comments_of(const parser::LineFile& file) {
  json comments = json::array();
  for (const parser::LogicalLine& line : file.lines) {
    comments.push_back(line.comments);
  }
  return comments;
}

json warnings_of(const parser::LineFile& file) {
  json warnings = json::array();
  for (const parser::EmptyContinuation& found : file.empty_continuations) {
    warnings.push_back("Empty continuation line found in: " + found.text);
  }
  return warnings;
}

json heredocs_of(const parser::LineFile& file) {
  json all = json::array();
  for (const parser::LogicalLine& line : file.lines) {
    json heredocs = json::array();
    for (const parser::Heredoc& heredoc : line.heredocs) {
      heredocs.push_back({{"Name", heredoc.name},
                          {"FileDescriptor", heredoc.file_descriptor},
                          {"Expand", heredoc.expand},
                          {"Chomp", heredoc.chomp},
                          {"Content", heredoc.content}});
    }
    all.push_back(heredocs);
  }
  return all;
}

std::string dump_of(const parser::LineFile& file) {
  std::string dump = parser::dump_lines(file.lines);
  if (!dump.empty()) {
    dump.pop_back();
  }
  return dump;
}

json error_lines_of(const parser::Diagnostic& error) {
  json lines = json::array();
  for (int line = error.lines.first; line <= error.lines.last; ++line) {
    lines.push_back(line);
  }
  return lines;
}

// Every member of a case is a check; one we don't know fails the case.
std::optional<std::string> check_case(const json& one) {
  parser::LineFile file = parser::parse_lines(one.at("dockerfile").get<std::string>());
  json actual = {{"dump", dump_of(file)},
                 {"lines", lines_of(file)},
                 {"comments", comments_of(file)},
                 {"warnings", warnings_of(file)},
                 {"heredocs", heredocs_of(file)},
                 {"escape", std::string(1, file.escape)},
                 {"error", nullptr},
                 {"error_lines", json::array()}};
  if (file.error) {
    actual["error"] = file.error->message;
    actual["error_lines"] = error_lines_of(*file.error);
  }
  if (file.error && !one.contains("error")) {
    return "unexpected error: " + file.error->message;
  }
  const std::set<std::string> ignored{"dockerfile", "source", "note"};
  for (const auto& [key, expected] : one.items()) {
    if (ignored.contains(key)) {
      continue;
    }
    if (!actual.contains(key)) {
      return "unknown member " + key;
    }
    if (auto problem = compare(key, expected, actual[key])) {
      return problem;
    }
  }
  return std::nullopt;
}

TEST(LinesCorpus, More) {
  run_corpus("dockerfile-parser/more.json", check_case);
}

TEST(LinesCorpus, Lines) {
  run_corpus("dockerfile-parser/lines.json", check_case);
}

TEST(LinesCorpus, Warnings) {
  run_corpus("dockerfile-parser/warnings.json", check_case);
}

std::vector<std::filesystem::path> cases_in(const std::string& folder) {
  std::vector<std::filesystem::path> cases;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    cases.push_back(entry.path());
  }
  return cases;
}

TEST(LinesCorpus, Positive) {
  std::string why;
  auto folder = find_corpus_file("dockerfile-parser/positive", why);
  if (!folder) {
    GTEST_SKIP() << why;
  }
  auto cases = cases_in(*folder);
  for (const auto& one : cases) {
    parser::LineFile file = parser::parse_lines(read_text_file(one / "Dockerfile"));
    EXPECT_FALSE(file.error.has_value()) << one;
    EXPECT_EQ(parser::dump_lines(file.lines), read_text_file(one / "result")) << one;
  }
  std::cout << "dockerfile-parser/positive: " << cases.size() << " cases run\n";
}

TEST(LinesCorpus, Negative) {
  std::string why;
  auto folder = find_corpus_file("dockerfile-parser/negative", why);
  if (!folder) {
    GTEST_SKIP() << why;
  }
  auto cases = cases_in(*folder);
  for (const auto& one : cases) {
    parser::LineFile file = parser::parse_lines(read_text_file(one / "Dockerfile"));
    std::string expected = read_text_file(one / "error");
    while (expected.ends_with('\n')) {
      expected.pop_back();
    }
    EXPECT_EQ(file.error ? file.error->message : "no error", expected) << one;
  }
  std::cout << "dockerfile-parser/negative: " << cases.size() << " cases run\n";
}

}  // namespace
}  // namespace slipway::tests
