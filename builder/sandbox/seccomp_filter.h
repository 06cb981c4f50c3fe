#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace slipway::builder {

// A seccomp profile as Docker's JSON has it, without what depends on the machine.
struct SeccompCondition {
  enum class Compare { kEqual, kNotEqual, kMaskedEqual };
  unsigned argument = 0;
  Compare compare = Compare::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = 0;  // of kMaskedEqual: (argument & mask) == value
};
enum class SeccompAnswer {
  kByErrorNumber,
  kPretend,  // the call is not made and seems to succeed
  kAsk,      // whoever has the filter's listener answers
};
struct SeccompRule {
  std::vector<std::string> names;  // one that the machine's architecture lacks is left out
  int error_number = 0;            // 0: allowed; otherwise what the call fails with
  std::vector<SeccompCondition> conditions;  // all must hold
  SeccompAnswer answer = SeccompAnswer::kByErrorNumber;
};
struct SeccompProfile {
  int default_error_number = 1;  // EPERM
  std::vector<SeccompRule> rules;
};

// Docker's default profile for a process with these capabilities. Like there, some calls come and
// go with a capability, and clone3 fails with ENOSYS without CAP_SYS_ADMIN (its flags are behind a
// pointer, out of a filter's sight, and ENOSYS makes libraries use clone).
SeccompProfile default_seccomp_profile(std::uint64_t capabilities);

// The filter for this machine's architecture and its 32-bit sibling, as an array of sock_filter;
// made once per helper. Calls with numbers beyond those that libseccomp knows fail with ENOSYS
// unless the profile names them: programs then do without them, where EPERM would stop them. kInput
// if it is longer than the kernel takes.
std::string compile_seccomp(const SeccompProfile& profile);

// For the calling process and what it executes. Needs no_new_privs or CAP_SYS_ADMIN.
void install_seccomp(std::string_view program);

// The same with flags of seccomp(2) that give a listener. Nothing where the kernel does not know
// the flags (EINVAL), or a process further up has a listener already (EBUSY).
std::optional<base::Fd> try_install_seccomp(std::string_view program, unsigned flags);

// The numbers of a call on this machine, as a filter or its listener sees them.
struct SeccompNumber {
  std::uint32_t architecture = 0;  // AUDIT_ARCH_*
  std::uint32_t number = 0;
  bool is_32_bit = false;
};
std::vector<SeccompNumber> seccomp_numbers(const std::string& name);

}  // namespace slipway::builder
