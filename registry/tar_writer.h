#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/stream.h"

namespace slipway::registry {

// Writes the plain tars that images travel in: regular files and directories only, owner 0, time 0,
// names of ASCII. (Layers, with all that file systems have, are written elsewhere.) ustar; a file's
// size of 8 GiB or more and a name of more than 100 bytes get a pax record.
class TarWriter {
 public:
  // `out` is owned by the caller; it is not finished here.
  explicit TarWriter(base::Sink& out) : out_(&out) {}

  void directory(const std::string& name);  // with its slash at the end
  void file(const std::string& name, std::string_view content);
  // kIntegrity if the source does not have exactly `size` bytes.
  void file(const std::string& name, std::uint64_t size, base::Source& content,
            std::stop_token stop);
  // Two zero blocks, and nothing after that.
  void finish();

 private:
  void header(const std::string& name, std::uint64_t size, char type);
  void pad(std::uint64_t size);

  base::Sink* out_;
};

}  // namespace slipway::registry
