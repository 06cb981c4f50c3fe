#include "builder/attest/attestation.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "registry/oci/index.h"
#include "registry/oci/manifest.h"
#include "tests/support/corpora.h"
#include "tests/support/json_schema.h"

namespace slipway::builder {
namespace {

using nlohmann::json;

const registry::Descriptor kImage{std::string(registry::media_types::kOciManifest),
                                  base::sha256_of("image"), 5};
const std::vector<Attestation> kTwo = {{"type/a", R"({"x":1})", "a.json"},
                                       {"type/b", "{}", "b.json"}};

TEST(Statement, HasSubjectsAndPredicate) {
  json statement = json::parse(statement_of(kTwo[0], {{"name", base::sha256_of("image")}}));
  EXPECT_EQ(statement["_type"], "https://in-toto.io/Statement/v1");
  EXPECT_EQ(statement["predicateType"], "type/a");
  EXPECT_EQ(statement["predicate"]["x"], 1);
  EXPECT_EQ(statement["subject"][0]["digest"]["sha256"], base::sha256_of("image").hex());
}

TEST(AttestationManifest, AsAReferrerNamesItsSubject) {
  registry::ExportImage made = attestation_manifest(kTwo, {}, kImage, AttestationForm::kReferrer);
  registry::Manifest manifest = registry::parse_manifest(made.manifest.bytes, "", "it");
  ASSERT_TRUE(manifest.subject);
  EXPECT_EQ(manifest.subject->digest, kImage.digest);
  EXPECT_EQ(manifest.config.media_type, registry::media_types::kOciEmpty);
  EXPECT_EQ(manifest.config.digest, base::sha256_of(made.config));
  EXPECT_EQ(manifest.artifact_type, "application/vnd.docker.attestation.manifest.v1+json");
  ASSERT_EQ(manifest.layers.size(), 2U);
  EXPECT_EQ(manifest.layers[1].annotations.at("in-toto.io/predicate-type"), "type/b");
}

TEST(AttestationManifest, InAnIndexIsAnImageOfNoPlatform) {
  registry::ExportImage made = attestation_manifest(kTwo, {}, kImage, AttestationForm::kIndexEntry);
  registry::Manifest manifest = registry::parse_manifest(made.manifest.bytes, "", "it");
  EXPECT_FALSE(manifest.subject);
  EXPECT_EQ(manifest.config.digest, base::sha256_of(made.config));
  EXPECT_EQ(json::parse(made.config)["rootfs"]["diff_ids"].size(), 2U);
  registry::Descriptor entry = attestation_entry(made, kImage.digest, AttestationForm::kIndexEntry);
  EXPECT_TRUE(registry::is_attestation(entry));
  EXPECT_EQ(entry.annotations.at("vnd.docker.reference.digest"), kImage.digest.text());
}

// Manifests, configs and index entries are what the image-spec's schemas say.
TEST(AttestationManifest, IsValid) {
  std::string why;
  auto file = slipway::tests::find_corpus_file("image-spec-schemas/config-schema.json", why);
  if (!file) {
    GTEST_SKIP() << why;
  }
  std::string folder = file->substr(0, file->rfind('/'));
  auto problems = [&](const std::string& schema, const std::string& bytes) {
    return slipway::tests::schema_problems(folder, schema, bytes);
  };
  using Problems = std::vector<std::string>;
  for (AttestationForm form : {AttestationForm::kReferrer, AttestationForm::kIndexEntry}) {
    registry::ExportImage made = attestation_manifest(kTwo, {}, kImage, form);
    EXPECT_EQ(problems("image-manifest-schema.json", made.manifest.bytes), Problems());
    registry::Index index{.media_type = std::string(registry::media_types::kOciIndex)};
    index.manifests = {kImage, attestation_entry(made, kImage.digest, form)};
    EXPECT_EQ(problems("image-index-schema.json", registry::serialise(index)), Problems());
    if (form == AttestationForm::kIndexEntry) {
      EXPECT_EQ(problems("config-schema.json", made.config), Problems());
    }
  }
}

TEST(ImagePurl, HasTagDigestAndPlatform) {
  auto purl = [](const char* name) {
    return purl_of(*registry::Reference::parse(name), *registry::parse_platform("linux/arm64"));
  };
  EXPECT_EQ(purl("busybox"), "pkg:docker/busybox@latest?platform=linux%2Farm64");
  EXPECT_EQ(purl("localhost:5000/a/b:1"), "pkg:docker/localhost:5000/a/b@1?platform=linux%2Farm64");
  std::string digest = base::sha256_of("x").text();
  EXPECT_EQ(purl(("b:1@" + digest).c_str()),
            "pkg:docker/b@1?digest=" + digest + "&platform=linux%2Farm64");
}

}  // namespace
}  // namespace slipway::builder
