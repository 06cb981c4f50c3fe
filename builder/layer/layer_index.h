#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/layer/entry.h"

namespace slipway::builder {

// What a layer's tar says, entry by entry, sorted in ImagePath order (so that what lies below a
// directory follows it directly), each path once. Directories that the tar only implies are not
// in it: they take their attributes from lower layers.
//
// It lives in its serialised form and decodes entries when asked, so that the index of a base image
// with a hundred thousand files costs no parsing and about 110 bytes an entry. Immutable; copies
// share the bytes; safe for many threads.
class LayerIndex {
 public:
  LayerIndex();  // of the empty layer

  // From bytes that bytes() gave. All of it is checked: order, types, bounds. kIntegrity if
  // damaged, and another message if a newer version wrote it.
  static LayerIndex parse(std::string bytes);
  // The entries sorted (they may come in any order); two of one path are kInternal.
  static LayerIndex from_entries(std::vector<Entry> entries);

  // The serialised form: one magic word, version, count, ends, records (see layer_index.cc).
  // Equal entries give equal bytes.
  std::string_view bytes() const { return *bytes_; }

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  Entry at(std::size_t place) const;
  // Without its first slash, without decoding the rest; valid as long as any copy of this index.
  std::string_view path_at(std::size_t place) const;
  EntryType type_at(std::size_t place) const;

  // The first place whose path is not before `path`; size() if there is none.
  std::size_t lower_bound(const base::ImagePath& path) const;
  std::optional<Entry> find(const base::ImagePath& path) const;
  std::optional<std::size_t> find_place(const base::ImagePath& path) const;
  std::optional<std::size_t> find_place(std::string_view relative) const;  // as path_at() gives it
  // Are the two entries equal?
  bool has_same(std::size_t place, const LayerIndex& other, std::size_t other_place) const {
    return record(place) == other.record(other_place);
  }
  // Places of all that lies below `path`, without itself.
  struct Range {
    std::size_t begin;
    std::size_t end;
    bool empty() const { return begin == end; }
  };
  Range below(const base::ImagePath& path) const;
  // The names directly in `path`, sorted: entries and implied directories.
  std::vector<std::string> child_names(const base::ImagePath& path) const;

  std::vector<Entry> entries() const;

  friend bool operator==(const LayerIndex& left, const LayerIndex& right) {
    return *left.bytes_ == *right.bytes_;
  }

 private:
  friend class LayerIndexBuilder;
  LayerIndex(std::shared_ptr<const std::string> bytes, std::size_t count);
  std::string_view record(std::size_t place) const;
  std::size_t lower_bound_text(std::string_view relative) const;
  std::size_t end_below(std::size_t begin, std::string_view directory) const;

  std::shared_ptr<const std::string> bytes_;
  std::size_t count_ = 0;
};

// Makes an index from entries that come in order.
class LayerIndexBuilder {
 public:
  // Precondition: after the one before in ImagePath order (kInternal otherwise).
  void add(const Entry& entry);
  std::size_t size() const { return ends_.size(); }
  LayerIndex finish();

 private:
  std::string records_;
  std::vector<std::uint32_t> ends_;  // of each record, from the first one on
  std::string last_path_;
};

}  // namespace slipway::builder
