#include "tests/cache/store_fixture.h"

namespace slipway::cache::testing_support {

std::string bytes_of_file(const std::string& path) {
  return base::find_file_content(path, 1 << 20).value_or("(absent)");
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const base::DirectoryEntry& entry : base::list_directory(base::open_directory(folder))) {
    names.push_back(entry.name);
  }
  return names;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return base::describe(error);
  }
  return "no error";
}

base::ErrorKind error_kind_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return base::ErrorKind::kInternal;
}

Store StoreTest::open() const {
  return Store(root(), {.clock = clock_});
}

DiffId StoreTest::put_layer(Store& store, std::string_view word) {
  auto diff_id = digest_of<DiffId>(word);
  StagedTree staged = store.trees().stage();
  base::write_file_atomically(base::open_directory(staged.path()), "word", word);
  store.trees().commit(std::move(staged), diff_id, 4096);
  Batch batch;
  batch.layers.push_back({.diff_id = diff_id, .tar_size = 10240});
  store.commit(batch);
  return diff_id;
}

StepKey StoreTest::put_record(Store& store, std::string_view word, std::int64_t duration_ns) {
  DiffId diff_id = put_layer(store, word);
  auto key = digest_of<StepKey>(word);
  Batch batch;
  batch.records.push_back(
      {.key = key, .diff_id = diff_id, .duration_ns = duration_ns, .family = std::string(word)});
  store.commit(batch);
  return key;
}

ImageId StoreTest::put_image(Store& store, std::string_view config, const std::string& name) {
  return put_image_of(store, config, name, put_layer(store, std::string(config) + " layer"));
}

ImageId StoreTest::put_image_of(Store& store, std::string_view config, const std::string& name,
                                const DiffId& diff_id) {
  ImageId id(store.blobs().put(config).digest);
  Batch batch;
  batch.images.push_back({.id = id, .platform = "linux/amd64", .size = 10240, .layers = {diff_id}});
  if (!name.empty()) {
    batch.names.push_back({name, id, {}});
  }
  store.commit(batch);
  return id;
}

}  // namespace slipway::cache::testing_support
