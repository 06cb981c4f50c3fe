#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/stream.h"
#include "builder/layer/content_id.h"
#include "builder/layer/entry.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/tar_writer.h"
#include "builder/layer/tree_view.h"
#include "builder/layer/tree_writer.h"
#include "cache/content/ids.h"

namespace slipway::builder {

// An entry of a layer that does not exist yet, and where its bytes are.
struct LayerEntry {
  Entry entry;  // as the layer will have it; digest: where it is known already
  // kFile: the file of `view` that has the content ...
  const TreeView* view = nullptr;
  base::ImagePath view_path;
  // ... or the content itself.
  std::shared_ptr<const std::string> text;
};

// A layer that can be written. Sorted in ImagePath order, each path once, first names before their
// hard links.
struct LayerEntries {
  std::vector<LayerEntry> entries;
  // Views that were made on the way (unpacked archives) and that entries read from.
  std::vector<std::shared_ptr<const TreeView>> views;
};

// What a layer turned out to be.
struct WrittenLayer {
  cache::DiffId diff_id;
  cache::ContentId content_id;
  std::uint64_t tar_size = 0;
  LayerIndex index;
};

// The one pass over a new layer: each file is read once, and while its bytes are hot they go into
// its own digest, the canonical tar (with the diff ID) and, if wanted, a tree on disk.
class LayerWriter {
 public:
  struct Outputs {
    base::Sink* tar = nullptr;   // gets the tar; null: it is only hashed
    TreeWriter* tree = nullptr;  // gets the files; null: none are made
    // Called from time to time, when much has gone into the tree.
    std::function<void()> begin_write_back = nullptr;
  };
  // The outputs are owned by the caller.
  explicit LayerWriter(Outputs outputs);
  ~LayerWriter();

  // A hard link to this file will come: its size and digest are kept for it. Called before the file
  // is added.
  void expect_link_to(const base::ImagePath& first_name);

  // In ImagePath order. `content` may be null for anything but a kFile with a size. A digest in
  // `entry` is believed, and then the content is not hashed by itself. Times lose what is below a
  // second. Returns the entry as the index has it.
  Entry add(Entry entry, base::Source* content);
  // The same with the content from where the entry says; a digest that was computed is told to its
  // view.
  void add(const LayerEntry& entry);

  // Finishes the tar and the tree.
  WrittenLayer finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// All of it. kCancelled between two files if a stop is asked for.
WrittenLayer write_layer(const LayerEntries& layer, const LayerWriter::Outputs& outputs,
                         std::stop_token stop);

// Every entry of the view as one layer on an empty root, hard links among them.
LayerEntries flatten(const TreeView& view);

}  // namespace slipway::builder
