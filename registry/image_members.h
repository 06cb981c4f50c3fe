#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace slipway::registry {

// The files of a layout folder or an archive, by their paths inside it ("blobs/sha256/…"). Nothing
// outside of it is ever reached, whatever its links say. One thread at a time.
class ImageMembers {
 public:
  virtual ~ImageMembers() = default;
  // What messages call it.
  virtual const std::string& name() const = 0;
  // The size of a regular file (links are followed inside), or nothing.
  virtual std::optional<std::uint64_t> find_size(const std::string& path) = 0;
  // Precondition: find_size gives one.
  virtual std::unique_ptr<base::Source> open(const std::string& path) = 0;
};

// A small file; nothing if it is absent, kInput if it is larger than the limit.
std::optional<std::string> find_text(ImageMembers& members, const std::string& path,
                                     std::size_t limit_bytes);

}  // namespace slipway::registry
