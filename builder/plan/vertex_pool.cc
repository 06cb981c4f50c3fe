#include "builder/plan/vertex_pool.h"

#include <cassert>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

std::string id_text(const std::optional<VertexId>& id) {
  return id ? cat(index_of(*id), ";") : std::string("-;");
}

// What the definition leaves out because it is no part of a step's key, but what makes a
// difference to carrying it out; and which input stands where.
std::string circumstances(const Exec& exec) {
  std::string text;
  for (const ExecMount& mount : exec.mounts) {
    text += cat(id_text(mount.from), static_cast<int>(mount.sharing), mount.required ? "r" : "-",
                mount.id, ";");
  }
  return text + exec.environment.fingerprint();
}

std::string circumstances(const Copy& copy) {
  std::string text;
  for (const CopySource& source : copy.sources) {
    text += id_text(source.from);
  }
  return text;
}

std::string circumstances(const SourceImage& source) {
  return source.image->config_digest.text();
}

std::string circumstances(const auto&) {
  return {};
}

std::string fingerprint(const Vertex& vertex) {
  base::Sha256 hash;
  auto add = [&](std::string_view text) {
    hash.update(cat(text.size(), ":"));
    hash.update(text);
  };
  std::vector<KeyPart> parts;
  if (const auto* exec = std::get_if<Exec>(&vertex.op)) {
    // The environment may be long and is shared: its own fingerprint stands for it.
    Exec bare = *exec;
    bare.environment = {};
    parts = definition_of(std::move(bare));
  } else {
    parts = definition_of(vertex.op);
  }
  for (const KeyPart& part : parts) {
    add(part.name);
    add(part.value);
  }
  add(std::visit([](const auto& op) { return circumstances(op); }, vertex.op));
  add(id_text(vertex.base));
  add(vertex.meta.ignore_cache ? "fresh" : "");
  add(vertex.meta.source_date_epoch ? cat(*vertex.meta.source_date_epoch) : std::string());
  add(base::join(vertex.meta.proxy_environment, "\n"));
  // Steps of two platforms are never one: the same command may run on another processor.
  add(makes_state(vertex.op) && !std::holds_alternative<SourceImage>(vertex.op)
          ? vertex.meta.platform.text()
          : std::string());
  return hash.finish_raw();
}

}  // namespace

VertexId VertexPool::add(Vertex vertex) {
  for (VertexId input : inputs_of(vertex)) {
    assert(index_of(input) < vertices_.size());
    static_cast<void>(input);
  }
  auto [found, is_new] =
      by_fingerprint_.emplace(fingerprint(vertex), static_cast<VertexId>(vertices_.size()));
  if (is_new) {
    vertices_.push_back(std::move(vertex));
  }
  return found->second;
}

}  // namespace slipway::builder
