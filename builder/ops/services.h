#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/time.h"
#include "builder/layer/layer_store.h"
#include "builder/ops/exec_settings.h"
#include "builder/ops/kept_step.h"
#include "builder/ops/op.h"
#include "builder/sandbox/sandbox.h"

namespace slipway::cache {
class Store;
}
namespace slipway::registry {
class Transport;
}

namespace slipway::builder {

// Threads that read files whose digest is not known yet. Two keep a disk and a core busy; more
// steps run besides.
inline constexpr unsigned kReaders = 2;

// What ops work with; everything is owned by the build and outlives it.
struct OpServices {
  cache::Store* store;
  LayerStore* layers;
  std::function<StepRunner&()> runner;  // made when the first step runs
  const base::Clock* clock;
  const ExecSettings* exec;
  // Local contexts by the name that SourceContext has.
  std::map<std::string, std::shared_ptr<TreeView>> contexts;
  // For downloads; made when one is first needed.
  std::function<registry::Transport&()> transport;
  // Of programs that are run for the build (git).
  std::vector<std::string> environment;
  // In which form the layer of a vertex is kept: a tree where a later step mounts it.
  std::function<StoreForm(const Vertex& vertex)> form_of;
  // Cache mounts that were made anew in this build, because a step ignores the cache.
  std::shared_ptr<base::Guarded<std::set<std::string>>> renewed_cache_dirs =
      std::make_shared<base::Guarded<std::set<std::string>>>();
  // Gets the sandbox of a RUN whose command failed, ready for another command; the step fails when
  // it returns. Empty: nobody wants to look.
  std::function<void(SandboxSpec spec)> debug;
  // Gets a RUN whose command failed and the tree that it left, and may keep it. Never one with the
  // bytes of a secret. Empty: nobody wants to see it later.
  std::function<void(KeptStep step, cache::StagedTree& tree)> keep_failed;
  // The folder for OverlayRoot::stubs, one for all steps; empty: the sandbox keeps its own.
  std::function<std::string()> stubs;
  // What the sandbox has said about steps of this build.
  std::shared_ptr<base::Guarded<std::set<std::string>>> told =
      std::make_shared<base::Guarded<std::set<std::string>>>();
  // A line for people, from any thread: a notice that something is not as asked.
  std::function<void(const std::string& text)> warn;
};

// Ops of the vertices of one graph.
class StandardOps : public OpFactory {
 public:
  explicit StandardOps(OpServices services) : services_(std::move(services)) {}
  std::unique_ptr<Op> make(const Vertex& vertex) override;

 private:
  OpServices services_;
};

// One function per kind of vertex; each op keeps a reference to the services and the vertex.
std::unique_ptr<Op> make_image_op(const SourceImage& source, const OpServices& services);
std::unique_ptr<Op> make_context_op(const SourceContext& source, const OpServices& services);
std::unique_ptr<Op> make_http_op(const SourceHttp& source, const OpServices& services);
std::unique_ptr<Op> make_git_op(const SourceGit& source, const OpServices& services);
std::unique_ptr<Op> make_exec_op(const Exec& exec, const OpServices& services);
std::unique_ptr<Op> make_copy_op(const Copy& copy, const OpServices& services);
std::unique_ptr<Op> make_directory_op(const MakeDir& make_dir, const OpServices& services);

// The diff IDs of a state, base first.
std::vector<cache::DiffId> diff_ids_of(const State& state);

// What a vertex's result looks like as files: a source's own, or a state's layers merged. Never
// null.
std::shared_ptr<const TreeView> files_of(const VertexResult& result, const OpServices& services,
                                         std::stop_token stop);

}  // namespace slipway::builder
