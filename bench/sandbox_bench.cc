// Start to exit of a step that does nothing, on an overlay of ten layers (or as many as asked for).
//   sandbox_bench [steps] [layers] [folder]
// The folder holds layers and upper directories; /var/tmp if it is not given. (ext4 without a
// journal makes creating files slow for minutes after many were deleted: then measure on another
// one.)
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/sandbox/rootless.h"
#include "builder/sandbox/sandbox.h"

namespace {

namespace base = slipway::base;
namespace builder = slipway::builder;
using base::cat;

struct Workload {
  std::string name;
  builder::NetworkMode network = builder::NetworkMode::kHost;
  builder::CgroupLimits cgroup;
};

struct Numbers {
  std::vector<double> wall_us;
  double cpu_us = 0;  // mean, owner and helper and step together
};

double cpu_us_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

std::string make_directory(const base::TempDir& folder, const std::string& name) {
  base::ensure_directory(cat(folder.path(), "/", name));
  return cat(folder.path(), "/", name);
}

std::vector<std::string> make_layers(const base::TempDir& folder, int count) {
  std::vector<std::string> layers;
  for (int index = 0; index < count; ++index) {
    layers.push_back(make_directory(folder, cat("layer", index)));
  }
  std::string program = base::find_file_content(BENCH_TRUE, 1 << 20).value_or("");
  base::Fd file = base::open_file(cat(layers[0], "/true"), O_WRONLY | O_CREAT, 0755);
  base::write_all(file, program);
  return layers;
}

Numbers measure(const Workload& workload, const std::vector<std::string>& layers, int steps,
                const std::string& parent) {
  base::TempDir folder(parent, "slipway-bench-");
  std::string stubs = make_directory(folder, "stubs");
  std::vector<builder::SandboxSpec> specs;
  for (int index = 0; index < steps; ++index) {
    builder::SandboxSpec spec;
    spec.root = builder::OverlayRoot{layers, make_directory(folder, cat("upper", index)),
                                     make_directory(folder, cat("work", index)), stubs};
    spec.argv = {"/true"};
    spec.hosts = "127.0.0.1 localhost\n";
    spec.resolv_conf = "nameserver 192.0.2.1\n";
    spec.hostname = "bench";
    spec.network = workload.network;
    spec.cgroup = workload.cgroup;
    specs.push_back(spec);
  }
  Numbers numbers;
  double before = cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN);
  {
    builder::Sandbox sandbox;
    for (const builder::SandboxSpec& spec : specs) {
      auto start = std::chrono::steady_clock::now();
      if (!sandbox.run(spec, {}, {}).success()) {
        base::fail(base::ErrorKind::kInternal, "the step failed");
      }
      numbers.wall_us.push_back(
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count());
    }
  }
  numbers.cpu_us = (cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN) - before) / steps;
  std::sort(numbers.wall_us.begin(), numbers.wall_us.end());
  return numbers;
}

// The floor under all of it: a process that is started and waited for.
double spawn_us(int count) {
  auto start = std::chrono::steady_clock::now();
  for (int index = 0; index < count; ++index) {
    base::Child::spawn({.argv = {BENCH_TRUE}}).wait();
  }
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
             .count() /
         count;
}

int bench(int steps, int layers, const std::string& parent) {
  builder::enter_user_namespace();
  base::TempDir folder(parent, "slipway-bench-");
  std::vector<std::string> lowers = make_layers(folder, layers);
  builder::CgroupLimits limits;
  limits.pids_max = 100;
  std::vector<Workload> workloads = {{"host network", builder::NetworkMode::kHost, {}},
                                     {"no network", builder::NetworkMode::kNone, {}},
                                     {"a limit", builder::NetworkMode::kHost, limits}};
  std::printf("%-16s %8s %8s %8s %8s   us; %d layers, %d steps; plain spawn %.0f us\n", "", "p10",
              "median", "p90", "cpu", layers, steps, spawn_us(steps));
  for (const Workload& workload : workloads) {
    Numbers numbers = measure(workload, lowers, steps, parent);
    auto part = [&](int percent) {
      return numbers.wall_us[numbers.wall_us.size() * static_cast<std::size_t>(percent) / 100];
    };
    std::printf("%-16s %8.0f %8.0f %8.0f %8.0f\n", workload.name.c_str(), part(10), part(50),
                part(90), numbers.cpu_us);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (builder::is_sandbox_helper(argc, argv)) {
    return builder::sandbox_helper_main(argc, argv);
  }
  try {
    int steps = argc > 1 ? base::parse_integer<int>(argv[1]).value_or(200) : 200;
    int layers = argc > 2 ? base::parse_integer<int>(argv[2]).value_or(10) : 10;
    return bench(steps, layers, argc > 3 ? argv[3] : "/var/tmp");
  } catch (const base::Error& error) {
    std::printf("%s\n", base::describe(error).c_str());
    return 1;
  }
}
