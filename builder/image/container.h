#pragma once

// Containers: what a command wrote on an image, kept to be looked at or made an image.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "builder/image/assemble.h"
#include "builder/layer/layer_store.h"
#include "cache/store.h"
#include "registry/oci/image_config.h"

namespace slipway::builder {

// What a container's row says in its document.
struct Container {
  std::string image;             // as the user named it
  cache::ImageId image_id;       // which that was
  registry::ImageConfig config;  // the image's, but `config.config` is the container's
  std::vector<std::string> command;
  int exit_code = 0;
};

std::string serialise(const Container& container);
// kInput for what another version may have kept.
Container parse_container(std::string_view text);

// What the container wrote, as a layer; it is kept as long as the store is open. kNotFound if the
// container was removed meanwhile.
LayerRecord layer_of(const cache::KeptRow& row, const Container& container, cache::Store& store,
                     LayerStore& layers, std::stop_token stop);

struct CommitOptions {
  std::string author;
  std::string message;
  base::Timestamp now;
};
// The image of the container's files and `container.config`; its history has one entry more.
AssembledImage commit_container(const cache::KeptRow& row, const Container& container,
                                const CommitOptions& options, cache::Store& store,
                                LayerStore& layers, std::stop_token stop);

}  // namespace slipway::builder
