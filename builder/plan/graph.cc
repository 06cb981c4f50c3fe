#include "builder/plan/graph.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

// Every text with its length in front: no two lists give the same bytes.
std::string packed(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    out += cat(text.size(), ":", text, ";");
  }
  return out;
}

std::string optional_text(const auto& value) {
  return value ? cat(*value) : std::string("-");
}

std::string mount_text(const ExecMount& mount) {
  // `from` is an input: its content is a part of its own. Secrets and ssh agents never reach a key
  // by value, and cache mounts are no part of the result by definition; what stays is the shape
  // that the command can see.
  return packed({cat(static_cast<int>(mount.kind)), mount.target, mount.source,
                 mount.read_only ? "ro" : "rw",
                 mount.kind == ExecMount::Kind::kBind ? "" : mount.id, optional_text(mount.mode),
                 optional_text(mount.uid), optional_text(mount.gid),
                 optional_text(mount.size_bytes), mount.environment_name});
}

// Without the environment.
std::vector<KeyPart> define(const Exec& op) {
  std::vector<KeyPart> parts = {{"op", "exec"},
                                {"argv", packed(op.argv)},
                                {"cwd", op.working_directory},
                                {"devices", packed(op.devices)},
                                {"hostname", op.hostname},
                                {"network", cat(static_cast<int>(op.network))},
                                {"security", cat(static_cast<int>(op.security))},
                                {"user", op.user}};
  for (std::size_t i = 0; i < op.mounts.size(); ++i) {
    parts.push_back({cat("mount ", i), mount_text(op.mounts[i])});
  }
  for (const ExecFile& file : op.files) {
    parts.push_back({cat("file ", file.name), file.content});
  }
  return parts;
}

std::vector<KeyPart> define(const Copy& op) {
  std::vector<KeyPart> parts = {{"op", op.is_add ? "add" : "copy"},
                                {"destination", op.destination},
                                {"chown", op.chown},
                                {"chmod", op.chmod},
                                {"excludes", packed(op.excludes)},
                                {"parents", op.parents ? "1" : "0"},
                                {"link", op.link ? "1" : "0"},
                                {"unpack", op.unpack ? (*op.unpack ? "1" : "0") : "-"}};
  for (std::size_t i = 0; i < op.sources.size(); ++i) {
    const CopySource& source = op.sources[i];
    parts.push_back({cat("source ", i), packed({cat(static_cast<int>(source.kind)), source.pattern,
                                                source.heredoc_name, source.heredoc_content})});
  }
  return parts;
}

std::vector<KeyPart> define(const MakeDir& op) {
  return {{"op", "mkdir"}, {"path", op.path}, {"user", op.user}};
}

std::vector<KeyPart> define(const SourceImage& op) {
  std::vector<std::string> layers;
  for (const ImageLayer& layer : op.image->layers) {
    layers.push_back(layer.diff_id.text());
  }
  return {{"op", "image"}, {"layers", packed(layers)}};
}

std::vector<KeyPart> define(const SourceContext& op) {
  return {{"op", "context"}, {"name", op.name}};
}

std::vector<KeyPart> define(const SourceGit& op) {
  return {{"op", "git"},
          {"remote", op.remote},
          {"ref", op.ref},
          {"subdir", op.subdir},
          {"checksum", op.checksum},
          {"keep", op.keep_git_dir ? "1" : "0"},
          {"submodules", op.submodules ? "1" : "0"},
          {"by commit", op.fetch_by_commit ? "1" : "0"},
          {"times", op.commit_times ? "commit" : "checkout"}};
}

std::vector<KeyPart> define(const SourceHttp& op) {
  return {{"op", "http"},
          {"url", op.url},
          {"file", op.file_name},
          {"checksum", op.checksum ? op.checksum->text() : std::string()}};
}

void add_input(std::vector<VertexId>& inputs, const std::optional<VertexId>& id) {
  if (id && std::find(inputs.begin(), inputs.end(), *id) == inputs.end()) {
    inputs.push_back(*id);
  }
}

}  // namespace

std::vector<VertexId> inputs_of(const Vertex& vertex) {
  std::vector<VertexId> inputs;
  add_input(inputs, vertex.base);
  if (const auto* exec = std::get_if<Exec>(&vertex.op)) {
    for (const ExecMount& mount : exec->mounts) {
      add_input(inputs, mount.from);
    }
  } else if (const auto* copy = std::get_if<Copy>(&vertex.op)) {
    for (const CopySource& source : copy->sources) {
      add_input(inputs, source.from);
    }
  }
  return inputs;
}

bool makes_state(const VertexOp& op) {
  return !std::holds_alternative<SourceContext>(op) && !std::holds_alternative<SourceGit>(op) &&
         !std::holds_alternative<SourceHttp>(op);
}

std::vector<KeyPart> short_definition_of(const VertexOp& op) {
  return std::visit([](const auto& concrete) { return define(concrete); }, op);
}

std::vector<KeyPart> definition_of(const VertexOp& op) {
  std::vector<KeyPart> parts = short_definition_of(op);
  if (const auto* exec = std::get_if<Exec>(&op)) {
    for (const std::string& variable : exec->environment.assignments()) {
      auto pair = base::split_once(variable, '=');
      std::string name = pair ? std::string(pair->before) : variable;
      parts.push_back({cat("env ", name), pair ? std::string(pair->after) : std::string()});
    }
  }
  std::sort(parts.begin(), parts.end(),
            [](const KeyPart& left, const KeyPart& right) { return left.name < right.name; });
  return parts;
}

}  // namespace slipway::builder
