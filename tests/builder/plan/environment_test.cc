#include "builder/plan/environment.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/plan/persistent_map.h"

namespace slipway::builder {
namespace {

using testing::ElementsAre;

TEST(Environment, KeepsTheOrderOfLastDefinition) {
  Environment environment({"A=1", "B=2", "A=3", "C"});
  EXPECT_THAT(environment.assignments(), ElementsAre("B=2", "A=3", "C="));
}

TEST(Environment, CanKeepThePlaceOfTheFirstDefinition) {
  Environment environment({"A=1", "B=2"});
  environment.set_in_place("A", "3");
  environment.set_in_place("C", "4");
  EXPECT_THAT(environment.assignments(), ElementsAre("A=3", "B=2", "C=4"));
}

TEST(Environment, CopiesDoNotSeeEachOthersChanges) {
  Environment before({"A=1"});
  Environment after = before;
  after.set("A", "2");
  after.set("B", "3");
  EXPECT_THAT(before.assignments(), ElementsAre("A=1"));
  EXPECT_THAT(after.assignments(), ElementsAre("A=2", "B=3"));
}

TEST(Environment, FingerprintDependsOnContentOnly) {
  Environment left({"A=1", "B=2", "A=3"});
  Environment right({"A=3", "B=2"});
  EXPECT_EQ(left.fingerprint(), right.fingerprint());
  EXPECT_FALSE(left == right) << "their orders differ";
  right.set("B", "");
  EXPECT_NE(left.fingerprint(), right.fingerprint());
}

TEST(Environment, NameAndValueDoNotRunIntoEachOther) {
  EXPECT_NE(Environment({"AB=C"}).fingerprint(), Environment({"A=BC"}).fingerprint());
}

TEST(Environment, ContinuedHasTheConfigOnTopOfWhatItsStageLeft) {
  Environment config({"PATH=/bin", "E=env"});
  Environment base = Environment().continued(config);
  base.set("ARG1", "1");
  base.set("E", "arg wins for now");
  base.set("ARG2", "2");
  EXPECT_THAT(base.assignments(),
              ElementsAre("PATH=/bin", "ARG1=1", "E=arg wins for now", "ARG2=2"));
  Environment child = base.continued(config);
  EXPECT_THAT(child.assignments(), ElementsAre("ARG1=1", "ARG2=2", "PATH=/bin", "E=env"));
  EXPECT_EQ(child.size(), 4U);
}

TEST(Environment, ContinuedCountsAndFingerprintsWhatIsSeen) {
  Environment config({"PATH=/bin"});
  Environment stage = Environment().continued(config);
  stage.set("A", "arg");
  stage.set("B", "arg");
  Environment second = stage.continued(config);
  second.set("A", "env");
  config.set_in_place("A", "env");
  Environment third = second.continued(config);
  third.set("B", "again");
  Environment fourth = third.continued(config);
  EXPECT_THAT(fourth.assignments(), ElementsAre("B=again", "PATH=/bin", "A=env"));
  EXPECT_EQ(fourth.fingerprint(), Environment({"A=env", "B=again", "PATH=/bin"}).fingerprint());
  EXPECT_EQ(fourth.size(), 3U);
}

TEST(PersistentMap, AgreesWithASortedMapInEveryInsertionOrder) {
  for (unsigned step : {1U, 7U, 389U, 996U}) {
    PersistentMap<unsigned> map;
    std::map<std::string, unsigned> expected;
    for (unsigned i = 0; i < 997; ++i) {
      std::string key = std::to_string(i * step % 997);
      map.set(key, i);
      expected[key] = i;
    }
    std::map<std::string, unsigned> seen;
    std::string last;
    map.for_each([&](std::string_view key, unsigned value) {
      EXPECT_LT(last, key);
      last = key;
      seen.emplace(key, value);
    });
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(map.size(), expected.size());
    EXPECT_EQ(map.find("nothing"), nullptr);
  }
}

}  // namespace
}  // namespace slipway::builder
