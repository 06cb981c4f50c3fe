#include "registry/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/compress.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "registry/oci_layout.h"
#include "registry/tar_writer.h"
#include "tests/registry/image_bundles.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kTwoNames = "docker.io/library/app:v1 docker.io/library/app:v2";

class ArchiveTest : public testing::Test {
 protected:
  // A file with the bytes, opened at its start.
  base::Fd file_of(std::string_view bytes) {
    std::string path = base::cat(folder_.path(), "/", base::random_hex(8));
    base::Fd file = base::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    base::write_all(file, bytes, path);
    base::check([&] { return ::lseek(file.get(), 0, SEEK_SET); }, "lseek");
    return file;
  }
  OpenImageOptions options(std::optional<Platform> platform = {}) {
    scratch_ = std::make_unique<base::TempDir>(folder_.path(), "scratch-");
    return {.platform = std::move(platform), .scratch_directory = scratch_->path()};
  }
  std::unique_ptr<ImageFile> open(std::string_view bytes, std::optional<Platform> platform = {}) {
    return open_archive(file_of(bytes), "image.tar", options(std::move(platform)), {});
  }
  static std::string written(const ExportBundle& bundle, ArchiveForm form = ArchiveForm::kDocker) {
    base::StringSink sink;
    write_archive(bundle, form, sink, {});
    return sink.take();
  }
  // "<names> <layers>" of each image.
  static std::vector<std::string> dump(ImageFile& file) {
    std::vector<std::string> lines;
    for (const FoundImage& image : file.images()) {
      std::string line = base::cat("[", base::join(image.names, " "), "]");
      for (const Descriptor& layer : image.layers) {
        line += base::cat(" ", base::read_all(*file.open(layer), 1 << 20, "layer"));
      }
      lines.push_back(line);
    }
    return lines;
  }
  std::string error_of(ErrorKind kind, std::string_view bytes) {
    try {
      dump(*open(bytes));
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), kind) << base::describe(error);
      return error.message();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  base::TempDir folder_{testing::TempDir(), "archive-"};
  std::unique_ptr<base::TempDir> scratch_;
};

// A tar of these files, in this order.
using Files = std::vector<std::pair<std::string, std::string>>;
std::string tar_of(const Files& files) {
  base::StringSink sink;
  TarWriter tar(sink);
  for (const auto& [name, content] : files) {
    tar.file(name, content);
  }
  tar.finish();
  return sink.take();
}

// A symbolic link in a tar, by changing the type and link name of an empty file's header.
std::string link_header(const std::string& name, const std::string& target) {
  std::string block = tar_of({{name, ""}}).substr(0, 512);
  block[156] = '2';
  block.replace(157, target.size(), target);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (char c : block) {
    sum += static_cast<unsigned char>(c);
  }
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  block.replace(148, 7, std::string(digits, 7));
  return block;
}

TEST_F(ArchiveTest, ReadsWhatItWrites) {
  ExportBundle bundle{.images = {image_of({"one", "two"}, {"app:v1", "app:v2"}),
                                 image_of({"one"}, {"reg.example/other"}), image_of({}, {})}};
  for (ArchiveForm form : {ArchiveForm::kDocker, ArchiveForm::kOci}) {
    auto file = open(written(bundle, form));
    std::vector<std::string> lines = dump(*file);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_TRUE(lines[0] == base::cat("[", kTwoNames, "] one two") ||
                lines[0] == "[app:v1 app:v2] one two")
        << lines[0];
    EXPECT_EQ(lines[2], "[]");
    const FoundImage& image = file->images()[0];
    EXPECT_EQ(image.manifest.bytes, bundle.images[0].manifest.bytes);
    EXPECT_EQ(image.config_bytes, bundle.images[0].config);
    EXPECT_FALSE(image.made);
  }
}

TEST_F(ArchiveTest, SameImageGivesTheSameBytes) {
  ExportBundle bundle{.images = {image_of({"one", "two"}, {"app"})}};
  EXPECT_EQ(written(bundle), written(bundle));
}

