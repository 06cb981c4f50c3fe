#include "builder/sandbox/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <set>

#include <seccomp.h>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

// Calls that came after the last one that libseccomp of Debian 12 knows. From 424 on every
// architecture has the same numbers.
struct NewCall {
  std::string_view name;
  std::uint32_t number;
};
constexpr NewCall kNewCalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},        {"map_shadow_stack", 453},
    {"futex_wake", 454},        {"futex_wait", 455},       {"futex_requeue", 456},
    {"statmount", 457},         {"listmount", 458},        {"lsm_get_self_attr", 459},
    {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},       {"listxattrat", 465},
    {"removexattrat", 466},     {"open_tree_attr", 467},   {"file_getattr", 468},
    {"file_setattr", 469},
};
constexpr std::uint32_t kLastKnownCall = 450;
constexpr std::uint32_t kX32Bit = 0x40000000;

#if defined(__x86_64__)
constexpr std::uint32_t kSiblings[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
constexpr std::uint32_t kAuditArchitectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
#elif defined(__aarch64__)
constexpr std::uint32_t kSiblings[] = {SCMP_ARCH_ARM};
constexpr std::uint32_t kAuditArchitectures[] = {AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM};
#else
#error "the architecture's siblings are not known here"
#endif

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

// libseccomp answers with a negative errno.
void check_result(int result, std::string_view call, std::string_view object) {
  if (result < 0) {
    throw base::system_error(-result, call, object);
  }
}

scmp_arg_cmp comparison_of(const SeccompCondition& condition) {
  switch (condition.compare) {
    case SeccompCondition::Compare::kEqual:
      return {condition.argument, SCMP_CMP_EQ, condition.value, 0};
    case SeccompCondition::Compare::kNotEqual:
      return {condition.argument, SCMP_CMP_NE, condition.value, 0};
    case SeccompCondition::Compare::kMaskedEqual:
      return {condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value};
  }
  base::fail(base::ErrorKind::kInternal, "unknown seccomp comparison");
}

const NewCall* find_new_call(std::string_view name) {
  const auto* call = std::ranges::find(kNewCalls, name, &NewCall::name);
  return call == std::end(kNewCalls) ? nullptr : call;
}

void add_rule(const Context& context, const SeccompRule& rule) {
  std::uint32_t action =
      rule.error_number == 0
          ? std::uint32_t{SCMP_ACT_ALLOW}
          : std::uint32_t{SCMP_ACT_ERRNO(static_cast<std::uint32_t>(rule.error_number))};
  std::vector<scmp_arg_cmp> comparisons;
  for (const SeccompCondition& condition : rule.conditions) {
    comparisons.push_back(comparison_of(condition));
  }
  for (const std::string& name : rule.names) {
    int number = ::seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR || find_new_call(name) != nullptr) {
      continue;
    }
    check_result(
        ::seccomp_rule_add_array(context.get(), action, number,
                                 static_cast<unsigned>(comparisons.size()), comparisons.data()),
        "seccomp_rule_add", name);
  }
}

// The kernel's own export goes to a descriptor.
std::string export_program(const Context& context) {
  base::Fd file(base::check([] { return ::memfd_create("seccomp", MFD_CLOEXEC); }, "memfd_create"));
  check_result(::seccomp_export_bpf(context.get(), file.get()), "seccomp_export_bpf", "");
  base::check([&] { return ::lseek(file.get(), 0, SEEK_SET); }, "lseek");
  return base::read_to_end(file, BPF_MAXINSNS * sizeof(sock_filter), "seccomp filter");
}

sock_filter statement(unsigned code, std::uint32_t value) {
  return {static_cast<std::uint16_t>(code), 0, 0, value};
}

sock_filter jump(unsigned code, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | BPF_K | code), static_cast<std::uint8_t>(if_true),
          static_cast<std::uint8_t>(if_false), value};
}

std::set<std::uint32_t> allowed_new_calls(const SeccompProfile& profile) {
  std::set<std::uint32_t> numbers;
  for (const SeccompRule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      const NewCall* call = find_new_call(name);
      if (call != nullptr && rule.error_number == 0 && rule.conditions.empty()) {
        numbers.insert(call->number);
      }
    }
  }
  return numbers;
}

// Runs before what libseccomp made: decides about numbers above kLastKnownCall, passes on the rest.
//   architecture is none of ours: pass on; number is old, or of the x32 kind: pass on;
//   number is named by the profile: allow; otherwise ENOSYS.
std::vector<sock_filter> new_call_prologue(const SeccompProfile& profile) {
  std::set<std::uint32_t> allowed = allowed_new_calls(profile);
  std::size_t architectures = std::size(kAuditArchitectures);
  // From the number check on: load, x32, old, the allowed ones, ENOSYS, ALLOW.
  std::size_t rest = 3 + allowed.size() + 2;
  std::vector<sock_filter> program;
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  for (std::size_t index = 0; index < architectures; ++index) {
    bool is_last = index + 1 == architectures;
    program.push_back(
        jump(BPF_JEQ, kAuditArchitectures[index], architectures - index - 1, is_last ? rest : 0));
  }
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  program.push_back(jump(BPF_JGE, kX32Bit, allowed.size() + 3, 0));
  program.push_back(jump(BPF_JGT, kLastKnownCall, 0, allowed.size() + 2));
  std::size_t left = allowed.size();
  for (std::uint32_t number : allowed) {
    program.push_back(jump(BPF_JEQ, number, left, 0));
    --left;
  }
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return program;
}

}  // namespace

std::string compile_seccomp(const SeccompProfile& profile) {
  Context context(
      ::seccomp_init(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(profile.default_error_number))),
      &::seccomp_release);
  if (context == nullptr) {
    base::fail(base::ErrorKind::kSystem, "seccomp_init failed");
  }
  // A tree of comparisons instead of a list: fewer steps per call, and a fifth of the time that the
  // kernel takes to digest a new filter.
  check_result(::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set",
               "optimize");
  for (std::uint32_t architecture : kSiblings) {
    check_result(::seccomp_arch_add(context.get(), architecture), "seccomp_arch_add", "");
  }
  for (const SeccompRule& rule : profile.rules) {
    add_rule(context, rule);
  }
  std::vector<sock_filter> prologue = new_call_prologue(profile);
  std::string program(reinterpret_cast<const char*>(prologue.data()),
                      prologue.size() * sizeof(sock_filter));
  return program + export_program(context);
}

void install_seccomp(std::string_view program) {
  sock_fprog filter{static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
                    reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  base::check([&] { return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter); },
              "seccomp", "filter");
}

}  // namespace slipway::builder
