#include "builder/plan/sources.h"

#include <utility>

#include "base/text.h"
#include "parser/quoting.h"

namespace slipway::builder {

namespace {

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = text[i] == '%' && i + 2 < text.size()
                    ? base::parse_integer<unsigned>(text.substr(i + 1, 2), 16)
                    : std::nullopt;
    decoded.push_back(byte ? static_cast<char>(*byte) : text[i]);
    i += byte ? 2 : 0;
  }
  return decoded;
}

std::string file_name_of(std::string_view url) {
  constexpr std::string_view kUnnamed = "__unnamed__";
  std::size_t host = url.find("://");
  url.remove_prefix(host == std::string_view::npos ? 0 : host + 3);
  url = url.substr(0, url.find_first_of("?#"));
  std::size_t slash = url.find('/');
  if (slash == std::string_view::npos) {
    return std::string(kUnnamed);
  }
  std::string path = percent_decoded(url.substr(slash));
  while (path.ends_with('/')) {
    path.pop_back();
  }
  std::string name = path.substr(path.rfind('/') + 1);
  return base::is_path_part(name) ? name : std::string(kUnnamed);
}

}  // namespace

std::expected<SourceGit, std::string> git_source(const parser::GitReference& reference,
                                                 const RemoteFlags& flags) {
  if (flags.keep_git_dir && reference.keep_git_dir &&
      *flags.keep_git_dir != *reference.keep_git_dir) {
    return std::unexpected("inconsistent keep-git-dir configuration");
  }
  if (!flags.checksum.empty() && !reference.checksum.empty() &&
      flags.checksum != reference.checksum) {
    return std::unexpected(base::cat("checksum mismatch ", parser::quote_text(flags.checksum),
                                     " != ", parser::quote_text(reference.checksum)));
  }
  return SourceGit{
      .remote = reference.remote,
      .ref = reference.ref,
      .subdir = reference.subdir,
      .checksum = reference.checksum.empty() ? flags.checksum : reference.checksum,
      .keep_git_dir = reference.keep_git_dir.value_or(flags.keep_git_dir.value_or(false)),
      .submodules = reference.submodules.value_or(true),
      .fetch_by_commit = reference.fetch_by_commit.value_or(false),
      .commit_times = reference.mtime == "commit",
  };
}

std::expected<SourceHttp, std::string> http_source(std::string_view url, const RemoteFlags& flags) {
  SourceHttp source{.url = std::string(url), .file_name = file_name_of(url)};
  if (!flags.checksum.empty()) {
    auto digest = base::Digest::parse(flags.checksum);
    if (!digest) {
      return std::unexpected(std::move(digest.error()));
    }
    source.checksum = *std::move(digest);
  }
  return source;
}

}  // namespace slipway::builder
