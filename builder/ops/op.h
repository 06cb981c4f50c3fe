#pragma once

// What it takes to carry a vertex out. The solver knows this interface only; the ops behind it join
// layers, contexts and sandboxes.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "builder/ops/state.h"
#include "builder/plan/graph.h"
#include "cache/content/ids.h"
#include "cache/store.h"

namespace slipway::builder {

class TreeView;

// What a vertex gave: a state, or files to copy from and mount.
struct VertexResult {
  State state;
  std::shared_ptr<TreeView> files;  // of SourceContext, SourceGit, SourceHttp; else null
  std::string commit;               // of SourceGit: the whole hash
  std::optional<base::Timestamp>
      created;  // when the vertex's own layer was made; none: it made no layer
};

// What a step prints, as it comes, standard output and standard error in the order in which they
// were written; called from a thread of the op's.
using OutputSink = std::function<void(std::string_view bytes)>;

// What an op reads: the vertex and the results of its inputs, in the order of inputs_of(vertex).
struct OpInputs {
  const Vertex* vertex;  // owned by the graph
  std::vector<VertexId> ids;
  std::vector<const VertexResult*> results;  // owned by the solver
  // The result of `id`, which is one of `ids` (asserted).
  const VertexResult& result(VertexId id) const;
  // The state below the vertex; empty where it builds on nothing.
  State base() const;
};

// What an op that makes a layer hands back, to be recorded. The layer is not in the store's
// database yet: `rows` is committed together with the record.
struct StepOutcome {
  LayerRef layer;
  std::uint64_t layer_size_bytes = 0;
  std::optional<base::Digest> log;  // the blob with the whole output, if there was any
  cache::Batch rows;
  // False: what the step read was changed while it ran, so the layer is not what its key says.
  bool is_of_key = true;
};

// One vertex. Ops are used by one thread at a time.
class Op {
 public:
  virtual ~Op() = default;

  // True for steps that make a layer and are recorded under a key. The others are sources: open()
  // gives their result.
  virtual bool is_step() const = 0;

  // Sources only: the result.
  virtual VertexResult open(const OpInputs& inputs, std::stop_token stop);

  // Steps only: the parts of the key that come from reading sources - content digests of exactly
  // the paths that the step reads. Nothing is unpacked, pulled or run for it.
  enum class Reading {
    kFirst,   // the step waits for it
    kBeside,  // the step runs meanwhile, and has more need of the processors
  };
  virtual std::vector<KeyPart> source_parts(const OpInputs& inputs, Reading reading,
                                            std::stop_token stop);

  // Steps only: whether its records note their outline, the key without source_parts(); always the
  // same for one outline. Only then a build may find that there is no record of the step yet,
  // whatever its sources hold, and ask can_run_unread().
  virtual bool has_outline(const OpInputs& inputs) const;

  // Steps with an outline only: whether run() may be called before source_parts() has come to an
  // end, of another op of the same vertex. The sources are listed by then, and what has changed
  // since is no longer of the key (StepOutcome::is_of_key). What run() needs may begin to be made
  // ready, for it is called in any case.
  virtual bool can_run_unread(const OpInputs& inputs, std::stop_token stop);

  // Steps only: carries it out. On an exception nothing is left but garbage that the store sweeps.
  virtual StepOutcome run(const OpInputs& inputs, const OutputSink& output, std::stop_token stop);
};

// Makes the op of a vertex. Called from worker threads.
class OpFactory {
 public:
  virtual ~OpFactory() = default;
  virtual std::unique_ptr<Op> make(const Vertex& vertex) = 0;
};

}  // namespace slipway::builder
