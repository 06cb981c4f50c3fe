#include "cmd/report.h"

#include <gtest/gtest.h>

namespace slipway::cmd {
namespace {

TEST(Report, ShowsMessageThenContextOutermostFirstThenHint) {
  base::Error error(base::ErrorKind::kNetwork, "connection refused");
  error.add_note("asking for the manifest");
  error.add_note("pulling x");
  EXPECT_EQ(report_text(std::move(error).with_hint("is it running?")),
            "ERROR: connection refused\n  while pulling x\n  while asking for the manifest\n"
            "  hint: is it running?\n");
}

TEST(Report, EveryKindHasTheExitCodeOfItsDocument) {
  EXPECT_EQ(exit_code_of(base::ErrorKind::kUsage), ExitCode::kUsage);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kInput), ExitCode::kFailed);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kNotFound), ExitCode::kFailed);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kDenied), ExitCode::kDenied);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kNetwork), ExitCode::kNetwork);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kIntegrity), ExitCode::kIntegrity);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kSystem), ExitCode::kSystem);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kCancelled), ExitCode::kCancelled);
  EXPECT_EQ(exit_code_of(base::ErrorKind::kInternal), ExitCode::kInternal);
}

TEST(Report, FailureOfGivesTheErrorAndNothingWhereThereIsNone) {
  EXPECT_EQ(failure_of([] {}), std::nullopt);
  std::optional<base::Error> error =
      failure_of([] { base::fail(base::ErrorKind::kNotFound, "gone"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message(), "gone");
}

}  // namespace
}  // namespace slipway::cmd