TEST_F(ArchiveTest, DockersFilesPointIntoTheBlobs) {
  std::string tar = written({.images = {image_of({"one"}, {"app:v1", "r.example:5000/x"})}});
  auto members = open(tar);
  std::string config = base::sha256_of(members->images()[0].config_bytes).text().substr(7);
  std::string layer = base::sha256_of("one").text().substr(7);
  EXPECT_THAT(tar, HasSubstr(base::cat(R"([{"Config":"blobs/sha256/)", config,
                                       R"(","RepoTags":["app:v1","r.example:5000/x:latest"],)",
                                       R"("Layers":["blobs/sha256/)", layer, R"("]}])", "\n")));
  EXPECT_THAT(tar, HasSubstr(base::cat(R"({"app":{"v1":")", layer,
                                       R"("},"r.example:5000/x":{"latest":")", layer, R"("}})")));
}

TEST_F(ArchiveTest, OciFormHasNoDockerFiles) {
  std::string tar = written({.images = {image_of({"one"}, {"app"})}}, ArchiveForm::kOci);
  EXPECT_FALSE(tar.contains("manifest.json"));
  EXPECT_FALSE(tar.contains("repositories"));
}

TEST_F(ArchiveTest, PipesAndCompressedArchivesAreRead) {
  std::signal(SIGPIPE, SIG_IGN);
  std::string tar = written({.images = {image_of({"one", "two"}, {"app:v1"})}});
  for (base::Compression compression : {base::Compression::kGzip, base::Compression::kZstd}) {
    base::StringSink packed;
    auto compressor = base::make_compressor(packed, {.compression = compression});
    compressor->write(tar);
    compressor->finish();
    EXPECT_THAT(dump(*open(packed.text())), ElementsAre("[app:v1] one two"));
  }
  base::Pipe pipe = base::make_pipe();
  std::jthread writer([&] {
    base::write_all(pipe.write_end, tar);
    pipe.write_end.reset();
  });
  auto file = open_archive(std::move(pipe.read_end), "standard input", options(), {});
  EXPECT_THAT(dump(*file), ElementsAre("[app:v1] one two"));
}

TEST_F(ArchiveTest, PlatformOfAnIndexIsChosen) {
  ExportBundle bundle = bundle_of_platforms({"linux/amd64", "linux/arm64"}, {"app:v1"});
  std::string tar = written(bundle, ArchiveForm::kOci);
  EXPECT_THAT(dump(*open(tar, parse_platform("linux/arm64").value())),
              ElementsAre("[docker.io/library/app:v1] layer of linux/arm64"));
  EXPECT_THAT(dump(*open(tar)), ElementsAre("[docker.io/library/app:v1] layer of linux/amd64",
                                            "[docker.io/library/app:v1] layer of linux/arm64"));
  // Docker's own file can hold one platform only; the others are found through the index.
  EXPECT_THAT(
      dump(*open(written(bundle))),
      testing::UnorderedElementsAre("[app:v1] layer of linux/amd64", "[] layer of linux/arm64"));
  EXPECT_EQ(dump(*open(written(bundle), parse_platform("linux/amd64").value())).size(), 1U);
}

std::string sha_hex(std::string_view bytes) {
  return std::string(base::sha256_of(bytes).hex());
}

// As `docker save` wrote before version 25: a folder for each layer.
std::string classic(const std::string& config, const std::string& layers_json,
                    const std::string& rest, const Files& files) {
  Files all = files;
  all.emplace_back(sha_hex(config) + ".json", config);
  all.emplace_back("manifest.json",
                   base::cat(R"([{"Config":")", sha_hex(config),
                             R"(.json","RepoTags":["old:1"],"Layers":)", layers_json, "}]"));
  return rest + tar_of(all);
}

TEST_F(ArchiveTest, ClassicArchivesWithLinkedLayers) {
  std::string config = image_of({"one", "two", "one"}, {}).config;
  std::string tar = classic(config, R"(["a/layer.tar","b/layer.tar","c/layer.tar"])",
                            link_header("c/layer.tar", "../a/layer.tar"),
                            {{"a/layer.tar", "one"}, {"b/layer.tar", "two"}, {"a/VERSION", "1.0"}});
  auto file = open(tar);
  EXPECT_THAT(dump(*file), ElementsAre("[old:1] one two one"));
  EXPECT_TRUE(file->images()[0].made);
  EXPECT_EQ(file->images()[0].manifest.descriptor.media_type, media_types::kDockerManifest);
  EXPECT_EQ(file->images()[0].layers[0].digest, base::sha256_of("one"));
}

