// Several processes that use one store at once.
#include <fcntl.h>

#include <random>

#include "base/text.h"
#include "tests/cache/forked.h"
#include "tests/cache/store_check.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::bytes_of_file;
using testing_support::check_store;
using testing_support::digest_of;
using testing_support::Forked;

class ProcessesTest : public testing_support::StoreTest {
 protected:
  // Runs the body in `count` processes at once; their results, a line each that is not "ok".
  static std::string run(int count, const std::function<std::string(int number)>& body) {
    std::vector<Forked> workers;
    for (int number = 0; number < count; ++number) {
      workers.emplace_back([&, number](const base::Fd&) { return body(number); });
    }
    std::string wrong;
    for (Forked& worker : workers) {
      std::string result = worker.result();
      if (result != "ok") {
        wrong += result + "\n";
      }
    }
    return wrong;
  }
};

TEST_F(ProcessesTest, ANewStoreIsMadeByManyAtOnce) {
  EXPECT_EQ(run(6,
                [&](int number) {
                  Store store = open();
                  put_record(store, cat("word ", number));
                  return std::string("ok");
                }),
            "");
  EXPECT_EQ(open().records().list(100).size(), 6U);
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(ProcessesTest, EachStepIsExecutedByOneAndFoundByTheOthers) {
  constexpr int kSteps = 10;
  auto build = [&](int) {
    Store store = open();
    for (int step = 0; step < kSteps; ++step) {
      auto key = digest_of<StepKey>(cat("step ", step));
      StepLock lock = store.records().lock(key, {});
      if (!store.records().find(key)) {
        // A name that is there already would be an execution too many.
        base::ensure_directory(folder_.path() + "/executed");
        base::open_file(cat(folder_.path(), "/executed/", step), O_CREAT | O_EXCL | O_WRONLY, 0600);
        put_record(store, cat("step ", step));
      }
    }
    return std::string("ok");
  };
  EXPECT_EQ(run(4, build), "");
  EXPECT_EQ(testing_support::names_in(folder_.path() + "/executed").size(),
            static_cast<std::size_t>(kSteps));
}

TEST_F(ProcessesTest, PruneNeverTakesWhatABuildHolds) {
  constexpr int kWords = 6;
  auto build = [&](int number) {
    std::minstd_rand random(static_cast<unsigned>(number) + 1);
    for (int round = 0; round < 40; ++round) {
      Store store = open();
      std::string word = cat("word ", random() % kWords);
      auto key = digest_of<StepKey>(word);
      DiffId layer = digest_of<DiffId>(word);
      if (!store.records().find(key) || !store.layers().hold(std::span(&layer, 1)).empty()) {
        put_record(store, word);
      }
      // Long enough for a prune or two to come by.
      for (int look = 0; look < 5; ++look) {
        std::optional<std::string> tree = store.trees().find(layer);
        if (!tree || bytes_of_file(*tree + "/word") != word) {
          return cat("lost ", word, " in round ", round);
        }
        store.commit({});
      }
    }
    return std::string("ok");
  };
  auto prune = [&] {
    for (int round = 0; round < 60; ++round) {
      open().prune({}, {});
    }
    return std::string("ok");
  };
  EXPECT_EQ(run(4, [&](int number) { return number == 0 ? prune() : build(number); }), "");
  EXPECT_EQ(check_store(root()), "");
}

TEST_F(ProcessesTest, NamesGoToTheLastWriter) {
  EXPECT_EQ(run(4,
                [&](int number) {
                  Store store = open();
                  for (int round = 0; round < 10; ++round) {
                    put_image(store, cat("config ", number, " ", round), "app:1");
                  }
                  return std::string("ok");
                }),
            "");
  std::vector<NameRow> names = open().images().names();
  ASSERT_EQ(names.size(), 1U);
  EXPECT_TRUE(open().images().find(std::get<ImageId>(names[0].target)).has_value());
  EXPECT_EQ(check_store(root()), "");
}

}  // namespace
}  // namespace slipway::cache
