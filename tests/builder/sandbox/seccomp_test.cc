// The seccomp filter: what the rules of a step allow, and how a denied call ends.

#include <linux/filter.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "builder/sandbox/seccomp_filter.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;

class Seccomp : public SandboxTest {
 protected:
  std::string result_of(long number) { return output_of(cat("probe syscall ", number)); }
};

TEST_F(Seccomp, RefusesWhatDockersDefaultRefuses) {
  for (long number : {SYS_keyctl, SYS_add_key, SYS_bpf, SYS_mount, SYS_umount2, SYS_pivot_root,
                      SYS_reboot, SYS_swapon, SYS_init_module, SYS_kexec_load, SYS_unshare,
                      SYS_setns, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
                      SYS_open_by_handle_at, SYS_open_tree, SYS_move_mount, SYS_fsopen}) {
    EXPECT_EQ(result_of(number), "EPERM\n") << number;
  }
  EXPECT_EQ(output_of("probe vsock"), "EPERM\n");
}

TEST_F(Seccomp, AnswersClone3AsIfTheKernelDidNotHaveIt) {
  EXPECT_EQ(result_of(SYS_clone3), "ENOSYS\n");
}

TEST_F(Seccomp, AnswersUnknownCallsAsIfTheKernelDidNotHaveThem) {
  EXPECT_EQ(result_of(600), "ENOSYS\n");
}

// cachestat and fchmodat2 are newer than libseccomp; with these arguments the kernel refuses them
// otherwise, or does not have them.
TEST_F(Seccomp, PassesNewCallsOfTheProfile) {
  EXPECT_NE(result_of(451), "EPERM\n");
  EXPECT_NE(result_of(452), "EPERM\n");
}

TEST_F(Seccomp, PassesOrdinaryCalls) {
  EXPECT_EQ(result_of(SYS_getpid), "ok\n");
  EXPECT_EQ(result_of(SYS_sync), "ok\n");
  EXPECT_EQ(result_of(SYS_personality), "ok\n");
}

}  // namespace
}  // namespace slipway::tests
