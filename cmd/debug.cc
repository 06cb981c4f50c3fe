#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "builder/build.h"
#include "builder/ops/kept_step.h"
#include "builder/plan/step_choice.h"
#include "builder/sandbox/network.h"
#include "cache/store.h"
#include "cmd/build_flags.h"
#include "cmd/flags.h"
#include "cmd/foreground.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct DebugFlags {
  std::string step;
  std::string format;
  std::vector<std::string> env;
  std::vector<std::string> secrets;
  std::vector<std::string> ssh;
  std::string isolation;
  bool list = false;
  std::vector<std::string> words;    // [BUILD]
  std::vector<std::string> command;  // behind "--"
};

bool parse(const Invocation& invocation, DebugFlags& values) {
  Flags flags("debug", "[OPTIONS] [BUILD] [-- COMMAND [ARG...]]",
              "Run a shell, or a command, in the sandbox of a step that failed, among the files as "
              "it left them. BUILD is what the build said (default: the latest that failed).");
  flags.toggle("-l,--list", values.list, "List the failed steps that are kept");
  flags.text("--format", values.format, "Of the list: table (default), json or a Go template");
  flags.text("--step", values.step, "Which step, if several failed: [build 2/5], build:2, :12");
  flags.texts("-e,--env", values.env, "Variable for the command: NAME=VALUE");
  flags.texts("--secret", values.secrets,
              "Secret that the step mounts, for they are not kept: id=ID,src=FILE");
  flags.texts("--ssh", values.ssh, "SSH agent that the step mounts: default or ID=SOCKET");
  flags.text("--isolation", values.isolation,
             "How the shell is kept in, as for build; the store of that build may know only one");
  flags.words(values.words, {0, 1});
  std::vector<std::string> ours = invocation.arguments;
  auto end = std::find(ours.begin(), ours.end(), "--");
  if (end != ours.end()) {
    values.command.assign(end + 1, ours.end());
    ours.erase(end, ours.end());
  }
  if (!flags.parse(ours)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

std::string list_text(Services& services, const std::string& format) {
  Listing listing({{"ID", "BUILD"},
                   {"Step", "STEP"},
                   {"Failure", "FAILURE"},
                   {"CreatedSince", "CREATED"},
                   {"CreatedAt", "CREATED AT"},
                   {"Size", "SIZE"}},
                  {"ID", "Step", "CreatedSince", "Size"});
  for (const cache::KeptRow& row : services.store().kept().list(cache::KeptKind::kFailedStep)) {
    builder::KeptStep step = builder::parse_kept_step(row.document);
    listing.add({{"ID", row.name},
                 {"Step", step.name},
                 {"Failure", step.failure},
                 {"CreatedSince", age_text(row.created, services.clock().now())},
                 {"CreatedAt", time_text(row.created)},
                 {"Size", size_text(row.size)}});
  }
  return listing.text(format);
}

struct Failed {
  cache::KeptRow row;
  builder::KeptStep step;
};

// The failed steps of a build, the first to fail first.
std::vector<Failed> steps_of(cache::Store& store, const std::vector<std::string>& words) {
  std::vector<cache::KeptRow> rows = store.kept().list(cache::KeptKind::kFailedStep);
  std::string wanted = words.empty() ? "" : words.front();
  std::vector<Failed> found;
  std::string build;
  for (cache::KeptRow& row : rows) {
    if (build.empty() && row.name.starts_with(wanted)) {
      build = row.name;
    }
    if (!build.empty() && row.name == build) {
      builder::KeptStep step = builder::parse_kept_step(row.document);
      found.insert(found.begin(), {std::move(row), std::move(step)});
    }
  }
  if (found.empty()) {
    base::fail(base::ErrorKind::kNotFound,
               wanted.empty() ? "no failed step is kept in the store"
                              : cat("no failed step of build ", base::quote(wanted), " is kept"),
               wanted.empty() ? "a build that fails keeps its step; a later prune takes it away"
                              : "'slipway debug --list' shows what is");
  }
  return found;
}

const Failed& choose(const std::vector<Failed>& failed, const std::string& text) {
  if (text.empty()) {
    for (std::size_t i = 1; i < failed.size(); ++i) {
      print_error(cat("Another step failed, too; to look into it: slipway debug ",
                      failed[i].row.name, " --step '",
                      failed[i].step.name.substr(0, failed[i].step.name.find(']') + 1), "'\n"));
    }
    return failed.front();
  }
  std::vector<builder::StepLabel> labels;
  for (const Failed& one : failed) {
    labels.push_back({one.step.name, one.step.lines});
  }
  return failed[builder::get_step(labels, text, failed.front().step.file, "--step")];
}

void tell(const Failed& failed, const builder::ExecSettings& given, const DebugFlags& flags) {
  std::string text;
  if (flags.command.empty()) {
    text = cat(failed.step.name, "\n", failed.step.failure,
               "\nThe files are as the step left them; what you write here is thrown away.\n");
  }
  for (const std::string& id : builder::secrets_of(failed.step)) {
    if (!given.secrets.contains(id) && !given.ssh_sockets.contains(id)) {
      text += cat("Secrets are not kept: ", base::quote(id),
                  " is not there, unless you give it again with --secret or --ssh\n");
    }
  }
  print_error(text);
}

}  // namespace

int run_debug(const Invocation& invocation) {
  DebugFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  builder::ExecSettings given = given_secrets(flags.secrets, flags.ssh, invocation.environment);
  given.user_network = builder::find_user_network(invocation.environment.get("PATH"));
  Services services(invocation, {.isolation = isolation_of(flags.isolation)});
  if (flags.list) {
    print_out(list_text(services, flags.format));
    return 0;
  }
  const std::vector<Failed> steps = steps_of(services.store(), flags.words);
  const Failed& failed = choose(steps, flags.step);
  tell(failed, given, flags);
  builder::BuildServices build{&services.store(),
                               &services.layers(),
                               [&]() -> registry::Client& { return services.client(); },
                               [&]() -> builder::StepRunner& { return services.sandbox(); },
                               &services.clock(),
                               [](const builder::Event& event) {
                                 if (const auto* warned = std::get_if<builder::Warned>(&event)) {
                                   print_error(cat("WARNING: ", warned->text, "\n"));
                                 }
                               },
                               -1,
                               [&]() -> registry::Transport& { return services.transport(); },
                               services.environment().as_list(),
                               {}};
  int code = 0;
  auto enter = [&](builder::SandboxSpec spec) {
    set_variables(spec.environment, flags.env, services.environment());
    code = look_around(services, std::move(spec), flags.command,
                       cat("slipway debug ", failed.row.name, " -- COMMAND"));
  };
  builder::visit_kept_step(failed.row, given, build, enter, services.stop());
  return code;
}

}  // namespace slipway::cmd
