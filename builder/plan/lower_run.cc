#include <array>
#include <utility>

#include "base/text.h"
#include "builder/plan/lower.h"
#include "parser/expand.h"
#include "parser/lines.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::string_view kScriptFolder = "/dev/pipes/";

// The words of the command, and what its heredocs add.
struct RunCommand {
  Texts argv;
  std::vector<ExecFile> files;
  std::string name_suffix;  // of the step's name
};

// RUN <<EOF: the body is the script. It is run by the shell as one text, or, if it says which
// program reads it, as a file.
std::expected<RunCommand, std::string> lower_script(Lowering& lowering,
                                                    const parser::CommandLine& command,
                                                    const parser::ShellFile& file) {
  std::string body = file.chomp ? parser::chomp_heredoc(file.content) : file.content;
  RunCommand result{.name_suffix = heredoc_summary(file.content)};
  parser::CommandLine shell = command;
  if (lowering.state.image.platform.os != "windows" && body.starts_with("#!")) {
    if (!base::is_path_part(file.name)) {
      return std::unexpected(cat("the heredoc name ", base::quote(file.name),
                                 " can't be the name of a script: use a plain file name"));
    }
    shell.arguments = {cat(kScriptFolder, file.name)};
    result.files.push_back({file.name, std::move(body)});
  } else {
    shell.arguments = {std::move(body)};
  }
  result.argv = command_words(lowering, shell);
  return result;
}

std::expected<RunCommand, std::string> lower_command(Lowering& lowering,
                                                     const parser::CommandLine& command) {
  if (command.files.empty() || !command.shell_form || command.arguments.empty()) {
    RunCommand result{.argv = command_words(lowering, command)};
    if (result.argv.empty()) {
      return std::unexpected("arguments are required");
    }
    return result;
  }
  if (parser::parse_heredoc_word(command.arguments[0])) {
    return lower_script(lowering, command, command.files[0]);
  }
  // The shell handles the heredocs itself: it gets the line with the bodies below.
  parser::CommandLine whole = command;
  for (const parser::ShellFile& file : command.files) {
    whole.arguments[0] += cat("\n", file.content, file.name);
  }
  return RunCommand{.argv = command_words(lowering, whole)};
}

// Variables whose values are secrets are masked in step names.
class MaskedVariables : public parser::Variables {
 public:
  MaskedVariables(const Environment& variables, const std::vector<parser::Mount>& mounts)
      : variables_(variables), mounts_(mounts) {}
  std::optional<std::string_view> find(std::string_view name) const override {
    for (const parser::Mount& mount : mounts_) {
      if (mount.type == parser::MountType::kSecret && mount.env && *mount.env == name) {
        return "****";
      }
    }
    return variables_.find(name);
  }

 private:
  const Environment& variables_;
  const std::vector<parser::Mount>& mounts_;
};

// "|2 A=1 B=2 ": the arguments that were declared, with the values the command sees.
std::string arguments_text(const StageState& state) {
  if (state.arguments.empty()) {
    return {};
  }
  std::string text = cat("|", state.arguments.size(), " ");
  for (const auto& [name, declared] : state.arguments.items()) {
    text.append(name).append("=");
    text.append(state.environment.find(name).value_or(declared)).append(" ");
  }
  return text;
}

Exec::Network network_of(const Lowering& lowering, const parser::Run& run) {
  switch (run.network) {
    case parser::Run::Network::kNone:
      return Exec::Network::kNone;
    case parser::Run::Network::kHost:
      return Exec::Network::kHost;
    case parser::Run::Network::kDefault:
      break;
  }
  return lowering.session.options.network;
}

// The first agent socket, for programs that look for one.
void announce_ssh(Exec& exec) {
  for (const ExecMount& mount : exec.mounts) {
    if (mount.kind == ExecMount::Kind::kSsh) {
      if (!exec.environment.contains("SSH_AUTH_SOCK")) {
        exec.environment.set("SSH_AUTH_SOCK", mount.target);
      }
      return;
    }
  }
}

std::string device_text(const parser::Run::Device& device) {
  return cat(device.name, device.required ? ",required" : "");
}

}  // namespace

Lowered lower_run(Lowering& lowering, const parser::Run& run,
                  const std::vector<parser::Mount>& mounts) {
  auto command = lower_command(lowering, run.command);
  if (!command) {
    return std::unexpected(std::move(command.error()));
  }
  auto exec_mounts = lower_mounts(lowering, run, mounts);
  if (!exec_mounts) {
    return std::unexpected(std::move(exec_mounts.error()));
  }
  const StageState& state = lowering.state;
  std::string created_by =
      cat("RUN ", arguments_text(state), base::join(command->argv, " "), " # buildkit");
  Exec exec{.argv = std::move(command->argv),
            .environment = state.environment,
            .working_directory = current_directory(state).text(),
            .user = std::string(text_of(state.image.user)),
            .mounts = *std::move(exec_mounts),
            .files = std::move(command->files),
            .network = network_of(lowering, run),
            .security = run.security == parser::Run::Security::kInsecure ? Exec::Security::kInsecure
                                                                         : Exec::Security::kSandbox,
            .hostname = lowering.session.hostname};
  for (const parser::Run::Device& device : run.devices) {
    exec.devices.push_back(device_text(device));
  }
  announce_ssh(exec);
  std::string text =
      step_text(run.text + command->name_suffix, MaskedVariables(state.environment, mounts),
                lowering.session.dockerfile.escape, NameStyle::kCommand);
  std::string name = lowering.names.next(text, state.environment, lowering.command->is_trigger);
  VertexId layer = add_step(lowering, std::move(exec), std::move(name));
  commit(lowering, std::move(created_by), layer);
  return {};
}

}  // namespace slipway::builder
