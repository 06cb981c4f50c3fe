#include "cmd/build_flags.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "builder/export/export.h"
#include "builder/sandbox/network.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "parser/suggest.h"
#include "parser/words.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kSecretBytesMax = 500 * 1024;  // as BuildKit has it

[[noreturn]] void fail_usage(std::string message, std::string hint = {}) {
  base::fail(base::ErrorKind::kUsage, std::move(message), std::move(hint));
}

// What decides the steps and how they run.
void declare_steps(Flags& flags, BuildFlags& into) {
  flags.text("-f,--file", into.file,
             "The Dockerfile (default: PATH/Dockerfile; - reads standard input)");
  flags.texts("--build-arg", into.build_args,
              "Value of an ARG, as NAME=VALUE, or NAME to take it from the environment");
  flags.text("--target", into.target, "The stage to build");
  flags.toggle("--no-cache", into.no_cache, "Run every step, whatever the cache has");
  flags.texts("--no-cache-filter", into.no_cache_filter, "Run every step of these stages");
  flags.text_or("--pull", into.pull, "always",
                "When to ask registries for base images: missing, always, never, newer");
  flags.texts("--platform", into.platforms, "Platforms to build for, as linux/arm64");
  flags.texts("--build-context", into.build_contexts,
              "Another context, as NAME=DIR, docker-image://..., oci-layout://..., a URL");
  flags.texts("--secret", into.secrets,
              "Secret for steps that mount it, as id=ID,src=FILE or id=ID,env=VARIABLE");
  flags.texts("--ssh", into.ssh, "SSH agent for steps that mount it, as default or ID=SOCKET");
  flags.texts("--allow", into.allow,
              "Entitlements: network.host, security.insecure, device[=NAME]");
  flags.text("--network", into.network, "Network of RUN steps: default, host, none");
  declare_step_flags(StepFlagsOf::kSteps, flags, into.steps);
  into.registry.add_to(flags);
  declare_attest_flags(flags, into.attest);
  flags.text("--progress", into.progress, "How to show progress: auto, tty, plain, rawjson, quiet");
  flags.text("--jobs", into.jobs, "Steps that run at once at the most (default 32)");
}

// What comes out of a build, and where it goes.
void declare_result(Flags& flags, BuildFlags& into) {
  flags.texts("-t,--tag", into.tags, "Name of the image, as NAME[:TAG]; may repeat");
  flags.texts("-o,--output", into.outputs,
              "Where the result goes: type=image|oci|docker|local|tar|registry|cacheonly,dest=...");
  flags.toggle("--push", into.push, "Short for --output type=registry");
  flags.toggle("--load", into.load, "Short for --output type=image");
  flags.toggle("--squash", into.squash, "Make one layer of all that the build adds to its base");
  flags.texts("--annotation", into.annotations,
              "Annotation, as [PLACE:]NAME=VALUE; PLACE is manifest, index, manifest-descriptor or "
              "index-descriptor");
  flags.texts("--label", into.labels, "Label of the image, as NAME=VALUE");
  flags.toggle("-q,--quiet", into.quiet, "Print nothing but the image ID");
  flags.text("--iidfile", into.id_file, "Write the image ID to this file");
  flags.text("--metadata-file", into.metadata_file, "Write what was built to this file, as JSON");
  flags.text("--call", into.call, "Do not build: check, outline, targets (with ,format=json)");
  flags.toggle("--check", into.check, "Short for --call=check");
  flags.toggle("--debug-on-failure", into.debug_on_failure,
               "Open a shell in the sandbox of a RUN step that fails");
}

