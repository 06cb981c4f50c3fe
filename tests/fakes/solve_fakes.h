#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "builder/ops/op.h"
#include "builder/solve/step_cache.h"

namespace slipway::tests {

// Records in memory.
class MemoryStepCache : public builder::StepCache {
 public:
  std::optional<builder::RememberedStep> find(const cache::StepKey& key) override;
  void keep(const cache::StepKey& key, const builder::RememberedStep& step,
            const std::string& vertex_name, cache::Batch rows) override;
  void keep_unrecorded(cache::Batch rows) override;
  bool knows_outline(const cache::StepKey& outline) override;
  std::optional<std::string> find_parts_by_name(const std::string& vertex_name) override;
  std::unique_ptr<Claim> claim(const cache::StepKey& key, std::stop_token stop) override;
  std::unique_ptr<Claim> try_claim(const cache::StepKey& key) override;

 private:
  struct Kept {
    std::map<std::string, builder::RememberedStep> steps;
    std::map<std::string, std::string> parts_by_name;
    std::set<std::string> outlines;
    std::set<std::string> claimed;
  };
  std::unique_ptr<Claim> hold(Kept& kept, const cache::StepKey& key);
  base::Guarded<Kept> kept_;
};

// Steps whose outcome a table decides: vertex name -> content that the step makes. The layer's
// content ID is the content's digest, its diff ID too. Calls are recorded in the order in which
// they began.
class ScriptedOps : public builder::OpFactory {
 public:
  using Action = std::function<std::string(std::stop_token)>;
  void set(const std::string& vertex_name, Action action) {
    actions_[vertex_name] = std::move(action);
  }
  void set_content(const std::string& vertex_name, std::string content) {
    set(vertex_name, [content](std::stop_token) { return content; });
  }
  // What this vertex reads changes under it, always.
  void set_unsteady(const std::string& vertex_name) { unsteady_.insert(vertex_name); }
  // What a source part of this vertex's key says.
  void set_source(const std::string& vertex_name, std::string value) {
    sources_[vertex_name] = std::move(value);
  }

  // This vertex has an outline, and may run before what it reads is known; that is then told by
  // `read`, and what set_source() said otherwise.
  using Read = std::function<std::string(std::stop_token)>;
  void set_unread(const std::string& vertex_name, Read read) {
    unread_[vertex_name] = std::move(read);
  }
  // It has an outline, but may not.
  void set_outlined(const std::string& vertex_name) { unread_[vertex_name] = nullptr; }

  std::unique_ptr<builder::Op> make(const builder::Vertex& vertex) override;
  std::vector<std::string> ran() { return *ran_.lock(); }
  void forget_calls() { ran_.lock()->clear(); }

 private:
  friend class ScriptedOp;
  std::map<std::string, Action> actions_;
  std::map<std::string, std::string> sources_;
  std::set<std::string> unsteady_;
  std::map<std::string, Read> unread_;
  base::Guarded<std::vector<std::string>> ran_;
};

}  // namespace slipway::tests
