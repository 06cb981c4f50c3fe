#pragma once

// Git references and URLs as sources of a graph.

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "builder/plan/graph.h"
#include "parser/git_ref.h"

namespace slipway::builder {

// What ADD's flags say about a remote source.
struct RemoteFlags {
  std::string checksum;
  std::optional<bool> keep_git_dir;
};

// Errors: «inconsistent keep-git-dir configuration», «checksum mismatch "<a>" != "<b>"».
std::expected<SourceGit, std::string> git_source(const parser::GitReference& reference,
                                                 const RemoteFlags& flags);

// The file is named by the last element of the percent-decoded path, "__unnamed__" if there is
// none. Errors are those of the checksum.
std::expected<SourceHttp, std::string> http_source(std::string_view url, const RemoteFlags& flags);

}  // namespace slipway::builder