bool parse_run_at_flags(const std::vector<std::string>& arguments, BuildFlags& flags) {
  bool idle = true;
  Flags parser("run --at", "STEP [OPTIONS] PATH | URL | - [COMMAND] [ARG...]",
               "Build what a step of a Dockerfile needs, and run a command, or a shell, in the "
               "step's sandbox before the step. What it writes is gone when it ends.");
  parser.text("--at", flags.at,
              "The step: [build 2/5], build:2, 2, Dockerfile:12, :12, or part of its name");
  declare_steps(parser, flags);
  parser.texts("-e,--env", flags.env, "Variable for the command: NAME=VALUE");
  parser.toggle("-q,--quiet", flags.quiet, "Don't show the progress");
  parser.toggle("-i,--interactive", idle, "Always so: standard input is passed on");
  parser.toggle("-t,--tty", idle, "Always so where standard input and output are a terminal");
  parser.toggle("--rm", idle, "Always so: nothing is kept");
  std::vector<std::string> words;
  parser.end_at_first_word();
  parser.words(words, {1, std::numeric_limits<std::size_t>::max()});
  if (!parser.parse(arguments)) {
    print_out(parser.help_text());
    return false;
  }
  flags.context = words.front();
  flags.command.assign(words.begin() + 1, words.end());
  if (!flags.command.empty() && flags.command.front() == "--") {
    flags.command.erase(flags.command.begin());
  }
  return true;
}

// NAME=VALUE; NAME alone takes its value from the environment and is left out if it has none there.
std::map<std::string, std::string> parse_arguments(const std::vector<std::string>& texts,
                                                   const Environment& environment) {
  std::map<std::string, std::string> arguments;
  for (const std::string& text : texts) {
    if (auto pair = base::split_once(text, '=')) {
      arguments.insert_or_assign(std::string(pair->before), std::string(pair->after));
    } else if (auto value = environment.find(text)) {
      arguments.insert_or_assign(text, *value);
    }
  }
  return arguments;
}

std::map<std::string, std::string> parse_labels(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) {
    auto pair = base::split_once(text, '=');
    labels.insert_or_assign(std::string(pair ? pair->before : std::string_view(text)),
                            std::string(pair ? pair->after : std::string_view()));
  }
  return labels;
}

builder::PullPolicy parse_pull(const std::string& text) {
  static const std::map<std::string, builder::PullPolicy> kPolicies = {
      {"", builder::PullPolicy::kMissing},      {"missing", builder::PullPolicy::kMissing},
      {"false", builder::PullPolicy::kMissing}, {"always", builder::PullPolicy::kAlways},
      {"true", builder::PullPolicy::kAlways},   {"never", builder::PullPolicy::kNever},
      {"newer", builder::PullPolicy::kNewer},   {"ifnewer", builder::PullPolicy::kNewer}};
  auto found = kPolicies.find(text);
  if (found == kPolicies.end()) {
    fail_usage(cat("--pull=", text, ": use missing, always, never or newer"));
  }
  return found->second;
}

builder::Exec::Network parse_network(const std::string& text) {
  if (text.empty() || text == "default") {
    return builder::Exec::Network::kDefault;
  }
  if (text == "none") {
    return builder::Exec::Network::kNone;
  }
  if (text == "host") {
    return builder::Exec::Network::kHost;
  }
  fail_usage(cat("--network=", text, ": use default, host or none"));
}

void add_secret(const std::string& text, const Environment& environment,
                builder::ExecSettings& settings) {
  auto fields = parser::split_csv(text);
  std::map<std::string, std::string> values;
  for (const std::string& field : fields ? *fields : std::vector<std::string>()) {
    auto pair = base::split_once(field, '=');
    std::string key = base::to_lower_ascii(pair ? pair->before : std::string_view());
    key = key == "source" ? "src" : key;
    static const std::vector<std::string> kKeys = {"id", "src", "env", "type"};
    if (!pair || std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
      fail_usage(cat("--secret ", text, ": unexpected ", base::quote(field),
                     parser::did_you_mean(key, kKeys)),
                 "give it as id=ID,src=FILE or id=ID,env=VARIABLE");
    }
    values[key] = std::string(pair->after);
  }
  std::string id = values["id"];
  if (id.empty()) {
    fail_usage(cat("--secret ", text, ": it has no id"),
               "give it as id=ID,src=FILE or id=ID,env=VARIABLE");
  }
  bool from_environment =
      values.contains("env") || values["type"] == "env" ||
      (!values.contains("src") && values["type"] != "file" && environment.find(id));
  if (from_environment) {
    std::string name = values.contains("env")  ? values["env"]
                       : values["src"].empty() ? id
                                               : values["src"];
    std::optional<std::string> value = environment.find(name);
    if (!value) {
      base::fail(base::ErrorKind::kNotFound,
                 cat("--secret ", text, ": there is no variable ", name));
    }
    settings.secrets.insert_or_assign(id, builder::SecretValue(*value));
    return;
  }
  std::string path = values["src"].empty() ? id : values["src"];
  std::optional<std::string> content = base::find_file_content(path, kSecretBytesMax);
  if (!content) {
    base::fail(base::ErrorKind::kNotFound, cat("--secret ", text, ": no such file: ", path));
  }
  settings.secrets.insert_or_assign(id, builder::SecretValue(*content));
}

