#include "builder/layer/layer_writer.h"

#include <map>

#include "base/text.h"
#include "base/write_behind.h"
#include "builder/layer/tree_behind.h"

namespace slipway::builder {

namespace {

// A disk takes a while for so much, so it had better begin.
constexpr std::uint64_t kWriteBackBytes = 64U << 20;

// What a file's content passes through on its way into the tar: the same bytes go into the tree.
class FileTee : public base::Source {
 public:
  FileTee(base::Source& next, const base::Fd& file, std::string_view object)
      : next_(&next), file_(&file), object_(object) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    base::write_all(*file_, {bytes.data(), count}, object_);
    return count;
  }

 private:
  base::Source* next_;    // owned by the caller
  const base::Fd* file_;  // owned by the caller
  std::string_view object_;
};

// The same for a file that is made when all of it is here.
class TextTee : public base::Source {
 public:
  TextTee(base::Source& next, std::string& text) : next_(&next), text_(&text) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = next_->read(bytes);
    text_->append(bytes.data(), count);
    return count;
  }

 private:
  base::Source* next_;  // owned by the caller
  std::string* text_;   // owned by the caller
};

}  // namespace

struct LayerWriter::State {
  explicit State(Outputs wanted)
      : outputs(std::move(wanted)),
        tar_hash(outputs.tar),
        behind(base::make_write_behind(tar_hash)),
        tar(*behind) {
    if (outputs.tree != nullptr) {
      tree.emplace(*outputs.tree);
    }
  }

  Outputs outputs;
  base::HashingSink tar_hash;
  // Files are read and hashed one after the other while the tar of earlier ones is hashed and
  // stored.
  std::unique_ptr<base::Sink> behind;
  TarWriter tar;
  base::Sha256 file_hash;
  ContentHasher content;
  LayerIndexBuilder index;
  // Files that hard links will name: size and digest once they were written.
  std::map<std::string, std::optional<Entry>, std::less<>> first_names;
  std::optional<TreeBehind> tree;
  std::uint64_t since_write_back = 0;

  void note_written(std::uint64_t bytes);
  void write_large(const Entry& entry, base::Source& content_source, base::Sha256* hash);
  void take_from_first(Entry& link) const;
  void write_file(Entry& entry, base::Source* content_source);
};

// The content goes into the tar, the tree and its digest in one go.
void LayerWriter::State::write_file(Entry& entry, base::Source* content_source) {
  base::Sha256* hash = entry.digest ? nullptr : &file_hash;
  if (!tree) {
    tar.write(entry, content_source, hash);
  } else if (content_source == nullptr) {
    tar.write(entry, nullptr, hash);
    tree->put_file(entry, {});
  } else if (entry.size <= TreeBehind::kFileBytesMax) {
    std::string text;
    text.reserve(static_cast<std::size_t>(entry.size));
    TextTee tee(*content_source, text);
    tar.write(entry, &tee, hash);
    tree->put_file(entry, std::move(text));
  } else {
    write_large(entry, *content_source, hash);
  }
  note_written(entry.size);
  if (!entry.digest) {
    entry.digest = file_hash.finish();
  }
}

void LayerWriter::State::note_written(std::uint64_t bytes) {
  since_write_back += bytes;
  if (tree && outputs.begin_write_back && since_write_back >= kWriteBackBytes) {
    outputs.begin_write_back();
    since_write_back = 0;
  }
}

void LayerWriter::State::write_large(const Entry& entry, base::Source& content_source,
                                     base::Sha256* hash) {
  TreeWriter& writer = tree->direct();
  base::Fd file = writer.open_file(entry);
  FileTee tee(content_source, file, entry.path.text());
  tar.write(entry, &tee, hash);
  writer.close_file(entry, std::move(file));
}

LayerWriter::LayerWriter(Outputs outputs) : state_(std::make_unique<State>(std::move(outputs))) {}
LayerWriter::~LayerWriter() = default;

