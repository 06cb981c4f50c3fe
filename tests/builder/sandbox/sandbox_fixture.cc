#include "tests/builder/sandbox/sandbox_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/subordinate_ids.h"
#include "builder/sandbox/wire.h"

namespace slipway::tests {

namespace {

using base::cat;
using base::Fd;

constexpr const char* kBusybox = "/bin/busybox";

void copy_program(const std::string& from, const std::string& to) {
  std::string content = base::find_file_content(from, 1 << 26).value_or("");
  Fd file = base::open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
  base::write_all(file, content, to);
}

std::string make_base_layer(const std::string& folder) {
  std::string layer = folder + "/base";
  for (const char* name : {"", "/bin", "/tmp", "/etc", "/home"}) {
    ::mkdir((layer + name).c_str(), 0755);
  }
  ::chmod((layer + "/tmp").c_str(), 01777);
  copy_program(kBusybox, layer + "/bin/busybox");
  const char* probe =
      std::getenv("SLIPWAY_TEST_PROBE");  // elsewhere, for users without rights here
  copy_program(probe != nullptr ? probe : SANDBOX_PROBE, layer + "/bin/probe");
  base::Output applets = base::run_program({.argv = {kBusybox, "--list"}});
  for (std::string_view applet : base::split(base::trim(applets.out), '\n')) {
    if (applet != "busybox") {
      EXPECT_EQ(::symlink("busybox", cat(layer, "/bin/", applet).c_str()), 0);
    }
  }
  return layer;
}

struct SharedBase {
  base::TempDir folder{"/var/tmp", "slipway-sandbox-base-"};
  std::string layer = make_base_layer(folder.path());
};

// One for all tests of this process; made on first use, gone at its end.
const SharedBase& shared_base() {
  static SharedBase base;
  return base;
}

void list(const Fd& directory, const std::string& prefix, std::string& out) {
  for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
    out += cat(prefix, entry.name, "\n");
    if (entry.type == DT_DIR) {
      list(base::open_at(directory, entry.name, O_RDONLY | O_DIRECTORY),
           cat(prefix, entry.name, "/"), out);
    }
  }
}

}  // namespace

SandboxTest::SandboxTest() : scratch_("/var/tmp", "slipway-sandbox-") {
  options_.environment = {"ASAN_OPTIONS=detect_leaks=0"};
}

builder::Sandbox& SandboxTest::sandbox() {
  if (!sandbox_) {
    sandbox_.emplace(options_);
    if (std::getenv("SLIPWAY_TEST_SPARES") != nullptr) {
      warm_up();
    }
  }
  return *sandbox_;
}

void SandboxTest::warm_up() {
  int steps = std::exchange(steps_, 1000);
  // The first step of a helper makes no spare.
  for (int step = 0; step < 2; ++step) {
    builder::SandboxSpec spec = spec_of("true");
    overlay_of(spec).stubs.clear();
    sandbox_->run(spec, {}, {});
  }
  wait_for_spare();
  steps_ = steps;
}

const std::string& SandboxTest::base_layer() const {
  return shared_base().layer;
}

bool SandboxTest::is_rootless() const {
  return builder::in_user_namespace();
}

bool SandboxTest::has_many_ids() const {
  std::string map = base::find_file_content("/proc/self/uid_map", 4096).value_or("");
  return builder::count_mapped_ids(map) > 1;
}

std::string SandboxTest::make_directory(const std::string& name, mode_t mode) {
  std::string path = cat(scratch_.path(), "/", name);
  base::ensure_directory(path);
  EXPECT_EQ(::chmod(path.c_str(), mode), 0);
  return path;
}

void SandboxTest::write_file(const std::string& path, std::string_view content, mode_t mode) {
  Fd file = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  base::write_all(file, content, path);
  EXPECT_EQ(::fchmod(file.get(), mode), 0);
}

