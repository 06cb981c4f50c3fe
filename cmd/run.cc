#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "builder/layer/copy_plan.h"
#include "builder/sandbox/network.h"
#include "cmd/image_names.h"
#include "cmd/progress/transfers.h"
#include "cmd/report.h"
#include "cmd/run_flags.h"
#include "cmd/run_spec.h"
#include "cmd/services.h"
#include "cmd/terminal.h"
#include "cmd/verbs.h"
#include "registry/pull.h"

namespace slipway::cmd {

namespace {

using base::cat;

// docker's: what failed was not the command but the attempt to run it.
constexpr int kNotRun = 125;
constexpr std::size_t kResolvConfBytesMax = 1 << 20;
constexpr std::size_t kHostnameBytes = 6;
// So many Ctrl-C that the command does not heed mean that it shall end.
constexpr int kPatience = 3;

// Passes our signals on to the step; those that come while it is being started wait for it.
class SignalProxy {
 public:
  explicit SignalProxy(Interrupts& interrupts)
      : redirect_(interrupts, [this](int signal) { target_.lock()->take(signal); }) {}

  // The step and the terminal (null where the step has none) outlive this. Once.
  void attach(builder::Step& step, const base::Fd* terminal) {
    target_.lock()->attach(step, terminal);
  }

 private:
  class Target {
   public:
    void attach(builder::Step& step, const base::Fd* terminal) {
      step_ = &step;
      terminal_ = terminal;
      for (int signal : std::exchange(waiting_, {})) {
        pass(signal);
      }
    }

    void take(int signal) {
      if (step_ == nullptr) {
        waiting_.push_back(signal);
      } else {
        pass(signal);
      }
    }

   private:
    void pass(int signal) {
      if (signal == SIGWINCH) {
        resize();
        return;
      }
      if (signal == SIGINT || signal == SIGTERM) {
        ++asked_to_end_;
      }
      step_->signal(asked_to_end_ >= kPatience ? SIGKILL : signal);
    }

    void resize() {
      std::optional<builder::TerminalSize> size = find_terminal_size();
      if (terminal_ != nullptr && size) {
        set_terminal_size(*terminal_, *size);
      }
    }

    builder::Step* step_ = nullptr;
    const base::Fd* terminal_ = nullptr;
    std::vector<int> waiting_;
    int asked_to_end_ = 0;
  };

  base::Guarded<Target> target_;
  Interrupts::Redirect redirect_;
};

class RunVerb {
 public:
  RunVerb(const Invocation& invocation, const RunFlags& flags)
      : flags_(flags),
        progress_(TransferKind::kPull, TransferProgress::screen_of(STDERR_FILENO, flags.quiet),
                  clock_),
        services_(invocation, {.use = StoreUse::kFiles,
                               .insecure_registries = flags.insecure,
                               .observer = progress_.observer()}) {}

  int run() {
    builder::StoredImage image = builder::read_image(services_.store(), image_id());
    std::shared_ptr<const builder::TreeView> root =
        services_.layers().view(image.row.layers, services_.stop());
    builder::SandboxSpec spec = spec_of(image.config.config, *root);
    cache::StagedTree scratch = services_.store().trees().stage();
    builder::OverlayRoot overlay{
        services_.layers().ensure_trees(image.row.layers, services_.stop()), "", ""};
    if (!flags_.read_only) {
      overlay.upper = scratch.path();
      overlay.work = scratch.side_path("work");
      make_working_directory(*root, scratch.path(), spec.working_directory);
    }
    spec.root = std::move(overlay);
    services_.store().flush();
    return code_of(flags_.terminal ? run_on_terminal(std::move(spec)) : run_plainly(spec));
  }

 private:
  cache::ImageId image_id() {
    const std::string& text = flags_.words.front();
    registry::Platform platform = get_platform(flags_.platform);
    builder::PullPolicy policy = pull_policy_of(flags_);
    if (policy != builder::PullPolicy::kAlways) {
      if (auto id = builder::find_image(services_.store(), text, platform)) {
        services_.store().images().touch(*id);
        return *id;
      }
    }
    if (policy == builder::PullPolicy::kNever) {
      fail_no_image(services_.store(), text);
    }
    registry::Reference reference = get_reference(text).for_pull();
    if (policy == builder::PullPolicy::kMissing && !flags_.quiet) {
      print_error(cat("Unable to find image '", reference.familiar(), "' locally\n"));
    }
    return registry::pull(services_.client(), reference, platform, services_.store(),
                          &services_.layer_sink(), {.observer = progress_.observer()},
                          services_.stop())
        .image.id;
  }

