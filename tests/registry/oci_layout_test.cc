#include "registry/oci_layout.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "tests/registry/image_bundles.h"

namespace slipway::registry {
namespace {

using base::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;

class OciLayout : public testing::Test {
 protected:
  void write(const ExportBundle& bundle) { write_layout(bundle, layout(), {}); }
  std::string layout() const { return folder_.path() + "/layout"; }
  std::string blob(std::string_view content) const {
    return base::cat(layout(), "/blobs/sha256/", base::sha256_of(content).hex());
  }
  // "<names> <layers>" of each image.
  std::vector<std::string> read(std::optional<Platform> platform = {}) const {
    auto file = open_layout(layout(), {.platform = std::move(platform), .scratch_directory = ""});
    std::vector<std::string> lines;
    for (const FoundImage& image : file->images()) {
      std::string line = base::cat("[", base::join(image.names, " "), "]");
      for (const Descriptor& layer : image.layers) {
        line += base::cat(" ", base::read_all(*file->open(layer), 1 << 20, "layer"));
      }
      lines.push_back(line);
    }
    return lines;
  }
  std::string error_of(ErrorKind kind) const {
    try {
      read();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), kind) << base::describe(error);
      return error.message();
    }
    ADD_FAILURE() << "no error";
    return "";
  }
  void replace_file(const std::string& path, std::string_view content) const {
    std::size_t slash = path.rfind('/');
    base::write_file_atomically(base::open_directory(path.substr(0, slash)), path.substr(slash + 1),
                                content);
  }

  base::TempDir folder_{testing::TempDir(), "layout-"};
};

TEST_F(OciLayout, ReadsWhatItWrites) {
  write({.images = {image_of({"one", "two"}, {"app:v1"})}});
  EXPECT_THAT(read(), ElementsAre("[docker.io/library/app:v1] one two"));
  EXPECT_EQ(base::find_file_content(layout() + "/oci-layout", 100),
            R"({"imageLayoutVersion":"1.0.0"})");
}

TEST_F(OciLayout, NewNamesAreAddedAndOldOnesMove) {
  write({.images = {image_of({"one"}, {"app:v1"})}});
  write({.images = {image_of({"two"}, {"app:v2"})}});
  write({.images = {image_of({"three"}, {"app:v1"})}});
  EXPECT_THAT(read(),
              ElementsAre("[docker.io/library/app:v2] two", "[docker.io/library/app:v1] three"));
  write({.images = {image_of({"three"}, {"app:v1"})}});
  EXPECT_EQ(read().size(), 2U);
}

TEST_F(OciLayout, NothingTemporaryStays) {
  write({.images = {image_of({"one"}, {})}});
  for (const base::DirectoryEntry& entry :
       base::list_directory(base::open_directory(layout() + "/blobs/sha256"))) {
    EXPECT_EQ(entry.name.size(), 64U) << entry.name;
  }
  ExportImage broken = image_of({"one more"}, {});
  broken.layers[0].open = [] { return std::make_unique<base::StringSource>("other"); };
  EXPECT_THROW(write({.images = {broken}}), base::Error);
  for (const base::DirectoryEntry& entry :
       base::list_directory(base::open_directory(layout() + "/blobs/sha256"))) {
    EXPECT_EQ(entry.name.size(), 64U) << entry.name;
  }
  EXPECT_EQ(read().size(), 1U);
}

TEST_F(OciLayout, PlatformIsChosenAlsoWithoutAnInnerIndex) {
  // As some tools write: the platforms of one name side by side in index.json.
  Platform arm = parse_platform("linux/arm64").value();
  Platform amd = parse_platform("linux/amd64").value();
  write({.images = {image_of({"for amd"}, {}, amd), image_of({"for arm"}, {}, arm)}});
  EXPECT_THAT(read(arm), ElementsAre("[] for arm"));
  EXPECT_EQ(read().size(), 2U);
}

TEST_F(OciLayout, IndexOfWhichOnePlatformIsHere) {
  write(bundle_of_platforms({"linux/amd64", "linux/arm64"}, {"app"}));
  auto file = open_layout(layout(), {});
  const FoundImage& other = file->images()[1];
  ::unlink(base::cat(layout(), "/blobs/sha256/", other.manifest.descriptor.digest.hex()).c_str());
  EXPECT_THAT(read(), ElementsAre("[docker.io/library/app:latest] layer of linux/amd64"));
}

TEST_F(OciLayout, DamageIsFoundAndNamed) {
  ExportBundle bundle{.images = {image_of({"one"}, {"app"})}};
  write(bundle);
  replace_file(blob("one"), "eno");
  EXPECT_THAT(error_of(ErrorKind::kIntegrity), HasSubstr(base::sha256_of("one").text()));
  ::unlink(blob("one").c_str());
  EXPECT_THAT(error_of(ErrorKind::kInput), HasSubstr("is missing"));
  write(bundle);
  replace_file(blob(bundle.images[0].manifest.bytes), "{}");
  error_of(ErrorKind::kIntegrity);
  replace_file(layout() + "/index.json", "{");
  EXPECT_THAT(error_of(ErrorKind::kInput), HasSubstr("index.json of " + layout()));
}

TEST_F(OciLayout, LinksDontLeadOutside) {
  write({.images = {image_of({"one"}, {"app"})}});
  replace_file(folder_.path() + "/secret", "one");
  ::unlink(blob("one").c_str());
  ASSERT_EQ(::symlink((folder_.path() + "/secret").c_str(), blob("one").c_str()), 0);
  EXPECT_THAT(error_of(ErrorKind::kInput), HasSubstr("is missing"));
  ::unlink(blob("one").c_str());
  ASSERT_EQ(::mkfifo(blob("one").c_str(), 0600), 0);
  EXPECT_THAT(error_of(ErrorKind::kInput), HasSubstr("is missing"));
}

TEST_F(OciLayout, MissingFolderIsNotFound) {
  EXPECT_THAT(error_of(ErrorKind::kNotFound), HasSubstr(layout()));
}

}  // namespace
}  // namespace slipway::registry
