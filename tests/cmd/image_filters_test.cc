#include "cmd/image_filters.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/image_names.h"
#include "registry/oci/image_config.h"

namespace slipway::cmd {
namespace {

// A store with three images: two:1 (newer, labelled), one:1 also called example.com/team/one:2, and
// one without a name.
class FilteredImages : public testing::Test {
 protected:
  FilteredImages() {
    add(1000, {{"stage", "old"}}, {"docker.io/library/one:1", "example.com/team/one:2"});
    add(2000, {{"stage", "new"}, {"x", ""}}, {"docker.io/library/two:1"});
    add(3000, {}, {});
  }

  void add(std::int64_t seconds, std::map<std::string, std::string> labels,
           const std::vector<std::string>& names) {
    registry::ImageConfig config;
    config.created = base::Timestamp{seconds, 0};
    config.platform = registry::host_platform();
    config.config.labels = std::move(labels);
    std::string bytes = registry::serialise(config);
    store_.blobs().put(bytes);
    cache::ImageId id(base::sha256_of(bytes));
    cache::Batch batch;
    batch.images.push_back({.id = id,
                            .platform = config.platform.text(),
                            .created = *config.created,
                            .added = {},
                            .size = 0,
                            .layers = {},
                            .received = std::nullopt,
                            .other_blobs = {}});
    for (const std::string& name : names) {
      batch.names.push_back({name, id, {}});
    }
    store_.commit(batch);
  }

  // The names that pass, "-" for an image without one, sorted.
  std::string passing(const std::vector<std::string>& texts) {
    ImageFilters filters = parse_image_filters(texts, store_);
    std::vector<std::string> names;
    for (cache::ImageTable::Listed& image : store_.images().list()) {
      if (passes(filters, image, store_)) {
        std::vector<std::string> more = familiar_names(image.names);
        names.insert(names.end(), more.begin(), more.end());
        if (more.empty()) {
          names.emplace_back("-");
        }
      }
    }
    std::sort(names.begin(), names.end());
    return base::join(names, " ");
  }

  base::TempDir folder_{testing::TempDir(), "image-filters-"};
  cache::Store store_{folder_.path() + "/store"};
};

TEST_F(FilteredImages, NothingAskedShowsEverything) {
  EXPECT_EQ(passing({}), "- example.com/team/one:2 one:1 two:1");
}

TEST_F(FilteredImages, ReferencesTakeOnlyTheNamesThatMatch) {
  EXPECT_EQ(passing({"reference=one"}), "one:1");
  EXPECT_EQ(passing({"reference=*:1"}), "one:1 two:1");
  EXPECT_EQ(passing({"reference=example.com/*/*"}), "example.com/team/one:2");
  EXPECT_EQ(passing({"reference=one", "reference=two"}), "one:1 two:1");
  EXPECT_EQ(passing({"reference=none"}), "");
}

TEST_F(FilteredImages, DanglingImagesHaveNoName) {
  EXPECT_EQ(passing({"dangling=true"}), "-");
  EXPECT_EQ(passing({"dangling=false"}), "example.com/team/one:2 one:1 two:1");
}

TEST_F(FilteredImages, AllLabelsMustBeThere) {
  EXPECT_EQ(passing({"label=stage"}), "example.com/team/one:2 one:1 two:1");
  EXPECT_EQ(passing({"label=stage=new"}), "two:1");
  EXPECT_EQ(passing({"label=stage=new", "label=x"}), "two:1");
  EXPECT_EQ(passing({"label=stage=old", "label=x"}), "");
}

TEST_F(FilteredImages, BeforeAndSinceCompareWithAnImage) {
  EXPECT_EQ(passing({"before=two:1"}), "example.com/team/one:2 one:1");
  EXPECT_EQ(passing({"since=one:1"}), "- two:1");
  EXPECT_EQ(passing({"since=one:1", "until=2500"}), "two:1");
  EXPECT_EQ(passing({"until=1970-01-01T00:20:00Z"}), "example.com/team/one:2 one:1");
}

TEST_F(FilteredImages, NonsenseIsRefused) {
  for (const char* text :
       {"reference", "dangling=maybe", "colour=blue", "until=yesterday", "before=nothing-there"}) {
    EXPECT_THROW(passing({text}), base::Error) << text;
  }
  EXPECT_THROW(passing({"reference=["}), base::Error);
}

TEST_F(FilteredImages, AnUnknownImageIsToldWithTheNearestName) {
  try {
    get_image(store_, "onee:1", registry::host_platform());
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kNotFound);
    EXPECT_EQ(error.message(), "No such image: onee:1 (did you mean one:1?)");
  }
}

}  // namespace
}  // namespace slipway::cmd
