#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/fd.h"
#include "builder/layer/tree_writer.h"
#include "cache/store.h"

// The kernel stacks at most 500 directories, and each makes every mount dearer. Of a deep stack,
// groups of trees are therefore combined into one tree each: directories are made anew, everything
// else is hard-linked, which is safe because trees are never written to.

namespace slipway::builder {

// `trees` are overlay lowers, bottom first, written with `options`.
// Makes, in the empty directory `out`, the one lower that means the same as all of them. Devices'
// whiteouts stay whiteouts: there may be more below.
void combine_trees(std::span<const std::string> trees, const base::Fd& out,
                   TreeWriter::Options options, const std::stop_token& stop);

// A stack that is no deeper than kStackMax, as it is; otherwise a shorter one that means the same,
// whose combined trees are kept in the store and used again by the next step.
inline constexpr std::size_t kStackMax = 128;
std::vector<std::string> flatten_stack(cache::Store& store, std::vector<std::string> trees,
                                       TreeWriter::Options options, const std::stop_token& stop);

}  // namespace slipway::builder
