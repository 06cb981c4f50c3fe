// The files are taken in by the assembler: as text, they would be a source file of a megabyte.
#include <fcntl.h>

#include <string_view>

#include "base/fs.h"
#include "cache/db/empty_database.h"

#define SLIPWAY_INCLUDE_FILE(symbol, path) \
  asm(".pushsection .rodata\n"             \
      ".global " #symbol                   \
      "_begin\n"                           \
      ".global " #symbol "_end\n" #symbol  \
      "_begin:\n"                          \
      ".incbin \"" path "\"\n" #symbol     \
      "_end:\n"                            \
      ".popsection\n")

SLIPWAY_INCLUDE_FILE(slipway_empty_database, SLIPWAY_EMPTY_DATABASE);
SLIPWAY_INCLUDE_FILE(slipway_empty_database_log, SLIPWAY_EMPTY_DATABASE "-wal");

extern "C" {
extern const char slipway_empty_database_begin[];
extern const char slipway_empty_database_end[];
extern const char slipway_empty_database_log_begin[];
extern const char slipway_empty_database_log_end[];
}

namespace slipway::cache {

namespace {

void write_new_file(const base::Fd& folder, const std::string& name, std::string_view bytes) {
  base::Fd file = base::open_at(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  base::write_all(file, bytes, name);
}

}  // namespace

void copy_empty_database(const base::Fd& folder, const std::string& name) {
  write_new_file(folder, name, {slipway_empty_database_begin, slipway_empty_database_end});
  write_new_file(folder, name + "-wal",
                 {slipway_empty_database_log_begin, slipway_empty_database_log_end});
}

}  // namespace slipway::cache
