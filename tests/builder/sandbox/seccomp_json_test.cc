#include "builder/sandbox/seccomp_json.h"

#include <sys/syscall.h>

#include <cerrno>

#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using builder::parse_seccomp_profile;
using builder::SeccompProfile;

constexpr std::uint64_t kSysAdmin = std::uint64_t{1} << 21;

std::vector<std::string> names_in(const std::string& rules, std::uint64_t capabilities = 0) {
  SeccompProfile profile = parse_seccomp_profile(
      cat(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [)", rules, "]}"), capabilities);
  std::vector<std::string> names;
  for (const builder::SeccompRule& rule : profile.rules) {
    names.insert(names.end(), rule.names.begin(), rule.names.end());
  }
  return names;
}

std::string rule(const std::string& more) {
  return cat(R"({"names": ["read"], "action": "SCMP_ACT_ALLOW", )", more, "}");
}

bool is_taken(const std::string& more, std::uint64_t capabilities = 0) {
  return !names_in(rule(more), capabilities).empty();
}

TEST(SeccompJson, TakesActionsAndConditions) {
  SeccompProfile profile = parse_seccomp_profile(R"({
      "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
      "archMap": [{"architecture": "SCMP_ARCH_X86_64"}],
      "syscalls": [
        {"names": ["a", "b"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": ""},
        {"name": "c", "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [
          {"index": 1, "value": 2114060288, "valueTwo": 7, "op": "SCMP_CMP_MASKED_EQ"},
          {"index": 0, "value": 4294967295, "op": "SCMP_CMP_NE"}]},
        {"names": ["d"], "action": "SCMP_ACT_ALLOW", "args": [
          {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]})",
                                                 0);
  EXPECT_EQ(profile.default_error_number, 38);
  ASSERT_EQ(profile.rules.size(), 4U);  // d has two: either of its values
  EXPECT_EQ(profile.rules[0].error_number, 0);
  EXPECT_EQ(profile.rules[1].names, std::vector<std::string>{"c"});
  EXPECT_EQ(profile.rules[1].error_number, 5);
  EXPECT_EQ(profile.rules[1].conditions[0].mask, 2114060288U);
  EXPECT_EQ(profile.rules[1].conditions[0].value, 7U);
  EXPECT_EQ(profile.rules[1].conditions[1].value, 4294967295U);
  EXPECT_EQ(profile.rules[3].conditions[0].value, 2U);
}

TEST(SeccompJson, GoesByCapabilitiesArchitectureAndKernel) {
  EXPECT_TRUE(is_taken(R"("includes": {}, "excludes": null)"));
  EXPECT_FALSE(is_taken(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})"));
  EXPECT_TRUE(is_taken(R"("includes": {"caps": ["CAP_SYS_ADMIN"]})", kSysAdmin));
  EXPECT_FALSE(is_taken(R"("excludes": {"caps": ["CAP_SYS_ADMIN"]})", kSysAdmin));
  EXPECT_FALSE(is_taken(R"("includes": {"caps": ["CAP_OF_THE_FUTURE"]})", ~std::uint64_t{0}));
  EXPECT_TRUE(is_taken(R"("includes": {"arches": ["amd64", "arm64"]})"));
  EXPECT_FALSE(is_taken(R"("includes": {"arches": ["s390x"]})"));
  EXPECT_FALSE(is_taken(R"("excludes": {"arches": ["amd64", "arm64"]})"));
  EXPECT_TRUE(is_taken(R"("includes": {"minKernel": "4.8"})"));
  EXPECT_FALSE(is_taken(R"("includes": {"minKernel": "999.0"})"));
}

TEST(SeccompJson, RefusesWhatItCannotDo) {
  auto error = [](const std::string& text) -> std::string {
    try {
      parse_seccomp_profile(text, 0);
    } catch (const base::Error& caught) {
      EXPECT_EQ(caught.kind(), base::ErrorKind::kInput);
      return caught.message();
    }
    return "none";
  };
  EXPECT_NE(error("nonsense"), "none");
  EXPECT_NE(error("[]"), "none");
  EXPECT_NE(error("{}"), "none");
  auto with = [](const std::string& call) {
    return cat(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)", call, "]}");
  };
  EXPECT_TRUE(
      error(with(R"({"names": ["a"], "action": "SCMP_ACT_KILL"})")).contains("SCMP_ACT_KILL"));
  EXPECT_NE(error(with("5")), "none");
  EXPECT_NE(error(with(R"({"names": "a", "action": "SCMP_ACT_ALLOW"})")), "none");
  EXPECT_NE(error(with(R"({"names": [5], "action": "SCMP_ACT_ALLOW"})")), "none");
  EXPECT_NE(error(with(rule(R"("args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}])"))),
            "none");
  EXPECT_TRUE(error(with(rule(R"("args": [{"index": 0, "value": 0, "op": "SCMP_CMP_GT"}])")))
                  .contains("SCMP_CMP_GT"));
  EXPECT_NE(error(with(R"({"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70000})")),
            "none");
}

class SeccompOfAStep : public SandboxTest {
 protected:
  std::string run_with(const std::string& profile, const std::string& script) {
    builder::SandboxSpec spec = spec_of(script);
    spec.seccomp = profile.empty() ? ""
                                   : builder::compile_seccomp(parse_seccomp_profile(
                                         profile, builder::kDefaultCapabilities));
    return output_of(spec);
  }
};

TEST_F(SeccompOfAStep, IsWhatWasGiven) {
  std::string refuses_mkdir = R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]})";
  EXPECT_EQ(run_with(refuses_mkdir, "mkdir /x 2>/dev/null || echo refused; touch /y && echo made"),
            "refused\nmade\n");
  // With everything allowed but named calls, unknown ones are the kernel's to answer.
  EXPECT_EQ(run_with(refuses_mkdir, cat("probe syscall ", SYS_getpid)), "ok\n");
  // With one id there is always the filter that records owners.
  EXPECT_TRUE(
      run_with("", "grep Seccomp: /proc/self/status").ends_with(has_many_ids() ? "0\n" : "2\n"));
}

}  // namespace
}  // namespace slipway::tests
