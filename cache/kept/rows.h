// What is known of a tree that was kept: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "cache/content/ids.h"

namespace slipway::cache {

// Random; looks like a container's ID elsewhere.
using KeptId = base::TypedDigest<struct KeptIdTag>;

// Numbers are written to disk.
enum class KeptKind {
  kContainer = 0,   // what a command wrote, kept because somebody asked for it
  kFailedStep = 1,  // what a step that failed left: to look at, the first to be pruned
};

struct KeptRow {
  KeptId id;
  KeptKind kind = KeptKind::kContainer;
  // Of a container: its own, or empty. Of a failed step: the build's ID, which others may share.
  std::string name;
  base::Timestamp created;     // set by the store
  std::uint64_t size = 0;      // on disk; set by the store
  std::string document;        // what whoever kept it wants to know again
  std::vector<DiffId> layers;  // what lies below the tree and what else it needs, each once
};

}  // namespace slipway::cache
