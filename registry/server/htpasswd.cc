#include "registry/server/htpasswd.h"

#include <crypt.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

using base::cat;

// Each is checked anew afterwards; so many people don't push at once.
constexpr std::size_t kKnownMax = 1024;

bool is_bcrypt(std::string_view hash) {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

bool is_hash_of(const std::string& password, const std::string& hash) {
  auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && hash == made;
}

}  // namespace

Htpasswd::Htpasswd(std::string_view content) : salt_(base::random_hex(16)) {
  int number = 0;
  for (std::string_view line : base::split(content, '\n')) {
    ++number;
    line = base::trim(line);
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    auto pair = base::split_once(line, ':');
    if (!pair || pair->before.empty() || !is_bcrypt(pair->after)) {
      base::fail(base::ErrorKind::kInput,
                 cat("htpasswd file, line ", number, ": not a name and a bcrypt hash"),
                 "make it with: htpasswd -Bbn NAME PASSWORD");
    }
    hashes_[std::string(pair->before)] = pair->after;
  }
  if (hashes_.empty()) {
    base::fail(base::ErrorKind::kInput, "the htpasswd file names nobody");
  }
}

bool Htpasswd::admits(std::string_view authorization) const {
  auto parts = base::split_once(authorization, ' ');
  if (!parts || base::to_lower_ascii(parts->before) != "basic") {
    return false;
  }
  std::optional<std::string> decoded = base::from_base64(base::trim(parts->after));
  auto pair = decoded ? base::split_once(*decoded, ':') : std::nullopt;
  if (!pair || decoded->find('\0') != std::string::npos) {
    return false;
  }
  base::Digest digest = base::sha256_of(cat(salt_, *decoded));
  if (known_.lock()->contains(digest)) {
    return true;
  }
  if (!is_right(std::string(pair->before), std::string(pair->after))) {
    return false;
  }
  auto known = known_.lock();
  if (known->size() >= kKnownMax) {
    known->clear();
  }
  known->insert(std::move(digest));
  return true;
}

bool Htpasswd::is_right(const std::string& name, const std::string& password) const {
  auto found = hashes_.find(name);
  // An unknown name takes as long as a known one: the time must not tell which there are.
  bool matches =
      is_hash_of(password, found == hashes_.end() ? hashes_.begin()->second : found->second);
  return matches && found != hashes_.end();
}

}  // namespace slipway::registry
