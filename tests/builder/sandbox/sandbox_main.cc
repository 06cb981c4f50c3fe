// The main of the sandbox tests, which is three programs in one: the tests, their helper, and an
// owner of a sandbox that a test kills.
#include "tests/builder/sandbox/sandbox_main.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/sandbox.h"

namespace {

using slipway::base::parse_integer;
using slipway::base::split;

// Takes a system call away from the helper, to see its fallback work:
// "<number>:<index of an argument>:<mask>:<value>:<errno>" fails with the errno where the
// argument's lower half, masked, has the value.
void take_away(std::string_view text) {
  std::vector<std::uint32_t> fields;
  for (std::string_view field : split(text, ':')) {
    fields.push_back(parse_integer<std::uint32_t>(field).value());
  }
  auto load = [](std::size_t offset) {
    return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
  };
  auto skip_unless = [](std::uint32_t wanted, std::uint8_t count) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, count, wanted};
  };
  std::vector<sock_filter> program = {
      load(offsetof(seccomp_data, nr)),
      skip_unless(fields.at(0), 4),
      load(offsetof(seccomp_data, args) + fields.at(1) * sizeof(std::uint64_t)),
      sock_filter{BPF_ALU | BPF_AND | BPF_K, 0, 0, fields.at(2)},
      skip_unless(fields.at(3), 1),
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | fields.at(4)},
      sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
  sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) {
    std::abort();
  }
}

int helper_main(int argc, char** argv) {
  const char* without = std::getenv("SLIPWAY_TEST_WITHOUT");
  if (without != nullptr) {
    for (std::string_view call : split(without, ' ')) {
      take_away(call);
    }
  }
  return slipway::builder::sandbox_helper_main(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  if (slipway::builder::is_sandbox_helper(argc, argv)) {
    return helper_main(argc, argv);
  }
  if (std::getenv("SLIPWAY_TEST_NO_UNSHARE") != nullptr) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    take_away(slipway::base::cat(SYS_unshare, ":0:0:0:1"));
  }
  try {
    slipway::builder::UserNamespace entered = slipway::builder::enter_user_namespace();
    if (!entered.notice.empty()) {
      std::cout << entered.notice << "\n";
    }
    if (argc == 5 && std::string_view(argv[1]) == "--own-a-step") {
      return slipway::tests::own_a_step(argv[2], argv[3], argv[4]);
    }
  } catch (const slipway::base::Error& error) {
    std::cout << slipway::base::describe(error) << "\n" << error.hint() << "\n";
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
