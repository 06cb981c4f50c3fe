#include "builder/layer/tree_view.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slipway::builder {

namespace {

// The parts of a link's text, last first, to be taken from the back. ".." stays: what it means
// depends on where the links before it lead.
void push_parts(std::vector<std::string>& todo, std::string_view text) {
  std::vector<std::string_view> parts = base::split(text, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") {
      todo.emplace_back(*part);
    }
  }
}

// The rest of the way as written, where nothing exists any more.
ResolvedPath absent(base::ImagePath path, const std::vector<std::string>& todo) {
  for (auto part = todo.rbegin(); part != todo.rend(); ++part) {
    path = path.join(*part);
  }
  return {std::move(path), std::nullopt};
}

}  // namespace

bool TreeView::visit_children(const base::ImagePath& path, const VisitChild& visit) const {
  std::vector<Entry> entries = children(path);
  return std::all_of(entries.begin(), entries.end(), [&](Entry& entry) {
    base::ImagePath whole = std::exchange(entry.path, {});
    return visit({whole.base_name(), entry, entry.is_regular()});
  });
}

std::optional<base::Digest> TreeView::known_digest(const Entry& file) const {
  return file.digest;
}

void TreeView::prefetch(const base::ImagePath& /*top*/) const {}

void TreeView::learn_digest(const Entry& /*file*/, const base::Digest& /*digest*/) const {}

std::optional<std::string> TreeView::find_in_place(const base::ImagePath& /*top*/) const {
  return std::nullopt;
}

std::optional<base::ImagePath> TreeView::find_changed(const base::ImagePath& /*top*/) const {
  return std::nullopt;
}

std::optional<std::string> TreeView::explain_hidden(const base::ImagePath& /*path*/) const {
  return std::nullopt;
}

ResolvedPath resolve(const TreeView& view, const base::ImagePath& path, LastLink last) {
  return resolve_with([&](const base::ImagePath& at) { return view.find(at); }, path, last);
}

ResolvedPath resolve_with(const FindEntry& find, const base::ImagePath& path, LastLink last) {
  std::vector<std::string> todo;
  push_parts(todo, path.text());
  base::ImagePath here;
  std::optional<Entry> entry = find(here);
  int links = 0;
  while (!todo.empty()) {
    std::string part = std::move(todo.back());
    todo.pop_back();
    if (part == "..") {
      here = here.parent();
      entry = find(here);
      continue;
    }
    base::ImagePath next = here.child(part);
    std::optional<Entry> found = find(next);
    if (found && found->is_symlink() && (last == LastLink::kFollow || !todo.empty())) {
      if (++links > kLinksMax) {
        base::fail(base::ErrorKind::kInput, base::cat("too many links in ", path.text()));
      }
      if (found->link_target.starts_with('/')) {
        here = {};
        entry = find(here);
      }
      push_parts(todo, found->link_target);
      continue;
    }
    if (!found || (!found->is_directory() && !todo.empty())) {
      return absent(std::move(next), todo);
    }
    here = std::move(next);
    entry = std::move(found);
  }
  return {std::move(here), std::move(entry)};
}

void walk(const TreeView& view, const base::ImagePath& top,
          const std::function<Visit(const Entry&)>& visit) {
  std::optional<Entry> first = view.find(top);
  if (!first) {
    return;
  }
  // Entries to visit, the next one last: a stack on the heap, because strangers decide how deep
  // trees are.
  std::vector<Entry> todo;
  todo.push_back(std::move(*first));
  while (!todo.empty()) {
    Entry entry = std::move(todo.back());
    todo.pop_back();
    if (visit(entry) == Visit::kSkip || !entry.is_directory()) {
      continue;
    }
    std::vector<Entry> below = view.children(entry.path);
    std::move(below.rbegin(), below.rend(), std::back_inserter(todo));
  }
}

std::optional<std::string> find_text(const TreeView& view, const base::ImagePath& path,
                                     std::size_t limit_bytes) {
  ResolvedPath resolved = resolve(view, path, LastLink::kFollow);
  if (!resolved.entry || !resolved.entry->is_regular()) {
    return std::nullopt;
  }
  std::unique_ptr<base::Source> source = view.open(*resolved.entry);
  return base::read_all(*source, limit_bytes, path.text());
}

}  // namespace slipway::builder
