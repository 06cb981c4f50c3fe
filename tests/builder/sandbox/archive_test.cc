#include "builder/sandbox/archive.h"

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "builder/sandbox/wire.h"

namespace slipway::builder {
namespace {

using base::ImagePath;

// Nothing is left at its default: a member that the archive forgets shows.
SandboxSpec full_spec() {
  SandboxSpec spec;
  spec.root = OverlayRoot{.lowers = {"/a", "/b"}, .upper = "/u", .work = "/w", .stubs = "/s"};
  spec.mounts = {
      BindMount{"/src", ImagePath::clean("/sub"), ImagePath::clean("/t"), Access::kReadWrite},
      OverlayMount{{{"/c"}, "/cu", "/cw", "/cs"}, ImagePath::clean("/x"), ImagePath::clean("/y")},
      TmpfsMount{ImagePath::clean("/tmp"), 4096, 0700},
      FileMount{ImagePath::clean("/run/secrets/k"), std::string("a\0b", 3), 0440, 7, 8,
                Access::kReadWrite}};
  spec.argv = {"sh", "-c", ""};
  spec.environment = {"A=b"};
  spec.working_directory = ImagePath::clean("/work");
  spec.user = {1, 2, {3, 4}};
  spec.hostname = "box";
  spec.hosts = "127.0.0.1 x\n";
  spec.resolv_conf = "";
  spec.terminal = TerminalSize{11, 12};
  spec.network = NetworkMode::kUser;
  spec.user_network = UserNetwork{UserNetwork::Tool::kSlirp4netns, "/usr/bin/slirp", "10.0.2.3"};
  spec.security = SecurityMode::kInsecure;
  spec.capabilities = 9;
  spec.no_new_privileges = true;
  spec.resource_limits = {{RLIMIT_CORE, 1, 2}};
  spec.cgroup = {1, 2, 3, 4, 5, "0-1", "0", 6, "group"};
  spec.shm_size_bytes = 7;
  spec.timeout = std::chrono::milliseconds(8);
  return spec;
}

TEST(Archive, GivesBackEveryMemberOfASpec) {
  EXPECT_EQ(decode_spec(encode_spec(full_spec())), full_spec());
}

TEST(Archive, GivesBackThePlainRoot) {
  SandboxSpec spec;
  spec.root = PlainRoot{"/r", Access::kReadOnly};
  EXPECT_EQ(decode_spec(encode_spec(spec)), spec);
}

TEST(Archive, RefusesEveryCutOffMessage) {
  std::string bytes = encode_spec(full_spec());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode_spec(std::string_view(bytes).substr(0, size)), base::Error) << size;
  }
}

TEST(Archive, RefusesAnUnknownChoice) {
  std::string bytes = encode_spec(SandboxSpec{});
  bytes[0] = 9;  // the index of the root's variant
  EXPECT_THROW(decode_spec(bytes), base::Error);
}

TEST(Archive, CarriesAnErrorWithItsNotesAndHint) {
  base::Error error = base::Error(base::ErrorKind::kDenied, "no", 13).with_hint("ask");
  error.add_note("inner");
  error.add_note("outer");
  Report report = parse_report(encode_report(failed_report(error)));
  base::Error copy = error_of(std::get<report::Failed>(report));
  EXPECT_EQ(copy.kind(), base::ErrorKind::kDenied);
  EXPECT_EQ(copy.error_number(), 13);
  EXPECT_EQ(copy.hint(), "ask");
  EXPECT_EQ(base::describe(copy), base::describe(error));
}

}  // namespace
}  // namespace slipway::builder
