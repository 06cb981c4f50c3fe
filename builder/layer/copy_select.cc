// Which files COPY and ADD mean (language reference, section 9, "Source resolution", --exclude and
// --parents).
#include <algorithm>

#include "base/text.h"
#include "builder/layer/copy_plan.h"
#include "parser/glob.h"
#include "parser/ignore.h"
#include "parser/suggest.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ErrorKind;
using base::ImagePath;
using parser::PatternMatcher;

PatternMatcher compile(const std::vector<std::string>& patterns) {
  std::expected<PatternMatcher, std::string> matcher = PatternMatcher::compile(patterns);
  if (!matcher) {
    base::fail(ErrorKind::kInput, matcher.error());
  }
  return *matcher;
}

[[noreturn]] void fail_not_found(const TreeView& view, const ImagePath& path) {
  base::Error error(ErrorKind::kNotFound, cat("\"", path.text(), "\": not found"));
  if (std::optional<std::string> why = view.explain_hidden(path)) {
    error.add_note(*why);
    throw error;
  }
  // The nearest name beside the first part that is missing.
  ImagePath missing = path;
  while (!missing.is_root() && !view.find(missing.parent())) {
    missing = missing.parent();
  }
  std::vector<std::string> names;
  for (const Entry& entry : view.children(missing.parent())) {
    names.emplace_back(entry.path.base_name());
  }
  // Of a name as short as that, anything is near.
  constexpr std::size_t kNameBytesMin = 3;
  std::string nearest = missing.base_name().size() < kNameBytesMin
                            ? std::string()
                            : parser::find_suggestion(missing.base_name(), names);
  if (nearest.empty()) {
    throw error;
  }
  throw std::move(error).with_hint(
      cat("did you mean ", missing.parent().child(nearest).text(), "?"));
}

// What of a directory's content is meant: what `include` names (everything where it is null), less
// what `exclude` names. Both see paths relative to the directory; what lies below a matched
// directory is matched with it.
class Collector {
 public:
  Collector(const TreeView& view, const ImagePath& top, const PatternMatcher* include,
            const std::vector<std::string>& include_parts, const PatternMatcher& exclude)
      : view_(view),
        top_(top),
        include_(include),
        include_parts_(include_parts),
        exclude_(exclude) {}

  std::deque<Entry> run() {
    collect(top_, {}, {});
    return std::move(entries_);
  }

 private:
  void collect(const ImagePath& directory, const PatternMatcher::State& included,
               const PatternMatcher::State& excluded);
  bool may_include_below(std::string_view relative) const;

  const TreeView& view_;
  const ImagePath& top_;
  const PatternMatcher* include_;                  // owned by the caller, or null
  const std::vector<std::string>& include_parts_;  // of the include pattern
  const PatternMatcher& exclude_;
  std::deque<Entry> entries_;
};

void Collector::collect(const ImagePath& directory, const PatternMatcher::State& included,
                        const PatternMatcher::State& excluded) {
  for (Entry& entry : view_.children(directory)) {
    std::string relative(entry.path.rebase(top_, ImagePath()).relative());
    PatternMatcher::State include_state;
    PatternMatcher::State exclude_state;
    bool wanted =
        include_ == nullptr || include_->match(relative, included, &include_state).ignored;
    if (!exclude_.empty() && exclude_.match(relative, excluded, &exclude_state).ignored) {
      wanted = false;
      if (!entry.is_directory() || !exclude_.may_hold_exceptions(relative)) {
        continue;
      }
    }
    if (!entry.is_directory()) {
      if (wanted) {
        entries_.push_back(std::move(entry));
      }
      continue;
    }
    if (!wanted && include_ != nullptr && !may_include_below(relative) &&
        include_state == PatternMatcher::State()) {
      continue;
    }
    // A directory that is not meant itself is there as a parent, if anything below it is.
    ImagePath path = entry.path;
    entries_.push_back(std::move(entry));
    std::size_t count = entries_.size();
    collect(path, include_state, exclude_state);
    if (!wanted && entries_.size() == count) {
      entries_.pop_back();
    }
  }
}

// Can the include pattern match something below the directory? Part by part as far as it has no
// `**`; keeps a pattern like `src/*/go.mod` from listing the whole tree.
bool Collector::may_include_below(std::string_view relative) const {
  std::vector<std::string_view> parts = base::split(relative, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i >= include_parts_.size()) {
      return false;  // deeper than the pattern reaches
    }
    const std::string& pattern = include_parts_[i];
    // Classes are left to the matcher itself, whose rules for them are not those of file names.
    if (pattern.find("**") != std::string::npos || pattern.find('[') != std::string::npos) {
      return true;
    }
    if (!parser::match_glob(pattern, parts[i]).value_or(true)) {
      return false;
    }
  }
  return true;
}

class Selector {
 public:
  explicit Selector(const CopyRequest& request)
      : request_(request), exclude_(compile(request.excludes)) {}

  CopySelection run() {
    for (source_ = 0; source_ < request_.sources.size(); ++source_) {
      const CopyFrom& from = request_.sources[source_];
      if (from.view == nullptr) {
        selection_.items.push_back({.source = source_,
                                    .written = ImagePath().child(from.name),
                                    .top = std::nullopt,
                                    .below = {}});
      } else if (request_.parents) {
        select_with_parents(*from.view, from.pattern);
      } else {
        select(*from.view, from.pattern);
      }
    }
    return std::move(selection_);
  }