void add_ssh(const std::string& text, const Environment& environment,
             builder::ExecSettings& settings) {
  auto pair = base::split_once(text, '=');
  std::string id(pair ? pair->before : std::string_view(text));
  std::string socket = pair ? std::string(pair->after) : environment.get("SSH_AUTH_SOCK");
  if (socket.empty()) {
    fail_usage(cat("--ssh ", text, ": there is no agent: SSH_AUTH_SOCK is not set"),
               "start one with: eval $(ssh-agent)");
  }
  base::Fd here(AT_FDCWD);
  std::optional<struct stat> status = base::find_status(here, socket);
  if (!status || !S_ISSOCK(status->st_mode)) {
    fail_usage(cat("--ssh ", text, ": ", socket, status ? " is no socket" : " does not exist"),
               "keys are used through an agent: add them with ssh-add and forward the agent");
  }
  settings.ssh_sockets.insert_or_assign(id.empty() ? "default" : id, socket);
}

// "vendor.com/class=name[,alias=other]"; empty: all of them.
void add_device_allowance(std::string_view text, builder::ExecSettings& settings) {
  if (text.empty()) {
    settings.allowed_devices.all = true;
    return;
  }
  auto fields = parser::split_csv(text);
  if (!fields) {
    fail_usage(cat("--allow device=", text, ": ", fields.error()));
  }
  std::string alias;
  for (std::size_t i = 1; i < fields->size(); ++i) {
    auto pair = base::split_once((*fields)[i], '=');
    if (!pair || pair->before != "alias") {
      fail_usage(cat("--allow device=", text, ": unknown field ", base::quote((*fields)[i])),
                 "give it as device, device=NAME or device=NAME,alias=OTHER");
    }
    alias = pair->after;
  }
  const std::string& name = fields->front();
  settings.allowed_devices.names[alias.empty() ? name : alias] = alias.empty() ? "" : name;
}

void add_allowance(const std::string& text, builder::ExecSettings& settings) {
  if (text == "network.host") {
    settings.allow_host_network = true;
  } else if (text == "security.insecure") {
    settings.allow_insecure = true;
  } else if (text == "device") {
    add_device_allowance("", settings);
  } else {
    static const std::vector<std::string> kKnown = {"network.host", "security.insecure", "device"};
    fail_usage(cat("--allow ", text, ": unknown entitlement", parser::did_you_mean(text, kKnown)));
  }
}

builder::ExecSettings exec_settings(const BuildFlags& flags, const Environment& environment) {
  builder::ExecSettings settings = given_secrets(flags.secrets, flags.ssh, environment);
  constexpr std::string_view kDevice = "device=";
  for (const std::string& list : flags.allow) {
    if (list.starts_with(kDevice)) {
      add_device_allowance(std::string_view(list).substr(kDevice.size()), settings);
      continue;
    }
    for (std::string_view text : base::split(list, ',')) {
      add_allowance(std::string(text), settings);
    }
  }
  apply_step_flags(flags.steps, settings);
  settings.runtime = runtime_of(flags.steps, environment);
  settings.user_network = builder::find_user_network(environment.get("PATH"));
  return settings;
}

