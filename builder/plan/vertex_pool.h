#pragma once

// The vertices of a graph while it is made. Equal vertices on equal inputs are one vertex, so that
// work that several stages or platforms ask for is done once.

#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "builder/plan/graph.h"

namespace slipway::builder {

class VertexPool {
 public:
  // The vertex, or the equal one that is there already (whose name and lines stay). Inputs must be
  // in the pool (asserted). Time is linear in the size of the vertex without its environment.
  VertexId add(Vertex vertex);

  const Vertex& vertex(VertexId id) const { return vertices_[index_of(id)]; }
  std::vector<Vertex> take() && { return std::move(vertices_); }

 private:
  std::vector<Vertex> vertices_;
  std::unordered_map<std::string, VertexId> by_fingerprint_;
  // Used by every add() anew.
  base::Sha256 hash_;
  std::string identity_;
};

}  // namespace slipway::builder
