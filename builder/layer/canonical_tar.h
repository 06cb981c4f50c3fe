#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/stream.h"
#include "builder/layer/layer_index.h"

namespace slipway::builder {

// The canonical tar of a layer that was made here, put together from its index and the contents of
// its files, from any place on. Whoever reads all of a tar can compare it with the diff ID; who
// reads pieces can't, so here each file that is touched is read to its end and compared with the
// digest in the index. One thread.
class CanonicalTar {
 public:
  // Opens the content of a file, which begins at `offset` of the tar.
  using OpenContent =
      std::function<std::unique_ptr<base::Source>(const Entry& file, std::uint64_t offset)>;
  // `starts`: where each entry stands in the tar, then where the last one ends.
  // Precondition: files with a size have their digests.
  CanonicalTar(LayerIndex index, std::vector<std::uint64_t> starts, OpenContent open);

  std::uint64_t size() const;
  // Fills a prefix of `bytes` with what stands at `place`, which is inside; returns its length, not
  // 0. A call that goes on where the one before ended reads no file twice. kIntegrity if a file
  // is not what the index says, at the latest when another one is looked at.
  std::size_t read(std::uint64_t place, std::span<char> bytes);
  // Looks at the rest of the file that was read last. Exactly once, after the last read.
  void finish();

 private:
  void go_to(std::uint64_t place);
  void enter(std::size_t number);
  void leave();
  std::size_t read_content(std::span<char> bytes);
  std::uint64_t content_end() const { return headers_.size() + entry_.size; }

  LayerIndex index_;
  std::vector<std::uint64_t> starts_;
  OpenContent open_;

  std::size_t number_ = 0;     // of the entry that place_ is in; the index' size in the end blocks
  Entry entry_;                // that one
  std::string headers_;        // its headers
  std::uint64_t place_ = 0;    // in the tar
  std::uint64_t content_ = 0;  // how much of its content was read
  std::unique_ptr<base::Source> source_;  // the rest of it
  base::Sha256 hash_;                     // of what was read
};

}  // namespace slipway::builder