builder::PlanOptions plan_options(const BuildFlags& flags, const Environment& environment) {
  builder::PlanOptions plan;
  plan.target = flags.target;
  plan.build_args = parse_arguments(flags.build_args, environment);
  if (auto epoch = environment.find("SOURCE_DATE_EPOCH")) {
    plan.build_args.emplace("SOURCE_DATE_EPOCH", *epoch);
  }
  plan.labels = parse_labels(flags.labels);
  plan.no_cache = flags.no_cache;
  plan.network = parse_network(flags.network);
  for (const std::string& list : flags.no_cache_filter) {
    for (std::string_view stage : base::split(list, ',')) {
      plan.no_cache_filter.emplace_back(stage);
    }
  }
  for (const std::string& list : flags.platforms) {
    for (std::string_view text : base::split(list, ',')) {
      auto platform = registry::parse_platform(text);
      if (!platform) {
        fail_usage(cat("--platform=", text, ": ", platform.error()));
      }
      plan.platforms.push_back(*platform);
    }
  }
  for (const std::string& text : flags.build_contexts) {
    auto pair = base::split_once(text, '=');
    if (!pair || pair->before.empty() || pair->after.empty()) {
      fail_usage(cat("--build-context ", text, ": give it as NAME=VALUE"));
    }
    plan.contexts.insert_or_assign(std::string(pair->before),
                                   builder::parse_build_context(pair->after));
  }
  return plan;
}

// --push beside an output that makes an image means that image.
bool set_push(std::vector<builder::Output>& outputs) {
  bool found = false;
  for (builder::Output& output : outputs) {
    if (output.kind == builder::Output::Kind::kImage ||
        output.kind == builder::Output::Kind::kRegistry) {
      output.push = true;
      found = true;
    }
  }
  return found;
}

std::vector<builder::Output> parse_outputs(const BuildFlags& flags) {
  std::vector<builder::Output> outputs;
  for (const std::string& text : flags.outputs) {
    outputs.push_back(builder::parse_output(text));
  }
  if (flags.push && !set_push(outputs)) {
    outputs.push_back({.kind = builder::Output::Kind::kRegistry, .push = true});
  }
  if (flags.load || outputs.empty()) {
    outputs.push_back({.kind = builder::Output::Kind::kImage});
  }
  for (const std::string& text : flags.annotations) {
    for (const builder::Annotation& annotation : builder::parse_annotations(text)) {
      for (builder::Output& output : outputs) {
        output.annotations.push_back(annotation);
      }
    }
  }
  return outputs;
}

}  // namespace

bool parse_build_flags(BuildFlagsOf verb, const std::vector<std::string>& arguments,
                       BuildFlags& flags) {
  if (verb == BuildFlagsOf::kRunAt) {
    return parse_run_at_flags(arguments, flags);
  }
  bool is_graph = verb == BuildFlagsOf::kGraph;
  Flags parser(is_graph ? "graph" : "build", "[OPTIONS] PATH | URL | -",
               is_graph ? "Show the steps of a build, what runs side by side and what is skipped, "
                          "without building."
                        : "Build an image from a Dockerfile.");
  declare_result(parser, flags);
  declare_steps(parser, flags);
  if (is_graph) {
    parser.text("--format", flags.format, "text (default), dot, json or svg (svg needs Graphviz)");
  }
  std::vector<std::string> words;
  parser.words(words, {1, 1});
  if (!parser.parse(arguments)) {
    print_out(parser.help_text());
    return false;
  }
  flags.context = words.front();
  return true;
}

builder::ExecSettings given_secrets(const std::vector<std::string>& secrets,
                                    const std::vector<std::string>& ssh,
                                    const Environment& environment) {
  builder::ExecSettings settings;
  for (const std::string& text : secrets) {
    add_secret(text, environment, settings);
  }
  for (const std::string& text : ssh) {
    add_ssh(text, environment, settings);
  }
  return settings;
}

