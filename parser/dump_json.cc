#include <string>

#include <nlohmann/json.hpp>

#include "parser/ast/instructions.h"
#include "parser/dump.h"
#include "parser/tree.h"

// One tree of names and values serves both outputs: JSON is the tree itself, text its rendering.

namespace slipway::parser {

namespace {

// Adds a member unless it says nothing: empty, false or zero.
template <typename Value>
void put(Json& out, const char* key, const Value& value) {
  if (value != Value{}) {
    out[key] = value;
  }
}

Json lines_json(LineSpan lines) {
  return Json::array({lines.first, lines.last});
}

class Describer {
 public:
  explicit Describer(Json& out) : out_(out) {}

  void operator()(const Add& add) {
    describe(add.copy);
    put(out_, "checksum", add.checksum);
    if (add.keep_git_dir) {
      out_["keepGitDir"] = *add.keep_git_dir;
    }
    if (add.unpack) {
      out_["unpack"] = *add.unpack;
    }
  }
  void operator()(const Copy& copy) {
    put(out_, "from", copy.from);
    describe(copy.copy);
    put(out_, "parents", copy.parents);
  }
  void operator()(const Arg& arg) { out_["arguments"] = declarations_json(arg); }
  void operator()(const Cmd& cmd) { describe(cmd.command); }
  void operator()(const Entrypoint& entrypoint) { describe(entrypoint.command); }
  void operator()(const Env& env) {
    describe(env.variables);
    put(out_, "legacyForm", env.legacy_form);
  }
  void operator()(const Label& label) {
    describe(label.labels);
    put(out_, "legacyForm", label.legacy_form);
  }
  void operator()(const Expose& expose) { out_["ports"] = expose.ports; }
  void operator()(const Healthcheck& healthcheck) {
    out_["test"] = healthcheck.test;
    put(out_, "intervalNs", healthcheck.interval_ns);
    put(out_, "timeoutNs", healthcheck.timeout_ns);
    put(out_, "startPeriodNs", healthcheck.start_period_ns);
    put(out_, "startIntervalNs", healthcheck.start_interval_ns);
    put(out_, "retries", healthcheck.retries);
  }
  void operator()(const Maintainer& maintainer) { out_["name"] = maintainer.name; }
  void operator()(const Onbuild& onbuild) { out_["trigger"] = onbuild.trigger; }
  void operator()(const Run& run) {
    put(out_, "mounts", run.mounts);
    if (run.network != Run::Network::kDefault) {
      out_["network"] = run.network == Run::Network::kNone ? "none" : "host";
    }
    if (run.security != Run::Security::kSandbox) {
      out_["security"] = "insecure";
    }
    for (const Run::Device& device : run.devices) {
      Json one = {{"name", device.name}};
      put(one, "required", device.required);
      out_["devices"].push_back(std::move(one));
    }
    describe(run.command);
  }
  void operator()(const Shell& shell) { out_["shell"] = shell.shell; }
  void operator()(const Stopsignal& stopsignal) { out_["signal"] = stopsignal.signal; }
  void operator()(const User& user) { out_["user"] = user.user; }
  void operator()(const Volume& volume) { out_["volumes"] = volume.volumes; }
  void operator()(const Workdir& workdir) { out_["path"] = workdir.path; }

  static Json declarations_json(const Arg& arg) {
    Json all = Json::array();
    for (const Arg::Declaration& declaration : arg.declarations) {
      Json one = {{"name", declaration.name}};
      if (declaration.default_value) {
        one["default"] = *declaration.default_value;
      }
      put(one, "description", declaration.description);
      all.push_back(std::move(one));
    }
    return all;
  }

 private:
  void describe(const CopyArguments& copy) {
    put(out_, "sources", copy.sources);
    for (const InlineFile& file : copy.files) {
      out_["files"].push_back(
          {{"name", file.name}, {"expand", file.expand}, {"content", file.content}});
    }
    out_["destination"] = copy.destination;
    put(out_, "chown", copy.chown);
    put(out_, "chmod", copy.chmod);
    put(out_, "link", copy.link);
    put(out_, "exclude", copy.exclude);
  }

  void describe(const CommandLine& command) {
    out_[command.shell_form ? "shellForm" : "execForm"] = command.arguments;
    for (const ShellFile& file : command.files) {
      out_["files"].push_back(
          {{"name", file.name}, {"chomp", file.chomp}, {"content", file.content}});
    }
  }

  void describe(const std::vector<KeyValue>& pairs) {
    for (const KeyValue& pair : pairs) {
      out_["values"].push_back({{"key", pair.key}, {"value", pair.value}});
    }
  }

  Json& out_;
};

Json instruction_json(const Instruction& instruction) {
  const InstructionBase& base = base_of(instruction);
  Json out = {{"instruction", name_of(instruction)}, {"lines", lines_json(base.lines)}};
  std::visit(Describer(out), instruction);
  return out;
}

Json stage_json(const Stage& stage) {
  Json out = {{"lines", lines_json(stage.from.lines)}, {"base", stage.from.base}};
  put(out, "name", stage.from.name);
  put(out, "platform", stage.from.platform);
  put(out, "description", stage.from.description);
  out["instructions"] = Json::array();
  for (const Instruction& instruction : stage.instructions) {
    out["instructions"].push_back(instruction_json(instruction));
  }
  return out;
}

}  // namespace

Json tree_of(const ParseResult& result) {
  const Dockerfile& file = result.dockerfile;
  Json out = {{"escape", std::string(1, file.escape)}};
  for (const Directive& directive : file.directives) {
    out["directives"].push_back(
        {{"name", directive.name}, {"value", directive.value}, {"line", directive.line}});
  }
  for (const Arg& arg : file.global_arguments) {
    out["globalArguments"].push_back(
        {{"lines", lines_json(arg.lines)}, {"arguments", Describer::declarations_json(arg)}});
  }
  out["stages"] = Json::array();
  for (const Stage& stage : file.stages) {
    out["stages"].push_back(stage_json(stage));
  }
  for (const Diagnostic& error : result.errors) {
    out["errors"].push_back({{"message", error.message}, {"lines", lines_json(error.lines)}});
  }
  return out;
}

std::string dump_json(const ParseResult& result) {
  return json_text(tree_of(result));
}

}  // namespace slipway::parser
