#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// The files of a context, of one layer, or of a stack of layers: what COPY, the lookup of users and
// WORKDIR look at. Nothing is mounted or unpacked to ask. Safe for many threads at once. All calls
// may throw kSystem, kDenied or kIntegrity when the tree behind is damaged.
class TreeView {
 public:
  virtual ~TreeView() = default;

  // The entry at exactly this path; links are not followed. The root is always a directory. Never a
  // whiteout or a hard link: every name of a file is a kFile, and link_group() tells that they are
  // one.
  virtual std::optional<Entry> find(const base::ImagePath& path) const = 0;

  // What lies directly in the directory, sorted; empty where there is no such directory.
  virtual std::vector<Entry> children(const base::ImagePath& path) const = 0;

  // The same, one after the other and without a list of them, until `visit` returns false; then
  // this does, too. What is given lives as long as the call, and the entry's path is the root's.
  struct Child {
    std::string_view name;
    const Entry& entry;
    bool has_other_names;  // false: its link_group() is 0
  };
  using VisitChild = std::function<bool(const Child& child)>;
  virtual bool visit_children(const base::ImagePath& path, const VisitChild& visit) const;

  // The content of a regular file that this view gave. Reading it to the end notices if the file
  // changed since it was listed.
  virtual std::unique_ptr<base::Source> open(const Entry& file) const = 0;

  // The digest of the content of a regular file that this view gave; may read the file.
  virtual base::Digest digest(const Entry& file) const = 0;

  // The same where it is known without reading the file; else nothing.
  virtual std::optional<base::Digest> known_digest(const Entry& file) const;

  // Equal for all names of one regular file and different for different files; 0 where the file
  // has but one name.
  virtual std::uint64_t link_group(const Entry& file) const = 0;

  // Everything below `top` is about to be asked for: whoever can get it faster at once does.
  virtual void prefetch(const base::ImagePath& top) const;

  // Whoever read a whole file of this view and hashed it tells here, so that digest() need not
  // read it again. `file` is the entry that was opened.
  virtual void learn_digest(const Entry& file, const base::Digest& digest) const;

  // The host directory that shows, as a lower layer of an overlay, exactly what the view has below
  // the directory `top`, its owner and mode being root's and 0755; nothing where there is none.
  virtual std::optional<std::string> find_in_place(const base::ImagePath& top) const;

  // For a directory that find_in_place() gave: a path that is not what it was when it was listed.
  virtual std::optional<base::ImagePath> find_changed(const base::ImagePath& top) const;

  // Why a path that may well exist is not in the view, for an error message:
  // ".dockerignore:3 (\"*.o\") excludes it". Nothing where there is nothing to say.
  virtual std::optional<std::string> explain_hidden(const base::ImagePath& path) const;
};

// A path with the links on the way followed inside the view's root, as the kernel would after
// chroot. `entry` is empty if the path does not exist; then `path` is where it would be: the
// part that does not exist is appended as written.
struct ResolvedPath {
  base::ImagePath path;
  std::optional<Entry> entry;
};
enum class LastLink { kFollow, kKeep };
// kInput "too many links in <path>" after kLinksMax of them.
ResolvedPath resolve(const TreeView& view, const base::ImagePath& path, LastLink last);
inline constexpr int kLinksMax = 255;

// The same in any tree that can find entries (as TreeView::find does).
using FindEntry = std::function<std::optional<Entry>(const base::ImagePath& path)>;
ResolvedPath resolve_with(const FindEntry& find, const base::ImagePath& path, LastLink last);

// Calls `visit` for `top` and everything below, parents first, in ImagePath order; does not go
// below a directory for which it returns kSkip. Nothing is called if `top` does not exist.
enum class Visit { kContinue, kSkip };
void walk(const TreeView& view, const base::ImagePath& top,
          const std::function<Visit(const Entry&)>& visit);

// The whole content of a small file (following links), for passwd and the like; nothing if it does
// not exist or is no regular file; kInput if longer than the limit.
std::optional<std::string> find_text(const TreeView& view, const base::ImagePath& path,
                                     std::size_t limit_bytes);

}  // namespace slipway::builder