builder::BuildRequest request_of(const BuildFlags& flags, const Environment& environment) {
  builder::BuildRequest request;
  request.plan = plan_options(flags, environment);
  request.pull = parse_pull(flags.pull);
  request.exec = exec_settings(flags, environment);
  request.exec.allow_host_network = request.exec.allow_host_network || flags.network == "host";
  if (auto found = request.plan.build_args.find("BUILDKIT_CACHE_MOUNT_NS");
      found != request.plan.build_args.end()) {
    request.exec.cache_name_space = found->second;
  }
  for (const std::string& text : flags.tags) {
    auto tag = registry::Reference::parse(text);
    if (!tag) {
      fail_usage(cat("invalid tag ", base::quote(text), ": ", tag.error()));
    }
    request.tags.push_back(*tag);
  }
  request.outputs = parse_outputs(flags);
  request.attest = attest_request(flags.attest, request.outputs);
  request.squash = flags.squash;
  if (!flags.jobs.empty()) {
    std::optional<unsigned> jobs = base::parse_integer<unsigned>(flags.jobs);
    if (!jobs || *jobs == 0 || *jobs > 1024) {
      fail_usage(cat("--jobs=", flags.jobs, ": give a number from 1 to 1024"));
    }
    request.jobs = *jobs;
  }
  return request;
}

ProgressKind progress_of(const BuildFlags& flags, const Environment& environment,
                         StandardError standard_error) {
  std::string wanted =
      flags.progress.empty() ? environment.get("BUILDKIT_PROGRESS", "auto") : flags.progress;
  bool is_terminal = standard_error == StandardError::kTerminal;
  if (flags.quiet || wanted == "quiet" || wanted == "none") {
    return ProgressKind::kQuiet;
  }
  if (wanted == "plain") {
    return ProgressKind::kPlain;
  }
  if (wanted == "rawjson") {
    return ProgressKind::kRawJson;
  }
  if (wanted == "tty" && !is_terminal) {
    fail_usage("--progress=tty: standard error is no terminal", "use plain or rawjson");
  }
  if (wanted == "tty" || wanted == "auto") {
    bool can_move = is_terminal && environment.get("TERM") != "dumb";
    return can_move || wanted == "tty" ? ProgressKind::kTty : ProgressKind::kPlain;
  }
  fail_usage(cat("--progress=", wanted, ": use auto, tty, plain, rawjson or quiet"));
}

CallKind call_of(const BuildFlags& flags) {
  if (flags.check) {
    return {BuildCall::kCheck, false};
  }
  CallKind kind;
  for (std::string_view field : base::split(flags.call, ',')) {
    if (field == "format=json") {
      kind.json = true;
    } else if (field == "check" || field == "lint") {
      kind.call = BuildCall::kCheck;
    } else if (field == "outline") {
      kind.call = BuildCall::kOutline;
    } else if (field == "targets") {
      kind.call = BuildCall::kTargets;
    } else if (!field.empty() && field != "build" && field != "format=text") {
      fail_usage(
          cat("--call=", flags.call, ": use build, check, outline or targets, with ,format=json"));
    }
  }
  return kind;
}

std::optional<double> parse_processors(std::string_view text) {
  constexpr double kMin = 0.01;
  constexpr double kMax = 10'000;
  double count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  // Asked this way round, nan is out of range.
  bool in_range = count >= kMin && count <= kMax;
  if (error != std::errc{} || end != text.data() + text.size() || !in_range) {
    return std::nullopt;
  }
  return count;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::string lower = base::to_lower_ascii(text);
  if (lower.ends_with("ib")) {
    lower.resize(lower.size() - 2);
  } else if (lower.ends_with('b')) {
    lower.pop_back();
  }
  double factor = 1;
  if (!lower.empty()) {
    std::size_t power = std::string_view("kmgtp").find(lower.back());
    if (power != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(power) + 1);
      lower.pop_back();
    }
  }
  double number = 0;
  auto [end, error] = std::from_chars(lower.data(), lower.data() + lower.size(), number);
  bool complete = error == std::errc{} && end == lower.data() + lower.size() && !lower.empty();
  if (!complete || number < 0 || number * factor > 1e18) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(number * factor);
}

}  // namespace slipway::cmd