void LayerWriter::State::take_from_first(Entry& link) const {
  auto first = first_names.find(link.link_target);
  if (first == first_names.end() || !first->second) {
    base::fail(base::ErrorKind::kInternal,
               base::cat("hard link ", link.path.text(), " comes before ", link.link_target));
  }
  // One file has one set of attributes, whatever was planned for its names.
  Entry entry = *first->second;
  entry.path = std::move(link.path);
  entry.type = EntryType::kHardlink;
  entry.link_target = std::move(link.link_target);
  link = std::move(entry);
}

void LayerWriter::expect_link_to(const base::ImagePath& first_name) {
  state_->first_names.try_emplace(first_name.text());
}

Entry LayerWriter::add(Entry entry, base::Source* content) {
  State& state = *state_;
  entry.mtime.nanoseconds = 0;  // what the tar can say
  if (entry.type == EntryType::kFile) {
    state.write_file(entry, content);
    if (auto expected = state.first_names.find(entry.path.text());
        expected != state.first_names.end()) {
      expected->second = entry;
    }
  } else {
    if (entry.type == EntryType::kHardlink) {
      state.take_from_first(entry);
    }
    state.tar.write(entry, nullptr);
    if (state.tree) {
      state.tree->create(entry);
    }
  }
  state.content.add(entry);
  state.index.add(entry);
  return entry;
}

void LayerWriter::add(const LayerEntry& planned) {
  if (planned.entry.type != EntryType::kFile || planned.entry.size == 0) {
    add(planned.entry, nullptr);
    return;
  }
  if (planned.text != nullptr) {
    base::StringSource source(*planned.text);
    add(planned.entry, &source);
    return;
  }
  if (planned.view == nullptr) {
    base::fail(base::ErrorKind::kInternal, base::cat("no content for ", planned.entry.path.text()));
  }
  Entry file = planned.entry;
  file.path = planned.view_path;
  std::unique_ptr<base::Source> source = planned.view->open(file);
  Entry written = add(planned.entry, source.get());
  if (!planned.entry.digest) {
    planned.view->learn_digest(file, *written.digest);
  }
}

WrittenLayer LayerWriter::finish() {
  State& state = *state_;
  state.tar.finish();
  if (state.tree) {
    state.tree->finish();
  }
  return {.diff_id = cache::DiffId(state.tar_hash.digest()),
          .content_id = state.content.finish(),
          .tar_size = state.tar.size(),
          .index = state.index.finish()};
}

WrittenLayer write_layer(const LayerEntries& layer, const LayerWriter::Outputs& outputs,
                         std::stop_token stop) {
  LayerWriter writer(outputs);
  for (const LayerEntry& planned : layer.entries) {
    if (planned.entry.type == EntryType::kHardlink) {
      writer.expect_link_to(base::ImagePath::clean(planned.entry.link_target));
    }
  }
  for (const LayerEntry& planned : layer.entries) {
    base::throw_if_stopped(stop);
    writer.add(planned);
  }
  return writer.finish();
}

LayerEntries flatten(const TreeView& view) {
  LayerEntries layer;
  std::map<std::uint64_t, base::ImagePath> first_names;
  walk(view, {}, [&](const Entry& entry) {
    if (entry.path.is_root()) {
      return Visit::kContinue;
    }
    LayerEntry planned{.entry = entry, .view = &view, .view_path = entry.path};
    if (entry.type == EntryType::kFile) {
      if (std::uint64_t group = view.link_group(entry); group != 0) {
        auto [first, is_new] = first_names.try_emplace(group, entry.path);
        if (!is_new) {
          planned.entry.type = EntryType::kHardlink;
          planned.entry.link_target = first->second.text();
        }
      }
    }
    layer.entries.push_back(std::move(planned));
    return Visit::kContinue;
  });
  return layer;
}

}  // namespace slipway::builder
