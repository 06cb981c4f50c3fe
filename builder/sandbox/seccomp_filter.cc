// From a profile to a filter program.
//
// libseccomp knows the numbers of calls; the program is made here, because every step pays for
// every instruction of it: the kernel translates the filter anew for each process that installs one
// (with libseccomp's own output for three architectures that was a tenth of a step's time).
//
//   load architecture                     each architecture: a binary search over ranges of call
//   is it this one?  -> its search        numbers that fare alike, with a verdict at each leaf:
//   ...                                     number >= 160 ? -> right half
//   none of them: the default               number >= 80 ? -> ...        return ALLOW
//                                         A call with conditions has tests of its arguments there.
#include "builder/sandbox/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include <seccomp.h>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

// Calls that came after the last one that libseccomp of Debian 12 knows. From 424 on every
// architecture has the same numbers.
struct NumberedCall {
  std::string_view name;
  std::uint32_t number;
};
constexpr NumberedCall kNewCalls[] = {
    {"cachestat", 451},     {"fchmodat2", 452},     {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},    {"futex_requeue", 456}, {"statmount", 457},        {"listmount", 458},
    {"mseal", 462},         {"setxattrat", 463},    {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},
};
constexpr std::uint32_t kLastKnownCall = 450;

struct Architecture {
  std::uint32_t audit;       // what the kernel calls it
  std::uint32_t libseccomp;  // what libseccomp calls it
};
#if defined(__x86_64__)
// DIFFERS: Docker's profile also has the x32 ABI, whose calls fail with ENOSYS here: its numbers
// lie above all others.
constexpr Architecture kArchitectures[] = {{AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64},
                                           {AUDIT_ARCH_I386, SCMP_ARCH_X86}};
#elif defined(__aarch64__)
constexpr Architecture kArchitectures[] = {{AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64},
                                           {AUDIT_ARCH_ARM, SCMP_ARCH_ARM}};
#else
#error "the machine's architectures are not known here"
#endif

// 32-bit x86 has these twice: behind socketcall and ipc, which is all that libseccomp speaks of,
// and directly.
constexpr NumberedCall kDirectCalls[] = {
    {"recvmmsg", 337},   {"sendmmsg", 345},   {"socket", 359},      {"socketpair", 360},
    {"bind", 361},       {"connect", 362},    {"listen", 363},      {"accept4", 364},
    {"getsockopt", 365}, {"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
    {"sendto", 369},     {"sendmsg", 370},    {"recvfrom", 371},    {"recvmsg", 372},
    {"shutdown", 373},   {"semget", 393},     {"semctl", 394},      {"shmget", 395},
    {"shmctl", 396},     {"shmat", 397},      {"shmdt", 398},       {"msgget", 399},
    {"msgsnd", 400},     {"msgrcv", 401},     {"msgctl", 402},
};

using Program = std::vector<sock_filter>;

sock_filter statement(unsigned code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}

sock_filter jump(unsigned code, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
  assert(if_true <= 255 && if_false <= 255);
  return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), value};
}

std::uint32_t verdict_of(int error_number) {
  return error_number == 0 ? SECCOMP_RET_ALLOW
                           : SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
}

std::uint32_t verdict_of(const SeccompRule& rule) {
  switch (rule.answer) {
    case SeccompAnswer::kPretend:
      return SECCOMP_RET_ERRNO;
    case SeccompAnswer::kAsk:
      return SECCOMP_RET_USER_NOTIF;
    case SeccompAnswer::kByErrorNumber:
      break;
  }
  return verdict_of(rule.error_number);
}

// What a call comes to: the first of its conditional rules that holds decides, else `otherwise`.
struct Fate {
  std::uint32_t otherwise;
  std::vector<const SeccompRule*> rules;  // of the profile, which outlives this
  friend bool operator==(const Fate&, const Fate&) = default;
};
struct Range {
  std::uint32_t first;
  Fate fate;
};

std::optional<std::uint32_t> find_number(std::span<const NumberedCall> calls,
                                         std::string_view name) {
  auto call = std::ranges::find(calls, name, &NumberedCall::name);
  return call == calls.end() ? std::nullopt : std::optional(call->number);
}

std::optional<std::uint32_t> number_of(const std::string& name, const Architecture& architecture) {
  if (std::optional<std::uint32_t> number = find_number(kNewCalls, name)) {
    return number;
  }
  if (architecture.audit == AUDIT_ARCH_I386) {
    if (std::optional<std::uint32_t> number = find_number(kDirectCalls, name)) {
      return number;
    }
  }
  // Negative: the architecture has no such call.
  int number = ::seccomp_syscall_resolve_name_arch(architecture.libseccomp, name.c_str());
  return number < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(number));
}

// The fates of all calls that the profile names.
std::map<std::uint32_t, Fate> fates_of(const SeccompProfile& profile,
                                       const Architecture& architecture) {
  std::map<std::uint32_t, Fate> fates;
  Fate default_fate{verdict_of(profile.default_error_number), {}};
  for (const SeccompRule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      std::optional<std::uint32_t> number = number_of(name, architecture);
      if (!number) {
        continue;
      }
      Fate& fate = fates.try_emplace(*number, default_fate).first->second;
      if (rule.conditions.empty()) {
        fate.otherwise = verdict_of(rule);
      } else {
        fate.rules.push_back(&rule);
      }
    }
  }
  for (auto& [number, fate] : fates) {
    bool only_allows = std::ranges::all_of(
        fate.rules, [](const SeccompRule* rule) { return verdict_of(*rule) == SECCOMP_RET_ALLOW; });
    if (fate.otherwise == SECCOMP_RET_ALLOW && only_allows) {
      fate.rules.clear();  // allowed anyway
    }
  }
  return fates;
}

