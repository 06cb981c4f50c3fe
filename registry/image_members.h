#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/stream.h"

namespace slipway::registry {

// Files by name, of a layout folder or of an archive: all that reading images needs to know of
// either.
class ImageMembers {
 public:
  virtual ~ImageMembers() = default;
  // Its size, or nothing if there is no such regular file. Links are followed inside, at most
  // kMemberLinksMax of them.
  virtual std::optional<std::uint64_t> find_size(const std::string& name) const = 0;
  // Precondition: find_size(name) has a value (kNotFound otherwise).
  virtual std::unique_ptr<base::Source> open(const std::string& name) const = 0;

  // The whole of a document; nothing if it is not there, kInput if it is larger than the limit.
  std::optional<std::string> find_text(const std::string& name, std::size_t limit_bytes) const;
};

// Classic docker archives let a layer be a link to one of an earlier image; nobody links further
// than that.
inline constexpr int kMemberLinksMax = 8;

std::unique_ptr<ImageMembers> open_folder_members(const std::string& directory);
// Reads the whole archive (plain or compressed; a pipe will do) and keeps its regular files in
// `scratch_directory`, under names of its own.
std::unique_ptr<ImageMembers> open_archive_members(base::Fd file, std::string_view what,
                                                   const std::string& scratch_directory,
                                                   std::stop_token stop);

}  // namespace slipway::registry
