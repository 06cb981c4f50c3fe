// The filter program itself, run by a small interpreter and compared with what libseccomp makes of
// the same profile.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>
#include <seccomp.h>

#include "base/fd.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/seccomp_filter.h"

namespace slipway::builder {
namespace {

std::vector<sock_filter> instructions_of(std::string_view bytes) {
  std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

// Those instructions of the classic filter machine that seccomp filters are made of.
std::uint32_t run(const std::vector<sock_filter>& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  std::vector<std::uint32_t> memory(BPF_MEMWORDS);
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    auto branch = [&](bool holds) { at += holds ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, 4);
        break;
      case BPF_LD | BPF_MEM:
        accumulator = memory.at(step.k);
        break;
      case BPF_ST:
        memory.at(step.k) = accumulator;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        branch(accumulator == step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        branch(accumulator >= step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        branch(accumulator > step.k);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        ADD_FAILURE() << "instruction " << step.code << " at " << at;
        return 0;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return 0;
}

// What libseccomp makes of the profile, for the native architecture and one more.
std::vector<sock_filter> reference_program(const SeccompProfile& profile, std::uint32_t sibling) {
  scmp_filter_ctx context = ::seccomp_init(SCMP_ACT_ERRNO(EPERM));
  EXPECT_EQ(::seccomp_arch_add(context, sibling), 0);
  for (const SeccompRule& rule : profile.rules) {
    std::uint32_t action =
        rule.error_number == 0
            ? std::uint32_t{SCMP_ACT_ALLOW}
            : std::uint32_t{SCMP_ACT_ERRNO(static_cast<unsigned>(rule.error_number))};
    std::vector<scmp_arg_cmp> comparisons;
    for (const SeccompCondition& condition : rule.conditions) {
      bool masked = condition.compare == SeccompCondition::Compare::kMaskedEqual;
      comparisons.push_back(
          {condition.argument,
           masked ? SCMP_CMP_MASKED_EQ
                  : (condition.compare == SeccompCondition::Compare::kEqual ? SCMP_CMP_EQ
                                                                            : SCMP_CMP_NE),
           masked ? condition.mask : condition.value, condition.value});
    }
    for (const std::string& name : rule.names) {
      int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number != __NR_SCMP_ERROR) {
        ::seccomp_rule_add_array(context, action, number, static_cast<unsigned>(comparisons.size()),
                                 comparisons.data());
      }
    }
  }
  base::Fd file(::memfd_create("reference", MFD_CLOEXEC));
  EXPECT_EQ(::seccomp_export_bpf(context, file.get()), 0);
  ::seccomp_release(context);
  ::lseek(file.get(), 0, SEEK_SET);
  return instructions_of(base::read_to_end(file, 1 << 20));
}

void expect_same(std::uint64_t capabilities, std::uint32_t audit, std::uint32_t sibling) {
  SeccompProfile profile = default_seccomp_profile(capabilities);
  std::vector<sock_filter> ours = instructions_of(compile_seccomp(profile));
  std::vector<sock_filter> reference = reference_program(profile, sibling);
  std::vector<std::uint64_t> arguments = {0,          8,           40,           41,
                                          0x20000,    0x20008,     0xffffffff,   0x7E020000,
                                          0x10000000, 0x100000000, 0x2800000000, 0x1200011};
  for (int number = 0; number <= 450; ++number) {
    for (std::uint64_t argument : arguments) {
      seccomp_data data{};
      data.nr = number;
      data.arch = audit;
      data.args[0] = audit == AUDIT_ARCH_I386 ? argument & 0xffffffff : argument;
      ASSERT_EQ(run(ours, data), run(reference, data)) << number << " with " << argument;
    }
  }
}

#if defined(__x86_64__)
TEST(SeccompProgram, DecidesAsLibseccompDoes) {
  for (std::uint64_t capabilities : {kDefaultCapabilities, std::uint64_t{0}, ~std::uint64_t{0}}) {
    expect_same(capabilities, AUDIT_ARCH_X86_64, SCMP_ARCH_X86);
    expect_same(capabilities, AUDIT_ARCH_I386, SCMP_ARCH_X86);
  }
}

TEST(SeccompProgram, DecidesAboutNumbersThatLibseccompDoesNotKnow) {
  std::vector<sock_filter> program =
      instructions_of(compile_seccomp(default_seccomp_profile(kDefaultCapabilities)));
  auto verdict = [&](std::uint32_t audit, int number) {
    seccomp_data data{};
    data.nr = number;
    data.arch = audit;
    return run(program, data);
  };
  constexpr std::uint32_t kMissing = SECCOMP_RET_ERRNO | ENOSYS;
  for (std::uint32_t audit : {std::uint32_t{AUDIT_ARCH_X86_64}, std::uint32_t{AUDIT_ARCH_I386}}) {
    EXPECT_EQ(verdict(audit, 451), SECCOMP_RET_ALLOW);  // cachestat
    EXPECT_EQ(verdict(audit, 452), SECCOMP_RET_ALLOW);  // fchmodat2
    EXPECT_EQ(verdict(audit, 459), kMissing);           // lsm_get_self_attr
    EXPECT_EQ(verdict(audit, 466), SECCOMP_RET_ALLOW);  // removexattrat
    EXPECT_EQ(verdict(audit, 467), kMissing);
    EXPECT_EQ(verdict(audit, 100'000), kMissing);
  }
  EXPECT_EQ(verdict(AUDIT_ARCH_X86_64, 0x40000000), kMissing);  // read of the x32 ABI
  EXPECT_EQ(verdict(AUDIT_ARCH_AARCH64, 64), SECCOMP_RET_ERRNO | EPERM);
}
#endif

TEST(SeccompProgram, IsShort) {
  SeccompProfile profile = default_seccomp_profile(kDefaultCapabilities);
  EXPECT_LT(compile_seccomp(profile).size() / sizeof(sock_filter), 800U);
}

TEST(SeccompProgram, RefusesAProfileThatIsLongerThanTheKernelTakes) {
  SeccompProfile profile;
  for (std::uint64_t value = 0; value < 2000; ++value) {
    profile.rules.push_back({{"socket"}, 0, {{0, SeccompCondition::Compare::kEqual, value}}});
  }
  EXPECT_THROW(compile_seccomp(profile), base::Error);
}

TEST(SeccompProgram, AllowsMoreWithMoreCapabilities) {
  auto names = [](std::uint64_t capabilities) {
    std::size_t count = 0;
    for (const auto& rule : default_seccomp_profile(capabilities).rules) {
      count += rule.error_number == 0 ? rule.names.size() : 0;
    }
    return count;
  };
  EXPECT_LT(names(0), names(kDefaultCapabilities));
  EXPECT_LT(names(kDefaultCapabilities), names(~std::uint64_t{0}));
}

TEST(SeccompProgram, RefusesOnACondition) {
  SeccompProfile profile{.default_error_number = 0, .rules = {}};
  profile.rules.push_back(
      {{"fcntl"}, EACCES, {{1, SeccompCondition::Compare::kMaskedEqual, 8, 0xFFFFFFFF}}});
  std::vector<sock_filter> program = instructions_of(compile_seccomp(profile));
  seccomp_data data{};
  data.arch = seccomp_numbers("fcntl").front().architecture;
  data.nr = static_cast<int>(seccomp_numbers("fcntl").front().number);
  data.args[1] = 7;
  EXPECT_EQ(run(program, data), SECCOMP_RET_ALLOW);
  data.args[1] = std::uint64_t{1} << 32 | 8;
  EXPECT_EQ(run(program, data), SECCOMP_RET_ERRNO | EACCES);
}

}  // namespace
}  // namespace slipway::builder
