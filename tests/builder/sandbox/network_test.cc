#include "builder/sandbox/network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/builder/sandbox/sandbox_fixture.h"

namespace slipway::tests {
namespace {

using base::cat;
using base::Fd;
using builder::NetworkMode;
using builder::SandboxSpec;
using builder::UserNetwork;

// One that no other run of these tests, beside this one, takes for its own.
std::string long_sleep() {
  return cat("sleep ", 1'000'000 + ::getpid());
}

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
  SandboxSpec spec = spec_behind(scripted(cat("echo 1 >&3; exec 3>&-; exec ", long_sleep())),
                                 "grep -c : /proc/net/dev; ping -c 1 127.0.0.1 | grep -c ttl");
  EXPECT_EQ(output_of(spec), "1\n1\n");
  EXPECT_EQ(processes_with(long_sleep()).size(), 1U);  // for the steps to come
}

TEST_F(Network, IsSharedByTheStepsOfAHelper) {
  SandboxSpec spec =
      spec_behind(scripted(cat("echo x >> ", scratch_.path(),
                               "/starts; echo 1 >&3; exec 3>&-; exec ", long_sleep())),
                  "readlink /proc/self/ns/net; ls /sys/class/net");
  std::string first = output_of(spec);
  EXPECT_TRUE(first.ends_with("\nlo\n")) << first;
  SandboxSpec second = spec_of("readlink /proc/self/ns/net; ls /sys/class/net");
  second.network = spec.network;
  second.user_network = spec.user_network;
  EXPECT_EQ(output_of(second), first);
  EXPECT_EQ(base::find_file_content(scratch_.path() + "/starts", 100), "x\n");
  SandboxSpec other = spec_of("readlink /proc/self/ns/net");
  EXPECT_FALSE(first.starts_with(output_of(other)));
}

TEST_F(Network, BeginsWhenAStepIsExpected) {
  std::string told = scratch_.path() + "/told";
  ASSERT_EQ(::mkfifo(told.c_str(), 0600), 0);
  UserNetwork network =
      scripted(cat("echo begun > ", told, "; echo 1 >&3; exec 3>&-; exec ", long_sleep()));
  sandbox().expect(network);
  EXPECT_EQ(base::find_file_content(told, 100), "begun\n");  // waits for it
  sandbox().expect(network);
  EXPECT_EQ(output_of(spec_behind(network, "ls /sys/class/net")), "lo\n");
  EXPECT_EQ(processes_with(long_sleep()).size(), 1U);
}

TEST_F(Network, SaysToTheStepWhyTheExpectedOneCannotBeHad) {
  UserNetwork network{UserNetwork::Tool::kPasta, "/nosuch/pasta", ""};
  sandbox().expect(network);
  Ran ran = run(spec_behind(network, "true"));
  ASSERT_EQ(ran.result.notices.size(), 1U);
  EXPECT_TRUE(ran.result.notices[0].contains("/nosuch/pasta: No such file"))
      << ran.result.notices[0];
}

TEST_F(Network, NamesItsOwnNameServerToThoseWhoAreBehindIt) {
  SandboxSpec spec = spec_behind(scripted(cat("echo 1 >&3; exec 3>&-; exec ", long_sleep())),
                                 "cat /etc/resolv.conf");
  spec.resolv_conf = "nameserver 127.0.0.53\n";
  spec.resolv_conf_behind_network = "nameserver 192.0.2.3\n";
  EXPECT_EQ(output_of(spec), "nameserver 192.0.2.3\n");
}

TEST_F(Network, IsTheMachinesWhereItCannotBeHad) {
  const std::string script = "cat /etc/resolv.conf; readlink /proc/self/ns/net; ls /sys/class/net";
  std::string machine = output_of("readlink /proc/self/ns/net; ls /sys/class/net");
  for (const UserNetwork& network : {scripted("echo once >&2; echo no way out >&2; exit 3"),
                                     scripted(cat("exec 3>&-; exec ", long_sleep())),
                                     UserNetwork{UserNetwork::Tool::kPasta, "/nosuch/pasta", ""}}) {
    SandboxSpec spec = spec_behind(network, script);
    spec.resolv_conf = "nameserver 127.0.0.53\n";
    spec.resolv_conf_behind_network = "nameserver 192.0.2.3\n";
    Ran ran = run(spec);
    EXPECT_EQ(ran.out, cat("nameserver 127.0.0.53\n", machine));
    ASSERT_EQ(ran.result.notices.size(), 1U);
    EXPECT_TRUE(ran.result.notices[0].contains("the machine's network")) << ran.result.notices[0];
  }
  EXPECT_TRUE(processes_with(long_sleep()).empty());
}

TEST_F(Network, SaysWhyItCannotBeHadAndTriesOnce) {
  UserNetwork network =
      scripted(cat("echo x >> ", scratch_.path(), "/starts; echo no way out >&2; exit 3"));
  for (int step = 0; step < 2; ++step) {
    Ran ran = run(spec_behind(network, "true"));
    ASSERT_EQ(ran.result.notices.size(), 1U);
    EXPECT_TRUE(ran.result.notices[0].ends_with(": no way out")) << ran.result.notices[0];
  }
  EXPECT_EQ(base::find_file_content(scratch_.path() + "/starts", 100), "x\n");
  Ran ran = run(spec_behind({UserNetwork::Tool::kPasta, "/nosuch/pasta", ""}, "true"));
  ASSERT_EQ(ran.result.notices.size(), 1U);
  EXPECT_TRUE(ran.result.notices[0].contains("/nosuch/pasta: No such file"))
      << ran.result.notices[0];
}

TEST_F(Network, EndsAStepThatLosesItAndStartsANewOne) {
  std::string flag = scratch_.path() + "/second";
  UserNetwork network = scripted(cat("echo 1 >&3; exec 3>&-; test ! -e ", flag,
                                     " || exec sleep 1000; touch ", flag, "; exit 0"));
  std::string error = error_of(spec_behind(network, "sleep 1000"));
  EXPECT_TRUE(error.contains("the program of the step's network has ended")) << error;
  EXPECT_EQ(output_of(spec_behind(network, "echo fine")), "fine\n");
}

// Also of the helper's.
TEST_F(Network, DoesNotOutliveTheHelper) {
  std::string ids = scratch_.path() + "/ids";
  output_of(spec_behind(
      scripted(cat("echo $$ $PPID > ", ids, "; echo 1 >&3; exec 3>&-; exec sleep 1000")), "true"));
  std::string text = base::find_file_content(ids, 100).value_or("");
  auto pair = base::split_once(base::trim(text), ' ');
  ASSERT_TRUE(pair) << text;
  pid_t id = base::parse_integer<pid_t>(pair->before).value();
  Fd program(base::check([&] { return static_cast<int>(::syscall(SYS_pidfd_open, id, 0)); },
                         "pidfd_open"));
  ASSERT_EQ(::kill(base::parse_integer<pid_t>(pair->after).value(), SIGKILL), 0);
  pollfd wait{program.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&wait, 1, 10'000), 1);
}

// A real program needs a way out of the machine to copy, which a test machine may lack.
TEST_F(Network, DoesNotReachTheMachinesLoopback) {
  std::optional<UserNetwork> network = builder::find_user_network("/usr/bin:/bin:/usr/local/bin");
  if (!network) {
    GTEST_SKIP() << "neither pasta nor slirp4netns is installed";
  }
  std::string port = listen_on_loopback();
  Ran ran = run(spec_behind(*network, cat("grep -c : /proc/net/dev; timeout 3 nc -w 1 127.0.0.1 ",
                                          port, " </dev/null 2>/dev/null || echo refused")));
  if (!ran.result.notices.empty()) {
    GTEST_SKIP() << ran.result.notices.front();
  }
  EXPECT_EQ(ran.out, "2\nrefused\n");
}

}  // namespace
}  // namespace slipway::tests
