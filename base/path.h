#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::base {

// A path inside a tree (an image, a context, an archive): absolute, no empty part, no ".", no "..",
// no NUL. The root is "/". It is never a host path: appending it to one is done only by base/fs and
// mounts, beneath an open root.
//
// Order: the order of a depth-first walk whose directories are sorted bytewise ('/' sorts before
// every other byte), so that a directory's whole content follows it directly. This is the order of
// layers, indexes and archives.
class ImagePath {
 public:
  // The root.
  ImagePath() : text_("/") {}

  // Only a text that is already in the form above; nothing otherwise.
  static std::optional<ImagePath> parse(std::string_view text);
  // Cleans like a Unix path with "/" as the working directory: "a//b/../c/" is "/a/c"; ".." never
  // leaves the root. NUL bytes end the text, as the kernel would see it.
  static ImagePath clean(std::string_view text);

  const std::string& text() const { return text_; }
  // Without the leading slash; "" for the root. What *at() calls beneath a root take ("." where
  // they need a name).
  std::string_view relative() const { return std::string_view(text_).substr(1); }
  bool is_root() const { return text_.size() == 1; }
  // The root's parent is the root.
  ImagePath parent() const;
  // "" for the root.
  std::string_view base_name() const;
  std::vector<std::string_view> parts() const;

  // One more part. Precondition: `name` is a single valid part (asserted).
  ImagePath child(std::string_view name) const;
  // Cleans `text` with this path as the working directory; an absolute `text` starts at the root.
  ImagePath join(std::string_view text) const;
  // True for the path itself and everything below it.
  bool contains(const ImagePath& other) const;
  // `this` with the leading `old_root` replaced. Precondition: old_root.contains(*this).
  ImagePath rebase(const ImagePath& old_root, const ImagePath& new_root) const;

  friend bool operator==(const ImagePath&, const ImagePath&) = default;
  friend std::strong_ordering operator<=>(const ImagePath& left, const ImagePath& right);

 private:
  explicit ImagePath(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The order of ImagePath for bare texts.
std::strong_ordering compare_tree_order(std::string_view left, std::string_view right);

// True if `name` may stand between two slashes: not empty, not "." or "..", no '/' and no NUL.
bool is_path_part(std::string_view name);

}  // namespace slipway::base