TEST_F(ArchiveTest, MembersAreReadInAnyOrderAndSideBySide) {
  std::string long_name = std::string(90, 'n') + "/" + std::string(90, 'm') + "/layer.tar";
  std::string config = image_of({"one", "two", "three"}, {}).config;
  std::string tar = classic(
      config, base::cat(R"(["last/layer.tar",")", long_name, R"(","first/layer.tar"])"), "",
      {{"first/layer.tar", "three"}, {long_name, "two"}, {"empty", ""}, {"last/layer.tar", "one"}});
  auto file = open(tar);
  EXPECT_THAT(dump(*file), ElementsAre("[old:1] one two three"));
  const std::vector<Descriptor>& layers = file->images()[0].layers;
  auto first = file->open(layers[0]);
  auto second = file->open(layers[1]);
  char byte = 0;
  EXPECT_EQ(first->read({&byte, 1}), 1U);
  EXPECT_EQ(base::read_all(*second, 1 << 20, "layer"), "two");
  EXPECT_EQ(base::read_all(*first, 1 << 20, "layer"), "ne");
}

TEST_F(ArchiveTest, ImagesOfOneConfigKeepTheirNames) {
  ExportBundle bundle{.images = {image_of({"one"}, {"app:v1"}), image_of({"two"}, {"app:v2"})}};
  std::string manifest =
      base::cat(R"([{"Config":"blobs/sha256/)", sha_hex(bundle.images[1].config),
                R"(","RepoTags":["b:1"],)", R"("Layers":["blobs/sha256/)", sha_hex("two"),
                R"("]},{"Config":"blobs/sha256/)", sha_hex(bundle.images[1].config),
                R"(","RepoTags":["c:1"],"Layers":["blobs/sha256/)", sha_hex("two"), R"("]}])");
  // Of two members of one name the last counts.
  std::string tar = written(bundle);
  tar.resize(tar.size() - 1024);
  auto file = open(tar + tar_of({{"manifest.json", manifest}}));
  EXPECT_THAT(dump(*file), ElementsAre("[b:1] two", "[c:1] two"));
  EXPECT_FALSE(file->images()[1].made);
}

TEST_F(ArchiveTest, ClassicArchivesWithCompressedLayers) {
  base::StringSink packed;
  auto compressor = base::make_compressor(packed, {.compression = base::Compression::kGzip});
  compressor->write("one");
  compressor->finish();
  std::string config = image_of({"one"}, {}).config;
  auto file = open(classic(config, R"(["a/layer.tar"])", "", {{"a/layer.tar", packed.text()}}));
  const Descriptor& layer = file->images()[0].layers[0];
  EXPECT_EQ(layer.media_type, media_types::kDockerLayerGzip);
  EXPECT_EQ(layer.digest, base::sha256_of(packed.text()));
  EXPECT_EQ(base::read_all(*file->open(layer), 1 << 20, "layer"), packed.text());
}

TEST_F(ArchiveTest, DamagedLayerOfAClassicArchiveIsFound) {
  std::string config = image_of({"one"}, {}).config;
  EXPECT_THAT(error_of(ErrorKind::kIntegrity,
                       classic(config, R"(["a/layer.tar"])", "", {{"a/layer.tar", "eno"}})),
              HasSubstr("layer a/layer.tar of image.tar: expected digest"));
}

TEST_F(ArchiveTest, DamagedBlobsAreFound) {
  ExportBundle bundle{.images = {image_of({"layer-one"}, {"app"})}};
  std::string tar = written(bundle);
  std::string broken = tar;
  broken[broken.find("layer-one")] = 'L';
  EXPECT_THAT(error_of(ErrorKind::kIntegrity, broken), HasSubstr("expected digest"));
  broken = tar;
  broken[broken.find("\"history\"") + 2] = 'I';
  error_of(ErrorKind::kIntegrity, broken);
}

TEST_F(ArchiveTest, WrongNamesOfConfigsAreFound) {
  std::string config = image_of({}, {}).config;
  std::string name = sha_hex("other") + ".json";
  EXPECT_THAT(
      error_of(
          ErrorKind::kIntegrity,
          tar_of({{name, config},
                  {"manifest.json", base::cat(R"([{"Config":")", name, R"(","Layers":[]}])")}})),
      HasSubstr("expected digest sha256:" + sha_hex("other")));
}

