#include "builder/solve/schedule.h"

#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/text.h"

namespace slipway::builder {
namespace {

// "a: ; b: a; c: a b" - each vertex with its inputs, inputs first. The last one is wanted.
class Case {
 public:
  explicit Case(const std::string& text) : schedule_(schedule_of(text)) {}

  std::string take() {
    std::string out;
    for (std::size_t vertex : schedule_.take_ready()) {
      out += base::cat(out.empty() ? "" : " ", names_[vertex]);
    }
    return out;
  }
  void finish(const std::string& name) { schedule_.finish(numbers_.at(name)); }
  std::size_t left() const { return schedule_.left(); }

 private:
  Schedule schedule_of(const std::string& text) {
    std::vector<std::vector<std::size_t>> inputs = inputs_of(text);
    std::size_t last = inputs.size() - 1;
    return Schedule(std::move(inputs), {last});
  }
  std::vector<std::vector<std::size_t>> inputs_of(const std::string& text) {
    std::vector<std::vector<std::size_t>> inputs;
    for (std::string_view line : base::split(text, ';')) {
      auto pair = base::split_once(line, ':');
      std::string name(base::trim(pair->before));
      numbers_[name] = names_.size();
      names_.push_back(name);
      std::istringstream words{std::string(pair->after)};
      std::vector<std::size_t> needed;
      for (std::string word; words >> word;) {
        needed.push_back(numbers_.at(word));
      }
      inputs.push_back(needed);
    }
    return inputs;
  }
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> names_;
  Schedule schedule_;
};

TEST(Schedule, RunsAVertexOnlyAfterAllItsInputs) {
  Case schedule("src:; a: src; b: src; out: a b");
  EXPECT_EQ(schedule.take(), "src");
  schedule.finish("src");
  EXPECT_EQ(schedule.take(), "a b");
  schedule.finish("a");
  EXPECT_EQ(schedule.take(), "");
  schedule.finish("b");
  EXPECT_EQ(schedule.take(), "out");
  schedule.finish("out");
  EXPECT_EQ(schedule.left(), 0U);
}

TEST(Schedule, LeavesOutWhatNobodyNeeds) {
  Case schedule("a:; unused: a; other:; out: a");
  EXPECT_EQ(schedule.left(), 2U);
  EXPECT_EQ(schedule.take(), "a");
  schedule.finish("a");
  EXPECT_EQ(schedule.take(), "out");
}

TEST(Schedule, StartsTheLongestPathFirst) {
  Case schedule("short:; long:; l1: long; l2: l1; out: short l2");
  EXPECT_EQ(schedule.take(), "long short");
}

TEST(Schedule, GivesEachVertexOutOnce) {
  Case schedule("a:; out: a");
  EXPECT_EQ(schedule.take(), "a");
  EXPECT_EQ(schedule.take(), "");
}

}  // namespace
}  // namespace slipway::builder
