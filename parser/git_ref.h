#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::parser {

// The parts of a git reference: `https://host/repo.git?tag=v1#ref:folder`, `git@host:repo#ref`.
struct GitReference {
  std::string remote;      // what git is given: without query and fragment
  std::string short_name;  // last element of the path, without ".git"
  std::string ref;         // tag=x is refs/tags/x, branch=x is refs/heads/x
  std::string checksum;
  std::string subdir;
  bool unencrypted = false;  // http:// or git://
  // `github.com/a/b`: a git reference as a context, a plain path in ADD.
  bool indistinguishable_from_local = false;
  std::optional<bool> keep_git_dir;
  std::optional<bool> submodules;
  std::optional<bool> fetch_by_commit;
  std::string mtime;  // "", "checkout" or "commit"

  bool operator==(const GitReference&) const = default;
};

struct GitReferenceResult {
  bool is_git = false;                    // false: a URL or a local path
  std::optional<GitReference> reference;  // nothing where is_git is false or there is an error
  std::string error;                      // of a git reference with a bad query
};

GitReferenceResult parse_git_reference(std::string_view text);

// Is the text an http or https URL (whether or not it is also a git reference)?
bool is_http_url(std::string_view text);

}  // namespace slipway::parser
