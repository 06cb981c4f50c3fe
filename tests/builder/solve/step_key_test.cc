// Which inputs a step's key holds.
#include "builder/solve/step_key.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace slipway::builder {
namespace {

// The key of a COPY onto a state that has one layer of this content.
cache::StepKey key_on(const std::string& base_content, const Copy& copy) {
  Vertex vertex{copy, VertexId{0}, {}};
  VertexResult base;
  base.state.push({cache::DiffId(base::sha256_of(base_content)), std::nullopt});
  return identify({&vertex, {VertexId{0}}, {&base}}, {}).key;
}

bool depends_on_base(const Copy& copy) {
  return key_on("one", copy) != key_on("another", copy);
}

TEST(StepKey, ACopyLooksAtWhatItIsPutOnto) {
  EXPECT_TRUE(depends_on_base({.destination = "/"}));
}

TEST(StepKey, ALinkedCopyHasTheSameKeyOnEveryBase) {
  EXPECT_FALSE(depends_on_base({.destination = "/", .link = true}));
}

TEST(StepKey, NumericOwnersNeedNoBase) {
  for (const char* owner : {"0", "12:34", "root"}) {
    EXPECT_FALSE(depends_on_base({.destination = "/", .chown = owner, .link = true})) << owner;
  }
}

TEST(StepKey, NamesOfOwnersAreTheBasesAlsoForALinkedCopy) {
  for (const char* owner : {"app", "app:12", "12:staff"}) {
    EXPECT_TRUE(depends_on_base({.destination = "/", .chown = owner, .link = true})) << owner;
  }
}

}  // namespace
}  // namespace slipway::builder
