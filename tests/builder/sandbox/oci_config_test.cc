#include "builder/sandbox/oci_config.h"

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "base/process.h"
#include "builder/sandbox/oci_step.h"

namespace slipway::builder {

namespace {

using base::ImagePath;
using nlohmann::json;

SandboxSpec small_spec() {
  SandboxSpec spec;
  spec.argv = {"sh", "-c", "true"};
  spec.environment = {"A=b"};
  spec.working_directory = ImagePath::clean("/work");
  spec.runtime.emplace();
  return spec;
}

OciSurroundings surroundings() {
  return {
      .root = "/mnt/root", .permitted_capabilities = ~std::uint64_t{0}, .open_files = {100, 200}};
}

json config_of(const SandboxSpec& spec, const OciSurroundings& around = surroundings()) {
  return json::parse(oci_config(spec, around));
}

// The mount at a place, null where there is none.
json mount_at(const json& config, const std::string& target) {
  json found;
  for (const json& mount : config.at("mounts")) {
    if (mount.at("destination") == target) {
      found = mount;
    }
  }
  return found;
}

TEST(OciConfig, TheProcessIsTheSpecs) {
  SandboxSpec spec = small_spec();
  spec.user = {7, 8, {9, 10}};
  spec.no_new_privileges = true;
  spec.terminal = TerminalSize{5, 6};
  spec.resource_limits = {{RLIMIT_CPU, 1, 2}};
  json process = config_of(spec).at("process");
  EXPECT_EQ(process.at("args"), json({"sh", "-c", "true"}));
  EXPECT_EQ(process.at("env"), json({"A=b"}));
  EXPECT_EQ(process.at("cwd"), "/work");
  EXPECT_EQ(process.at("user"),
            json::parse(R"({"uid":7,"gid":8,"umask":18,"additionalGids":[9,10]})"));
  EXPECT_EQ(process.at("noNewPrivileges"), true);
  EXPECT_EQ(process.at("terminal"), true);
  EXPECT_EQ(process.at("consoleSize"), json::parse(R"({"height":5,"width":6})"));
  EXPECT_EQ(process.at("rlimits"), json::parse(R"([{"type":"RLIMIT_CPU","soft":1,"hard":2},
                            {"type":"RLIMIT_NOFILE","soft":100,"hard":200}])"));
}

TEST(OciConfig, CapabilitiesAreRootsAlone) {
  SandboxSpec spec = small_spec();
  spec.capabilities = 0b11;
  json capabilities = config_of(spec).at("process").at("capabilities");
  EXPECT_EQ(capabilities.at("bounding"), json({"CAP_CHOWN", "CAP_DAC_OVERRIDE"}));
  EXPECT_EQ(capabilities.at("effective"), capabilities.at("bounding"));
  EXPECT_EQ(capabilities.at("permitted"), capabilities.at("bounding"));
  EXPECT_EQ(capabilities.at("ambient"), json::array());
  spec.user.uid = 1;
  capabilities = config_of(spec).at("process").at("capabilities");
  EXPECT_EQ(capabilities.at("bounding").size(), 2U);
  EXPECT_EQ(capabilities.at("effective"), json::array());
  OciSurroundings poor = surroundings();
  poor.permitted_capabilities = 0b10;
  capabilities = config_of(spec, poor).at("process").at("capabilities");
  EXPECT_EQ(capabilities.at("bounding"), json::array({"CAP_DAC_OVERRIDE"}));
}

TEST(OciConfig, MountsKeepTheirAttributesAndOrder) {
  OciSurroundings around = surroundings();
  around.mounts = {{ImagePath::clean("/a"), "/mnt/mount-0", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV},
                   {ImagePath::clean("/a/b"), "/mnt/mount-1", 0}};
  json config = config_of(small_spec(), around);
  EXPECT_EQ(mount_at(config, "/a"),
            json::parse(R"({"destination":"/a","type":"bind","source":"/mnt/mount-0",
                            "options":["rbind","rprivate","ro","nodev"]})"));
  EXPECT_EQ(config.at("mounts").back().at("destination"), "/a/b");
  EXPECT_EQ(config.at("root"), json::parse(R"({"path":"/mnt/root","readonly":false})"));
}

TEST(OciConfig, SystemMountsAreThoseOfASandbox) {
  SandboxSpec spec = small_spec();
  spec.shm_size_bytes = 4096;
  json config = config_of(spec);
  for (const char* target : {"/proc", "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm", "/sys"}) {
    EXPECT_FALSE(mount_at(config, target).is_null()) << target;
  }
  EXPECT_TRUE(mount_at(config, "/dev/shm").at("options").dump().contains("size=4096"));
  EXPECT_TRUE(mount_at(config, "/sys").at("options").dump().contains("\"ro\""));
  EXPECT_TRUE(config.at("linux").at("maskedPaths").dump().contains("\"/proc/kcore\""));
  EXPECT_TRUE(config.at("linux").at("readonlyPaths").dump().contains("\"/proc/sys\""));
  EXPECT_EQ(config.at("linux").at("namespaces").size(), 4U);
  OciSurroundings around = surroundings();
  around.sys = "/mnt/sys";
  around.cgroups = "/mnt/groups";
  around.has_message_queues = false;
  around.mounts = {{ImagePath::clean("/dev/shm"), "/mnt/mount-0", 0}};
  around.devices_are_mounts = true;
  config = config_of(spec, around);
  EXPECT_EQ(mount_at(config, "/sys").at("source"), "/mnt/sys");
  EXPECT_EQ(mount_at(config, "/sys/fs/cgroup").at("source"), "/mnt/groups");
  EXPECT_TRUE(mount_at(config, "/dev/mqueue").is_null());
  EXPECT_EQ(mount_at(config, "/dev/shm").at("source"), "/mnt/mount-0");
  EXPECT_TRUE(mount_at(config, "/dev").at("options").dump().contains("nodev"));
}

TEST(OciConfig, TheFilterIsTheDefaultTheGivenOrNone) {
  SandboxSpec spec = small_spec();
  json filter = config_of(spec).at("linux").at("seccomp");
  EXPECT_EQ(filter.at("defaultAction"), "SCMP_ACT_ERRNO");
  EXPECT_GT(filter.at("syscalls").size(), 5U);
  spec.runtime->seccomp = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
  EXPECT_EQ(config_of(spec).at("linux").at("seccomp").size(), 1U);
  spec.runtime->seccomp = "";
  EXPECT_FALSE(config_of(spec).at("linux").contains("seccomp"));
  spec.runtime->seccomp.reset();
  spec.security = SecurityMode::kInsecure;
  json insecure = config_of(spec).at("linux");
  EXPECT_FALSE(insecure.contains("seccomp"));
  EXPECT_FALSE(insecure.contains("maskedPaths"));
}

TEST(OciConfig, FiltersSayTheSameInTheirOwnWords) {
  SeccompProfile profile{.default_error_number = 1,
                         .rules = {{.names = {"read"}},
                                   {.names = {"clone3"}, .error_number = 38},
                                   {.names = {"mount"}, .error_number = 1}}};
  using Compare = SeccompCondition::Compare;
  profile.rules.push_back({{"clone"}, 0, {{0, Compare::kMaskedEqual, 2, 7}}});
  profile.rules.push_back({{"socket"}, 0, {{0, Compare::kNotEqual, 40}}});
  json document = json::parse(oci_seccomp(profile));
  EXPECT_EQ(document.at("defaultErrnoRet"), 1);
  EXPECT_EQ(document.at("syscalls"), json::parse(R"([
    {"names":["read"],"action":"SCMP_ACT_ALLOW"},
    {"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":38},
    {"names":["clone"],"action":"SCMP_ACT_ALLOW",
     "args":[{"index":0,"value":7,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}]},
    {"names":["socket"],"action":"SCMP_ACT_ALLOW",
     "args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}])"));
}

TEST(OciConfig, HooksAreByStageAndOursComesLast) {
  SandboxSpec spec = small_spec();
  spec.runtime->hooks = {{"createContainer", "/bin/hook", {"hook", "x"}, {"A=b"}, 3},
                         {"poststop", "/bin/other", {}, {}, std::nullopt}};
  OciSurroundings around = surroundings();
  around.hook_program = "/proc/1/exe";
  EXPECT_EQ(config_of(spec, around).at("hooks"), json::parse(R"({
    "createContainer": [{"path":"/bin/hook","args":["hook","x"],"env":["A=b"],"timeout":3},
                        {"path":"/proc/1/exe","args":["slipway-init","container-hook","/mnt/root","4"]}],
    "poststop": [{"path":"/bin/other"}]})"));
}

// A runtime that makes the root read-only takes nodev away again.
TEST(OciConfig, AReadOnlyRootIsTheHooksWhereThereIsOne) {
  OciSurroundings around = surroundings();
  around.root_is_read_only = true;
  EXPECT_EQ(config_of(small_spec(), around).at("root").at("readonly"), true);
  around.hook_program = "/proc/1/exe";
  json config = config_of(small_spec(), around);
  EXPECT_EQ(config.at("root").at("readonly"), false);
  EXPECT_EQ(config.at("hooks").at("createContainer").at(0).at("args").back(), "5");
}

TEST(OciConfig, BytesThatNoDocumentCanHaveAreRefused) {
  SandboxSpec spec = small_spec();
  spec.argv.emplace_back("\xff");
  EXPECT_THROW(oci_config(spec, surroundings()), base::Error);
}

TEST(OciStep, TheLogSaysWhyACommandWasNotExecuted) {
  EXPECT_EQ(last_error_of_log("not json\n{\"level\":\"warning\",\"msg\":\"a\"}\n"
                              "{\"msg\":\"b\",\"level\":\"error\"}\n{\"level\":\"error\"}\n[1]\n"),
            "b");
  EXPECT_EQ(last_error_of_log(""), "");
  auto code = [](const char* text) {
    auto refused = not_executed(text);
    return refused ? refused->code : 0;
  };
  EXPECT_EQ(code("executable file `x` not found in $PATH: No such file or directory"), 127);
  EXPECT_EQ(code("open executable: Permission denied"), 126);
  EXPECT_EQ(code("runc create failed: unable to start container process: exec: \"/x\": stat /x: no "
                 "such file or directory"),
            127);
  EXPECT_EQ(code("runc create failed: unable to start container process: exec: \"/x\": permission "
                 "denied"),
            126);
  EXPECT_EQ(code("mount `proc` to `/proc`: No such file or directory"), 0);
  EXPECT_EQ(code(""), 0);
}

// crun fails if it can't write all of the state, and its pipe takes less at once.
TEST(ContainerHook, ReadsTheStateBeforeItEnds) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  base::Fd runtime(ends[0]);
  base::Fd hook(ends[1]);
  pid_t child = ::fork();
  if (child == 0) {
    runtime.reset();
    ::dup2(hook.get(), STDIN_FILENO);
    hook.reset();
    ::_exit(run_container_hook("/does/not/exist", "4"));
  }
  hook.reset();
  const std::string state(4 << 20, ' ');
  std::size_t sent = 0;
  while (sent < state.size()) {
    ssize_t count = ::send(runtime.get(), state.data() + sent, state.size() - sent, MSG_NOSIGNAL);
    ASSERT_GT(count, 0) << errno;
    sent += static_cast<std::size_t>(count);
  }
  runtime.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(base::exit_status_of_wait(status).text(), "exit code: 1");  // there is no such root
}

}  // namespace

}  // namespace slipway::builder