// All numbers in ranges of equal fate, from 0 to the end.
std::vector<Range> ranges_of(const SeccompProfile& profile, const Architecture& architecture) {
  std::map<std::uint32_t, Fate> fates = fates_of(profile, architecture);
  Fate refused{verdict_of(profile.default_error_number), {}};
  // Unless the profile names what it refuses and lets all else pass.
  Fate unknown{verdict_of(profile.default_error_number == 0 ? 0 : ENOSYS), {}};
  std::set<std::uint32_t> borders = {0, kLastKnownCall + 1};
  for (const auto& [number, fate] : fates) {
    borders.insert({number, number + 1});
  }
  std::vector<Range> ranges;
  for (std::uint32_t border : borders) {
    auto named = fates.find(border);
    const Fate& fate = named != fates.end()      ? named->second
                       : border > kLastKnownCall ? unknown
                                                 : refused;
    if (ranges.empty() || !(ranges.back().fate == fate)) {
      ranges.push_back({border, fate});
    }
  }
  return ranges;
}

// The tests of one rule: falls off its end if a condition does not hold.
class RuleProgram {
 public:
  explicit RuleProgram(const SeccompRule& rule) {
    for (const SeccompCondition& condition : rule.conditions) {
      add(condition);
    }
    program_.push_back(statement(BPF_RET | BPF_K, verdict_of(rule)));
    for (const auto& [index, failing_side] : failing_) {
      auto distance = static_cast<std::uint8_t>(program_.size() - index - 1);
      (failing_side ? program_[index].jt : program_[index].jf) = distance;
    }
  }
  const Program& program() const { return program_; }

 private:
  // Arguments have 64 bits, the machine of filters 32: the upper half first.
  void add(const SeccompCondition& condition) {
    using Compare = SeccompCondition::Compare;
    auto half = [](std::uint64_t value, int index) {
      return static_cast<std::uint32_t>(index == 1 ? value >> 32 : value);
    };
    std::size_t start = offsetof(seccomp_data, args) + condition.argument * sizeof(std::uint64_t);
    for (int index : {1, 0}) {
      auto offset = static_cast<std::uint32_t>(start + static_cast<std::size_t>(index) * 4);
      program_.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offset));
      if (condition.compare == Compare::kMaskedEqual) {
        program_.push_back(statement(BPF_ALU | BPF_AND | BPF_K, half(condition.mask, index)));
      }
      program_.push_back(jump(BPF_JEQ, half(condition.value, index), 0, 0));
      if (condition.compare != Compare::kNotEqual) {
        failing_.emplace_back(program_.size() - 1, false);
      } else if (index == 0) {
        failing_.emplace_back(program_.size() - 1, true);
      } else {
        program_.back().jf = 2;  // the upper halves differ: over the two instructions of the lower
      }
    }
  }

  Program program_;
  std::vector<std::pair<std::size_t, bool>> failing_;  // instruction, and which side of it fails
};

void append(Program& program, const Program& more) {
  program.insert(program.end(), more.begin(), more.end());
}

Program leaf_of(const Fate& fate) {
  Program program;
  for (const SeccompRule* rule : fate.rules) {
    append(program, RuleProgram(*rule).program());
  }
  program.push_back(statement(BPF_RET | BPF_K, fate.otherwise));
  return program;
}

// Conditional jumps reach 255 instructions; over more it takes an unconditional one.
Program search_of(std::span<const Range> ranges) {
  if (ranges.size() == 1) {
    return leaf_of(ranges.front().fate);
  }
  std::size_t middle = ranges.size() / 2;
  Program left = search_of(ranges.first(middle));
  Program program;
  if (left.size() <= 255) {
    program.push_back(jump(BPF_JGE, ranges[middle].first, left.size(), 0));
  } else {
    program.push_back(jump(BPF_JGE, ranges[middle].first, 0, 1));
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(left.size())));
  }
  append(program, left);
  append(program, search_of(ranges.subspan(middle)));
  return program;
}

}  // namespace

std::string compile_seccomp(const SeccompProfile& profile) {
  Program program = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch))};
  for (const Architecture& architecture : kArchitectures) {
    Program own = {statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    append(own, search_of(ranges_of(profile, architecture)));
    program.push_back(jump(BPF_JEQ, architecture.audit, 1, 0));
    program.push_back(statement(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(own.size())));
    append(program, own);
  }
  program.push_back(statement(BPF_RET | BPF_K, verdict_of(profile.default_error_number)));
  if (program.size() > BPF_MAXINSNS) {
    base::fail(base::ErrorKind::kInput, base::cat("the seccomp profile needs ", program.size(),
                                                  " instructions, more than ", BPF_MAXINSNS));
  }
  return {reinterpret_cast<const char*>(program.data()), program.size() * sizeof(sock_filter)};
}

void install_seccomp(std::string_view program) {
  sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  base::check([&] { return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter); },
              "seccomp", "filter");
}

std::optional<base::Fd> try_install_seccomp(std::string_view program, unsigned flags) {
  sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  long number = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (number < 0 && errno != EINVAL && errno != EBUSY) {
    throw base::system_error(errno, "seccomp", "listener");
  }
  return number < 0 ? std::nullopt : std::optional(base::Fd(static_cast<int>(number)));
}

std::vector<SeccompNumber> seccomp_numbers(const std::string& name) {
  std::vector<SeccompNumber> numbers;
  for (const Architecture& architecture : kArchitectures) {
    if (std::optional<std::uint32_t> number = number_of(name, architecture)) {
      numbers.push_back(
          {architecture.audit, *number, (architecture.audit & __AUDIT_ARCH_64BIT) == 0});
    }
  }
  return numbers;
}

}  // namespace slipway::builder
