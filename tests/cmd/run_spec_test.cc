#include "cmd/run_spec.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/layer/merged_view.h"

namespace slipway::cmd {
namespace {

using registry::ContainerConfig;
using Words = std::vector<std::string>;

const Environment kEnvironment{{{"GIVEN", "outside"}}};

std::string arguments_of(Words words, const ContainerConfig& config,
                         std::optional<std::string> entrypoint = std::nullopt) {
  RunFlags flags;
  flags.words = std::move(words);
  flags.entrypoint = std::move(entrypoint);
  return base::join(run_arguments(flags, config), "|");
}

ContainerConfig config_of(std::optional<Words> entrypoint, std::optional<Words> cmd) {
  ContainerConfig config;
  config.entrypoint = std::move(entrypoint);
  config.cmd = std::move(cmd);
  return config;
}

// With an image that has no files.
builder::SandboxSpec spec_of(RunFlags flags, const ContainerConfig& config) {
  if (flags.words.empty()) {
    flags.words = {"image", "true"};
  }
  builder::MergedView root({});
  RunSurroundings surroundings{.environment = &kEnvironment,
                               .working_directory = "/here",
                               .random_name = "random",
                               .user_network = std::nullopt,
                               .resolv_conf = "nameserver 192.0.2.1\n"};
  return make_run_spec(flags, config, root, surroundings);
}

TEST(RunArguments, TheCommandIsAppendedToTheEntrypoint) {
  EXPECT_EQ(arguments_of({"image"}, config_of(Words{"echo", "a"}, Words{"b"})), "echo|a|b");
  EXPECT_EQ(arguments_of({"image", "x", "y"}, config_of(Words{"echo", "a"}, Words{"b"})),
            "echo|a|x|y");
  EXPECT_EQ(arguments_of({"image"}, config_of(std::nullopt, Words{"sh"})), "sh");
  EXPECT_EQ(arguments_of({"image", "ls"}, config_of(std::nullopt, Words{"sh"})), "ls");
}

TEST(RunArguments, ANewEntrypointDoesNotGetTheOldCmd) {
  EXPECT_EQ(arguments_of({"image"}, config_of(Words{"echo"}, Words{"b"}), "id"), "id");
  EXPECT_EQ(arguments_of({"image", "-u"}, config_of(Words{"echo"}, Words{"b"}), "id"), "id|-u");
  EXPECT_EQ(arguments_of({"image", "ls"}, config_of(Words{"echo"}, std::nullopt), ""), "ls");
}

TEST(RunArguments, NothingToRunIsAUsageError) {
  EXPECT_THROW(arguments_of({"image"}, config_of(std::nullopt, std::nullopt)), base::Error);
  EXPECT_THROW(arguments_of({"image"}, config_of(Words{"echo"}, Words{"b"}), ""), base::Error);
}

TEST(RunEnvironment, UsersOverImagesOverDefaults) {
  RunFlags flags;
  flags.terminal = true;
  flags.env = {"B=user", "GIVEN", "A"};
  ContainerConfig config;
  config.env = {"A=image", "B=image", "PATH=/image/bin"};
  EXPECT_EQ(base::join(run_environment(flags, config, "name", kEnvironment), " "),
            "PATH=/image/bin HOSTNAME=name TERM=xterm B=user GIVEN=outside");
}

TEST(RunSpec, HomeIsThatOfTheUserUnlessSet) {
  EXPECT_EQ(spec_of({}, {}).environment.back(), "HOME=/");
  RunFlags flags;
  flags.env = {"HOME=/mine"};
  EXPECT_EQ(spec_of(flags, {}).environment.back(), "HOME=/mine");
}

TEST(RunSpec, FlagsComeBeforeTheConfig) {
  ContainerConfig config;
  config.working_dir = "/image";
  config.user = "5:6";
  builder::SandboxSpec from_image = spec_of({}, config);
  EXPECT_EQ(from_image.working_directory.text(), "/image");
  EXPECT_EQ(from_image.user.uid, 5U);
  EXPECT_EQ(from_image.user.gid, 6U);
  EXPECT_EQ(from_image.hostname, "random");
  RunFlags flags;
  flags.working_directory = "/flag";
  flags.user = "7:8";
  flags.hostname = "named";
  builder::SandboxSpec from_flags = spec_of(flags, config);
  EXPECT_EQ(from_flags.working_directory.text(), "/flag");
  EXPECT_EQ(from_flags.user.uid, 7U);
  EXPECT_EQ(from_flags.hostname, "named");
  EXPECT_NE(from_flags.hosts->find("127.0.0.1\tlocalhost named\n"), std::string::npos);
}

TEST(RunSpec, ARelativeWorkingDirectoryIsRefused) {
  RunFlags flags;
  flags.working_directory = "relative";
  EXPECT_THROW(spec_of(flags, {}), base::Error);
}

TEST(RunSpec, NetworksAreNamed) {
  RunFlags flags;
  flags.network = "none";
  EXPECT_EQ(spec_of(flags, {}).network, builder::NetworkMode::kNone);
  flags.network = "host";
  EXPECT_EQ(spec_of(flags, {}).network, builder::NetworkMode::kHost);
  flags.network = "mine";
  EXPECT_THROW(spec_of(flags, {}), base::Error);
}

TEST(RunSpec, NameServersAreTheMachinesUnlessGiven) {
  EXPECT_EQ(spec_of({}, {}).resolv_conf, "nameserver 192.0.2.1\n");
  RunFlags flags;
  flags.steps.dns = {"192.0.2.7", "192.0.2.8"};
  EXPECT_EQ(spec_of(flags, {}).resolv_conf, "nameserver 192.0.2.7\nnameserver 192.0.2.8\n");
}

TEST(RunSpec, ANetworkOfItsOwnHasTheMachinesNameServersUnlessTheyAreOnItsLoopback) {
  RunFlags flags;
  flags.words = {"image", "true"};
  builder::MergedView root({});
  RunSurroundings surroundings{
      .environment = &kEnvironment,
      .working_directory = "/here",
      .random_name = "random",
      .user_network = builder::UserNetwork{.program = "/pasta", .name_server = "192.0.2.3"},
      .resolv_conf = "nameserver 127.0.0.53\n"};
  builder::SandboxSpec spec = make_run_spec(flags, {}, root, surroundings);
  EXPECT_EQ(spec.network, builder::NetworkMode::kUser);
  EXPECT_EQ(spec.resolv_conf, "nameserver 127.0.0.53\n");
  EXPECT_EQ(spec.resolv_conf_behind_network, "nameserver 192.0.2.3\n");
  flags.steps.dns = {"192.0.2.7"};
  spec = make_run_spec(flags, {}, root, surroundings);
  EXPECT_EQ(spec.resolv_conf, "nameserver 192.0.2.7\n");
  EXPECT_EQ(spec.resolv_conf_behind_network, "nameserver 192.0.2.7\n");
}

TEST(RunSpec, LimitsAreSizesAndProcessors) {
  RunFlags flags;
  flags.steps.memory = "64m";
  flags.steps.cpus = "1.5";
  flags.steps.shm_size = "1k";
  builder::SandboxSpec spec = spec_of(flags, {});
  EXPECT_EQ(spec.cgroup.memory_bytes, 64U << 20);
  EXPECT_EQ(spec.cgroup.cpu_quota_us, 150'000U);
  EXPECT_EQ(spec.shm_size_bytes, 1024U);
  for (const char* wrong : {"x", "-1", "0", "nan", "1e99"}) {
    RunFlags bad;
    bad.steps.cpus = wrong;
    EXPECT_THROW(spec_of(bad, {}), base::Error) << wrong;
  }
}

TEST(RunSpec, TimeAndPrivilegesAreAsTheFlagsSay) {
  RunFlags flags;
  flags.steps.timeout = "90s";
  flags.steps.security = {"no-new-privileges", "seccomp=unconfined"};
  flags.steps.ulimits = {"nofile=10:20"};
  builder::SandboxSpec spec = spec_of(flags, {});
  EXPECT_EQ(spec.timeout, std::chrono::milliseconds(90'000));
  EXPECT_TRUE(spec.no_new_privileges);
  EXPECT_EQ(spec.seccomp, "");
  ASSERT_EQ(spec.resource_limits.size(), 1U);
  EXPECT_EQ(spec.resource_limits[0].hard, 20U);
}

TEST(RunSpec, CapabilitiesAreDockersWithWhatIsAddedAndDropped) {
  EXPECT_EQ(spec_of({}, {}).capabilities, builder::kDefaultCapabilities);
  EXPECT_EQ(spec_of({}, {}).seccomp, std::nullopt);
  RunFlags flags;
  flags.capabilities_dropped = {"all"};
  EXPECT_EQ(spec_of(flags, {}).capabilities, 0U);
  flags.capabilities_added = {"chown", "CAP_KILL"};
  EXPECT_EQ(spec_of(flags, {}).capabilities, 0b100001U);
  EXPECT_NE(spec_of(flags, {}).seccomp, std::nullopt);
  flags.capabilities_added = {"NO_SUCH"};
  EXPECT_THROW(spec_of(flags, {}), base::Error);
  RunFlags all;
  all.capabilities_added = {"ALL"};
  all.capabilities_dropped = {"CHOWN"};
  EXPECT_EQ(spec_of(all, {}).capabilities, ~std::uint64_t{1});
}

}  // namespace
}  // namespace slipway::cmd