TEST_F(ArchiveTest, WhatIsNoImageIsSaidSo) {
  EXPECT_THAT(error_of(ErrorKind::kInput, tar_of({{"etc/passwd", "root"}})),
              HasSubstr("is no image: it has neither index.json nor manifest.json"));
  EXPECT_THAT(error_of(ErrorKind::kInput, tar_of({{"manifest.json", "[]"}})),
              HasSubstr("image.tar has no image"));
  EXPECT_THAT(error_of(ErrorKind::kInput, std::string(5000, 'x')),
              HasSubstr("image.tar can't be read as an image archive"));
  std::string tar = written({.images = {image_of({std::string(20'000, 'l')}, {"app"})}});
  EXPECT_THAT(error_of(ErrorKind::kInput, tar.substr(0, 10'000)), HasSubstr("image.tar"));
}

TEST_F(ArchiveTest, BadDescriptionsAreNamed) {
  auto with = [](const std::string& text) { return tar_of({{"manifest.json", text}}); };
  EXPECT_THAT(error_of(ErrorKind::kInput, with("{")), HasSubstr("manifest.json of image.tar"));
  EXPECT_THAT(error_of(ErrorKind::kInput, with("{}")), HasSubstr("is not a list"));
  EXPECT_THAT(error_of(ErrorKind::kInput, with(R"([{"Config":"c"}])")),
              HasSubstr("names the config \"c\", which is not there"));
  EXPECT_THAT(error_of(ErrorKind::kInput, with("[7]")), HasSubstr("config"));
  std::string config = image_of({"one"}, {}).config;
  EXPECT_THAT(error_of(ErrorKind::kInput, classic(config, "[]", "", {})),
              HasSubstr("an image has 0 layers, but its config 1"));
  EXPECT_THAT(error_of(ErrorKind::kInput, classic(config, R"(["x"])", "", {})),
              HasSubstr("names the layer \"x\", which is not there"));
  EXPECT_THAT(error_of(ErrorKind::kInput, classic(config, "[1]", "", {})),
              HasSubstr("not a list of strings"));
}

TEST_F(ArchiveTest, LinksLeadNowhereElse) {
  std::string config = image_of({"one"}, {}).config;
  for (const std::string& target :
       {std::string("/etc/hostname"), std::string("../../../../etc/hostname"), std::string("layer"),
        std::string("../a/layer.tar")}) {
    EXPECT_THAT(error_of(ErrorKind::kInput, classic(config, R"(["a/layer.tar"])",
                                                    link_header("a/layer.tar", target), {})),
                HasSubstr("which is not there"))
        << target;
  }
  // The name of the config is a path in the archive, too.
  EXPECT_THAT(error_of(ErrorKind::kInput,
                       tar_of({{"manifest.json", R"([{"Config":"../../etc/passwd"}])"}})),
              HasSubstr("which is not there"));
}

TEST_F(ArchiveTest, HugeDescriptionsAreNotRead) {
  std::string tar = tar_of({{"manifest.json", std::string(kManifestBytesMax + 1, ' ')}});
  EXPECT_THAT(error_of(ErrorKind::kInput, tar), HasSubstr("is larger than"));
}

TEST_F(ArchiveTest, IndexThatNamesItselfEnds) {
  // index.json may name blobs only, whose digests can't form a circle; depth is what has a limit.
  Files files = {{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
  std::string inner = serialise(Index{.media_type = std::string(media_types::kOciIndex)});
  for (int i = 0; i < 6; ++i) {
    files.emplace_back("blobs/sha256/" + sha_hex(inner), inner);
    Index outer{.media_type = std::string(media_types::kOciIndex)};
    outer.manifests.push_back({.media_type = outer.media_type,
                               .digest = base::sha256_of(inner),
                               .size = static_cast<std::int64_t>(inner.size())});
    inner = serialise(outer);
  }
  files.emplace_back("index.json", inner);
  EXPECT_THAT(error_of(ErrorKind::kInput, tar_of(files)), HasSubstr("indexes within indexes"));
}

}  // namespace
}  // namespace slipway::registry
