// Steps where there is but one id; with more these tests see the real thing, with the same outcome.
#include "builder/sandbox/one_id.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/recorded_owner.h"
#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;

class OneId : public SandboxTest {
 protected:
  void SetUp() override {
    if (has_many_ids()) {
      GTEST_SKIP() << "owners are real where there are ids enough";
    }
  }

  // What is recorded of a file in the upper directory of the first step; "" if nothing is.
  std::string record_of(const std::string& name) {
    base::Fd upper = base::open_directory(cat(scratch_.path(), "/upper1"));
    std::optional<base::Fd> file = base::find_beneath(upper, name, O_PATH | O_NOFOLLOW);
    return file ? base::find_xattr(*file, base::kOwnerAttribute).value_or("") : "";
  }
};

TEST_F(OneId, ChownIsRecordedBesideTheFile) {
  output_of("mkdir /d && touch /a /b /d/c && chown 1:2 /a && cd /d && chown 3:4 c ../b .");
  EXPECT_EQ(record_of("a"), "1:2");
  EXPECT_EQ(record_of("b"), "3:4");
  EXPECT_EQ(record_of("d"), "3:4");
  EXPECT_EQ(record_of("d/c"), "3:4");
}

TEST_F(OneId, HalfAnOwnerKeepsTheOtherHalfOfTheStepsUser) {
  builder::SandboxSpec spec = spec_of("touch /tmp/a /tmp/b && chgrp 9 /tmp/a && chown 8 /tmp/b");
  spec.user = {5, 6, {}};
  output_of(spec);
  EXPECT_EQ(record_of("tmp/a").substr(1), ":9");
  EXPECT_EQ(record_of("tmp/b").substr(0, 2), "8:");
}

TEST_F(OneId, FailsAsChownDoes) {
  EXPECT_EQ(output_of("chown 1 /none 2>&1 || echo $?; touch /f; chown 1 /f/x 2>&1 || echo $?"),
            "chown: /none: No such file or directory\n1\nchown: /f/x: Not a directory\n1\n");
  builder::SandboxSpec spec = spec_of("chown 1 /bin 2>&1 || true");
  overlay_of(spec).upper.clear();
  overlay_of(spec).work.clear();
  EXPECT_EQ(output_of(spec), "chown: /bin: Read-only file system\n");
}

TEST_F(OneId, TakesSetIdBitsAwayAsChownDoes) {
  EXPECT_EQ(output_of("cp /bin/busybox /s && chmod 4755 /s && chown 1 /s && stat -c %a /s"),
            "755\n");
}

TEST_F(OneId, FollowsNoLinkOfProcInTheInitsPlace) {
  EXPECT_EQ(output_of("for f in /proc/1/fd/0 /proc/self/root /proc/self/fd/1; do "
                      "chown 1:1 $f 2>/dev/null; done; chown 7:7 /proc/self/cwd/tmp; echo alive"),
            "alive\n");
  EXPECT_EQ(record_of("tmp"), "");
}

TEST_F(OneId, AStepOfAnotherUserTakesItselfForThatUser) {
  builder::SandboxSpec spec = spec_of("id -u; grep CapEff /proc/self/status");
  spec.user = {1000, 1000, {1000}};
  EXPECT_EQ(output_of(spec), "1000\nCapEff:\t00000000a80425fb\n");
}

// Many at once, and such that are killed while they wait.
TEST_F(OneId, ServesManyProcesses) {
  EXPECT_EQ(output_of("for i in 1 2 3 4 5 6 7 8; do (for j in 1 2 3 4 5 6 7 8 9; do touch /$i$j; "
                      "chown $i:$j /$i$j; done) & done; wait; "
                      "(while :; do chown 1 /11; done) & kill -9 $!; ls / | grep -c '^[0-9]'"),
            "72\n");
  EXPECT_EQ(record_of("89"), "8:9");
}

}  // namespace
}  // namespace slipway::tests
