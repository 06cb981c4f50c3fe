#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::cache {

// The number in the store's version file. A change that an older slipway would not understand
// counts it up.
inline constexpr int kStoreFormat = 9;

// The folders of a store, open. README.md says what is in them.
struct Layout {
  std::string path;  // the store's own, absolute
  base::Fd root;
  base::Fd blobs;  // blobs/sha256
  base::Fd trees;
  base::Fd tmp;
  base::Fd trash;
  base::Fd locks;
  base::Fd cache_dirs;
  base::Fd stat_caches;
  base::Fd kept;

  std::string database_path() const { return path + "/db.sqlite"; }
  std::string path_of(std::string_view relative) const;
};

// Opens the folder, makes it if it is missing or empty. Errors as Store's constructor. Two
// processes may do this at once.
Layout open_layout(const std::string& root);

}  // namespace slipway::cache
