// Which files COPY and ADD mean (language reference, section 9, "Source resolution", --exclude and
// --parents).
#include <algorithm>
#include <utility>

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

// One visit of what `filter` takes of a directory's content: what `include` names (everything where
// it is nothing), less what `exclude` names. What lies below a matched directory is matched with
// it.
class Selection {
 public:
  Selection(const TreeView& view, const SelectedContent::Filter& filter,
            const SelectedContent::Visit& visit)
      : view_(view), filter_(filter), visit_(visit) {}

  bool run(const ImagePath& top) { return look_into(top, {}, {}); }

 private:
  // A directory that is not meant itself, and nothing below it was seen yet.
  struct Parent {
    std::size_t relative_size;
    const TreeView::Child* child;  // of a call that has not ended
  };

  bool look_into(const ImagePath& directory, const PatternMatcher::State& included,
                 const PatternMatcher::State& excluded);
  bool look_at(const ImagePath& directory, const TreeView::Child& child,
               const PatternMatcher::State& included, const PatternMatcher::State& excluded);
  bool take(const TreeView::Child& child);
  bool may_include_below(std::string_view relative) const;

  const TreeView& view_;
  const SelectedContent::Filter& filter_;
  const SelectedContent::Visit& visit_;
  std::string relative_;  // of what is being looked at
  std::vector<Parent> parents_;
};

bool Selection::look_into(const ImagePath& directory, const PatternMatcher::State& included,
                          const PatternMatcher::State& excluded) {
  std::size_t size = relative_.size();
  return view_.visit_children(directory, [&](const TreeView::Child& child) {
    relative_ += size == 0 ? "" : "/";
    relative_ += child.name;
    bool goes_on = look_at(directory, child, included, excluded);
    relative_.resize(size);
    return goes_on;
  });
}

bool Selection::look_at(const ImagePath& directory, const TreeView::Child& child,
                        const PatternMatcher::State& included,
                        const PatternMatcher::State& excluded) {
  PatternMatcher::State include_state;
  PatternMatcher::State exclude_state;
  bool wanted =
      !filter_.include || filter_.include->match(relative_, included, &include_state).ignored;
  const PatternMatcher& exclude = filter_.exclude;
  bool is_directory = child.entry.is_directory();
  if (!exclude.empty() && exclude.match(relative_, excluded, &exclude_state).ignored) {
    wanted = false;
    if (!is_directory || !exclude.may_hold_exceptions(relative_)) {
      return true;
    }
  }
  if (!is_directory) {
    return !wanted || take(child);
  }
  if (!wanted && filter_.include && !may_include_below(relative_) &&
      include_state == PatternMatcher::State()) {
    return true;
  }
  // A directory that is not meant itself is there as a parent, if anything below it is.
  if (wanted && !take(child)) {
    return false;
  }
  if (!wanted) {
    parents_.push_back({relative_.size(), &child});
  }
  bool goes_on = look_into(directory.child(child.name), include_state, exclude_state);
  if (!parents_.empty() && parents_.back().child == &child) {
    parents_.pop_back();
  }
  return goes_on;
}

bool Selection::take(const TreeView::Child& child) {
  std::string_view relative = relative_;
  for (const Parent& parent : std::exchange(parents_, {})) {
    if (!visit_(relative.substr(0, parent.relative_size), *parent.child)) {
      return false;
    }
  }
  return visit_(relative, child);
}

// Can the include pattern match something below the directory? Part by part as far as it has no
// `**`; keeps a pattern like `src/*/go.mod` from listing the whole tree.
bool Selection::may_include_below(std::string_view relative) const {
  std::vector<std::string_view> parts = base::split(relative, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i >= filter_.include_parts.size()) {
      return false;  // deeper than the pattern reaches
    }
    const std::string& pattern = filter_.include_parts[i];
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
      : request_(request),
        whole_(std::make_shared<SelectedContent::Filter>(
            SelectedContent::Filter{{}, {}, compile(request.excludes)})) {}

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
  std::shared_ptr<const SelectedContent::Filter> whole_;  // all but what --exclude names
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
  SelectedContent below;
  if (resolved.entry->is_directory()) {
    view.prefetch(resolved.path);
    below = SelectedContent(view, resolved.path, whole_);
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
  auto filter = std::make_shared<SelectedContent::Filter>(*whole_);
  filter->include = compile({std::string(wanted.relative())});
  for (std::string_view part : wanted.parts()) {
    filter->include_parts.emplace_back(part);
  }
  for (const ImagePath& base_path : bases) {
    ResolvedPath resolved = resolve(view, base_path, LastLink::kFollow);
    SelectedItem item{.source = source_, .written = base_path, .top = resolved.entry, .below = {}};
    if (resolved.entry && resolved.entry->is_directory()) {
      item.below = SelectedContent(view, resolved.path, filter);
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

SelectedContent::SelectedContent(const TreeView& view, ImagePath top,
                                 std::shared_ptr<const Filter> filter)
    : view_(&view), top_(std::move(top)), filter_(std::move(filter)) {}

bool SelectedContent::visit(const Visit& visit) const {
  if (!kept_) {
    return view_ == nullptr || Selection(*view_, *filter_, visit).run(top_);
  }
  std::size_t above = top_.is_root() ? 1 : top_.text().size() + 1;
  return std::all_of(kept_->begin(), kept_->end(), [&](const Entry& entry) {
    std::string_view path = entry.path.text();
    return visit(path.substr(above), {entry.path.base_name(), entry, entry.is_regular()});
  });
}

bool SelectedContent::empty() const {
  return visit([](std::string_view, const TreeView::Child&) { return false; });
}

std::deque<Entry>& SelectedContent::keep_entries() {
  if (!kept_) {
    kept_ = collect();
  }
  return *kept_;
}

std::deque<Entry> SelectedContent::take_entries() {
  std::deque<Entry> entries = kept_ ? *std::move(kept_) : collect();
  *this = {};
  return entries;
}

std::deque<Entry> SelectedContent::collect() const {
  std::deque<Entry> entries;
  visit([&](std::string_view relative, const TreeView::Child& child) {
    entries.push_back(child.entry);
    entries.back().path = top_.join(relative);
    return true;
  });
  return entries;
}

CopySelection select_sources(const CopyRequest& request) {
  return Selector(request).run();
}

}  // namespace slipway::builder
