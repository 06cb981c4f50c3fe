// Everything that we write is what the image-spec's own schemas say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/fs.h"
#include "registry/oci_layout.h"
#include "tests/registry/image_bundles.h"
#include "tests/support/corpora.h"
#include "tests/support/json_schema.h"

namespace slipway::registry {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class SchemaCorpus : public testing::Test {
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
  static Descriptor descriptor(std::string_view media_type) {
    return {.media_type = std::string(media_type),
            .digest = base::sha256_of(media_type),
            .size = 7,
            .urls = {"https://example.com/blob"},
            .annotations = {{"a", "b"}},
            .data = "content",
            .platform = Platform{.architecture = "arm",
                                 .os = "linux",
                                 .os_version = "1",
                                 .os_features = {"x"},
                                 .variant = "v7"},
            .artifact_type = "application/example"};
  }

  std::string folder_;
};

constexpr const char* kConfig = "config-schema.json";
constexpr const char* kManifest = "image-manifest-schema.json";
constexpr const char* kIndex = "image-index-schema.json";

TEST_F(SchemaCorpus, ConfigsAreValid) {
  ImageConfig config{
      .created = base::Timestamp{.seconds = 1'700'000'000, .nanoseconds = 5},
      .author = "me",
      .platform = {.architecture = "arm", .os = "linux", .variant = "v7"},
      .config = {.user = "1:2",
                 .exposed_ports = {"80/tcp"},
                 .env = {"A=b"},
                 .entrypoint = std::vector<std::string>{"/bin/x"},
                 .cmd = std::vector<std::string>{"y"},
                 .volumes = {"/v"},
                 .working_dir = "/w",
                 .labels = {{"l", "m"}},
                 .stop_signal = "SIGTERM",
                 .args_escaped = true,
                 .healthcheck = Healthcheck{.test = {"CMD", "true"}, .interval_ns = 5},
                 .on_build = {"RUN x"},
                 .shell = std::vector<std::string>{"/bin/sh"}},
      .diff_ids = {cache::DiffId(base::sha256_of("layer"))},
      .history = {{.created = base::Timestamp{}, .created_by = "RUN", .comment = "c"},
                  {.created_by = "ENV", .author = "me", .empty_layer = true}}};
  EXPECT_THAT(problems(kConfig, serialise(config)), IsEmpty());
  EXPECT_THAT(problems(kConfig, serialise(ImageConfig{.platform = host_platform()})), IsEmpty());
}

TEST_F(SchemaCorpus, ManifestsAreValid) {
  Manifest manifest{.media_type = std::string(media_types::kOciManifest),
                    .artifact_type = "application/example",
                    .config = descriptor(media_types::kOciConfig),
                    .layers = {descriptor(media_types::kOciLayerGzip)},
                    .subject = descriptor(media_types::kOciManifest),
                    .annotations = {{"org.opencontainers.image.title", "x"}}};
  EXPECT_THAT(problems(kManifest, serialise(manifest)), IsEmpty());
  EXPECT_THAT(problems(kManifest, image_of({"layer"}, {}).manifest.bytes), IsEmpty());
}

TEST_F(SchemaCorpus, IndexesAreValid) {
  Index index{.media_type = std::string(media_types::kOciIndex),
              .artifact_type = "application/example",
              .manifests = {descriptor(media_types::kOciManifest)},
              .subject = descriptor(media_types::kOciManifest),
              .annotations = {{"a", "b"}}};
  EXPECT_THAT(problems(kIndex, serialise(index)), IsEmpty());
  index.manifests.clear();
  EXPECT_THAT(problems(kIndex, serialise(index)), IsEmpty());
}

TEST_F(SchemaCorpus, LayoutsAreValid) {
  base::TempDir folder(testing::TempDir(), "schema");
  ExportBundle bundle = bundle_of_platforms({"linux/amd64", "linux/arm/v7"}, {"name:v1", "other"});
  write_layout(bundle, folder.path(), {});
  auto file = [&](const std::string& name) {
    return tests::read_text_file(folder.path() + "/" + name);
  };
  EXPECT_THAT(problems("image-layout-schema.json", file("oci-layout")), IsEmpty());
  EXPECT_THAT(problems(kIndex, file("index.json")), IsEmpty());
  EXPECT_THAT(problems(kIndex, bundle.index->index.bytes), IsEmpty());
  for (const ExportImage& image : bundle.images) {
    EXPECT_THAT(problems(kManifest, image.manifest.bytes), IsEmpty());
    EXPECT_THAT(problems(kConfig, image.config), IsEmpty());
  }
}

// The judge sees what is wrong.
TEST_F(SchemaCorpus, BrokenDocumentsAreFound) {
  json manifest = json::parse(image_of({"layer"}, {}).manifest.bytes);
  manifest["layers"][0]["size"] = -1;
  EXPECT_THAT(problems(kManifest, manifest.dump()), Contains(HasSubstr("/layers/0/size")));
  manifest["layers"][0].erase("digest");
  EXPECT_THAT(problems(kManifest, manifest.dump()), Contains("/layers/0: has no digest"));
  manifest["mediaType"] = "no type";
  EXPECT_THAT(problems(kManifest, manifest.dump()), Contains(HasSubstr("/mediaType")));
  manifest["schemaVersion"] = 1;
  EXPECT_THAT(problems(kManifest, manifest.dump()), Contains("/schemaVersion: is too small"));
  EXPECT_THAT(problems(kConfig, R"({"os":1,"architecture":"x","rootfs":{"type":"other"}})"),
              Contains(HasSubstr("/os")));
  EXPECT_THAT(problems("image-layout-schema.json", R"({"imageLayoutVersion":"2.0.0"})"),
              testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace slipway::registry
