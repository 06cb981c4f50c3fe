#include "builder/image/container.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/layer/upper_diff.h"

namespace slipway::builder {

using base::cat;
using nlohmann::json;

namespace {

constexpr int kFormat = 1;
constexpr std::string_view kWhat = "the description of a container";

}  // namespace

std::string serialise(const Container& container) {
  json command = json::array();
  for (const std::string& word : container.command) {
    command.push_back(base::to_base64(word));
  }
  return base::dump_json({{"format", kFormat},
                          {"image", container.image},
                          {"imageId", container.image_id.text()},
                          {"config", base::to_base64(registry::serialise(container.config))},
                          {"command", std::move(command)},
                          {"exitCode", container.exit_code}});
}

Container parse_container(std::string_view text) {
  json value = base::parse_json(text, kWhat);
  if (!value.is_object() || value.value("format", 0) != kFormat) {
    base::fail(base::ErrorKind::kInput, "another version of slipway has kept this container",
               "remove it and run the command again");
  }
  auto id = base::Digest::parse(base::json_text(value, "imageId", kWhat));
  auto config = base::from_base64(base::json_text(value, "config", kWhat));
  if (!id || !config) {
    base::fail(base::ErrorKind::kIntegrity, cat(kWhat, " is damaged"));
  }
  Container container{.image = base::json_text(value, "image", kWhat),
                      .image_id = cache::ImageId(*id),
                      .config = registry::parse_image_config(*config, kWhat),
                      .command = {}};
  for (const json& word : value.at("command")) {
    container.command.push_back(base::from_base64(word.get<std::string>()).value_or(""));
  }
  container.exit_code = static_cast<int>(base::json_integer(value, "exitCode", 0, kWhat));
  return container;
}

LayerRecord layer_of(const cache::KeptRow& row, const Container& container, cache::Store& store,
                     LayerStore& layers, std::stop_token stop) {
  std::optional<std::string> tree = store.kept().hold(row.id);
  if (!tree || !store.layers().hold(row.layers).empty()) {
    base::fail(base::ErrorKind::kNotFound,
               cat("the container ", row.id.hex().substr(0, 12), " was removed"));
  }
  std::shared_ptr<const MergedView> below = layers.view(container.config.diff_ids, stop);
  UpperForm form{.marks = layers.tree_options().marks, .owner_of_new = {}};
  if (layers.tree_options().owners == TreeWriter::Owners::kRecord) {
    ProcessUser user = find_process_user(*below, container.config.config.user);
    form.owner_of_new = Owner{user.uid, user.gid};
  }
  UpperDiff diff = diff_upper(base::open_directory(*tree), form, below.get(), stop);
  return layers.put_entries(diff.layer, {LayerForm::kTree, {}}, stop);
}

AssembledImage commit_container(const cache::KeptRow& row, const Container& container,
                                const CommitOptions& options, cache::Store& store,
                                LayerStore& layers, std::stop_token stop) {
  registry::ImageConfig config = container.config;
  config.created = options.now;
  if (!options.author.empty()) {
    config.author = options.author;
  }
  config.diff_ids.push_back(layer_of(row, container, store, layers, std::move(stop)).diff_id);
  config.history.push_back({.created = options.now,
                            .created_by = base::join(container.command, " "),
                            .author = options.author,
                            .comment = options.message});
  std::string bytes = registry::serialise(config);
  return {.config_bytes = bytes,
          .id = base::sha256_of(bytes),
          .config = config,
          .layers = config.diff_ids,
          .base_layers = container.config.diff_ids.size(),
          .base_history = container.config.history.size()};
}

}  // namespace slipway::builder
