#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/path.h"
#include "base/time.h"
#include "builder/layer/entry.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/owners.h"
#include "builder/layer/tree_view.h"
#include "parser/chmod.h"
#include "parser/ignore.h"

// COPY and ADD of files, by the language reference, section 9: which files, and where to. Nothing
// is copied here and nothing but the views is looked at; the outcome is a list of entries for the
// layer.
//
// Two steps, because the first needs only the sources (and gives the step's key) while the second
// needs to know what the image has at the destination (and is skipped if the step is cached):
//
//   CopySelection selection = select_sources(request);       // may fail: "/x": not found
//   Digest key_part = digest_of(selection, 2, stop);         // reads files whose digest is unknown
//   LayerEntries layer = plan_copy(request, std::move(selection), &base_view);
//   store.put_entries(layer, ...);

namespace slipway::builder {

struct CopyFrom {
  // A path or wildcard pattern in a view.
  const TreeView* view = nullptr;  // owned by the caller; null: `text` is the file (a heredoc)
  std::string pattern;             // as written
  std::string name;                // of a heredoc
  std::string text;
};

struct CopyRequest {
  std::vector<CopyFrom> sources;
  std::string destination;  // absolute or relative to working_directory; "/" or "/." at the end
                            // means a directory
  base::ImagePath working_directory;
  std::optional<Owner> owner;               // --chown, looked up already
  std::optional<parser::ChmodValue> chmod;  // --chmod
  std::vector<std::string> excludes;        // --exclude
  bool parents = false;                     // --parents
  bool link = false;                        // --link: the destination is not looked at

  // Of files made here: heredocs and directories that did not exist.
  base::Timestamp now;

  // ADD: the files of an archive, or null if the file (of `view`) is none. Absent: nothing is
  // unpacked.
  std::function<std::shared_ptr<const TreeView>(const TreeView& view, const Entry& file)>
      open_archive;
};

// What of a directory's content is meant, parents among it. The view is asked each time, so that of
// very many files nothing is held that it does not hold itself.
class SelectedContent {
 public:
  // Which paths below the directory; both see paths relative to it.
  struct Filter {
    std::optional<parser::PatternMatcher> include;  // nothing: all
    std::vector<std::string> include_parts;         // of the only pattern in `include`
    parser::PatternMatcher exclude;
  };

  // Nothing.
  SelectedContent() = default;
  // `view`, owned by the caller, lives longer than this.
  SelectedContent(const TreeView& view, base::ImagePath top, std::shared_ptr<const Filter> filter);

  // In ImagePath order, until `visit` returns false: then this does, too. `relative` is the path
  // below the directory, without a slash before it.
  using Visit = std::function<bool(std::string_view relative, const TreeView::Child& child)>;
  bool visit(const Visit& visit) const;
  bool empty() const;

  // The same as a list. The first keeps it here, where it may be changed and visit() finds it.
  std::deque<Entry>& keep_entries();
  std::deque<Entry> take_entries();

 private:
  std::deque<Entry> collect() const;

  const TreeView* view_ = nullptr;
  base::ImagePath top_;
  std::shared_ptr<const Filter> filter_;
  std::optional<std::deque<Entry>> kept_;
};

// One thing that a source stands for: a file, a directory whose content is meant, or a heredoc.
struct SelectedItem {
  std::size_t source = 0;    // index into CopyRequest::sources
  base::ImagePath written;   // as written or matched: its last part is the name at the destination
  std::optional<Entry> top;  // what it is after links were followed; none: a heredoc
  // Of a directory. With --parents `top` is the directory that paths are relative to.
  SelectedContent below;
};

struct CopySelection {
  std::vector<SelectedItem> items;  // in the order in which they are copied
};

// kNotFound «"/x": not found» (with a note if the view can explain it, and the nearest name),
// kInput for a malformed pattern.
CopySelection select_sources(const CopyRequest& request);

// Is a file's digest not known yet, so that digest_of() would read it?
bool has_unread_files(const CopyRequest& request, const CopySelection& selection);

// Names, types, modes, owners, attributes, link targets and content of what was selected, without
// times and without where it lies in the source beyond what decides about the result. Files whose
// digest the views don't know yet are read, by `threads` threads; the entries keep what was found.
base::Digest digest_of(const CopyRequest& request, CopySelection& selection, unsigned threads,
                       std::stop_token stop);

// The entries of the layer. `destination` is null for an empty root. Directories of the image that
// something is put into are repeated as they are. kInput: «cannot replace to directory <p> with
// file», «cannot copy to non-directory: <p>». Archives that open_archive gave are kept alive by the
// result. The selection's entries become those of the layer: of very many files there is not room
// for both.
LayerEntries plan_copy(const CopyRequest& request, CopySelection selection,
                       const TreeView* destination);

// WORKDIR and the like: `path` with its missing parents, 0755 and `owner`'s; what exists is left
// alone and links in it are followed. No entries if nothing is missing.
LayerEntries plan_directory(const base::ImagePath& path, Owner owner, base::Timestamp now,
                            const TreeView* destination);

}  // namespace slipway::builder
