#include "builder/ops/kept_step.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {
namespace {

cache::DiffId layer(std::string_view word) {
  return cache::DiffId(base::sha256_of(word));
}

// A step with nothing left at its default.
KeptStep full_step() {
  KeptStep step;
  step.name = "[build 2/3] RUN \xff make";
  step.file = "Dockerfile";
  step.lines = {{2, 4}};
  step.failure = "process \"x\" did not complete successfully: exit code: 7";
  step.exec.argv = {"/bin/sh", "-c", std::string("a\0\xfe", 3)};
  step.exec.environment = Environment({"A=1", "B=\xff"});
  step.exec.working_directory = "/w\xff";
  step.exec.user = "me:us";
  step.exec.mounts.push_back({.kind = ExecMount::Kind::kCache,
                              .target = "/c",
                              .from = VertexId(3),
                              .source = "/s",
                              .read_only = true,
                              .id = "id",
                              .sharing = ExecMount::Sharing::kLocked,
                              .mode = 0700,
                              .uid = 1,
                              .gid = 2,
                              .size_bytes = 3,
                              .required = true,
                              .environment_name = "E"});
  step.exec.mounts.push_back({.kind = ExecMount::Kind::kSecret, .target = "/k", .id = "key"});
  step.exec.mounts.push_back({.kind = ExecMount::Kind::kSsh, .target = "/a", .id = "agent"});
  step.exec.files = {{"EOF", "#!/bin/sh\n"}};
  step.exec.devices = {"vendor.com/class=name"};
  step.exec.network = Exec::Network::kNone;
  step.exec.security = Exec::Security::kInsecure;
  step.exec.hostname = "box";
  step.base = State({{layer("base"), std::nullopt},
                     {layer("made"), cache::ContentId(base::sha256_of("content"))}});
  step.inputs[VertexId(3)].push({layer("other"), std::nullopt});
  step.inputs[VertexId(5)] = State{};
  step.settings.allow_host_network = true;
  step.settings.allow_insecure = true;
  step.settings.allowed_devices = {.all = true, .names = {{"v.example/c=a", ""}, {"b", "c"}}};
  step.settings.cdi_folders = {"/devices"};
  step.settings.runtime = OciRuntime{"/bin/crun", std::nullopt, {}};
  step.settings.seccomp_document = "{}";
  step.settings.cache_name_space = "space";
  step.settings.shm_size_bytes = 1;
  step.settings.ulimits = {{"nofile", {1, ~std::uint64_t{0}}}};
  step.settings.cgroup = {1, 2, 3, 4, 5, "0-1", "0", 6, "group"};
  step.settings.seccomp = std::string("\0\1", 2);
  step.settings.no_new_privileges = true;
  step.settings.hosts = {{"db", "192.0.2.1"}};
  step.settings.dns_servers = {"192.0.2.2"};
  step.settings.dns_search = {"example.org"};
  step.settings.dns_options = {"ndots:2"};
  return step;
}

TEST(KeptStep, ComesBackWithAllThatTheSandboxNeeds) {
  const KeptStep step = full_step();
  const std::string text = serialise(step);
  KeptStep back = parse_kept_step(text);
  EXPECT_EQ(back.file, step.file);
  EXPECT_EQ(back.lines, step.lines);
  EXPECT_EQ(back.failure, step.failure);
  EXPECT_EQ(back.exec.argv, step.exec.argv);
  EXPECT_EQ(back.exec.environment, step.exec.environment);
  EXPECT_EQ(back.exec.files, step.exec.files);
  EXPECT_EQ(back.base, step.base);
  EXPECT_EQ(back.inputs, step.inputs);
  // Whoever looks into it need not have the secrets; otherwise a mount is as it was.
  ExecMount first = step.exec.mounts[0];
  first.required = false;
  ASSERT_EQ(back.exec.mounts.size(), 3U);
  EXPECT_EQ(back.exec.mounts[0], first);
  EXPECT_EQ(back.settings.cgroup, step.settings.cgroup);
  EXPECT_EQ(back.settings.seccomp, step.settings.seccomp);
  EXPECT_EQ(back.settings.allowed_devices, step.settings.allowed_devices);
  EXPECT_EQ(back.settings.cdi_folders, step.settings.cdi_folders);
  EXPECT_EQ(back.settings.runtime, step.settings.runtime);
  EXPECT_EQ(back.settings.seccomp_document, step.settings.seccomp_document);
  EXPECT_EQ(back.settings.ulimits, step.settings.ulimits);
  EXPECT_EQ(back.settings.hosts, step.settings.hosts);
  // The rest is compared as text. A name is shown to people: bytes that are no text are replaced.
  back.name = step.name;
  EXPECT_EQ(serialise(back), text);
}

TEST(KeptStep, HasNoSecretInIt) {
  KeptStep step = full_step();
  step.settings.secrets.insert_or_assign("key", SecretValue("hidden"));
  step.settings.ssh_sockets["agent"] = "/run/hidden.sock";
  EXPECT_EQ(serialise(step).find("hidden"), std::string::npos);
  EXPECT_EQ(serialise(step).find(base::to_base64("hidden")), std::string::npos);
  EXPECT_EQ(base::join(secrets_of(step), " "), "agent key");
}

TEST(KeptStep, NamesItsLayersOnce) {
  KeptStep step = full_step();
  step.inputs[VertexId(7)] = step.base;
  EXPECT_EQ(layers_of(step).size(), 3U);
}

TEST(KeptStep, OfAnotherVersionIsRefused) {
  for (const char* text : {"{}", "[]", R"({"format":1})", R"({"format":3})", "x"}) {
    EXPECT_THROW(parse_kept_step(text), base::Error) << text;
  }
}

}  // namespace
}  // namespace slipway::builder
