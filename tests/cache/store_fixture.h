#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "cache/store.h"
#include "tests/fakes/stepped_clock.h"

namespace slipway::cache::testing_support {

// Digests of short words: DiffId diff = digest_of<DiffId>("base").
template <typename Typed>
Typed digest_of(std::string_view word) {
  return Typed(base::sha256_of(word));
}

inline std::string bytes_of_file(const std::string& path) {
  return base::find_file_content(path, 1 << 20).value_or("(absent)");
}

// Names in a folder of the store, sorted.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory(folder))) {
    names.push_back(entry.name);
  }
  return names;
}

// What the body throws, as a person would read it; "no error" if nothing.
inline std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return base::describe(error);
  }
  return "no error";
}

inline base::ErrorKind error_kind_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return base::ErrorKind::kInternal;
}

// A store in a folder of its own, with a clock that the test steps.
class StoreTest : public testing::Test {
 protected:
  std::string root() const { return folder_.path() + "/store"; }
  std::string file(std::string_view relative) const { return root() + "/" + std::string(relative); }
  Store open() { return Store(root(), {.clock = clock_}); }

  // A layer with a tree of one file, a record that names it, all committed through `store`.
  DiffId put_layer(Store& store, std::string_view word) {
    auto diff_id = digest_of<DiffId>(word);
    StagedTree staged = store.trees().stage();
    base::write_file_atomically(base::open_directory(staged.path()), "word", word);
    store.trees().commit(std::move(staged), diff_id, 4096);
    Batch batch;
    batch.layers.push_back({.diff_id = diff_id, .tar_size = 10240});
    store.commit(batch);
    return diff_id;
  }
  StepKey put_record(Store& store, std::string_view word, std::int64_t duration_ns = 1'000'000) {
    DiffId diff_id = put_layer(store, word);
    auto key = digest_of<StepKey>(word);
    Batch batch;
    batch.records.push_back(
        {.key = key, .diff_id = diff_id, .duration_ns = duration_ns, .family = std::string(word)});
    store.commit(batch);
    return key;
  }
  // An image with one layer; `config` is the text of its config, `name` may be empty.
  ImageId put_image(Store& store, std::string_view config, const std::string& name) {
    return put_image_of(store, config, name, put_layer(store, std::string(config) + " layer"));
  }
  ImageId put_image_of(Store& store, std::string_view config, const std::string& name,
                       const DiffId& diff_id) {
    ImageId id(store.blobs().put(config).digest);
    Batch batch;
    batch.images.push_back(
        {.id = id, .platform = "linux/amd64", .size = 10240, .layers = {diff_id}});
    if (!name.empty()) {
      batch.names.push_back({name, id, {}});
    }
    store.commit(batch);
    return id;
  }

  base::TempDir folder_{"/tmp", "slipway-cache-"};
  std::shared_ptr<tests::SteppedClock> clock_ = std::make_shared<tests::SteppedClock>();
};

}  // namespace slipway::cache::testing_support
