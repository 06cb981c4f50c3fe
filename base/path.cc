#include "base/path.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace slipway::base {

namespace {

// `out` is an absolute path without a slash at its end; the root is empty.
void append_cleaned(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find('/'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      out.resize(out.empty() ? 0 : out.rfind('/'));
    } else {
      out += '/';
      out += part;
    }
  }
}

}  // namespace

bool is_path_part(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

std::optional<ImagePath> ImagePath::parse(std::string_view text) {
  if (text == "/") {
    return ImagePath();
  }
  if (text.empty() || text.front() != '/') {
    return std::nullopt;
  }
  for (std::string_view part : split(text.substr(1), '/')) {
    if (!is_path_part(part)) {
      return std::nullopt;
    }
  }
  return ImagePath(std::string(text));
}

ImagePath ImagePath::clean(std::string_view text) {
  return ImagePath().join(text);
}

ImagePath ImagePath::parent() const {
  std::size_t slash = text_.rfind('/');
  return slash == 0 ? ImagePath() : ImagePath(text_.substr(0, slash));
}

std::string_view ImagePath::base_name() const {
  return std::string_view(text_).substr(text_.rfind('/') + 1);
}

std::vector<std::string_view> ImagePath::parts() const {
  return is_root() ? std::vector<std::string_view>() : split(relative(), '/');
}

ImagePath ImagePath::child(std::string_view name) const {
  assert(is_path_part(name));
  return ImagePath(cat(is_root() ? "" : text_, '/', name));
}

ImagePath ImagePath::join(std::string_view text) const {
  text = text.substr(0, text.find('\0'));
  std::string out;
  out.reserve(text_.size() + 1 + text.size());
  if (!text.starts_with('/') && !is_root()) {
    out = text_;
  }
  append_cleaned(out, text);
  return out.empty() ? ImagePath() : ImagePath(std::move(out));
}

bool ImagePath::contains(const ImagePath& other) const {
  if (is_root()) {
    return true;
  }
  return other.text_.starts_with(text_) &&
         (other.text_.size() == text_.size() || other.text_[text_.size()] == '/');
}

ImagePath ImagePath::rebase(const ImagePath& old_root, const ImagePath& new_root) const {
  assert(old_root.contains(*this));
  std::string_view rest =
      std::string_view(text_).substr(old_root.is_root() ? 0 : old_root.text_.size());
  if (rest.empty() || rest == "/") {
    return new_root;
  }
  return ImagePath(cat(new_root.is_root() ? "" : new_root.text_, rest));
}

std::strong_ordering compare_tree_order(std::string_view left, std::string_view right) {
  // Paths of one tree have long beginnings in common: eight bytes at a time.
  std::size_t size = std::min(left.size(), right.size());
  std::size_t same = 0;
  for (; same + sizeof(std::uint64_t) <= size; same += sizeof(std::uint64_t)) {
    if (std::memcmp(left.data() + same, right.data() + same, sizeof(std::uint64_t)) != 0) {
      break;
    }
  }
  while (same < size && left[same] == right[same]) {
    ++same;
  }
  if (same == size) {
    return left.size() <=> right.size();
  }
  char l = left[same];
  char r = right[same];
  if (l == '/' || r == '/') {
    return l == '/' ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return static_cast<unsigned char>(l) <=> static_cast<unsigned char>(r);
}

std::strong_ordering operator<=>(const ImagePath& left, const ImagePath& right) {
  return compare_tree_order(left.text_, right.text_);
}

}  // namespace slipway::base
