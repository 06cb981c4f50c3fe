#include <set>

#include <nlohmann/json.hpp>

#include "parser/ast/mounts.h"
#include "parser/parser.h"
#include "tests/support/json_corpus.h"

namespace slipway::tests {
namespace {

using nlohmann::json;

// Sets a member unless the value is empty, false or zero, which the corpus leaves out.
template <typename Value>
void put(json& out, const char* key, const Value& value) {
  if (value != Value{}) {
    out[key] = value;
  }
}

void put_copy(json& out, const parser::CopyArguments& copy) {
  out["destPath"] = copy.destination;
  put(out, "sourcePaths", copy.sources);
  for (const parser::InlineFile& file : copy.files) {
    json content = {{"path", file.name}};
    put(content, "data", file.content);
    put(content, "expand", file.expand);
    out["sourceContents"].push_back(content);
  }
  put(out, "chown", copy.chown);
  put(out, "chmod", copy.chmod);
  put(out, "link", copy.link);
  put(out, "excludePatterns", copy.exclude);
}

json mount_json(const parser::Mount& mount) {
  json out = {{"type", std::string(parser::mount_type_name(mount.type))}};
  put(out, "from", mount.from);
  put(out, "source", mount.source);
  put(out, "target", mount.target);
  put(out, "readOnly", mount.read_only);
  put(out, "sizeLimit", mount.size_bytes);
  put(out, "cacheID", mount.id);
  put(out, "required", mount.required);
  if (mount.sharing) {
    out["cacheSharing"] = std::string(parser::cache_sharing_name(*mount.sharing));
  }
  if (mount.mode) {
    out["mode"] = *mount.mode;
  }
  if (mount.uid) {
    out["uid"] = *mount.uid;
  }
  if (mount.gid) {
    out["gid"] = *mount.gid;
  }
  if (mount.env) {
    out["env"] = *mount.env;
  }
  return out;
}

json argument_json(const parser::Arg::Declaration& declared) {
  json out = {{"key", declared.name}, {"value", nullptr}};
  if (declared.default_value) {
    out["value"] = *declared.default_value;
  }
  put(out, "docComment", declared.description);
  return out;
}

json pairs_json(const std::vector<parser::KeyValue>& pairs, bool legacy) {
  json out = json::array();
  for (const parser::KeyValue& pair : pairs) {
    json one = {{"key", pair.key}, {"value", pair.value}};
    put(one, "noDelim", legacy);
    out.push_back(one);
  }
  return out;
}

struct ToJson {
  json& out;

