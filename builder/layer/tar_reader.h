#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "base/time.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// What a tar of a stranger may ask for. A bigger one is kInput and the message names the limit.
struct TarLimits {
  std::uint64_t members = 10'000'000;           // more files than any file system image we know of
  std::size_t name_bytes = 4096;                // PATH_MAX: no longer name can be created
  std::size_t extended_header_bytes = 1 << 20;  // one pax header or GNU long name
  std::size_t xattr_bytes = 256 * 1024;         // all attributes of one member; ext4 holds 64 KiB
  std::uint64_t content_bytes = std::uint64_t{1} << 44;  // of all members together: 16 TiB
  std::size_t sparse_extents = 1'000'000;                // pieces of one sparse file
};

// One member as the archive says it: names are not cleaned, whiteouts not recognised.
struct TarMember {
  std::string name;
  EntryType type = EntryType::kFile;  // never kWhiteout
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  base::Timestamp mtime;
  std::uint64_t size = 0;  // of the content as the file will have it (sparse files expanded)
  std::string link_name;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<base::Xattr> xattrs;  // sorted
};

// Reads ustar, pax (global headers too), GNU (long names, base-256 numbers, sparse files in the old
// and the pax forms) and v7 archives, one member after another, without seeking and in bounded
// memory. Whatever the bytes are: an Error of kind kInput that names the archive, or members; one
// thread.
class TarReader : private base::Source {
 public:
  // `archive` (owned by the caller) is plain; `object` names it in messages.
  TarReader(base::Source& archive, std::string object, TarLimits limits = {});
  ~TarReader() override;

  // The next member, or nothing after the last one; then the archive has been read to its end (what
  // follows the two zero blocks is skipped). Content of the member before that was not read is
  // skipped. An archive that ends without zero blocks is taken as complete if it ends between
  // members.
  std::optional<TarMember> next();

  // The content of the member last returned; ends where it ends. Valid until next() is called.
  base::Source& content() { return *this; }

 private:
  struct State;
  std::size_t read(std::span<char> bytes) override;
  std::unique_ptr<State> state_;
};

// Does the data begin like a tar: 512 bytes with a right checksum? `first_bytes` holds at least
// kTarBlockBytes where the data has so many. An archive of zero blocks only counts as none.
bool looks_like_tar(std::string_view first_bytes);
inline constexpr std::size_t kTarBlockBytes = 512;

}  // namespace slipway::builder
