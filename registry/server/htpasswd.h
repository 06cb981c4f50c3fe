#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/guarded.h"

namespace slipway::registry {

// Who may use the embedded registry: lines of "name:hash" as `htpasswd -B` writes them. Safe from
// several threads.
class Htpasswd {
 public:
  // kInput naming the line for hashes that are not bcrypt.
  explicit Htpasswd(std::string_view content);
  // The value of an Authorization header.
  bool admits(std::string_view authorization) const;

 private:
  bool is_right(const std::string& name, const std::string& password) const;

  std::map<std::string, std::string> hashes_;
  // bcrypt is slow by design; what was right once is known by a salted digest.
  std::string salt_;
  mutable base::Guarded<std::set<base::Digest>> known_;
};

}  // namespace slipway::registry
