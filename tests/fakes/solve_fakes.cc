#include "tests/fakes/solve_fakes.h"

#include "base/digest.h"
#include "base/error.h"

namespace slipway::tests {

std::optional<builder::RememberedStep> MemoryStepCache::find(const cache::StepKey& key) {
  auto kept = kept_.lock();
  auto found = kept->steps.find(key.text());
  return found == kept->steps.end() ? std::nullopt : std::optional(found->second);
}

void MemoryStepCache::keep(const cache::StepKey& key, const builder::RememberedStep& step,
                           const std::string& vertex_name, cache::Batch rows) {
  auto kept = kept_.lock();
  for (const cache::StepOutlineRow& row : rows.step_outlines) {
    kept->outlines.insert(row.outline.text());
  }
  kept->steps.insert_or_assign(key.text(), step);
  kept->parts_by_name[vertex_name] = step.parts;
}

void MemoryStepCache::keep_unrecorded(cache::Batch /*rows*/) {}

std::optional<std::string> MemoryStepCache::find_parts_by_name(const std::string& vertex_name) {
  auto kept = kept_.lock();
  auto found = kept->parts_by_name.find(vertex_name);
  return found == kept->parts_by_name.end() ? std::nullopt : std::optional(found->second);
}

bool MemoryStepCache::knows_outline(const cache::StepKey& outline) {
  return kept_.lock()->outlines.contains(outline.text());
}

std::unique_ptr<builder::StepCache::Claim> MemoryStepCache::hold(Kept& kept,
                                                                 const cache::StepKey& key) {
  struct Held : Claim {
    Held(base::Guarded<Kept>& owner, std::string text) : kept(&owner), key_text(std::move(text)) {}
    ~Held() override {
      kept->lock()->claimed.erase(key_text);
      kept->notify_all();
    }
    base::Guarded<Kept>* kept;
    std::string key_text;
  };
  kept.claimed.insert(key.text());
  return std::make_unique<Held>(kept_, key.text());
}

std::unique_ptr<builder::StepCache::Claim> MemoryStepCache::claim(const cache::StepKey& key,
                                                                  std::stop_token stop) {
  auto kept = kept_.lock();
  if (!kept.wait(stop, [&](Kept& state) { return !state.claimed.contains(key.text()); })) {
    base::fail(base::ErrorKind::kCancelled, "cancelled");
  }
  return hold(*kept, key);
}

std::unique_ptr<builder::StepCache::Claim> MemoryStepCache::try_claim(const cache::StepKey& key) {
  auto kept = kept_.lock();
  return kept->claimed.contains(key.text()) ? nullptr : hold(*kept, key);
}

class ScriptedOp : public builder::Op {
 public:
  ScriptedOp(ScriptedOps& owner, std::string name) : owner_(&owner), name_(std::move(name)) {}
  bool is_step() const override { return true; }
  std::vector<builder::KeyPart> source_parts(const builder::OpInputs&, Reading,
                                             std::stop_token stop) override {
    if (auto unread = owner_->unread_.find(name_);
        unread != owner_->unread_.end() && unread->second) {
      return {{"source 0 content", unread->second(std::move(stop))}};
    }
    auto found = owner_->sources_.find(name_);
    return found == owner_->sources_.end()
               ? std::vector<builder::KeyPart>()
               : std::vector<builder::KeyPart>{{"source 0 content", found->second}};
  }
  bool has_outline(const builder::OpInputs&) const override {
    return owner_->unread_.contains(name_);
  }
  bool can_run_unread(const builder::OpInputs&, std::stop_token) override {
    return owner_->unread_.at(name_) != nullptr;
  }
  builder::StepOutcome run(const builder::OpInputs&, const builder::OutputSink& output,
                           std::stop_token stop) override {
    owner_->ran_.lock()->push_back(name_);
    output("running\n");
    std::string content = owner_->actions_.at(name_)(stop);
    base::Digest digest = base::sha256_of(content);
    bool is_of_key = !owner_->unsteady_.contains(name_);
    return {{cache::DiffId(digest), cache::ContentId(digest)},
            content.size(),
            std::nullopt,
            {},
            is_of_key};
  }

 private:
  ScriptedOps* owner_;
  std::string name_;
};

std::unique_ptr<builder::Op> ScriptedOps::make(const builder::Vertex& vertex) {
  return std::make_unique<ScriptedOp>(*this, vertex.meta.name);
}

}  // namespace slipway::tests