builder::SandboxSpec SandboxTest::spec_of(const std::string& script) {
  ++steps_;
  builder::SandboxSpec spec;
  spec.root = builder::OverlayRoot{.lowers = {base_layer()},
                                   .upper = make_directory(cat("upper", steps_)),
                                   .work = make_directory(cat("work", steps_)),
                                   .stubs = make_directory("stubs")};
  spec.argv = {"sh", "-c", script};
  spec.environment = {"PATH=/usr/bin:/bin"};
  return spec;
}

SandboxTest::Ran SandboxTest::run(const builder::SandboxSpec& spec, std::stop_token stop) {
  Fd out(base::check([] { return ::memfd_create("out", MFD_CLOEXEC); }, "memfd_create"));
  base::check([&] { return ::fcntl(out.get(), F_SETFL, O_APPEND); }, "fcntl");
  Ran ran;
  ran.result = sandbox().run(spec, {.in = -1, .out = out.get(), .err = out.get()}, stop);
  base::check([&] { return ::lseek(out.get(), 0, SEEK_SET); }, "lseek");
  ran.out = base::read_to_end(out, 1 << 24, "output");
  return ran;
}

std::string SandboxTest::output_of(const builder::SandboxSpec& spec) {
  Ran ran = run(spec);
  EXPECT_TRUE(ran.result.success()) << ran.result.status.text() << " " << ran.result.message << "\n"
                                    << ran.out;
  return ran.out;
}

std::string SandboxTest::error_of(const builder::SandboxSpec& spec) {
  try {
    Ran ran = run(spec);
    ADD_FAILURE() << "no error but " << ran.result.status.text() << "\n" << ran.out;
    return {};
  } catch (const base::Error& error) {
    return base::describe(error);
  }
}

std::string SandboxTest::upper_entries() const {
  std::string entries;
  list(base::open_directory(cat(scratch_.path(), "/upper", steps_)), "", entries);
  return entries;
}

std::vector<pid_t> processes_with(std::string_view text) {
  std::vector<pid_t> found;
  for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory("/proc"))) {
    std::optional<pid_t> pid = base::parse_integer<pid_t>(entry.name);
    if (!pid || *pid == ::getpid()) {
      continue;
    }
    int number = ::open(cat("/proc/", *pid, "/cmdline").c_str(), O_RDONLY | O_CLOEXEC);
    if (number < 0) {
      continue;
    }
    Fd file(number);
    char line[4096];
    ssize_t size = std::max<ssize_t>(::read(file.get(), line, sizeof line), 0);
    std::replace(line, line + size, '\0', ' ');
    if (std::string_view(line, static_cast<std::size_t>(size)).contains(text)) {
      found.push_back(*pid);
    }
  }
  return found;
}

pid_t parent_of(pid_t pid) {
  // A process that goes after the file was opened makes the reading fail.
  Fd file(::open(cat("/proc/", pid, "/status").c_str(), O_RDONLY | O_CLOEXEC));
  char text[8192];
  ssize_t size = file ? std::max<ssize_t>(::read(file.get(), text, sizeof text), 0) : 0;
  std::string_view status(text, static_cast<std::size_t>(size));
  for (std::string_view line : base::split(status, '\n')) {
    if (line.starts_with("PPid:")) {
      return base::parse_integer<pid_t>(base::trim(line.substr(5))).value_or(0);
    }
  }
  return 0;
}

std::optional<pid_t> wait_for_spare() {
  constexpr std::chrono::seconds kLong{2};
  auto end = std::chrono::steady_clock::now() + kLong;
  while (std::chrono::steady_clock::now() < end) {
    for (pid_t pid : processes_with(builder::kHelperArgument)) {
      pid_t helper = parent_of(pid);
      if (helper != 0 && parent_of(helper) == ::getpid()) {
        return pid;
      }
    }
    ::sched_yield();
  }
  return std::nullopt;
}

}  // namespace slipway::tests
