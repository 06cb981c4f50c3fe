#include "builder/sandbox/step_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/command.h"
#include "builder/sandbox/init.h"
#include "builder/sandbox/launch_request.h"
#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/oci_step.h"
#include "builder/sandbox/one_id.h"
#include "builder/sandbox/system_mounts.h"
#include "builder/sandbox/terminal.h"

namespace slipway::builder {

namespace {

using base::check;
using base::Fd;

// The request dies with the parent only from now on; if the parent is dead already, its end of the
// pipe is closed.
void die_with_helper(StepProcess& process) {
  check([] { return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }, "prctl PR_SET_PDEATHSIG");
  pollfd wait{process.helper_is_alive.get(), POLLIN, 0};
  if (::poll(&wait, 1, 0) != 0) {
    ::_exit(1);
  }
  process.helper_is_alive.reset();
}

// From here on processes of the step can see us: they shall see a name that says what we are, and
// can neither trace us nor look into our memory or descriptors.
void hide_from_command() {
  check([] { return ::prctl(PR_SET_NAME, kHelperName, 0, 0, 0); }, "prctl PR_SET_NAME");
  check([] { return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }, "prctl PR_SET_DUMPABLE");
}

// A pipe that closes without a byte means that the helper could not do it: it then says why and
// ends us.
char wait_for_helper(const StepProcess& process, const char* what) {
  constexpr unsigned kGraceSeconds = 10;
  char byte = 0;
  if (base::read_some(process.go, {&byte, 1}, "helper") == 0) {
    ::sleep(kGraceSeconds);
    base::fail(base::ErrorKind::kInternal, base::cat("the helper did not get ", what, " ready"));
  }
  return byte;
}

// Only now are we in the control group that shall look like the root of all.
void hide_control_groups() {
  check([] { return ::unshare(CLONE_NEWCGROUP); }, "unshare", "control group namespace");
}

void set_hostname(const SandboxSpec& spec) {
  if (!spec.hostname.empty()) {
    check([&] { return ::sethostname(spec.hostname.data(), spec.hostname.size()); }, "sethostname",
          spec.hostname);
  }
}

// What can be made before the step is known.
struct Ahead {
  std::optional<Scratch> scratch;
  HostSys host_sys;
  SystemMounts mounts;
  bool network_is_joined = false;
  NetworkMode network = NetworkMode::kHost;  // what we are in, once joined
};

// Before /sys, which shows the network that its mounter is in.
void join_network(StepProcess& process, Ahead& ahead) {
  ahead.network_is_joined = true;
  ahead.network = process.launch.network;
  if (ahead.network == NetworkMode::kNone) {
    bring_up_loopback();
    return;
  }
  if (ahead.network == NetworkMode::kHost) {
    return;
  }
  bool is_ready =
      !process.network_is_starting || wait_for_helper(process, "the network") == kNetworkIsReady;
  if (!process.network || !is_ready) {
    ahead.network = NetworkMode::kHost;
    return;
  }
  check([&] { return ::setns(process.network.get(), CLONE_NEWNET); }, "setns", "network");
  process.network.reset();
  ahead.host_sys.sys.reset();
}

// From here on the spec says what the step really has.
void note_network(const Ahead& ahead, SandboxSpec& spec) {
  spec.network = ahead.network;
  if (spec.network == NetworkMode::kUser && spec.resolv_conf_behind_network) {
    spec.resolv_conf = std::move(spec.resolv_conf_behind_network);
  }
}

// Takes the step's standard streams from a terminal of its own, if it is to have one.
void open_stdio(StepProcess& process, const SandboxSpec& spec, const Fd& terminals) {
  if (!spec.terminal) {
    return;
  }
  Terminal terminal = open_terminal(terminals, *spec.terminal);
  for (Fd& stream : process.stdio) {
    stream = terminal.line.duplicate();
  }
  send_report(process.report, report::Terminal{}, &terminal.control);
}

// The terminal's name that programs expect on a machine; what lies behind it is the step's own.
void mount_console(const StepRoot& root) {
  if (!root.spec().terminal) {
    return;
  }
  Fd dev = base::open_beneath(root.root(), "dev", O_PATH | O_DIRECTORY);
  check([&] { return ::mknodat(dev.get(), "console", S_IFREG | 0600, 0); }, "mknod", "console");
  Fd line = base::open_beneath(dev, "pts/0", O_PATH | O_NOFOLLOW);
  attach_at(clone_mount(line, "console"), dev, "console");
}

template <typename Body>
void step(const char* what, Body body) {
  base::noting([&] { return std::string(what); }, body);
}

void join_network_and_make_sys(StepProcess& process, Ahead& ahead) {
  step("joining the network", [&] { join_network(process, ahead); });
  step("setting up /sys", [&] { make_sys(*ahead.scratch, ahead.host_sys, ahead.mounts); });
}

// The list's first part: of what all steps have, and no image can have a say in. A network that is
// not ready yet is waited for as late as it can be, because it takes longer than all the rest.
void set_up_ahead(StepProcess& process, Ahead& ahead) {
  step("entering the control group", [&] {
    if (process.go) {
      wait_for_helper(process, "the control group");
    }
    hide_control_groups();
  });
  step("preparing the root", [&] {
    make_all_mounts_private();
    ahead.host_sys =
        clone_host_sys(process.surroundings, process.launch.network, process.cgroup_views);
    ahead.scratch.emplace(process.surroundings, process.launch.security);
  });
  if (process.launch.has_runtime) {
    return;
  }
  ahead.scratch->attach_to_root();
  step("setting up /proc", [&] { make_proc(*ahead.scratch, ahead.mounts); });
  step("setting up /dev", [&] { make_dev(*ahead.scratch, ahead.mounts); });
  if (!process.network_is_starting) {
    join_network_and_make_sys(process, ahead);
  }
}

// The list. Each function says which race or rule it serves.
void set_up(StepProcess& process, Ahead& ahead, SandboxSpec& spec, StepRoot& root) {
  step("preparing the root", [&] {
    root.open_host_paths();
    root.prepare_mounts();
    root.mount_root();
  });
  if (!ahead.network_is_joined) {
    join_network_and_make_sys(process, ahead);
  }
  note_network(ahead, spec);
  step("setting up /proc", [&] { attach_proc(root, ahead.mounts); });
  step("setting up /sys", [&] { attach_sys(root, ahead.mounts); });
  step("setting up /dev", [&] { attach_dev(root, ahead.mounts); });
  step("setting up the mounts", [&] { root.attach_mounts(); });
  step("setting up the terminal", [&] {
    open_stdio(process, spec, ahead.mounts.terminals);
    mount_console(root);
  });
  step("finishing the root", [&] {
    root.finish();
    ahead.scratch->leave_root();
    pivot_into(root.root());
  });
  step("setting the host name", [&] { set_hostname(spec); });
  enter_working_directory(spec);
}

// The list where a runtime does what comes after the mounts.
void set_up_container(StepProcess& process, Ahead& ahead, SandboxSpec& spec, StepRoot& root) {
  OciSurroundings surroundings{.has_tty_group = process.surroundings.has_tty_group,
                               .has_message_queues = process.surroundings.has_message_queues,
                               .permitted_capabilities = permitted_capabilities(),
                               .open_files = process.open_files};
  step("preparing the root", [&] {
    root.open_host_paths();
    ahead.scratch->attach_for(*spec.runtime);
    root.prepare_mounts();
    root.mount_root();
  });
  step("joining the network", [&] { join_network(process, ahead); });
  note_network(ahead, spec);
  step("setting up the mounts", [&] {
    prepare_system(root, ahead.host_sys, surroundings);
    surroundings.mounts = root.place_mounts();
  });
  step("finishing the root", [&] {
    root.finish();
    surroundings.root = base::cat(ahead.scratch->path(), "/root");
    surroundings.root_is_read_only = root.is_read_only();
    surroundings.devices_are_mounts = ahead.scratch->devices_are_mounts();
    if (ahead.scratch->is_sandboxed() && !process.surroundings.in_user_namespace) {
      surroundings.hook_program = kOwnProgram;
    }
  });
  step("writing the bundle", [&] { write_bundle(root, surroundings); });
}

void report_made(const StepProcess& process, const std::optional<StepRoot>& root) {
  if (root && root->has_made_something()) {
    send_report(process.report, root->made());
  }
}

std::string_view filter_of(const StepProcess& process, const SandboxSpec& spec) {
  if (spec.security == SecurityMode::kInsecure) {
    return {};
  }
  return spec.seccomp ? std::string_view(*spec.seccomp) : process.seccomp;
}

pid_t start(StepProcess& process, const SandboxSpec& spec, const Fd& listener_socket) {
  CommandSetup setup{
      .spec = spec,
      .stdio = {process.stdio[0].get(), process.stdio[1].get(), process.stdio[2].get()},
      .stdio_is_terminal = spec.terminal.has_value(),
      .may_set_groups = process.surroundings.may_set_groups,
      .seccomp = filter_of(process, spec),
      .record_owners = process.record_owners,
      .pretend_owners = process.pretend_owners,
      .listener_socket = &listener_socket,
      .open_files = process.open_files,
      .report = process.report};
  hide_from_command();
  return start_command(setup);
}

// What the command has sent by now; nothing if there was nothing to listen to.
std::optional<OwnerRecorder> make_recorder(base::SocketPair sockets, pid_t command,
                                           const SandboxSpec& spec) {
  sockets.second.reset();
  Packet packet = receive_packet(sockets.first);
  if (packet.descriptors.empty()) {
    return std::nullopt;
  }
  return std::make_optional<OwnerRecorder>(std::move(packet.descriptors.front()), command,
                                           base::RecordedOwner{spec.user.uid, spec.user.gid});
}

// Owners that are recorded need a filter of ours on the command, and a runtime takes none.
void check_runtime(const StepProcess& process) {
  if (process.surroundings.has_one_id) {
    base::fail(base::ErrorKind::kDenied,
               "an OCI runtime can't run steps where there is only one id",
               "give yourself subordinate ids in /etc/subuid and /etc/subgid, run as root, or "
               "build without --runtime");
  }
}

// fuse-overlayfs writes when it likes to. With more rights than steps have mostly, the command may
// have mounted a file system that it made in a file, whose end writes to that file, or have the
// kernel write records of processes to one.
FinalFiles final_files_of(const StepProcess& process, const SandboxSpec& spec) {
  bool is_plain = spec.security == SecurityMode::kSandbox &&
                  (spec.capabilities & ~kDefaultCapabilities) == 0 && process.fuse.devices.empty();
  return is_plain ? FinalFiles::kWithLastProcess : FinalFiles::kWithMounts;
}

[[noreturn]] void run_command(StepProcess& process, const SandboxSpec& spec) {
  FinalFiles final_files = final_files_of(process, spec);
  base::SocketPair sockets;
  if (!process.record_owners.empty()) {
    sockets = base::make_socket_pair();
  }
  pid_t command = start(process, spec, sockets.second);
  process.stdio = {};
  process.go.reset();
  process.network.reset();
  process.fuse = {};
  std::optional<OwnerRecorder> recorder;
  if (sockets.first) {
    recorder = make_recorder(std::move(sockets), command, spec);
  }
  run_init(command, process.report, recorder ? &*recorder : nullptr, final_files);
}

// Waits for the step that a process made ahead becomes. Its end without one is the helper's word
// that there will be none.
void take_request(StepProcess& process, std::optional<Request>& request) {
  Packet packet = receive_packet(process.requests);
  if (packet.bytes.empty()) {
    ::_exit(0);
  }
  process.requests.reset();
  request.emplace(read_request(std::move(packet)));
  process.spec_bytes = request->spec();
  process.report = std::move(request->socket);
  process.stdio = std::move(request->stdio);
}

}  // namespace

std::vector<int> descriptors_of(const StepProcess& process) {
  std::vector<int> numbers = {process.report.get(),          process.requests.get(),
                              process.helper_is_alive.get(), process.go.get(),
                              process.network.get(),         process.fuse.mounted.get()};
  for (const Fd& stream : process.stdio) {
    numbers.push_back(stream.get());
  }
  for (const Fd& device : process.fuse.devices) {
    numbers.push_back(device.get());
  }
  return numbers;
}

void run_step_process(StepProcess process) {
  std::optional<Request> request;
  std::optional<Ahead> ahead;
  std::optional<StepRoot> root;
  try {
    die_with_helper(process);
    ::umask(0);
    block_all_signals();
    set_up_ahead(process, ahead.emplace());
    if (process.requests) {
      take_request(process, request);
    }
    SandboxSpec spec = decode_spec(process.spec_bytes);
    root.emplace(spec, *ahead->scratch, process.fuse);
    if (spec.runtime) {
      check_runtime(process);
      set_up_container(process, *ahead, spec, *root);
      report_made(process, root);
      run_container(process, *root);
    }
    set_up(process, *ahead, spec, *root);
    report_made(process, root);
    root.reset();
    ahead.reset();
    run_command(process, spec);
  } catch (const base::Error& error) {
    // The boundary of the process: the owner throws it again. What failed before there was a step
    // is the error of the one that comes.
    if (process.requests) {
      take_request(process, request);
    }
    report_made(process, root);
    send_report(process.report, failed_report(error));
  }
  ::_exit(1);
}

}  // namespace slipway::builder
