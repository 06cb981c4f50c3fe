#include "builder/sandbox/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;

struct Candidate {
  UserNetwork::Tool tool;
  const char* name;
  const char* name_server;
};
// slirp4netns has its address built in; pasta is told to answer at this one (link-local, so that it
// is nobody's).
constexpr Candidate kCandidates[] = {{UserNetwork::Tool::kPasta, "pasta", "169.254.1.1"},
                                     {UserNetwork::Tool::kSlirp4netns, "slirp4netns", "10.0.2.3"}};
// The descriptor numbers that the programs are told.
constexpr int kReadyDescriptor = 3;
constexpr int kNamespaceDescriptor = 4;

bool is_program(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// In the foreground, so that it is ours to end; nothing is forwarded into the step, and the step
// does not reach the machine's loopback by the gateway's address. The process id file is what it
// writes last before it serves: here it is a pipe. The namespace is a descriptor of ours because it
// gives up the rights to open another process' before it looks. Root stays root, for as "nobody",
// its default, it could not enter.
std::vector<std::string> pasta_arguments(const UserNetwork& network) {
  return {network.program,
          "--config-net",
          "--quiet",
          "--foreground",
          "--runas",
          "0:0",
          "--no-map-gw",
          "--tcp-ports",
          "none",
          "--udp-ports",
          "none",
          "--tcp-ns",
          "none",
          "--udp-ns",
          "none",
          "--dns-forward",
          network.name_server,
          "--pid",
          cat("/proc/self/fd/", kReadyDescriptor),
          "--netns-only",
          "--netns",
          cat("/proc/self/fd/", kNamespaceDescriptor)};
}

std::vector<std::string> slirp4netns_arguments(const UserNetwork& network, pid_t pid) {
  return {network.program,
          "--configure",
          "--mtu=65520",
          "--disable-host-loopback",
          "--enable-sandbox",
          "--enable-seccomp",
          cat("--ready-fd=", kReadyDescriptor),
          cat(pid),
          "tap0"};
}

}  // namespace

std::optional<UserNetwork> find_user_network(std::string_view path) {
  for (const Candidate& candidate : kCandidates) {
    for (std::string_view folder : base::split(path, ':')) {
      std::string program = cat(folder, "/", candidate.name);
      if (folder.starts_with('/') && is_program(program)) {
        return UserNetwork{candidate.tool, program, candidate.name_server};
      }
    }
  }
  return std::nullopt;
}

NetworkProcess start_user_network(const UserNetwork& network, pid_t pid, const Fd& ready) {
  Fd messages(check([] { return ::memfd_create("network", MFD_CLOEXEC); }, "memfd_create"));
  base::SpawnOptions options;
  options.argv = network.tool == UserNetwork::Tool::kPasta ? pasta_arguments(network)
                                                           : slirp4netns_arguments(network, pid);
  Fd name_space = base::open_file(cat("/proc/", pid, "/ns/net"), O_RDONLY);
  options.descriptors = {{messages.get(), 1},
                         {messages.get(), 2},
                         {ready.get(), kReadyDescriptor},
                         {name_space.get(), kNamespaceDescriptor}};
  base::Child process = base::Child::spawn(options);
  return {std::move(process), std::move(messages)};
}

void bring_up_loopback() {
  Fd socket(check([] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }, "socket"));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check([&] { return ::ioctl(socket.get(), SIOCSIFFLAGS, &request); }, "ioctl SIOCSIFFLAGS", "lo");
}

}  // namespace slipway::builder
