#include "tests/builder/layer/sample_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/process.h"
#include "base/text.h"

namespace slipway::builder::tests {

namespace {

using base::ImagePath;

std::string_view take_word(std::string_view& line) {
  std::size_t space = std::min(line.find(' '), line.size());
  std::string_view word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

EntryType type_of(char letter) {
  static const std::map<char, EntryType> kTypes{
      {'d', EntryType::kDirectory},  {'o', EntryType::kDirectory},   {'f', EntryType::kFile},
      {'l', EntryType::kSymlink},    {'h', EntryType::kHardlink},    {'w', EntryType::kWhiteout},
      {'c', EntryType::kCharDevice}, {'b', EntryType::kBlockDevice}, {'p', EntryType::kFifo}};
  return kTypes.at(letter);
}

std::uint32_t default_mode(EntryType type) {
  if (type == EntryType::kSymlink) {
    return 0777;
  }
  return type == EntryType::kDirectory ? 0755 : 0644;
}

void set_rest(LayerEntry& planned, std::string_view rest) {
  Entry& entry = planned.entry;
  switch (entry.type) {
    case EntryType::kFile:
      planned.text = std::make_shared<const std::string>(rest);
      entry.size = rest.size();
      return;
    case EntryType::kSymlink:
    case EntryType::kHardlink:
      entry.link_target = rest;
      return;
    case EntryType::kCharDevice:
    case EntryType::kBlockDevice: {
      base::TextPair numbers = base::split_once(rest, ',').value();
      entry.device_major = base::parse_integer<std::uint32_t>(numbers.before).value();
      entry.device_minor = base::parse_integer<std::uint32_t>(numbers.after).value();
      return;
    }
    default:
      return;
  }
}

LayerEntry parse_line(std::string_view line) {
  std::vector<std::string_view> head = base::split(take_word(line), ':');
  LayerEntry planned;
  planned.entry.type = type_of(head[0].at(0));
  planned.entry.opaque = head[0] == "o";
  planned.entry.path = ImagePath::parse(take_word(line)).value();
  if (planned.entry.type == EntryType::kWhiteout) {
    return planned;
  }
  planned.entry.mode = default_mode(planned.entry.type);
  planned.entry.mtime = {1000, 0};
  if (head.size() == 4) {
    planned.entry.mode = base::parse_integer<std::uint32_t>(head[1], 8).value();
    planned.entry.uid = base::parse_integer<std::uint32_t>(head[2]).value();
    planned.entry.gid = base::parse_integer<std::uint32_t>(head[3]).value();
  }
  set_rest(planned, line);
  return planned;
}

void set_xattr(LayerEntries& layer, std::string_view line) {
  ImagePath path = ImagePath::parse(take_word(line)).value();
  for (LayerEntry& planned : layer.entries) {
    if (planned.entry.path == path) {
      std::string name(take_word(line));
      planned.entry.xattrs.emplace_back(name, std::string(line));
      std::sort(planned.entry.xattrs.begin(), planned.entry.xattrs.end());
    }
  }
}

class MemoryContent : public LayerContent {
 public:
  explicit MemoryContent(const LayerEntries& layer) {
    for (const LayerEntry& planned : layer.entries) {
      if (planned.text != nullptr) {
        texts_[planned.entry.path] = planned.text;
      }
    }
  }
  std::unique_ptr<base::Source> open(const Entry& file) const override {
    return std::make_unique<base::StringSource>(*texts_.at(file.path));
  }

 private:
  std::map<ImagePath, std::shared_ptr<const std::string>> texts_;
};

}  // namespace

LayerEntries entries_of(std::string_view text) {
  LayerEntries layer;
  for (std::string_view line : base::split(text, '\n')) {
    line = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (line.starts_with("x ")) {
      set_xattr(layer, line.substr(2));
    } else if (!line.empty()) {
      layer.entries.push_back(parse_line(line));
    }
  }
  std::sort(layer.entries.begin(), layer.entries.end(),
            [](const LayerEntry& left, const LayerEntry& right) {
              return left.entry.path < right.entry.path;
            });
  return layer;
}

WrittenLayer layer_of(std::string_view text) {
  return write_layer(entries_of(text), {}, {});
}

std::string tar_of(std::string_view text) {
  base::StringSink tar;
  write_layer(entries_of(text), {.tar = &tar}, {});
  return tar.take();
}

std::shared_ptr<const MergedView> view_of(const std::vector<std::string_view>& layers) {
  std::vector<ViewLayer> view_layers;
  for (std::string_view text : layers) {
    LayerEntries layer = entries_of(text);
    view_layers.push_back({layer_of(text).index, std::make_shared<MemoryContent>(layer)});
  }
  return std::make_shared<MergedView>(std::move(view_layers));
}

std::string listing(const LayerIndex& index) {
  std::string out;
  for (const Entry& entry : index.entries()) {
    out += describe(entry) + "\n";
  }
  return out;
}

std::string listing(const TreeView& view) {
  std::string out;
  walk(view, {}, [&](const Entry& entry) {
    if (!entry.path.is_root()) {
      out += describe(entry) + "\n";
    }
    return Visit::kContinue;
  });
  return out;
}

std::string listing(const LayerEntries& layer) {
  std::string out;
  for (const LayerEntry& planned : layer.entries) {
    out += describe(planned.entry) + "\n";
  }
  return out;
}

std::string content_of(const TreeView& view, std::string_view path) {
  return find_text(view, ImagePath::clean(path), 1 << 20).value_or("(none)");
}

int run_shell(const std::string& command, std::string* out) {
  base::Output output = base::run_program(
      {.argv = {"sh", "-c", command}, .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}});
  if (out != nullptr) {
    *out = output.out + output.err;
  }
  return output.status.shell_code();
}

bool can_make_overlay_marks() {
  base::TempDir folder("/tmp", "slipway-test-");
  std::string node = folder.path() + "/node";
  return ::mknod(node.c_str(), S_IFCHR, 0) == 0 &&
         ::setxattr(folder.path().c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0;
}

}  // namespace slipway::builder::tests
