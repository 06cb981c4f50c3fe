#include "builder/ops/state.h"

#include <gtest/gtest.h>

#include "base/digest.h"

namespace slipway::builder {
namespace {

LayerRef received(std::string_view text) {
  return {cache::DiffId(base::sha256_of(text)), std::nullopt};
}
LayerRef made(std::string_view text, std::string_view content) {
  return {cache::DiffId(base::sha256_of(text)), cache::ContentId(base::sha256_of(content))};
}

TEST(State, GivesItsLayersBaseFirst) {
  std::vector<LayerRef> layers = {received("a"), made("b", "content"), received("a")};
  State state(layers);
  EXPECT_EQ(state.size(), 3U);
  EXPECT_EQ(state.layers(), layers);
  EXPECT_EQ(state.top(), layers.back());
  EXPECT_TRUE(State().empty());
  EXPECT_TRUE(State().layers().empty());
}

TEST(State, CopiesGoTheirOwnWays) {
  State base({received("a")});
  State one = base;
  State other = base;
  one.push(received("b"));
  other.push(received("c"));
  EXPECT_EQ(base, State({received("a")}));
  EXPECT_EQ(one, State({received("a"), received("b")}));
  EXPECT_NE(one, other);
}

TEST(State, ChainTellsLayersAndTheirOrder) {
  auto chain = [](const std::vector<LayerRef>& layers) { return State(layers).chain(); };
  EXPECT_EQ(chain({}), "scratch");
  EXPECT_EQ(chain({received("a"), received("b")}), chain({received("a"), received("b")}));
  EXPECT_NE(chain({received("a"), received("b")}), chain({received("b"), received("a")}));
  EXPECT_NE(chain({received("a"), received("b")}), chain({received("b")}));
  EXPECT_NE(chain({received("a")}), chain({made("a", "a")}));
}

TEST(State, ChainNamesWhatWasMadeHereByItsContent) {
  EXPECT_EQ(State({made("a", "content")}).chain(), State({made("b", "content")}).chain());
  EXPECT_NE(State({made("a", "content")}).chain(), State({made("a", "other")}).chain());
}

TEST(State, MayBeVeryHigh) {
  constexpr std::size_t kHeight = 300'000;
  State state;
  for (std::size_t i = 0; i < kHeight; ++i) {
    state.push(received("a"));
  }
  State below = state;
  state.push(received("b"));
  EXPECT_EQ(state.size(), kHeight + 1);
  below = State();
  EXPECT_EQ(state.layers().size(), kHeight + 1);
}

}  // namespace
}  // namespace slipway::builder
