#include "builder/sandbox/fuse_overlay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using builder::OverlayDriver;
using builder::OverlayMount;
using builder::SandboxSpec;

class FuseOverlay : public SandboxTest {
 protected:
  void SetUp() override {
    if (::access("/usr/bin/fuse-overlayfs", X_OK) != 0) {
      GTEST_SKIP() << "fuse-overlayfs is not installed";
    }
    if (::access("/dev/fuse", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "this user may not use /dev/fuse";
    }
    options_.overlay = OverlayDriver::kFuse;
    layer_ = make_directory("layer");
    make_directory("layer/old");
    write_file(layer_ + "/old/a", "a");
    write_file(layer_ + "/gone", "gone");
    write_file(layer_ + "/kept", "kept");
  }
  SandboxSpec layered_spec(const std::string& script) {
    SandboxSpec spec = spec_of(script);
    overlay_of(spec).lowers.push_back(layer_);
    return spec;
  }
  std::string layer_;
};

TEST_F(FuseOverlay, ShowsLayersAndTakesWrites) {
  SandboxSpec spec = layered_spec("cat /kept; echo changed >/kept; echo new >/new; cat /kept /new");
  EXPECT_EQ(output_of(spec), "keptchanged\nnew\n");
  EXPECT_EQ(upper_entries(), "kept\nnew\n");
}

// As the kernel's overlay would have left them.
TEST_F(FuseOverlay, LeavesTheKernelsMarks) {
  SandboxSpec spec = layered_spec("rm /gone; rm -r /old; mkdir /old; echo b >/old/b; ls /old");
  EXPECT_EQ(output_of(spec), "b\n");
  EXPECT_EQ(upper_entries(), "gone\nold\nold/b\n");
  struct stat status{};
  ASSERT_EQ(::lstat(cat(overlay_of(spec).upper, "/gone").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  EXPECT_EQ(status.st_rdev, 0U);
}

TEST_F(FuseOverlay, ServesSeveralMountsAndStepsAtOnce) {
  SandboxSpec spec = layered_spec("cat /other/kept; touch /other/x 2>/dev/null || echo read-only");
  spec.mounts.push_back(OverlayMount{{.lowers = {layer_}}, {}, base::ImagePath::clean("/other")});
  SandboxSpec second = layered_spec("cat /old/a; touch /mine");
  builder::Step other = sandbox().begin(second, {});
  EXPECT_EQ(output_of(spec), "keptread-only\n");
  EXPECT_TRUE(other.wait({}).success());
  EXPECT_TRUE(processes_with(cat("lowerdir=", layer_)).empty());
}

TEST_F(FuseOverlay, RefusesNamesThatItsOptionsCannotHold) {
  SandboxSpec spec = spec_of("true");
  overlay_of(spec).lowers.push_back(make_directory("a,b"));
  EXPECT_TRUE(error_of(spec).contains("cannot use the path"));
}

TEST(FuseMarks, BecomeTheKernels) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs to make device nodes";
  }
  base::TempDir upper("/var/tmp", "slipway-marks-");
  auto make = [&](const std::string& name) {
    base::open_file(cat(upper.path(), "/", name), O_WRONLY | O_CREAT, 0644);
  };
  ASSERT_EQ(::mkdir(cat(upper.path(), "/d").c_str(), 0755), 0);
  make("d/.wh..wh..opq");
  make("d/.wh.x");
  make("d/y");
  builder::translate_fuse_marks(upper.path());
  base::Fd directory = base::open_directory(upper.path() + "/d");
  EXPECT_EQ(base::list_directory(directory).size(), 2U);
  EXPECT_TRUE(S_ISCHR(base::get_status(directory, "x").st_mode));
  EXPECT_TRUE(S_ISREG(base::get_status(directory, "y").st_mode));
}

}  // namespace
}  // namespace slipway::tests
