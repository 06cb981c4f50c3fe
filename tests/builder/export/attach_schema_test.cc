// Attestations, and the indexes and layouts that hold them, are what the image-spec's own schemas
// say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "builder/export/attach.h"
#include "registry/bundle_files.h"
#include "registry/oci_layout.h"
#include "tests/registry/image_bundles.h"
#include "tests/support/corpora.h"
#include "tests/support/json_schema.h"

namespace slipway::builder {
namespace {

using testing::IsEmpty;

constexpr const char* kManifest = "image-manifest-schema.json";
constexpr const char* kIndex = "image-index-schema.json";
constexpr const char* kDescriptor = "content-descriptor.json";

class AttachSchemas : public testing::TestWithParam<AttestationForm> {
 protected:
  void SetUp() override {
    std::string why;
    auto file = tests::find_corpus_file("image-spec-schemas/config-schema.json", why);
    if (!file) {
      GTEST_SKIP() << why;
    }
    folder_ = file->substr(0, file->rfind('/'));
  }
  std::vector<std::string> problems(const std::string& schema, const std::string& bytes) const {
    return tests::schema_problems(folder_, schema, bytes);
  }
  void check_entries(const std::string& index) const {
    EXPECT_THAT(problems(kIndex, index), IsEmpty());
    nlohmann::json document = nlohmann::json::parse(index);
    for (const nlohmann::json& entry : document["manifests"]) {
      EXPECT_THAT(problems(kDescriptor, entry.dump()), IsEmpty());
    }
  }

  std::string folder_;
};

TEST_P(AttachSchemas, EverythingWrittenIsValid) {
  std::vector<registry::Platform> platforms = {registry::parse_platform("linux/amd64").value(),
                                               registry::parse_platform("linux/arm/v7").value()};
  std::vector<Attestation> said = {{std::string(kProvenancePredicate), R"({"a":1})", "a.json"},
                                   {std::string(kSpdxPredicate), R"({"b":2})", "b.json"}};
  for (bool are_several : {false, true}) {
    registry::ExportBundle bundle =
        are_several ? registry::bundle_of_platforms({"linux/amd64", "linux/arm/v7"}, {"name:v1"})
                    : registry::ExportBundle{
                          .images = {registry::image_of({"layer"}, {"name:v1"}, platforms.front())},
                          .attachments = {},
                          .index = std::nullopt};
    std::vector<registry::Reference> names = {registry::Reference::parse("name:v1").value()};
    attach(bundle, Attestations(bundle.images.size(), said), platforms, names, GetParam());
    ASSERT_EQ(bundle.attachments.size(), bundle.images.size());
    for (const registry::Attachment& attachment : bundle.attachments) {
      EXPECT_THAT(problems(kManifest, attachment.image.manifest.bytes), IsEmpty());
      if (attachment.image.config != "{}") {
        EXPECT_THAT(problems("config-schema.json", attachment.image.config), IsEmpty());
      }
    }
    if (bundle.index) {
      check_entries(bundle.index->index.bytes);
    }
    check_entries(registry::serialise(registry::index_of(bundle)));
    base::TempDir folder(testing::TempDir(), "attach");
    registry::write_layout(bundle, folder.path(), {});
    auto file = [&](const std::string& name) {
      return tests::read_text_file(folder.path() + "/" + name);
    };
    EXPECT_THAT(problems("image-layout-schema.json", file("oci-layout")), IsEmpty());
    check_entries(file("index.json"));
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, AttachSchemas,
                         testing::Values(AttestationForm::kReferrer, AttestationForm::kIndexEntry),
                         [](const auto& form) {
                           return form.param == AttestationForm::kReferrer ? "Referrers" : "Index";
                         });

}  // namespace
}  // namespace slipway::builder
