// Deep stacks of layers, and what is done on kernels that lack a call: the helper has it taken
// away.
#include "builder/sandbox/overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/mount_api.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using builder::SandboxSpec;

class Overlay : public SandboxTest {
 protected:
  // A step on `count` layers, the base among them; layer N has the files /n<N> and /top.
  SandboxSpec deep_spec(int count, const std::string& script) {
    SandboxSpec spec = spec_of(script);
    for (int index = 1; index < count; ++index) {
      std::string layer = make_directory(cat("layer", index));
      write_file(cat(layer, "/n", index), "");
      write_file(layer + "/top", cat(index, "\n"));
      overlay_of(spec).lowers.push_back(layer);
    }
    return spec;
  }
  void expect_works(int layers) {
    SandboxSpec spec = deep_spec(layers, "ls / | grep -c ^n; cat /top; touch /new");
    EXPECT_EQ(output_of(spec), cat(layers - 1, "\n", layers - 1, "\n"));
    EXPECT_EQ(upper_entries(), "new\n");
  }
  void take_away(const std::string& calls) {
    options_.environment.push_back("SLIPWAY_TEST_WITHOUT=" + calls);
  }
};

// Calls to take away (see sandbox_main.cc), by numbers that all architectures share; mknodat has
// none, and what it must not make is a character device.
constexpr const char* kNoMountSetattr = "442:0:0:0:38";  // ENOSYS
constexpr const char* kNoOpenat2 = "437:0:0:0:38";
constexpr const char* kNoCloseRange = "436:0:0:0:38";

TEST_F(Overlay, TakesAHundredAndFiftyLayers) {
  expect_works(150);
}

TEST_F(Overlay, TakesAsManyLayersAsTheKernel) {
  expect_works(static_cast<int>(builder::kOverlayLowersMax));
}

TEST_F(Overlay, RefusesMoreLayersThanTheKernelTakes) {
  SandboxSpec spec = spec_of("true");
  overlay_of(spec).lowers.resize(builder::kOverlayLowersMax + 1, "/nosuch");
  EXPECT_TRUE(error_of(spec).starts_with(
      "an overlay of 500 layers is more than the kernel's limit of 499"));
}

TEST_F(Overlay, CountsALayerThatIsGivenTwiceOnce) {
  SandboxSpec spec = deep_spec(3, "cat /top");
  auto& lowers = overlay_of(spec).lowers;
  lowers.push_back(lowers[1]);
  lowers.push_back(lowers[0]);
  EXPECT_EQ(output_of(spec), "1\n");
}

TEST_F(Overlay, NamesALayerThatIsMissing) {
  SandboxSpec spec = spec_of("true");
  overlay_of(spec).lowers.push_back("/no/such/layer");
  EXPECT_TRUE(error_of(spec).contains("/no/such/layer"));
}

TEST_F(Overlay, RefusesAWorkDirectoryOfAnEarlierStep) {
  SandboxSpec spec = spec_of("true");
  output_of(spec);
  std::string error = error_of(spec);
  EXPECT_TRUE(error.contains("overlay of 1 layers")) << error;
}

// In a mount namespace of a child; the exit code says which check failed.
int mount_and_look(builder::LayerNaming naming, const builder::OverlayRoot& root,
                   const std::string& folder, builder::OverlayXattr xattr) {
  if (::unshare(CLONE_NEWNS) != 0) {
    return 10;
  }
  builder::make_all_mounts_private();
  base::Fd place = base::open_directory(folder);
  std::optional<base::Fd> mounted = builder::mount_overlay_naming(
      naming, builder::open_overlay_parts(root), xattr, {place, "place"});
  if (!mounted) {
    return 20;
  }
  std::string first = cat("n", 1);
  std::string last = cat("n", root.lowers.size() - 1);
  bool has_all = base::find_status(*mounted, first) && base::find_status(*mounted, last);
  base::open_at(*mounted, "new", O_WRONLY | O_CREAT, 0644);
  return has_all ? 0 : 30;
}

class LayerNamings : public Overlay, public testing::WithParamInterface<builder::LayerNaming> {};

TEST_P(LayerNamings, MountAllLayers) {
  SandboxSpec spec = deep_spec(static_cast<int>(builder::kOverlayLowersMax), "");
  make_directory("place");
  auto xattr = is_rootless() ? builder::OverlayXattr::kUser : builder::OverlayXattr::kTrusted;
  pid_t child = ::fork();
  if (child == 0) {
    ::_exit(mount_and_look(GetParam(), overlay_of(spec), scratch_.path(), xattr));
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(base::exit_status_of_wait(status).text(), "exit code: 0");
  EXPECT_EQ(upper_entries(), "new\n");
}

INSTANTIATE_TEST_SUITE_P(AllWays, LayerNamings,
                         testing::Values(builder::LayerNaming::kDescriptors,
                                         builder::LayerNaming::kPaths,
                                         builder::LayerNaming::kOneText));

TEST_F(Overlay, WorksWithoutMountSetattr) {
  take_away(kNoMountSetattr);
  SandboxSpec spec = spec_of("touch /x 2>&1; probe open /proc/sys/kernel/domainname write");
  overlay_of(spec).upper.clear();
  EXPECT_EQ(output_of(spec),
            cat("touch: /x: Read-only file system\n", is_rootless() ? "EACCES\n" : "EROFS\n"));
}

TEST_F(Overlay, WorksWithoutOpenat2AndCloseRange) {
  take_away(cat(kNoOpenat2, " ", kNoCloseRange));
  SandboxSpec spec = spec_of("cat /etc/hosts; exec probe descriptors");
  spec.hosts = "1.2.3.4 x\n";
  EXPECT_EQ(output_of(spec), "1.2.3.4 x\n0 1 2 \n");
}

TEST_F(Overlay, BindsTheMachinesDevicesWhereNodesCannotBeMade) {
  take_away(cat(SYS_mknodat, ":2:", S_IFMT, ":", S_IFCHR, ":1"));  // EPERM
  EXPECT_EQ(output_of("echo x > /dev/null; head -c 2 /dev/zero | od -An -tx1; "
                      "stat -c %t:%T /dev/full; mount | grep -c ' /dev/null '"),
            " 00 00\n1:7\n1\n");
}

}  // namespace
}  // namespace slipway::tests
