#include "cmd/flags.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::cmd {
namespace {

using Words = std::vector<std::string>;

// A verb with one flag of each kind.
struct Parsed {
  std::string name = "default";
  std::optional<std::string> entrypoint;
  Words env;
  bool interactive = false;
  bool terminal = false;
  bool human = true;
  Words words;
  bool help = false;

  std::string text() const {
    return base::cat("name=", name, " entrypoint=", entrypoint.value_or("-"),
                     " env=", base::join(env, ","), " flags=", interactive ? "i" : "",
                     terminal ? "t" : "", human ? "h" : "", " words=", base::join(words, "|"));
  }
};

enum class Ends { kNowhere, kAtFirstWord };

Parsed parse(const Words& arguments, Ends ends = Ends::kNowhere, Flags::Count count = {0, 9}) {
  Parsed parsed;
  Flags flags("verb", "[OPTIONS] WORD...", "Does something.");
  flags.text("-n,--name", parsed.name, "A name");
  flags.optional_text("--entrypoint", parsed.entrypoint, "An entry");
  flags.texts("-e,--env", parsed.env, "A variable");
  flags.toggle("-i,--interactive", parsed.interactive, "Input");
  flags.toggle("-t,--tty", parsed.terminal, "Terminal");
  flags.toggle("-H,--human", parsed.human, "For people");
  flags.words(parsed.words, count);
  if (ends == Ends::kAtFirstWord) {
    flags.end_at_first_word();
  }
  parsed.help = !flags.parse(arguments);
  return parsed;
}

void check(const Words& arguments, const std::string& expected, Ends ends = Ends::kNowhere) {
  EXPECT_EQ(parse(arguments, ends).text(), expected) << base::join(arguments, " ");
}

std::string usage_error(const Words& arguments, Ends ends = Ends::kNowhere,
                        Flags::Count count = {0, 9}) {
  try {
    parse(arguments, ends, count);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.message();
  }
  return "no error";
}

TEST(Flags, DefaultsStayWithoutFlags) {
  check({}, "name=default entrypoint=- env= flags=h words=");
}

TEST(Flags, TakesAValueInEveryForm) {
  for (const Words& words :
       {Words{"-n", "x"}, Words{"-nx"}, Words{"--name", "x"}, Words{"--name=x"}, Words{"-n=x"}}) {
    check(words, "name=x entrypoint=- env= flags=h words=");
  }
}

TEST(Flags, TheLastValueWinsUnlessAllAreWanted) {
  check({"--name=a", "--name=b", "-e", "A=1", "-e", "B=2", "--env=C=3"},
        "name=b entrypoint=- env=A=1,B=2,C=3 flags=h words=");
}

TEST(Flags, ShortTogglesStandTogether) {
  check({"-it"}, "name=default entrypoint=- env= flags=ith words=");
  check({"-it", "-e", "A=1"}, "name=default entrypoint=- env=A=1 flags=ith words=");
  check({"-itn", "x"}, "name=x entrypoint=- env= flags=ith words=");
}

TEST(Flags, TogglesTakeTruthAfterAnEqualSign) {
  check({"--human=false", "--tty=true"}, "name=default entrypoint=- env= flags=t words=");
  check({"-H=false"}, "name=default entrypoint=- env= flags= words=");
}

TEST(Flags, AToggleDoesNotEatTheNextWord) {
  check({"--tty", "false"}, "name=default entrypoint=- env= flags=th words=false");
}

TEST(Flags, ValuesMayBeEmptyOrLookLikeFlags) {
  check({"--entrypoint", "", "--name="}, "name= entrypoint= env= flags=h words=");
  check({"--entrypoint=-x", "--name=--tty"}, "name=--tty entrypoint=-x env= flags=h words=");
  check({"--name", "-x"}, "name=-x entrypoint=- env= flags=h words=");
  check({"-e", "--tty"}, "name=default entrypoint=- env=--tty flags=h words=");
}

TEST(Flags, FlagsMayFollowWords) {
  check({"one", "-t", "two", "--name", "x"}, "name=x entrypoint=- env= flags=th words=one|two");
}

TEST(Flags, TwoDashesEndFlags) {
  check({"-t", "--", "-i", "--name", "x"},
        "name=default entrypoint=- env= flags=th words=-i|--name|x");
}

TEST(Flags, ASingleDashIsAWord) {
  check({"-", "-t"}, "name=default entrypoint=- env= flags=th words=-");
}

TEST(Flags, WhatFollowsTheFirstWordMayBelongToIt) {
  check({"-it", "-e", "A=1", "image", "sh", "-c", "echo", "-n", "--tty", "--", "-x"},
        "name=default entrypoint=- env=A=1 flags=ith words=image|sh|-c|echo|-n|--tty|--|-x",
        Ends::kAtFirstWord);
  check({"image"}, "name=default entrypoint=- env= flags=h words=image", Ends::kAtFirstWord);
  check({"--name=x", "image", "--name=y"}, "name=x entrypoint=- env= flags=h words=image|--name=y",
        Ends::kAtFirstWord);
}

TEST(Flags, TwoDashesMayStandBeforeTheFirstWord) {
  check({"-t", "--", "image", "-x"}, "name=default entrypoint=- env= flags=th words=image|-x",
        Ends::kAtFirstWord);
}

TEST(Flags, AValueThatMayBeLeftOutNeedsAnEqualSign) {
  for (const auto& [arguments, expected] :
       std::vector<std::pair<Words, std::string>>{{{"word"}, "missing word"},
                                                  {{"--pull", "word"}, "always word"},
                                                  {{"--pull=never", "word"}, "never word"}}) {
    std::string pull = "missing";
    Words words;
    Flags flags("verb", "WORD", "Does something.");
    flags.text_or("--pull", pull, "always", "When to pull");
    flags.words(words, {1, 1});
    ASSERT_TRUE(flags.parse(arguments));
    EXPECT_EQ(base::cat(pull, " ", words.front()), expected);
  }
}

TEST(Flags, AnUnknownFlagIsToldWithTheNearest) {
  EXPECT_EQ(usage_error({"--nmae", "x"}), "unknown flag: --nmae (did you mean --name?)");
  EXPECT_EQ(usage_error({"--colour=blue"}), "unknown flag: --colour");
  EXPECT_EQ(usage_error({"-x"}), "unknown flag: -x");
  EXPECT_EQ(usage_error({"--ttyy", "image"}, Ends::kAtFirstWord),
            "unknown flag: --ttyy (did you mean --tty?)");
}

TEST(Flags, AMissingValueIsToldWithItsFlag) {
  EXPECT_EQ(usage_error({"--name"}), "flag needs an argument: --name");
  EXPECT_EQ(usage_error({"-itn"}), "flag needs an argument: -n");
}

TEST(Flags, ATruthIsTrueOrFalse) {
  EXPECT_EQ(usage_error({"--tty=maybe"}), "flag --tty: \"maybe\" is neither true nor false");
  check({"-t=0", "--human=F", "-i=1"}, "name=default entrypoint=- env= flags=i words=");
}

TEST(Flags, TheNumberOfWordsIsChecked) {
  EXPECT_EQ(usage_error({}, Ends::kNowhere, {1, 2}),
            "usage: slipway verb [OPTIONS] WORD...; got 0 arguments");
  EXPECT_EQ(usage_error({"a", "b", "c"}, Ends::kNowhere, {1, 2}),
            "usage: slipway verb [OPTIONS] WORD...; got 3 arguments");
}

TEST(Flags, HelpIsNoError) {
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_FALSE(parse({"image", "--help"}, Ends::kAtFirstWord).help);
}

TEST(Flags, HelpShowsEveryFlagWithItsText) {
  Parsed parsed;
  Flags flags("verb", "[OPTIONS] WORD", "Does something.");
  flags.text("-n,--name", parsed.name, "A name");
  flags.toggle("-t,--tty", parsed.terminal, "Terminal");
  std::string text = flags.help_text();
  EXPECT_TRUE(text.starts_with("Usage: slipway verb [OPTIONS] WORD\n\nDoes something.\n"));
  for (const char* wanted : {"-n, --name VALUE", "A name", "-t, --tty ", "Terminal", "--help"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted;
  }
}

}  // namespace
}  // namespace slipway::cmd
