#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/fs.h"
#include "base/stream.h"
#include "builder/layer/archive_view.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/tree_view.h"
#include "builder/layer/tree_writer.h"
#include "tests/fuzz/fuzz.h"

// An archive of a stranger: as a layer that is unpacked, and as what ADD and a context on standard
// input are. Whatever the bytes are, they are read or refused with an error of the input; nothing
// appears outside of the folder that is unpacked into; and what is in an index is what a path in an
// image can be.

namespace {

using slipway::base::Error;
using slipway::base::ErrorKind;
using slipway::tests::require;
namespace base = slipway::base;
namespace builder = slipway::builder;

// Small, so that a bomb is one soon.
constexpr builder::TarLimits kLimits{.members = 1000,
                                     .extended_header_bytes = 1 << 16,
                                     .xattr_bytes = 1 << 12,
                                     .content_bytes = 1 << 20,
                                     .sparse_extents = 1000};

// Runs the body; it may only fail because of the input.
template <typename Body>
bool survives(Body body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::kInput || error.kind() == ErrorKind::kIntegrity);
    return false;
  }
}

// Root's powers are needed for owners, devices and some attributes: those are left out, and with
// them what only root may do.
builder::TreeWriter::Options tree_options() {
  return {.marks = builder::OverlayMarks::kNone, .owners = builder::TreeWriter::Owners::kLeave};
}

void read_index(std::string_view bytes) {
  survives([&] {
    base::StringSource tar{std::string(bytes)};
    builder::LayerReadOptions options;
    options.object = "input";
    options.limits = kLimits;
    builder::LayerIndex index = builder::read_layer(tar, options, {});
    for (const builder::Entry& entry : index.entries()) {
      auto path = base::ImagePath::parse(entry.path.text());
      require(path.has_value() && *path == entry.path);
      require(entry.path.text().size() <= builder::kPathBytesMax);
      require(index.find(entry.path) == entry);
    }
    require(builder::LayerIndex::parse(std::string(index.bytes())) == index);
  });
}

// What is unpacked stays below its folder: the folder beside it does not change.
void unpack(std::string_view bytes) {
  base::TempDir world("/tmp", "slipway-fuzz-");
  base::Fd outside = base::open_directory(world.path());
  base::ensure_directory(world.path() + "/root", 0755);
  base::write_file_atomically(outside, "beside", "untouched");
  base::Fd root = base::open_directory(world.path() + "/root");
  try {
    base::StringSource tar{std::string(bytes)};
    builder::TreeWriter tree(root, tree_options());
    builder::LayerReadOptions options;
    options.object = "input";
    options.limits = kLimits;
    options.tree = &tree;
    builder::read_layer(tar, options, {});
    tree.finish();
  } catch (const Error&) {
    // The file system has limits of its own, and a tree without marks has no whiteouts: any error
    // is right here, as long as nothing got out.
  }
  require(base::list_directory(outside).size() == 2);
  require(base::find_file_content(world.path() + "/beside", 100) == "untouched");
}

void view_archive(std::string_view bytes) {
  survives([&] {
    auto view =
        builder::open_archive_stream(std::make_unique<base::StringSource>(std::string(bytes)),
                                     "input", base::TempDir("/tmp", "slipway-fuzz-"), {}, kLimits);
    builder::walk(*view, {}, [&](const builder::Entry& entry) {
      require(entry.type != builder::EntryType::kHardlink);
      require(view->find(entry.path).has_value());
      if (entry.type == builder::EntryType::kFile) {
        base::HashingSink content(nullptr);
        base::copy_stream(*view->open(entry), content);
        content.finish();
        require(content.size() == entry.size);
      }
      survives([&] { builder::resolve(*view, entry.path, builder::LastLink::kFollow); });
      return builder::Visit::kContinue;
    });
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = slipway::tests::input_text(data, size);
  read_index(bytes);
  unpack(bytes);
  view_archive(bytes);
  return 0;
}
