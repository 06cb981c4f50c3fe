// Start to exit of a step that does nothing, on an overlay of ten layers (or as many as asked for),
// and beside it what the kernel alone needs for such a step (sandbox_floor.h).
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
#include "sandbox_floor.h"

namespace {

namespace base = slipway::base;
namespace bench = slipway::bench;
namespace builder = slipway::builder;
using base::cat;

struct Workload {
  std::string name;
  builder::NetworkMode network = builder::NetworkMode::kHost;
  builder::CgroupLimits cgroup;
};

struct Numbers {
  std::vector<double> wall_us;
  double cpu_us = 0;  // mean, all processes together
  double part(std::size_t percent) const { return wall_us[wall_us.size() * percent / 100]; }
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
  auto add = [&](const char* name, std::string_view content) {
    base::Fd file = base::open_file(cat(layers[0], name), O_WRONLY | O_CREAT, 0755);
    base::write_all(file, content);
  };
  for (const char* name : {"/dev", "/etc", "/proc", "/sys"}) {
    base::ensure_directory(cat(layers[0], name));
  }
  add("/true", base::find_file_content(BENCH_TRUE, 1 << 20).value_or(""));
  add("/etc/hosts", "");
  add("/etc/resolv.conf", "");
  return layers;
}

builder::SandboxSpec spec_of(const Workload& workload, const bench::FloorStep& step,
                             const std::string& stubs) {
  builder::SandboxSpec spec;
  spec.root = builder::OverlayRoot{step.lowers, step.upper, step.work, stubs};
  spec.argv = {"/true"};
  spec.hosts = "127.0.0.1 localhost\n";
  spec.resolv_conf = "nameserver 192.0.2.1\n";
  spec.hostname = "bench";
  spec.network = workload.network;
  spec.cgroup = workload.cgroup;
  return spec;
}

struct Pair {
  Numbers floor;
  Numbers ours;
};

// Both by turns, so that what else the machine does hits both; each after a rest, so that what the
// kernel puts off to the end of a step (the end of its network, what is freed later) is not counted
// as the next one's.
Pair measure(const Workload& workload, const std::vector<std::string>& layers, int steps,
             const std::string& parent) {
  constexpr unsigned kRestUs = 3000;
  base::TempDir folder(parent, "slipway-bench-");
  std::string stubs = make_directory(folder, "stubs");
  std::vector<bench::FloorStep> places;
  for (int index = 0; index < 2 * steps; ++index) {
    places.push_back({layers, make_directory(folder, cat("upper", index)),
                      make_directory(folder, cat("work", index)),
                      workload.network == builder::NetworkMode::kNone});
  }
  Pair pair;
  auto timed = [](Numbers& numbers, auto run) {
    ::usleep(kRestUs);
    auto start = std::chrono::steady_clock::now();
    run();
    numbers.wall_us.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  };
  bench::FloorSurroundings surroundings = bench::find_floor_surroundings();
  double before = cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN);
  double floor_cpu_us = 0;
  {
    builder::Sandbox sandbox;
    for (std::size_t index = 0; index < places.size(); index += 2) {
      double floor_before = cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN);
      timed(pair.floor, [&] { bench::run_floor_step(surroundings, places[index]); });
      floor_cpu_us += cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN) - floor_before;
      builder::SandboxSpec spec = spec_of(workload, places[index + 1], stubs);
      timed(pair.ours, [&] {
        if (!sandbox.run(spec, {}, {}).success()) {
          base::fail(base::ErrorKind::kInternal, "the step failed");
        }
      });
    }
  }
  double all_us = cpu_us_of(RUSAGE_SELF) + cpu_us_of(RUSAGE_CHILDREN) - before;
  pair.floor.cpu_us = floor_cpu_us / steps;
  pair.ours.cpu_us = (all_us - floor_cpu_us) / steps;
  for (Numbers* numbers : {&pair.floor, &pair.ours}) {
    std::sort(numbers->wall_us.begin(), numbers->wall_us.end());
  }
  return pair;
}

// A process that is started and waited for.
double spawn_us(int count) {
  auto start = std::chrono::steady_clock::now();
  for (int index = 0; index < count; ++index) {
    base::Child::spawn({.argv = {BENCH_TRUE}}).wait();
  }
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
             .count() /
         count;
}

void print(const std::string& name, const Numbers& numbers) {
  std::printf("%-24s %8.0f %8.0f %8.0f %8.0f\n", name.c_str(), numbers.part(10), numbers.part(50),
              numbers.part(90), numbers.cpu_us);
}

int bench_all(int steps, int layers, const std::string& parent) {
  builder::enter_user_namespace();
  base::TempDir folder(parent, "slipway-bench-");
  std::vector<std::string> lowers = make_layers(folder, layers);
  builder::CgroupLimits limits;
  limits.pids_max = 100;
  std::vector<Workload> workloads = {
      {"host network", builder::NetworkMode::kHost, {}},
      {"no network", builder::NetworkMode::kNone, {}},
      {"a limit (floor: none)", builder::NetworkMode::kHost, limits}};
  std::printf("%-24s %8s %8s %8s %8s   us; %d layers, %d steps; plain spawn %.0f us\n", "", "p10",
              "median", "p90", "cpu", layers, steps, spawn_us(steps));
  for (const Workload& workload : workloads) {
    Pair pair = measure(workload, lowers, steps, parent);
    print(workload.name, pair.ours);
    print("  its floor", pair.floor);
    std::printf("  ratio %26.2f\n", pair.ours.part(50) / pair.floor.part(50));
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
    return bench_all(steps, layers, argc > 3 ? argv[3] : "/var/tmp");
  } catch (const base::Error& error) {
    std::printf("%s\n", base::describe(error).c_str());
    return 1;
  }
}
