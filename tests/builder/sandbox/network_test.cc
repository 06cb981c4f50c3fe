#include "builder/sandbox/network.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using builder::NetworkMode;
using builder::SandboxSpec;
using builder::UserNetwork;

class Network : public SandboxTest {
 protected:
  // What pretends to be pasta: a script, whose descriptor 3 is where readiness is told.
  UserNetwork scripted(const std::string& script) {
    std::string path = cat(scratch_.path(), "/network-program");
    write_file(path, cat("#!/bin/sh\n", script, "\n"), 0755);
    return {UserNetwork::Tool::kPasta, path, "169.254.1.1"};
  }
  SandboxSpec spec_behind(const UserNetwork& network, const std::string& script) {
    SandboxSpec spec = spec_of(script);
    spec.network = NetworkMode::kUser;
    spec.user_network = network;
    return spec;
  }
  // A port of the machine's loopback on which somebody listens until the test's end.
  std::string listen_on_loopback() {
    listener_ =
        Fd(base::check([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }, "socket"));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    base::check([&] { return ::bind(listener_.get(), generic, sizeof address); }, "bind");
    base::check([&] { return ::listen(listener_.get(), 1); }, "listen");
    socklen_t size = sizeof address;
    base::check([&] { return ::getsockname(listener_.get(), generic, &size); }, "getsockname");
    return cat(ntohs(address.sin_port));
  }
  Fd listener_;
};

TEST_F(Network, FindsAProgramInAbsoluteFoldersOnly) {
  std::string folder = make_directory("programs");
  write_file(folder + "/slirp4netns", "#!/bin/sh\n", 0755);
  make_directory("programs/pasta");  // a folder is no program
  std::optional<UserNetwork> found = builder::find_user_network(cat("relative::", folder));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->tool, UserNetwork::Tool::kSlirp4netns);
  EXPECT_EQ(found->program, folder + "/slirp4netns");
  EXPECT_FALSE(builder::find_user_network("").has_value());
}

TEST_F(Network, StartsTheCommandWhenTheProgramIsReady) {
  SandboxSpec spec = spec_behind(scripted("echo 1 >&3; exec 3>&-; exec sleep 1000"),
                                 "grep -c : /proc/net/dev; ping -c 1 127.0.0.1 | grep -c ttl");
  EXPECT_EQ(output_of(spec), "1\n1\n");
  EXPECT_TRUE(processes_with("sleep 1000").empty());
}

TEST_F(Network, SaysWhatAProgramThatFailedHadToSay) {
  std::string error = error_of(spec_behind(scripted("echo no way out >&2; exit 3"), "true"));
  EXPECT_TRUE(error.contains("the program of the step's network has ended")) << error;
  EXPECT_TRUE(error.contains("no way out")) << error;
  error = error_of(spec_behind({UserNetwork::Tool::kPasta, "/nosuch/pasta", ""}, "true"));
  EXPECT_TRUE(error.contains("/nosuch/pasta")) << error;
}

TEST_F(Network, EndsAStepThatLosesItsNetwork) {
  std::string error =
      error_of(spec_behind(scripted("echo 1 >&3; exec 3>&-; exit 0"), "sleep 1000"));
  EXPECT_TRUE(error.contains("the program of the step's network has ended")) << error;
}

// A real program needs a way out of the machine to copy, which a test machine may lack.
TEST_F(Network, DoesNotReachTheMachinesLoopback) {
  std::optional<UserNetwork> network = builder::find_user_network("/usr/bin:/bin:/usr/local/bin");
  if (!network) {
    GTEST_SKIP() << "neither pasta nor slirp4netns is installed";
  }
  std::string port = listen_on_loopback();
  SandboxSpec spec = spec_behind(*network, cat("grep -c : /proc/net/dev; nc -w 1 127.0.0.1 ", port,
                                               " </dev/null 2>/dev/null || echo refused"));
  std::string out;
  try {
    out = output_of(spec);
  } catch (const base::Error& error) {
    GTEST_SKIP() << error.message();
  }
  EXPECT_EQ(out, "2\nrefused\n");
}

}  // namespace
}  // namespace slipway::tests
