#include "builder/attest/provenance.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace slipway::builder {
namespace {

using nlohmann::json;
using Mode = ProvenanceOptions::Mode;

// An image, a repository and a download, one of which the target does not reach.
struct Sample {
  Graph graph;
  Target target;
  SolveResults results{5};
  BuildDescription build;

  Sample() {
    ResolvedImage image{.reference = *registry::Reference::parse("busybox"),
                        .config_digest = base::sha256_of("config"),
                        .manifest_digest = base::sha256_of("manifest")};
    image.config.platform = *registry::parse_platform("linux/amd64");
    graph.vertices.push_back({SourceImage{std::make_shared<ResolvedImage>(image)}, {}, {}});
    SourceGit git;
    git.remote = "https://me:word@host/r.git";
    git.ref = "main";
    graph.vertices.push_back({git, {}, {}});
    graph.vertices.push_back(
        {SourceHttp{"https://token@host/f", "f", base::sha256_of("f")}, {}, {}});
    graph.vertices.push_back(
        {SourceHttp{"https://host/unused", "u", base::sha256_of("u")}, {}, {}});
    Copy copy;
    copy.sources.push_back({.from = VertexId(1), .pattern = "/"});
    copy.sources.push_back({.from = VertexId(2), .pattern = "/f"});
    graph.vertices.push_back({copy, VertexId(0), {.name = "[2/2] ADD https://me:word@host/f /"}});
    target.platform = image.config.platform;
    target.state = VertexId(4);
    for (auto& result : results) {
      result.emplace();
    }
    results[1]->commit = "0123";
    results[4]->created = base::Timestamp{7, 0};
    results[4]->state.push({cache::DiffId(base::sha256_of("layer")), {}});
    build = {.dockerfile_name = "Dockerfile",
             .dockerfile_text = "FROM busybox",
             .has_local_context = true,
             .target = "t",
             .build_args = {{"PASSWORD", "word-of-arg"}},
             .labels = {{"l", "v"}},
             .secret_ids = {"key"},
             .builder_platform = image.config.platform,
             .started = {1, 0},
             .finished = {2, 0},
             .invocation_id = "id"};
  }

  json made(Mode mode) const {
    return json::parse(make_provenance({.mode = mode}, build, graph, target, results).predicate);
  }
};

TEST(Provenance, NamesWhatTheTargetWasMadeOf) {
  json list = Sample().made(Mode::kMin)["buildDefinition"]["resolvedDependencies"];
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0]["uri"], "git+https://xxxxx@host/r.git@main");
  EXPECT_EQ(list[0]["digest"]["gitCommit"], "0123");
  EXPECT_EQ(list[1]["uri"], "https://xxxxx@host/f");
  EXPECT_EQ(list[1]["digest"]["sha256"], base::sha256_of("f").hex());
  EXPECT_EQ(list[2]["uri"], "pkg:docker/busybox@latest?digest=" +
                                base::sha256_of("manifest").text() + "&platform=linux%2Famd64");
}

TEST(Provenance, MinLeavesOutWhatMayBeAUsersOwn) {
  Sample sample;
  std::string text = sample.made(Mode::kMin).dump();
  for (const char* word : {"word-of-arg", "PASSWORD", "label:", "\"key\"", "RlJPTSBidXN5Ym94",
                           "byproducts", "buildConfig"}) {
    EXPECT_EQ(text.find(word), std::string::npos) << word;
  }
  json parameters = sample.made(Mode::kMin)["buildDefinition"]["externalParameters"];
  EXPECT_EQ(parameters["configSource"]["path"], "Dockerfile");
  EXPECT_EQ(parameters["request"]["args"]["target"], "t");
}

TEST(Provenance, MaxHasArgumentsStepsAndByproducts) {
  Sample sample;
  json made = sample.made(Mode::kMax);
  json request = made["buildDefinition"]["externalParameters"]["request"];
  EXPECT_EQ(request["args"]["build-arg:PASSWORD"], "word-of-arg");
  EXPECT_EQ(request["args"]["label:l"], "v");
  EXPECT_EQ(request["secrets"][0]["id"], "key");
  json steps = made["buildDefinition"]["internalParameters"]["buildConfig"]["steps"];
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[3]["inputs"], json({"step0", "step1", "step2"}));
  EXPECT_EQ(steps[3]["name"], "[2/2] ADD https://xxxxx@host/f /");
  json byproducts = made["runDetails"]["byproducts"];
  ASSERT_EQ(byproducts.size(), 2U);
  EXPECT_EQ(byproducts[1]["name"], "step3");
  EXPECT_EQ(byproducts[1]["digest"]["sha256"], base::sha256_of("layer").hex());
}

TEST(Provenance, OfAnEpochIsTheSameAtAnyHour) {
  Sample sample;
  EXPECT_EQ(sample.made(Mode::kMax)["runDetails"]["metadata"]["invocationId"], "id");
  EXPECT_EQ(sample.made(Mode::kMax)["runDetails"]["metadata"]["startedOn"], "1970-01-01T00:00:01Z");
  sample.target.source_date_epoch = 1000;
  json before = sample.made(Mode::kMax);
  sample.build.started = {500, 0};
  sample.build.finished = {600, 0};
  sample.build.invocation_id = "other";
  EXPECT_EQ(sample.made(Mode::kMax), before);
  EXPECT_EQ(before["runDetails"]["metadata"]["finishedOn"], "1970-01-01T00:16:40Z");
}

TEST(Provenance, IsCompleteOnlyWithoutFoldersAndNetwork) {
  Sample sample;
  auto is_complete = [&] {
    return sample.made(
        Mode::kMin)["runDetails"]["metadata"]["slipway_completeness"]["resolvedDependencies"];
  };
  EXPECT_EQ(is_complete(), false);
  sample.build.has_local_context = false;
  EXPECT_EQ(is_complete(), true);
  sample.graph.vertices.push_back({Exec{}, VertexId(4), {}});
  sample.results.emplace_back();
  sample.target.state = VertexId(5);
  EXPECT_EQ(is_complete(), false);
}

TEST(WithoutCredentials, KeepsEverythingElse) {
  EXPECT_EQ(without_credentials("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(without_credentials("https://u:p@host:1/a"), "https://xxxxx@host:1/a");
  EXPECT_EQ(without_credentials("ssh://git@host/r"), "ssh://git@host/r");
  EXPECT_EQ(without_credentials("ssh://git:word@host/r"), "ssh://xxxxx@host/r");
  EXPECT_EQ(without_credentials("git@host:r.git"), "git@host:r.git");
  EXPECT_EQ(without_credentials("ADD http://a@b/ https://c:d@e /x"),
            "ADD http://xxxxx@b/ https://xxxxx@e /x");
}

TEST(GitDependency, SshInItsShortForm) {
  SourceGit git;
  git.remote = "git@host:me/r.git";
  EXPECT_EQ(git_dependency(git, "").uri, "git+ssh://git@host/me/r.git");
  EXPECT_TRUE(git_dependency(git, "").digest.empty());
}

}  // namespace
}  // namespace slipway::builder
