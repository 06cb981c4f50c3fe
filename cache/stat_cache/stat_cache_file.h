#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace slipway::cache {

class Session;

// One flat file per build context, remembered between builds; what is in it belongs to the context
// closet. Safe from any thread and process: readers see one whole content, the last writer wins.
class StatCacheFile {
 public:
  // `context` names the context: its absolute path, say.
  StatCacheFile(Session& session, std::string_view context);

  // For reading or mapping; nothing if there is none. The file that is open stays as it is also
  // when it is replaced.
  std::optional<base::Fd> open() const;
  // In one step, but not synced: after a power cut the content may be anything, so the format must
  // be able to tell (a checksum).
  void replace(std::string_view content) const;

 private:
  Session* session_;  // owned by the Store
  std::string name_;
};

}  // namespace slipway::cache
