#pragma once

#include <stop_token>

#include "cache/gc/prune.h"
#include "cache/gc/usage.h"

namespace slipway::cache {

class CacheDirs;
class Session;

// Store::usage and Store::prune.
Usage measure_usage(Session& session, const CacheDirs& cache_dirs, std::stop_token stop);
PruneResult prune(Session& session, CacheDirs& cache_dirs, const PruneOptions& options,
                  std::stop_token stop);

}  // namespace slipway::cache
