#include "builder/layer/archive_view.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <set>

#include "base/compress.h"
#include "base/error.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

class ArchiveView : public TreeView {
 public:
  ArchiveView(base::Source& plain, std::string object, base::TempDir scratch,
              const std::stop_token& stop, const TarLimits& limits)
      : object_(std::move(object)), scratch_(std::move(scratch)) {
    nodes_.emplace(ImagePath(), Node{make_implied_directory(ImagePath())});
    spool_ = std::make_shared<base::Fd>(
        base::open_file(scratch_.path() + "/content", O_RDWR | O_CREAT | O_EXCL, 0600));
    TarReader reader(plain, object_, limits);
    while (std::optional<TarMember> member = reader.next()) {
      base::throw_if_stopped(stop);
      add(*member, reader.content());
    }
  }

  std::optional<Entry> find(const ImagePath& path) const override {
    auto found = nodes_.find(path);
    return found == nodes_.end() ? std::nullopt : std::optional(found->second.entry);
  }

  std::vector<Entry> children(const ImagePath& path) const override {
    std::vector<Entry> entries;
    auto found = nodes_.find(path);
    if (found != nodes_.end()) {
      for (const std::string& name : found->second.children) {
        entries.push_back(nodes_.at(path.child(name)).entry);
      }
    }
    return entries;
  }

  std::unique_ptr<base::Source> open(const Entry& file) const override {
    const Node& node = nodes_.at(file.path);
    return std::make_unique<base::FdRangeSource>(spool_, node.offset, node.entry.size,
                                                 cat(object_, ": ", file.path.text()));
  }

  base::Digest digest(const Entry& file) const override {
    return *nodes_.at(file.path).entry.digest;
  }

  std::uint64_t link_group(const Entry& file) const override {
    return nodes_.at(file.path).link_group;
  }

 private:
  struct Node {
    Entry entry;
    std::uint64_t offset = 0;  // of a file's content in the spool
    std::uint64_t link_group = 0;
    std::set<std::string> children;
  };

  void add(const TarMember& member, base::Source& content) {
    ImagePath path = place_of(member.name);
    if (path.is_root()) {
      set_root(member);
      return;
    }
    if (member.type == EntryType::kHardlink) {
      add_link(path, member);
      return;
    }
    Node node{entry_of(member, path)};
    if (member.type == EntryType::kFile) {
      store_content(node, content);
    }
    put(path, std::move(node));
  }

  // Where a member's name leads: links in its directories are followed inside the root, the last
  // part is taken as it is.
  ImagePath place_of(const std::string& name) {
    ImagePath path = ImagePath::clean(name);
    if (path.is_root()) {
      return path;
    }
    ResolvedPath parent = resolve(*this, path.parent(), LastLink::kFollow);
    make_directories(parent.path);
    return parent.path.child(path.base_name());
  }

  void make_directories(const ImagePath& path) {
    auto found = nodes_.find(path);
    if (found != nodes_.end()) {
      if (!found->second.entry.is_directory()) {
        base::fail(base::ErrorKind::kInput,
                   cat(object_, ": a member lies below ", path.text(), ", which is no directory"));
      }
      return;
    }
    make_directories(path.parent());
    put(path, Node{make_implied_directory(path)});
  }

  void put(const ImagePath& path, Node node) {
    auto found = nodes_.find(path);
    if (found != nodes_.end()) {
      if (found->second.entry.is_directory() && node.entry.is_directory()) {
        found->second.entry = std::move(node.entry);
        return;
      }
      remove(path);
    }
    nodes_.at(path.parent()).children.insert(std::string(path.base_name()));
    nodes_.emplace(path, std::move(node));
  }

  // The path and everything below it, which follows it directly in the map's order.
  void remove(const ImagePath& path) {
    nodes_.at(path.parent()).children.erase(std::string(path.base_name()));
    auto end = nodes_.find(path);
    while (end != nodes_.end() && path.contains(end->first)) {
      end = nodes_.erase(end);
    }
  }

