#include "builder/layer/tar_writer.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/layer/layer_reader.h"
#include "builder/layer/tar_content.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::ImagePath;
using tests::error_of;
using tests::layer_of;
using tests::run_shell;
using tests::tar_of;

LayerIndex read_back(const std::string& tar) {
  base::StringSource source(tar);
  return read_layer(source, {.object = "it"}, {});
}

TEST(TarWriter, TheEmptyLayerIsTheWellKnownOne) {
  EXPECT_EQ(tar_of(""), std::string(1024, '\0'));
  EXPECT_EQ(layer_of("").diff_id.text(),
            "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

TEST(TarWriter, UsesPlainUstarWhereItCan) {
  std::string tar = tar_of("d /usr\nf:0755:1:2 /usr/tool data");
  EXPECT_EQ(tar.size(), 512U + 512 + 512 + 1024);
  EXPECT_EQ(tar.substr(0, 5), std::string("usr/\0", 5));
  EXPECT_EQ(tar.substr(512, 9), std::string("usr/tool\0", 9));
  EXPECT_EQ(tar.substr(512 + 100, 8), std::string("0000755\0", 8));
  EXPECT_EQ(tar.substr(512 + 257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(tar.find("PaxHeaders"), std::string::npos);
}

TEST(TarWriter, LongNamesAreSplitBeforePaxIsUsed) {
  std::string folder(100, 'd');
  std::string fits = cat("f /", folder, "/", std::string(100, 'f'), " x");
  EXPECT_EQ(tar_of(fits).find("PaxHeaders"), std::string::npos);
  std::string too_long = cat("f /", folder, "/", std::string(101, 'f'), " x");
  EXPECT_NE(tar_of(too_long).find("PaxHeaders"), std::string::npos);
  EXPECT_EQ(read_back(tar_of(too_long)), layer_of(too_long).index);
}

// Everything that ustar can't say survives the round trip.
TEST(TarWriter, SaysAllThatAnEntryHolds) {
  for (std::string text :
       {cat("f /", std::string(250, 'n'), " x"), std::string("f /gr\xc3\xbc\xc3\x9f dich"),
        std::string("f /bytes\xff\xfe x"), std::string("f:07777:3000000:4294967294 /ids x"),
        cat("l /link ", std::string(300, 't')), std::string("l /l \xc3\xa4"),
        std::string("f /x y\nx /x user.empty \nx /x security.capability \x01\x02=\n"),
        std::string("c /null 1,3\nb /disk 259,1048575\np /fifo"),
        std::string("f /a 12345\nh /b /a\nh /c /a"), std::string("w /d/gone\no /d\nd /d/sub")}) {
    LayerIndex index = layer_of(text).index;
    EXPECT_EQ(read_back(tar_of(text)).entries(), index.entries()) << text;
  }
}

TEST(TarWriter, TimesBeforeTheEpochAndFarAheadSurvive) {
  for (std::int64_t seconds : {-5L, 0L, 8589934591L, 8589934592L, 253402300800L}) {
    Entry entry{.path = ImagePath::clean("/d"), .type = EntryType::kDirectory, .mode = 0755};
    entry.mtime.seconds = seconds;
    base::StringSink out;
    TarWriter writer(out);
    writer.write(entry, nullptr);
    writer.finish();
    EXPECT_EQ(read_back(out.text()).at(0).mtime.seconds, seconds);
  }
}

TEST(TarWriter, WritesWhiteoutsAndOpaqueMarkersAsOciHasThem) {
  std::string tar = tar_of("w /etc/passwd\no /var");
  EXPECT_EQ(tar.substr(0, 14), std::string("etc/.wh.passwd"));
  EXPECT_EQ(tar.substr(512, 4), "var/");
  EXPECT_EQ(tar.substr(1024, 16), "var/.wh..wh..opq");
}

TEST(TarWriter, RefusesNamesThatWouldMeanDeletions) {
  EXPECT_EQ(error_of([] { tar_of("f /a/.wh.b x"); }),
            "a layer can't hold \"/a/.wh.b\": names that begin with \".wh.\" mean deletions");
}

TEST(TarWriter, NoticesThatAFileChangedItsSize) {
  Entry entry{.path = ImagePath::clean("/f"), .size = 5};
  for (auto [text, how] : {std::pair{"1234", "shorter"}, {"123456", "longer"}}) {
    base::StringSink out;
    TarWriter writer(out);
    base::StringSource content(text);
    EXPECT_EQ(error_of([&] { writer.write(entry, &content); }),
              cat("/f changed while it was read: it became ", how,
                  " than 5 bytes\n  hint: do not write to the files of a build while it runs"));
  }
}

TEST(TarWriter, ContentLiesWhereTheIndexSays) {
  std::string text = cat("f /a first\nd /d\nf /d/", std::string(200, 'n'), " second\nw /e\nf /z ",
                         std::string(2000, 'z'), "\no /o");
  base::TempDir folder("/tmp", "slipway-test-");
  std::string path = folder.path() + "/tar";
  std::string bytes = tar_of(text);
  base::write_all(base::open_file(path, O_WRONLY | O_CREAT, 0600), bytes);
  auto file = std::make_shared<const base::Fd>(base::open_file(path, O_RDONLY));
  // In three pieces whose borders lie anywhere.
  base::Digest blob = base::sha256_of(bytes);
  std::vector<StoredTar::Piece> pieces = {
      {blob, file, 0, 700}, {blob, file, 700, 2500}, {blob, file, 3200, bytes.size() - 3200}};
  LayerIndex index = layer_of(text).index;
  auto content = make_tar_content(std::make_shared<const StoredTar>(std::move(pieces)), index);
  for (const Entry& entry : index.entries()) {
    if (entry.type == EntryType::kFile) {
      auto source = content->open(entry);
      EXPECT_EQ(base::sha256_of(base::read_all(*source, 10'000, "it")), entry.digest);
    }
  }
}

// Independent readers see what we meant.
TEST(TarWriter, GnuTarAndPythonReadIt) {
  std::string text =
      cat("d:0750:1:2 /d\nf:0644:3000000:7 /d/", std::string(180, 'n'), " hello\nl /d/link ",
          std::string(150, 't'),
          "\nf /d/gr\xc3\xbc\xc3\x9f x\nh /d/hard /d/gr\xc3\xbc\xc3\x9f\np /d/pipe\nc /null 1,3");
  base::TempDir folder("/tmp", "slipway-test-");
  std::string path = folder.path() + "/layer.tar";
  base::write_all(base::open_file(path, O_WRONLY | O_CREAT, 0600), tar_of(text));
  std::string out;
  ASSERT_EQ(run_shell(cat("LC_ALL=C.UTF-8 tar --numeric-owner -tvf ", path), &out), 0) << out;
  EXPECT_NE(out.find("drwxr-x--- 1/2 "), std::string::npos) << out;
  EXPECT_NE(out.find(cat("-rw-r--r-- 3000000/7 ")), std::string::npos) << out;
  EXPECT_NE(out.find(cat("d/link -> ", std::string(150, 't'))), std::string::npos) << out;
  EXPECT_NE(out.find("d/hard link to d/gr\xc3\xbc\xc3\x9f"), std::string::npos) << out;
  EXPECT_NE(out.find("1,3"), std::string::npos) << out;
  std::string names =
      cat("python3 -c \"import tarfile; t = tarfile.open('", path,
          "'); print(sum(1 for m in t), t.getmember('d/gr\xc3\xbc\xc3\x9f').size)\"");
  int code = run_shell(names, &out);
  if (code == tests::kNoSuchCommand) {
    GTEST_SKIP() << "python3 is not installed";
  }
  EXPECT_EQ(code, 0) << out;
  EXPECT_EQ(out, "7 1\n");
}

}  // namespace
}  // namespace slipway::builder