  void operator()(const parser::Add& add) {
    put_copy(out, add.copy);
    put(out, "checksum", add.checksum);
    put(out, "keepGitDir", add.keep_git_dir.value_or(false));
    put(out, "unpack", add.unpack.value_or(false));
  }
  void operator()(const parser::Copy& copy) {
    put_copy(out, copy.copy);
    put(out, "from", copy.from);
    put(out, "parents", copy.parents);
  }
  void operator()(const parser::Arg& arg) {
    for (const auto& declared : arg.declarations) {
      out["args"].push_back(argument_json(declared));
    }
  }
  void put_command(const parser::CommandLine& command) {
    out["cmdLine"] = command.arguments;
    out["prependShell"] = command.shell_form;
    for (const parser::ShellFile& file : command.files) {
      json one = {{"name", file.name}};
      put(one, "data", file.content);
      put(one, "chomp", file.chomp);
      out["files"].push_back(one);
    }
  }
  void operator()(const parser::Cmd& cmd) { put_command(cmd.command); }
  void operator()(const parser::Entrypoint& entrypoint) {
    put_command(entrypoint.command);
    if (entrypoint.command.arguments.empty()) {
      out.erase("cmdLine");
    }
  }
  void operator()(const parser::Env& env) {
    out["env"] = pairs_json(env.variables, env.legacy_form);
  }
  void operator()(const parser::Label& label) {
    out["labels"] = pairs_json(label.labels, label.legacy_form);
  }
  void operator()(const parser::Expose& expose) { out["ports"] = expose.ports; }
  void operator()(const parser::Healthcheck& health) {
    json config = {{"Test", health.test}};
    put(config, "Interval", health.interval_ns);
    put(config, "Timeout", health.timeout_ns);
    put(config, "StartPeriod", health.start_period_ns);
    put(config, "StartInterval", health.start_interval_ns);
    put(config, "Retries", health.retries);
    out["health"] = config;
  }
  void operator()(const parser::Maintainer& maintainer) { out["maintainer"] = maintainer.name; }
  void operator()(const parser::Onbuild& onbuild) { out["expression"] = onbuild.trigger; }
  void operator()(const parser::Run& run) {
    put_command(run.command);
    put(out, "flagsUsed", run.flags_used);
    for (const auto& device : run.devices) {
      json one = {{"name", device.name}};
      put(one, "required", device.required);
      out["devices"].push_back(one);
    }
    if (run.network != parser::Run::Network::kDefault) {
      out["network"] = run.network == parser::Run::Network::kNone ? "none" : "host";
    }
    if (run.security != parser::Run::Security::kSandbox) {
      out["security"] = "insecure";
    }
    put_mounts(run);
  }
  void put_mounts(const parser::Run& run) {
    json mounts = json::array();
    for (const std::string& flag : run.mounts) {
      auto mount = parser::evaluate_mount(
          flag, [](std::string_view value) -> std::expected<std::string, std::string> {
            return std::string(value);
          });
      if (!mount) {
        out["mounterror"] = mount.error();
        return;
      }
      mounts.push_back(mount_json(*mount));
    }
    if (!mounts.empty()) {
      out["mounts"] = mounts;
    }
  }
  void operator()(const parser::Shell& shell) { out["shell"] = shell.shell; }
  void operator()(const parser::Stopsignal& stopsignal) { out["signal"] = stopsignal.signal; }
  void operator()(const parser::User& user) { out["user"] = user.user; }
  void operator()(const parser::Volume& volume) { out["volumes"] = volume.volumes; }
  void operator()(const parser::Workdir& workdir) { out["path"] = workdir.path; }
};

json instruction_json(const parser::Instruction& instruction) {
  const parser::InstructionBase& base = parser::base_of(instruction);
  json out = {{"instruction", base.keyword}, {"lines", {base.lines.first, base.lines.last}}};
  std::visit(ToJson{out}, instruction);
  return out;
}

json file_json(const parser::Dockerfile& file) {
  json out = {{"stages", json::array()}};
  for (const parser::Stage& stage : file.stages) {
    json one = {{"base", stage.from.base}, {"instructions", json::array()}};
    put(one, "name", stage.from.name);
    put(one, "platform", stage.from.platform);
    put(one, "doc", stage.from.description);
    for (const parser::Instruction& instruction : stage.instructions) {
      one["instructions"].push_back(instruction_json(instruction));
    }
    out["stages"].push_back(one);
  }
  for (const parser::Arg& arg : file.global_arguments) {
    json declarations = json::array();
    for (const auto& declared : arg.declarations) {
      declarations.push_back(argument_json(declared));
    }
    out["global_args"].push_back(declarations);
  }
  return out;
}

// Empty strings in the expectation mean the same as absent members; so do lists in another order
// where the original has none.
json normalised(json value) {
  if (value.is_array()) {
    for (json& element : value) {
      element = normalised(element);
    }
  }
  if (value.is_object()) {
    json out = json::object();
    for (auto& [key, member] : value.items()) {
      if (key == "docComment" && member == "") {
        continue;
      }
      out[key == "mountError" ? "mounterror" : key] = normalised(member);
    }
    if (out.contains("flagsUsed")) {
      std::set<std::string> flags = out["flagsUsed"];
      out["flagsUsed"] = flags;
    }
    return out;
  }
  return value;
}

json error_lines_of(const parser::Diagnostic& error) {
  json lines = json::array();
  for (int line = error.lines.first; line <= error.lines.last; ++line) {
    lines.push_back(line);
  }
  return lines;
}

std::optional<std::string> check_case(const json& one) {
  parser::ParseResult result = parser::parse(one.at("dockerfile").get<std::string>());
  if (one.contains("error")) {
    if (result.ok()) {
      return "expected an error";
    }
    if (auto problem = compare("error", one["error"], result.errors[0].message)) {
      return problem;
    }
    return one.contains("error_lines")
               ? compare("error_lines", one["error_lines"], error_lines_of(result.errors[0]))
               : std::nullopt;
  }
  if (!result.ok()) {
    return "unexpected error: " + result.errors[0].message;
  }
  return compare("expect", normalised(one.at("expect")), normalised(file_json(result.dockerfile)));
}

TEST(InstructionsCorpus, Instructions) {
  run_corpus("instructions.json", check_case);
}

}  // namespace
}  // namespace slipway::tests
