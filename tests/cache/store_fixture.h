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

// "(absent)" if there is none.
std::string bytes_of_file(const std::string& path);

// Names in a folder of the store, sorted.
std::vector<std::string> names_in(const std::string& folder);

// What the body throws, as a person would read it; "no error" if nothing.
std::string error_of(const std::function<void()>& body);
// A test failure if it throws nothing.
base::ErrorKind error_kind_of(const std::function<void()>& body);

// A store in a folder of its own, with a clock that the test steps.
class StoreTest : public testing::Test {
 protected:
  std::string root() const { return folder_.path() + "/store"; }
  std::string file(std::string_view relative) const { return root() + "/" + std::string(relative); }
  Store open() const;

  // A layer whose diff ID is the digest of the word, with a tree that has the word in a file
  // "word" and is said to take 4096 bytes; committed.
  static DiffId put_layer(Store& store, std::string_view word);
  // Such a layer, and a record for it whose key is the digest of the word, too.
  static StepKey put_record(Store& store, std::string_view word,
                            std::int64_t duration_ns = 1'000'000);
  // An image of the layer "<config> layer"; `config` is the text of its config, `name` may be
  // empty.
  static ImageId put_image(Store& store, std::string_view config, const std::string& name);
  static ImageId put_image_of(Store& store, std::string_view config, const std::string& name,
                              const DiffId& diff_id);

  base::TempDir folder_{"/tmp", "slipway-cache-"};
  std::shared_ptr<tests::SteppedClock> clock_ = std::make_shared<tests::SteppedClock>();
};

}  // namespace slipway::cache::testing_support
