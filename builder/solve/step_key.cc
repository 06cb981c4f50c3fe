#include "builder/solve/step_key.h"

#include <algorithm>
#include <map>

#include "base/digest.h"
#include "base/text.h"
#include "builder/layer/owners.h"

namespace slipway::builder {

namespace {

// Raise it when the meaning of a definition, of a content ID or of a layer changes: old records
// then simply never match.
constexpr std::string_view kFormat = "slipway step 2";
// Longer values are kept as their digest: a record is for explaining, not for reading a whole
// script back.
constexpr std::size_t kKeptValueBytesMax = 200;

// A linked copy asks the base only for the numbers of its owners' names.
bool looks_at_base(const Vertex& vertex) {
  const auto* copy = std::get_if<Copy>(&vertex.op);
  return copy == nullptr || !copy->link || (!copy->chown.empty() && !is_numeric_owner(copy->chown));
}

void append_mounts(std::vector<KeyPart>& parts, const OpInputs& inputs) {
  const auto* exec = std::get_if<Exec>(&inputs.vertex->op);
  if (exec == nullptr) {
    return;
  }
  for (std::size_t i = 0; i < exec->mounts.size(); ++i) {
    const ExecMount& mount = exec->mounts[i];
    // A cache mount's content never counts; of files, and of a part of a state, the op tells what
    // they hold (source_parts).
    if (mount.kind != ExecMount::Kind::kBind || !mount.from || mount.source != "/" ||
        inputs.result(*mount.from).files != nullptr) {
      continue;
    }
    parts.push_back({base::cat("mount ", i, " state"), inputs.result(*mount.from).state.chain()});
  }
}

std::map<std::string, std::string> parse_parts(const std::string& text) {
  std::map<std::string, std::string> parts;
  for (std::string_view line : base::split(text, '\n')) {
    if (auto pair = base::split_once(line, '\t')) {
      parts.emplace(pair->before, pair->after);
    }
  }
  return parts;
}

}  // namespace

StepIdentity identify(const OpInputs& inputs, std::vector<KeyPart> source_parts) {
  std::vector<KeyPart> parts = definition_of(inputs.vertex->op);
  parts.insert(parts.end(), source_parts.begin(), source_parts.end());
  parts.push_back({"format", std::string(kFormat)});
  if (looks_at_base(*inputs.vertex)) {
    parts.push_back({"base", inputs.base().chain()});
  }
  append_mounts(parts, inputs);
  std::stable_sort(parts.begin(), parts.end(), [](const KeyPart& left, const KeyPart& right) {
    return left.name < right.name;
  });
  base::Sha256 hash;
  for (const KeyPart& part : parts) {
    hash.update(
        base::cat(part.name.size(), ":", part.name, "=", part.value.size(), ":", part.value, "\n"));
  }
  return {cache::StepKey(hash.finish()), std::move(parts)};
}

std::string describe_parts(const std::vector<KeyPart>& parts) {
  std::string text;
  for (const KeyPart& part : parts) {
    std::string value =
        part.value.size() > kKeptValueBytesMax ? base::sha256_of(part.value).text() : part.value;
    // The quotes are only there to keep a line a line.
    text += base::cat(part.name, "\t", base::quote(value), "\n");
  }
  return text;
}

std::vector<std::string> differing_parts(const std::string& older, const std::string& newer) {
  std::map<std::string, std::string> before = parse_parts(older);
  std::map<std::string, std::string> after = parse_parts(newer);
  std::vector<std::string> names;
  for (const auto& [name, value] : after) {
    auto found = before.find(name);
    if (found == before.end() || found->second != value) {
      names.push_back(name);
    }
  }
  for (const auto& [name, value] : before) {
    if (!after.contains(name)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace slipway::builder
