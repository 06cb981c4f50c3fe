#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "builder/context/ignore_rules.h"
#include "builder/layer/tree_view.h"
#include "cache/stat_cache/stat_cache_file.h"

namespace slipway::builder {

struct ContextOptions {
  std::string directory;  // host path
  IgnoreRules ignore;
  // Where digests of files are remembered from one build to the next; nothing: nowhere. A file that
  // is damaged or of another version counts as none.
  std::optional<cache::StatCacheFile> stat_cache;
  unsigned threads = 1;  // for prefetch
};

// The files of a local directory as a build sees them: without those that the rules hide, all of
// them root's, sockets as empty files. Directories are listed when somebody first asks for them and
// never again, so all of a build sees one state; a file whose status (size, times, inode) is no
// longer the listed one when it is opened or has been read is kInput «<path> changed while it was
// read». Links are never followed here and nothing outside of the directory is reached. A directory
// that is hidden and can't hold exceptions is not even listed. Safe for many threads.
class ContextView : public TreeView {
 public:
  explicit ContextView(ContextOptions options);
  ~ContextView() override;

  std::optional<Entry> find(const base::ImagePath& path) const override;
  std::vector<Entry> children(const base::ImagePath& path) const override;
  bool visit_children(const base::ImagePath& path, const VisitChild& visit) const override;
  std::unique_ptr<base::Source> open(const Entry& file) const override;
  base::Digest digest(const Entry& file) const override;
  std::optional<base::Digest> known_digest(const Entry& file) const override;
  std::uint64_t link_group(const Entry& file) const override;
  void prefetch(const base::ImagePath& top) const override;
  void learn_digest(const Entry& file, const base::Digest& digest) const override;
  // Where nothing is hidden, all of it is root's as this process sees it, on one file system,
  // without attributes, and files, directories and links only. Lists all of it.
  std::optional<std::string> find_in_place(const base::ImagePath& top) const override;
  std::optional<base::ImagePath> find_changed(const base::ImagePath& top) const override;
  // «<file>:<line> ("<pattern>") excludes it» if a rule hides the path or a directory above it.
  std::optional<std::string> explain_hidden(const base::ImagePath& path) const override;

  // Writes what was learned into the stat cache file, together with what it held of directories
  // that nobody looked at. Replaces it in one step; nothing is written if nothing changed.
  void save() const;

  // For tests: what digest() and known_digest() did, and how many directories were listed.
  struct Counters {
    std::uint64_t files_hashed = 0;
    std::uint64_t digests_remembered = 0;
    std::uint64_t directories_listed = 0;
    std::uint64_t directories_read = 0;  // the others were known and had not changed
  };
  Counters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::builder
