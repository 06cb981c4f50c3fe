#pragma once

#include <compare>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace slipway::registry {

// A normalised image name: [domain/]path[:tag][@digest] with docker.io and library/ filled in, so
// that "alpine" and "docker.io/library/alpine" are the same value. Grammar and texts of the errors
// are those of Docker's reference package, which users see everywhere else.
class Reference {
 public:
  // The whole text must match: nothing is trimmed.
  static std::expected<Reference, std::string> parse(std::string_view text);

  // "docker.io", "localhost:5000", "[::1]:5000". Empty for the few names ("exa_mple.com/a") that
  // the grammar takes but that name no registry: they can be local names only.
  const std::string& domain() const { return domain_; }
  // "library/alpine": the repository inside the registry.
  const std::string& path() const { return path_; }
  const std::optional<std::string>& tag() const { return tag_; }
  const std::optional<base::Digest>& digest() const { return digest_; }

  // "docker.io/library/alpine": without tag and digest.
  std::string name() const;
  // "docker.io/library/alpine:3.20@sha256:…": tag and digest as given, nothing added.
  std::string canonical() const;
  // For people, as docker shows it: "alpine:3.20". It need not read back as the same reference:
  // "docker.io/example.com/a" is shown as "example.com/a". Names for programs are canonical().
  std::string familiar() const;
  // The same without tag and digest.
  std::string familiar_name() const;

  // With the tag "latest" where neither tag nor digest is given.
  Reference with_default_tag() const;
  // What a pull asks for: the default tag added; the tag dropped where a digest is given.
  Reference for_pull() const;
  Reference without_tag_and_digest() const;
  // Replaces the tag, keeps the digest. Precondition: is_tag(tag) (asserted).
  Reference with_tag(std::string_view tag) const;
  Reference with_digest(base::Digest digest) const;

  friend bool operator==(const Reference&, const Reference&) = default;
  friend auto operator<=>(const Reference&, const Reference&) = default;

 private:
  Reference(std::string domain, std::string path)
      : domain_(std::move(domain)), path_(std::move(path)) {}

  std::string domain_;
  std::string path_;
  std::optional<std::string> tag_;
  std::optional<base::Digest> digest_;
};

// [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
bool is_tag(std::string_view text);

// Where a name or an ID may stand: 64 hexadecimal digits alone, or a whole digest, are an ID.
// Prefixes of IDs are the business of whoever knows the IDs.
std::optional<base::Digest> find_image_id(std::string_view text);

// `--filter reference=PATTERN`: a shell pattern ('*' and '?' do not cross '/') against the familiar
// form with its tag, then without. A malformed pattern is an error with a text.
std::expected<bool, std::string> familiar_match(std::string_view pattern,
                                                const Reference& reference);

}  // namespace slipway::registry
