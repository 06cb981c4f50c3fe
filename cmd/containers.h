#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/image/container.h"
#include "cmd/services.h"

// Containers as people name them.

namespace slipway::cmd {

struct FoundContainer {
  cache::KeptRow row;
  builder::Container container;
};

// By name, ID or the beginning of an ID; nothing if there is none.
std::optional<FoundContainer> find_container(cache::Store& store, const std::string& text);
// kNotFound «No such container: x».
FoundContainer get_container(cache::Store& store, const std::string& text);

// kUsage unless it is like docker's: letters, digits, '_', '.' and '-', two at least.
void check_container_name(const std::string& name);

// The image's layers, and what the container wrote as one more, made for as long as the store is
// open.
std::vector<cache::DiffId> layers_of(Services& services, const FoundContainer& found);

}  // namespace slipway::cmd