  builder::SandboxSpec spec_of(const registry::ContainerConfig& config,
                               const builder::TreeView& root) {
    const Environment& environment = services_.environment();
    RunSurroundings surroundings{
        .environment = &environment,
        .working_directory = std::filesystem::current_path().string(),
        .random_name = base::random_hex(kHostnameBytes),
        .resolv_conf =
            base::find_file_content("/etc/resolv.conf", kResolvConfBytesMax).value_or("")};
    builder::SandboxSpec spec = make_run_spec(flags_, config, root, surroundings);
    for (const builder::MountEntry& mount : spec.mounts) {
      if (const auto* bind = std::get_if<builder::BindMount>(&mount)) {
        ensure_volume(*bind);
      }
    }
    return spec;
  }

  // As docker does for -v: a folder that is not there is made.
  static void ensure_volume(const builder::BindMount& mount) {
    if (!base::find_status(base::Fd(), mount.source)) {
      base::ensure_directory(mount.source);
    }
  }

  // A config may name a directory that no layer has.
  void make_working_directory(const builder::TreeView& root, const std::string& upper,
                              const base::ImagePath& path) {
    builder::LayerEntries missing =
        builder::plan_directory(path, builder::Owner{}, services_.clock().now(), &root);
    base::Fd directory = base::open_directory(upper);
    builder::TreeWriter writer(
        directory, {builder::overlay_marks_of_process(), builder::TreeWriter::Owners::kApply});
    for (const builder::LayerEntry& entry : missing.entries) {
      writer.create(entry.entry);
    }
    writer.finish();
  }

  builder::StepResult run_plainly(const builder::SandboxSpec& spec) {
    builder::StepIo io{flags_.interactive ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO};
    std::optional<builder::Step> step;
    SignalProxy proxy(services_.interrupts());
    step.emplace(services_.sandbox().begin(spec, io));
    proxy.attach(*step, nullptr);
    return step->wait({});
  }

  builder::StepResult run_on_terminal(builder::SandboxSpec spec) {
    bool has_keyboard = ::isatty(STDIN_FILENO) == 1;
    if (flags_.interactive && !has_keyboard) {
      base::fail(base::ErrorKind::kUsage, "the input device is not a TTY",
                 "leave -t away where standard input is no terminal");
    }
    spec.terminal = find_terminal_size().value_or(builder::TerminalSize{});
    std::optional<builder::Step> step;
    base::Fd terminal;
    SignalProxy proxy(services_.interrupts());
    step.emplace(services_.sandbox().begin(spec, {}));
    terminal = step->take_terminal();
    proxy.attach(*step, &terminal);
    std::optional<RawMode> raw;
    if (flags_.interactive) {
      raw.emplace(STDIN_FILENO);
    }
    relay_terminal(terminal,
                   flags_.interactive ? TerminalInput::kStandardInput : TerminalInput::kNone);
    return step->wait({});
  }

  static int code_of(const builder::StepResult& result) {
    for (const std::string& notice : result.notices) {
      print_error(cat("WARNING: ", notice, "\n"));
    }
    if (result.end == builder::StepEnd::kNotExecuted) {
      print_error(cat("ERROR: ", result.message, "\n"));
    }
    if (result.end == builder::StepEnd::kOutOfMemory) {
      print_error("ERROR: the command used more memory than it may and was killed\n");
    }
    if (result.end == builder::StepEnd::kTimeout) {
      print_error("ERROR: the command took longer than --timeout allows and was killed\n");
    }
    return result.status.shell_code();
  }

  const RunFlags& flags_;
  base::SystemClock clock_;
  TransferProgress progress_;
  Services services_;
};

}  // namespace

int run_run(const Invocation& invocation) {
  int code = 0;
  std::optional<base::Error> error = failure_of([&] {
    RunFlags flags;
    if (parse_run_flags(invocation.arguments, flags)) {
      code = RunVerb(invocation, flags).run();
    }
  });
  if (!error) {
    return code;
  }
  print_error(report_text(*error));
  return error->kind() == base::ErrorKind::kCancelled ? static_cast<int>(ExitCode::kCancelled)
                                                      : kNotRun;
}

}  // namespace slipway::cmd