  void set_root(const TarMember& member) {
    if (member.type == EntryType::kDirectory) {
      nodes_.at(ImagePath()).entry = entry_of(member, ImagePath());
    }
  }

  void add_link(const ImagePath& path, const TarMember& member) {
    ResolvedPath target = resolve(*this, ImagePath::clean(member.link_name), LastLink::kKeep);
    if (!target.entry || target.entry->is_directory()) {
      base::fail(base::ErrorKind::kInput,
                 cat(object_, ": ", path.text(), " is a hard link to ", member.link_name,
                     ", which is no file that comes before it"));
    }
    if (target.path == path) {
      return;
    }
    Node& first = nodes_.at(target.path);
    if (first.link_group == 0 && first.entry.type == EntryType::kFile) {
      first.link_group = ++last_group_;
    }
    Node node = first;
    node.entry.path = path;
    put(path, std::move(node));
  }

  void store_content(Node& node, base::Source& content) {
    node.offset = spool_size_;
    base::FdSink sink(*spool_, object_);
    base::HashingSink hashing(&sink);
    spool_size_ += base::copy_stream(content, hashing);
    hashing.finish();
    node.entry.digest = hashing.digest();
  }

  static Entry entry_of(const TarMember& member, const ImagePath& path) {
    Entry entry;
    entry.path = path;
    entry.type = member.type;
    entry.mode = member.mode & 07777;
    entry.uid = member.uid;
    entry.gid = member.gid;
    entry.mtime = member.mtime;
    entry.size = member.type == EntryType::kFile ? member.size : 0;
    entry.link_target = member.type == EntryType::kSymlink ? member.link_name : std::string();
    entry.device_major = member.device_major;
    entry.device_minor = member.device_minor;
    entry.xattrs = member.xattrs;
    return entry;
  }

  std::string object_;
  base::TempDir scratch_;
  std::shared_ptr<base::Fd> spool_;
  std::uint64_t spool_size_ = 0;
  std::uint64_t last_group_ = 0;
  std::map<ImagePath, Node> nodes_;
};

// Whether the file's plain bytes begin like a tar. Damage in what only looks compressed makes it no
// archive.
bool begins_like_tar(const TreeView& view, const Entry& file) {
  std::string magic(base::kMagicBytes, '\0');
  std::unique_ptr<base::Source> raw = view.open(file);
  magic.resize(base::read_full(*raw, magic));
  base::Compression compression = base::detect_compression(magic);
  std::string block(kTarBlockBytes, '\0');
  try {
    std::unique_ptr<base::Source> plain =
        base::make_decompressor(view.open(file), compression, file.path.text());
    block.resize(base::read_full(*plain, block));
  } catch (const base::Error& error) {
    if (error.kind() != base::ErrorKind::kInput) {
      throw;
    }
    return false;
  }
  return looks_like_tar(block);
}

}  // namespace

std::shared_ptr<TreeView> open_archive_stream(std::unique_ptr<base::Source> archive,
                                              const std::string& object, base::TempDir scratch,
                                              std::stop_token stop, TarLimits limits) {
  base::DetectedSource detected = base::open_decompressed(std::move(archive), object);
  return std::make_shared<ArchiveView>(*detected.plain, object, std::move(scratch), stop, limits);
}

std::shared_ptr<TreeView> open_archive_file(const std::string& path, base::TempDir scratch,
                                            std::stop_token stop) {
  auto file = std::make_unique<base::FdSource>(base::open_file(path, O_RDONLY), path);
  return open_archive_stream(std::move(file), path, std::move(scratch), std::move(stop));
}

std::shared_ptr<TreeView> open_archive(const TreeView& view, const Entry& file,
                                       base::TempDir scratch, std::stop_token stop) {
  if (!begins_like_tar(view, file)) {
    return nullptr;
  }
  return open_archive_stream(view.open(file), file.path.text(), std::move(scratch),
                             std::move(stop));
}

}  // namespace slipway::builder
