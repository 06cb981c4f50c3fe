#include "builder/plan/vertex_pool.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <optional>
#include <utility>

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

// Are all inputs in a pool of `count` vertices?
bool has_inputs_below(const Vertex& vertex, std::size_t count) {
  auto is_below = [&](const std::optional<VertexId>& id) { return !id || index_of(*id) < count; };
  auto comes_from = [&](const auto& part) { return is_below(part.from); };
  const auto* exec = std::get_if<Exec>(&vertex.op);
  const auto* copy = std::get_if<Copy>(&vertex.op);
  return is_below(vertex.base) &&
         (exec == nullptr || std::all_of(exec->mounts.begin(), exec->mounts.end(), comes_from)) &&
         (copy == nullptr || std::all_of(copy->sources.begin(), copy->sources.end(), comes_from));
}

// Everything that tells the vertex apart, each text with its length in front.
void write_identity(const Vertex& vertex, std::string& out) {
  auto add = [&](std::string_view text) {
    std::array<char, 24> digits;
    auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), text.size());
    out.append(digits.data(), end);
    out += ':';
    out += text;
  };
  for (const KeyPart& part : short_definition_of(vertex.op)) {
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
}

}  // namespace

VertexId VertexPool::add(Vertex vertex) {
  assert(has_inputs_below(vertex, vertices_.size()));
  identity_.clear();
  write_identity(vertex, identity_);
  hash_.update(identity_);
  auto [found, is_new] =
      by_fingerprint_.emplace(hash_.finish_raw(), static_cast<VertexId>(vertices_.size()));
  if (is_new) {
    vertices_.push_back(std::move(vertex));
  }
  return found->second;
}

}  // namespace slipway::builder
