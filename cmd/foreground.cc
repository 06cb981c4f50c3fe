#include "cmd/foreground.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "base/text.h"
#include "cmd/report.h"
#include "cmd/terminal.h"

namespace slipway::cmd {

namespace {

using base::cat;

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

builder::StepResult run_plainly(Services& services, const builder::SandboxSpec& spec,
                                const Foreground& how) {
  builder::StepIo io{how.input ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO};
  std::optional<builder::Step> step;
  SignalProxy proxy(services.interrupts());
  step.emplace(services.sandbox().begin(spec, io));
  proxy.attach(*step, nullptr);
  return step->wait({});
}

builder::StepResult run_on_terminal(Services& services, builder::SandboxSpec spec,
                                    const Foreground& how) {
  if (how.input && ::isatty(STDIN_FILENO) != 1) {
    base::fail(base::ErrorKind::kUsage, "the input device is not a TTY",
               "leave -t away where standard input is no terminal");
  }
  spec.terminal = find_terminal_size().value_or(builder::TerminalSize{});
  std::optional<builder::Step> step;
  base::Fd terminal;
  SignalProxy proxy(services.interrupts());
  step.emplace(services.sandbox().begin(spec, {}));
  terminal = step->take_terminal();
  proxy.attach(*step, &terminal);
  std::optional<RawMode> raw;
  if (how.input) {
    raw.emplace(STDIN_FILENO);
  }
  relay_terminal(terminal, how.input ? TerminalInput::kStandardInput : TerminalInput::kNone);
  return step->wait({});
}

}  // namespace

builder::StepResult run_in_foreground(Services& services, builder::SandboxSpec spec,
                                      const Foreground& how) {
  return how.terminal ? run_on_terminal(services, std::move(spec), how)
                      : run_plainly(services, spec, how);
}

int code_of(const builder::StepResult& result) {
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

std::vector<std::string> shell_arguments() {
  return {"/bin/sh", "-c",
          "if command -v bash >/dev/null 2>&1; then exec bash; else exec /bin/sh; fi"};
}

void set_variables(std::vector<std::string>& variables, const std::vector<std::string>& given,
                   const Environment& ours) {
  for (const std::string& text : given) {
    std::string name = text.substr(0, text.find('='));
    std::erase_if(variables, [&](const std::string& known) {
      return known.starts_with(name) && known.substr(name.size()).starts_with('=');
    });
    std::optional<std::string> value = ours.find(name);
    if (name.size() < text.size()) {
      variables.push_back(text);
    } else if (value) {
      variables.push_back(cat(name, "=", *value));
    }
  }
}

int look_around(Services& services, builder::SandboxSpec spec,
                const std::vector<std::string>& command, const std::string& command_hint) {
  bool on_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  spec.argv = command.empty() ? shell_arguments() : command;
  bool has_term = std::any_of(spec.environment.begin(), spec.environment.end(),
                              [](const std::string& text) { return text.starts_with("TERM="); });
  if (on_terminal && !has_term) {
    spec.environment.push_back(cat("TERM=", services.environment().get("TERM", "xterm")));
  }
  builder::StepResult result =
      run_in_foreground(services, std::move(spec), {.input = true, .terminal = on_terminal});
  if (result.end == builder::StepEnd::kNotExecuted && command.empty()) {
    print_error(cat("ERROR: there is no shell in this sandbox: ", result.message,
                    "\n  hint: give a command that it has: ", command_hint, "\n"));
    return result.status.shell_code();
  }
  return code_of(result);
}

}  // namespace slipway::cmd
