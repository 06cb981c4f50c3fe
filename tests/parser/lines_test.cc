#include "parser/lines.h"

#include <gtest/gtest.h>

namespace slipway::parser {
namespace {

std::string dump(std::string_view text) {
  LineFile file = parse_lines(text);
  return file.error ? "error: " + file.error->message : dump_lines(file.lines);
}

TEST(Lines, JoinsContinuedLinesWithTheirSpaces) {
  EXPECT_EQ(dump("FR\\\nOM x"), "(from \"x\")\n");
  EXPECT_EQ(dump("RUN a \\ \t\n  b"), "(run \"a   b\")\n");
  EXPECT_EQ(dump("RUN a\\\\\nRUN b"), "(run \"a\\\\\\\\\")\n(run \"b\")\n");
}

TEST(Lines, DropsCommentsInsideAContinuation) {
  EXPECT_EQ(dump("RUN a \\\n  # no end here\n b"), "(run \"a  b\")\n");
}

TEST(Lines, TellsWhereAContinuedLineWasBlank) {
  LineFile file = parse_lines("FROM a\nRUN b \\\n\n c\n");
  ASSERT_EQ(file.empty_continuations.size(), 1U);
  EXPECT_EQ(file.empty_continuations[0].line, 4);
}

TEST(Lines, KeepsThePlaceOfEveryByte) {
  LineFile file = parse_lines("\xEF\xBB\xBF  RUN a \\\n    b \\\n# c\nd\n");
  const LogicalLine& line = file.lines.at(0);
  EXPECT_EQ(line.text, "RUN a     b d");
  EXPECT_EQ(line.position_of(0), (Position{1, 5}));
  EXPECT_EQ(line.position_of(4), (Position{1, 9}));
  EXPECT_EQ(line.position_of(line.text.find('b')), (Position{2, 4}));
  EXPECT_EQ(line.position_of(line.text.find('d')), (Position{4, 0}));
  EXPECT_EQ(line.arguments.at(0).offset, 4U);
}

TEST(Lines, ArgumentsKnowTheirOffsets) {
  LineFile file = parse_lines("COPY --from=a  b [c]\nCOPY [\"x\", \"y\"]\nENV a=b c=d\n");
  EXPECT_EQ(file.lines[0].flags[0], (Word{"--from=a", 5}));
  EXPECT_EQ(file.lines[0].arguments[1], (Word{"[c]", 17}));
  EXPECT_EQ(file.lines[1].arguments[1], (Word{"y", 11}));
  EXPECT_EQ(file.lines[2].arguments[3], (Word{"d", 10}));
}

TEST(Lines, RemembersCommentsUntilAnEmptyOne) {
  LineFile file = parse_lines("\n# a\n\n# b\nRUN x\n# c\n#\n# d\nRUN y\n");
  EXPECT_EQ(file.lines[0].comments, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file.lines[1].comments, (std::vector<std::string>{"d"}));
}

TEST(Lines, DirectivesAreNoComments) {
  LineFile file = parse_lines("# syntax=x\n# escape=`\n# foo\nRUN a`\nb\n");
  EXPECT_EQ(file.escape, '`');
  EXPECT_EQ(file.directives.size(), 2U);
  EXPECT_EQ(file.lines[0].comments, (std::vector<std::string>{"foo"}));
  EXPECT_EQ(file.lines[0].text, "RUN ab");
}

TEST(Lines, RefusesAnotherEscapeCharacter) {
  EXPECT_EQ(dump("# escape=x\nRUN a"), "error: invalid escape token 'x' does not match ` or \\");
}

TEST(Lines, LimitsPhysicalLines) {
  std::string longest(kLineBytesMax - 4, 'x');
  EXPECT_FALSE(parse_lines("RUN " + longest + "\n").error.has_value());
  EXPECT_FALSE(parse_lines("RUN " + longest).error.has_value());
  EXPECT_EQ(dump("FROM a\nRUN x" + longest + "\nRUN y\n"),
            "error: dockerfile line greater than max allowed size of 65535");
  EXPECT_EQ(dump("RUN x" + longest),
            "error: dockerfile line greater than max allowed size of 65535");
}

TEST(Heredocs, BodiesOfAMebibyteAreReadWhole) {
  std::string body;
  while (body.size() < std::size_t{1} << 20) {
    body += "a line of a large file in the Dockerfile itself\n";
  }
  LineFile file = parse_lines("COPY <<EOF /x\n" + body + "EOF\nRUN y\n");
  ASSERT_EQ(file.lines.size(), 2U);
  EXPECT_EQ(file.lines[0].heredocs[0].content, body);
}

TEST(Heredocs, KeepLineEndings) {
  LineFile file = parse_lines("RUN <<EOF\r\na\r\nb\nEOF\r\n");
  EXPECT_EQ(file.lines.at(0).heredocs.at(0).content, "a\r\nb\n");
}

TEST(Heredocs, OfATriggerBelongToItsOnbuild) {
  LineFile file = parse_lines("ONBUILD COPY <<A <<B /x\n1\nA\n2\nB\n");
  ASSERT_EQ(file.lines.at(0).heredocs.size(), 2U);
  EXPECT_EQ(file.lines[0].heredocs[1].content, "2\n");
  EXPECT_EQ(file.lines[0].lines, (LineSpan{1, 5}));
}

TEST(Heredocs, AWordSaysWhatItIs) {
  auto heredoc = parse_heredoc_word("3<<-'a b'");
  ASSERT_TRUE(heredoc.has_value());
  EXPECT_EQ(*heredoc,
            (Heredoc{.name = "a b", .file_descriptor = 3, .expand = false, .chomp = true}));
  EXPECT_EQ(parse_heredoc_word("99999999999999999999<<a")->file_descriptor, 18446744073709551615U);
  for (std::string_view no : {"", "<<", "<<-", "x<<a", "<<<a", "<<a<b", "<<'a", "<<a b", "3<a"}) {
    EXPECT_FALSE(parse_heredoc_word(no).has_value()) << no;
  }
}

TEST(Heredocs, ChompTakesTabsAtTheStartOfLinesOnly) {
  EXPECT_EQ(chomp_heredoc("\t\ta\tb\n \tc\n\t\n\t"), "a\tb\n \tc\n\n");
}

TEST(Lines, NestedOnbuildIsSplitToALimit) {
  std::string text = "FROM a\n";
  for (int depth = 0; depth < 100'000; ++depth) {
    text += "ONBUILD \\\n";
  }
  LineFile file = parse_lines(text + "RUN [1]\n");
  ASSERT_FALSE(file.error.has_value());
  EXPECT_EQ(file.lines.size(), 2U);
}

}  // namespace
}  // namespace slipway::parser
