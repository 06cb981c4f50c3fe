#include "builder/ops/exec_step.h"

#include <algorithm>

#include "base/error.h"

namespace slipway::builder {

namespace {

// `above` are trees on top of the layers of the step's base.
void visit(const OpInputs& inputs, const std::vector<std::string>& above,
           const OpServices& services, const StepVisitor& visitor, const std::stop_token& stop) {
  std::vector<cache::DiffId> layers = diff_ids_of(inputs.base());
  std::vector<std::string> lowers = services.layers->ensure_trees(layers, stop);
  lowers.insert(lowers.end(), above.begin(), above.end());
  std::shared_ptr<const TreeView> files = services.layers->view(layers, stop);
  cache::StagedTree scratch = services.store->trees().stage();
  ReadyExec ready = make_ready(std::get<Exec>(inputs.vertex->op), inputs,
                               {std::move(lowers), files.get(), &scratch}, services, stop);
  // Whoever looks around takes their time.
  ready.spec.timeout.reset();
  visitor(std::move(ready.spec));
}

}  // namespace

void visit_step(const OpInputs& inputs, const OpServices& services, const StepVisitor& visitor,
                std::stop_token stop) {
  visit(inputs, {}, services, visitor, stop);
}

void visit_step(const KeptStep& step, const std::string& tree, const OpServices& services,
                const StepVisitor& visitor, std::stop_token stop) {
  std::vector<cache::DiffId> layers = layers_of(step);
  if (!services.store->layers().hold(layers).empty()) {
    base::fail(base::ErrorKind::kNotFound, "layers that the step needs are gone", "build again");
  }
  std::map<VertexId, VertexResult> by_id;
  for (const auto& [id, state] : step.inputs) {
    by_id[id].state = state;
  }
  // A number that no input has.
  VertexId base{by_id.empty() ? 0U : static_cast<std::uint32_t>(by_id.rbegin()->first) + 1};
  by_id[base].state = step.base;
  Vertex vertex{step.exec, base, {}};
  vertex.meta.name = step.name;
  OpInputs inputs{&vertex, {}, {}};
  for (const auto& [id, result] : by_id) {
    inputs.ids.push_back(id);
    inputs.results.push_back(&result);
  }
  visit(inputs, {tree}, services, visitor, stop);
}

}  // namespace slipway::builder
