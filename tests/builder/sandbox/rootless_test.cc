// All the other tests once more without root: as a user with subordinate ids, and as one without.
#include "builder/sandbox/rootless.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/process.h"
#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;

constexpr const char* kUser = "slipway-test";
constexpr std::string_view kSkipped = "[  SKIPPED ]";

bool run_tool(const std::vector<std::string>& argv) {
  base::Output output =
      base::run_program({.argv = argv, .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}});
  return output.status.success();
}

// The user of these tests, with a range of subordinate ids; made on first use.
bool ensure_user() {
  base::FileLock lock =
      base::FileLock::acquire("/var/tmp/slipway-test-user.lock", base::FileLock::Mode::kExclusive);
  if (run_tool({"id", kUser})) {
    return true;
  }
  return run_tool({"useradd", "--system", "--no-create-home", "--shell", "/bin/sh", kUser}) &&
         run_tool({"usermod", "--add-subuids", "300000-365535", "--add-subgids", "300000-365535",
                   kUser});
}

class Rootless : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || builder::in_user_namespace()) {
      GTEST_SKIP() << "needs root, to become somebody else";
    }
    copy("/proc/self/exe", "tests");
    copy(SANDBOX_PROBE, "probe");
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  }

  void copy(const std::string& from, const std::string& name) {
    std::string content = base::find_file_content(from, std::size_t{1} << 30).value_or("");
    base::Fd file =
        base::open_file(cat(folder_.path(), "/", name), O_WRONLY | O_CREAT | O_EXCL, 0755);
    base::write_all(file, content, name);
    ASSERT_EQ(::fchmod(file.get(), 0755), 0);
  }

  // Runs this program's other tests as somebody else.
  base::Output run_tests(std::vector<std::string> become) {
    base::SpawnOptions options;
    options.argv = {"setpriv"};
    options.argv.insert(options.argv.end(), become.begin(), become.end());
    options.argv.insert(options.argv.end(), {cat(folder_.path(), "/tests"),
                                             "--gtest_filter=-Rootless.*", "--gtest_brief=1"});
    options.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "ASAN_OPTIONS=detect_leaks=0",
                           cat("SLIPWAY_TEST_PROBE=", folder_.path(), "/probe")};
    if (std::getenv("SLIPWAY_TEST_SPARES") != nullptr) {
      options.environment.emplace_back("SLIPWAY_TEST_SPARES=1");
    }
    base::Output output = base::run_program(options, {}, 1 << 22);
    // What is skipped inside must not make this test a skipped one.
    for (std::size_t place = 0; (place = output.out.find(kSkipped, place)) != std::string::npos;) {
      output.out.replace(place, kSkipped.size(), "[skipped]");
    }
    return output;
  }

  base::TempDir folder_{"/var/tmp", "slipway-rootless-"};
};

TEST_F(Rootless, EverythingWorksWithSubordinateIds) {
  if (!ensure_user()) {
    GTEST_SKIP() << "cannot make the user " << kUser << " (useradd and usermod are needed)";
  }
  base::Output output =
      run_tests({cat("--reuid=", kUser), cat("--regid=", kUser), "--init-groups"});
  EXPECT_TRUE(output.status.success()) << output.out << output.err;
  EXPECT_FALSE(output.out.contains("files can belong to one user only")) << output.out;
  EXPECT_TRUE(output.out.contains("PASSED")) << output.out;
}

TEST_F(Rootless, EverythingElseWorksWithASingleId) {
  base::Output output = run_tests({"--reuid=54321", "--regid=54321", "--clear-groups"});
  EXPECT_TRUE(output.status.success()) << output.out << output.err;
  EXPECT_TRUE(
      output.out.contains("files can belong to one user only, because 54321 has no range in "
                          "/etc/subuid"))
      << output.out;
}

TEST_F(Rootless, RootStaysAsItIs) {
  builder::UserNamespace entered = builder::enter_user_namespace();
  EXPECT_EQ(entered.privilege, builder::Privilege::kRoot);
  EXPECT_EQ(entered.notice, "");
  EXPECT_GT(entered.uids, 65536U);
  EXPECT_FALSE(builder::in_user_namespace());
}

// A filter that answers unshare as a locked-down container does.
TEST_F(Rootless, SaysWhatForbidsUserNamespaces) {
  base::Output output =
      base::run_program({.argv = {"setpriv", "--reuid=54321", "--regid=54321", "--clear-groups",
                                  cat(folder_.path(), "/tests")},
                         .environment = {"PATH=/usr/bin:/bin", "SLIPWAY_TEST_NO_UNSHARE=1"}});
  EXPECT_EQ(output.status.text(), "exit code: 1");
  EXPECT_TRUE(
      output.out.starts_with("user namespaces cannot be used here: Operation not permitted"))
      << output.out;
  EXPECT_TRUE(output.out.contains("run as root")) << output.out;
}

}  // namespace
}  // namespace slipway::tests
