#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::base {

// Writes a new file past the page cache (O_DIRECT) where the file system can do that, else as
// usual: for large files that nobody will read soon. They are on the disk when they are complete,
// push nothing out of memory, and need no new memory, which can be dearer than what makes the
// bytes. Memory: 1 MiB. One thread.
class DirectFile {
 public:
  // `file` is empty and open for writing; it is closed by close() or with this. `object` names it
  // in messages.
  DirectFile(Fd file, std::string object);
  ~DirectFile();
  DirectFile(const DirectFile&) = delete;
  DirectFile& operator=(const DirectFile&) = delete;

  void write(std::string_view bytes);
  // Writes what is left; exactly once, after the last write. What the disk reports is thrown.
  void close();

 private:
  void flush();
  void use_cache();

  struct Free {
    void operator()(char* bytes) const;
  };
  Fd file_;
  std::string object_;
  std::unique_ptr<char, Free> buffer_;
  std::size_t filled_ = 0;
  bool is_direct_ = false;
};

}  // namespace slipway::base
