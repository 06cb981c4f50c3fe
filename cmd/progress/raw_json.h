#pragma once

// Progress for programs: a JSON object a line, with the members of buildx's --progress=rawjson
// (BuildKit's client.SolveStatus): vertexes, statuses, logs, warnings.

#include <map>
#include <string>

#include "base/guarded.h"
#include "base/time.h"
#include "cmd/progress/build_progress.h"

namespace slipway::cmd {

class RawJsonProgress : public BuildProgress {
 public:
  // Writes to `descriptor` (not owned). The clock outlives this.
  RawJsonProgress(int descriptor, const base::Clock& clock)
      : descriptor_(descriptor), clock_(&clock) {}

  void show(const builder::Event& event) override;
  void finish(const std::vector<parser::LintWarning>& warnings) override;

 private:
  struct Vertex {
    std::string digest;
    std::string name;
    std::string started;
  };
  using Vertexes = std::map<builder::VertexId, Vertex>;
  Vertex& vertex_of(Vertexes& vertexes, builder::VertexId id) const;

  int descriptor_;
  const base::Clock* clock_;
  base::Guarded<Vertexes> vertexes_;
};

}  // namespace slipway::cmd