 private:
  void select(const TreeView& view, const std::string& pattern);
  void select_with_parents(const TreeView& view, const std::string& pattern);
  std::vector<ImagePath> expand(const TreeView& view, const std::string& pattern) const;
  void add(const TreeView& view, const ImagePath& written);

  const CopyRequest& request_;
  PatternMatcher exclude_;
  std::size_t source_ = 0;
  CopySelection selection_;
};

// What the wildcards of the pattern match, in the order of a walk. The parts before the first
// wildcard are a path whose links are followed; from there on names are matched part by part, and
// links on the way are not followed.
std::vector<ImagePath> Selector::expand(const TreeView& view, const std::string& pattern) const {
  if (!parser::is_valid_glob(pattern)) {
    base::fail(ErrorKind::kInput, cat("syntax error in pattern ", base::quote(pattern)));
  }
  ImagePath cleaned = ImagePath::clean(pattern);
  std::vector<std::string_view> parts = cleaned.parts();
  std::size_t first = 0;
  ImagePath start;
  while (first < parts.size() && !parser::has_wildcard(parts[first])) {
    start = start.child(parts[first++]);
  }
  ResolvedPath resolved = resolve(view, start, LastLink::kFollow);
  std::vector<ImagePath> found;
  if (resolved.entry && resolved.entry->is_directory()) {
    found.push_back(resolved.path);
  }
  for (std::size_t i = first; i < parts.size(); ++i) {
    std::vector<ImagePath> next;
    for (const ImagePath& directory : found) {
      for (const Entry& entry : view.children(directory)) {
        bool is_last = i + 1 == parts.size();
        if (parser::match_glob(parts[i], entry.path.base_name()).value_or(false) &&
            (is_last || entry.is_directory())) {
          next.push_back(entry.path);
        }
      }
    }
    found = std::move(next);
  }
  return found;
}

void Selector::select(const TreeView& view, const std::string& pattern) {
  if (parser::has_wildcard(pattern)) {
    for (const ImagePath& match : expand(view, pattern)) {
      add(view, match);
    }
    return;
  }
  ImagePath path = ImagePath::clean(pattern);
  if (pattern.find('\\') != std::string::npos && !resolve(view, path, LastLink::kFollow).entry) {
    // Not a file with a backslash in its name: the backslash takes the meaning of what follows.
    std::string plain;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      i += pattern[i] == '\\' && i + 1 < pattern.size() ? 1 : 0;
      plain += pattern[i];
    }
    path = ImagePath::clean(plain);
  }
  add(view, path);
}

// A file, or a directory with what of it is not excluded. A file that is named is never excluded.
void Selector::add(const TreeView& view, const ImagePath& written) {
  ResolvedPath resolved = resolve(view, written, LastLink::kFollow);
  if (!resolved.entry) {
    fail_not_found(view, written);
  }
  std::deque<Entry> below;
  if (resolved.entry->is_directory()) {
    view.prefetch(resolved.path);
    below = Collector(view, resolved.path, nullptr, {}, exclude_).run();
  }
  selection_.items.push_back({.source = source_,
                              .written = written,
                              .top = std::move(resolved.entry),
                              .below = std::move(below)});
}

// The pattern names what is taken of a directory: the root, or what stands before the first "/./".
// Its content goes to the destination with the directories above it.
void Selector::select_with_parents(const TreeView& view, const std::string& pattern) {
  std::size_t pivot = pattern.find("/./");
  std::string base_pattern = pivot == std::string::npos ? "/" : pattern.substr(0, pivot);
  std::string rest = pivot == std::string::npos ? pattern : pattern.substr(pivot + 2);
  ImagePath wanted = ImagePath::clean(rest);
  bool has_wildcard = parser::has_wildcard(pattern);
  if (wanted.is_root()) {
    base::Error error(ErrorKind::kNotFound,
                      cat("\"", ImagePath::clean(base_pattern).text(), "\": not found"));
    throw std::move(error).with_hint(
        "with --parents name what to copy, for example \"./*\" for everything");
  }
  std::vector<ImagePath> bases;
  if (parser::has_wildcard(base_pattern)) {
    bases = expand(view, base_pattern);
  } else {
    bases.push_back(ImagePath::clean(base_pattern));
  }
  PatternMatcher include = compile({std::string(wanted.relative())});
  std::vector<std::string> parts;
  for (std::string_view part : wanted.parts()) {
    parts.emplace_back(part);
  }
  for (const ImagePath& base_path : bases) {
    ResolvedPath resolved = resolve(view, base_path, LastLink::kFollow);
    SelectedItem item{.source = source_, .written = base_path, .top = resolved.entry, .below = {}};
    if (resolved.entry && resolved.entry->is_directory()) {
      item.below = Collector(view, resolved.path, &include, parts, exclude_).run();
    }
    if (!has_wildcard && item.below.empty()) {
      fail_not_found(view, ImagePath::clean(pattern));
    }
    if (resolved.entry && resolved.entry->is_directory()) {
      selection_.items.push_back(std::move(item));
    }
  }
}

}  // namespace

CopySelection select_sources(const CopyRequest& request) {
  return Selector(request).run();
}

}  // namespace slipway::builder
