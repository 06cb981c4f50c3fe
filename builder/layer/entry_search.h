#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "base/path.h"
#include "builder/layer/layer_writer.h"

namespace slipway::builder {

// The first entry of a layer that has one of the texts in it, byte for byte: in a file's content, a
// name, a link's target or the value of an extended attribute. Reads every file once, in pieces.
// Empty texts are nowhere.
std::optional<base::ImagePath> find_entry_with(const LayerEntries& layer,
                                               std::span<const std::string> texts,
                                               const std::stop_token& stop);

}  // namespace slipway::builder
