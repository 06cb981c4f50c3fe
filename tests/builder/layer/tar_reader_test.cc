#include "builder/layer/tar_reader.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "tests/builder/layer/raw_tar.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using tests::error_of;
using tests::gnu_long;
using tests::kEnd;
using tests::pax;
using tests::raw;
using tests::run_shell;

// "name type size content-or-link" a line.
std::string members_of(const std::string& tar, TarLimits limits = {}) {
  base::StringSource source(tar);
  TarReader reader(source, "it", limits);
  std::string out;
  while (std::optional<TarMember> member = reader.next()) {
    std::string content = base::read_all(reader.content(), 1 << 20, "content");
    out += cat(member->name, " ", entry_type_name(member->type), " ", member->size, " ",
               member->link_name, content, "\n");
  }
  return out;
}

TEST(TarReader, ReadsUstarWithItsPrefix) {
  EXPECT_EQ(members_of(raw({.name = "b", .content = "hi", .prefix = "a"}) +
                       raw({.name = "l", .type = '2', .link = "to"}) + kEnd),
            "a/b file 2 hi\nl symlink 0 to\n");
}

TEST(TarReader, ReadsV7WhereASlashTellsADirectory) {
  std::string old(8, '\0');
  EXPECT_EQ(members_of(raw({.name = "d/", .type = '\0', .magic = old}) +
                       raw({.name = "f", .type = '\0', .content = "x", .magic = old}) + kEnd),
            "d/ directory 0 \nf file 1 x\n");
}

TEST(TarReader, PaxRecordsGoOverTheHeader) {
  std::string records = cat("path=", std::string(300, 'p'), "\nsize=3\nuid=4000000000\nmtime=-1.5");
  base::StringSource source(pax(records) + raw({.name = "short", .content = "abc", .size = "0"}) +
                            kEnd);
  TarReader reader(source, "it");
  TarMember member = reader.next().value();
  EXPECT_EQ(member.name, std::string(300, 'p'));
  EXPECT_EQ(member.size, 3U);
  EXPECT_EQ(member.uid, 4000000000U);
  EXPECT_EQ(member.mtime, (base::Timestamp{-2, 500'000'000}));
  EXPECT_EQ(base::read_all(reader.content(), 10, "it"), "abc");
}

TEST(TarReader, GlobalRecordsHoldUntilTakenBack) {
  base::StringSource source(pax("uid=7", 'g') + raw({.name = "a"}) + pax("uid=8") +
                            raw({.name = "b"}) + raw({.name = "c"}) + pax("uid=", 'g') +
                            raw({.name = "d", .uid = "0000003"}) + kEnd);
  TarReader reader(source, "it");
  EXPECT_EQ(reader.next()->uid, 7U);
  EXPECT_EQ(reader.next()->uid, 8U);
  EXPECT_EQ(reader.next()->uid, 7U);
  EXPECT_EQ(reader.next()->uid, 3U);
}

TEST(TarReader, ReadsGnuLongNamesAndLinks) {
  std::string name(300, 'n');
  std::string link(200, 'l');
  EXPECT_EQ(members_of(gnu_long(name, 'L') + gnu_long(link, 'K') +
                       raw({.name = "x", .type = '2', .link = "y"}) + kEnd),
            cat(name, " symlink 0 ", link, "\n"));
}

TEST(TarReader, ReadsBase256Numbers) {
  using namespace std::string_literals;
  base::StringSource source(raw({.name = "f",
                                 .content = "abc",
                                 .uid = "\x80\0\0\0\xff\xff\xff\xfe"s,
                                 .size = "\x80\0\0\0\0\0\0\0\0\0\0\x03"s,
                                 .mtime = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb"s}) +
                            kEnd);
  TarReader reader(source, "it");
  TarMember member = reader.next().value();
  EXPECT_EQ(member.uid, 4294967294U);
  EXPECT_EQ(member.size, 3U);
  EXPECT_EQ(member.mtime.seconds, -5);
}

TEST(TarReader, ReadsXattrsOfBothSpellings) {
  using namespace std::string_literals;
  std::string value = "\x01\0\x02=\n"s;
  std::string records = tests::pax_record("SCHILY.xattr.security.capability", value) +
                        tests::pax_record("LIBARCHIVE.xattr.user.a%3Db", "aGk=");
  base::StringSource source(raw({.name = "p", .type = 'x', .content = records}) +
                            raw({.name = "f"}) + kEnd);
  TarReader reader(source, "it");
  EXPECT_EQ(reader.next()->xattrs,
            (std::vector<base::Xattr>{{"security.capability", value}, {"user.a=b", "hi"}}));
}

TEST(TarReader, SkipsContentThatNobodyReads) {
  base::StringSource source(raw({.name = "a", .content = std::string(70'000, 'x')}) +
                            raw({.name = "b"}) + kEnd);
  TarReader reader(source, "it");
  reader.next();
  EXPECT_EQ(reader.next()->name, "b");
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.next().has_value());
}

TEST(TarReader, ReadsToTheEndOfWhatFollowsTheEnd) {
  base::StringSource source(raw({.name = "a"}) + kEnd + std::string(9000, '\0'));
  TarReader reader(source, "it");
  reader.next();
  reader.next();
  char byte = 0;
  EXPECT_EQ(source.read({&byte, 1}), 0U);
}

TEST(TarReader, TakesAnArchiveWithoutItsEnd) {
  EXPECT_EQ(members_of(raw({.name = "a"})), "a file 0 \n");
  EXPECT_EQ(members_of(raw({.name = "a"}) + std::string(512, '\0')), "a file 0 \n");
  EXPECT_EQ(members_of(""), "");
}

TEST(TarReader, ReadsWhatGnuTarWritesInAllItsFormats) {
  base::TempDir folder("/tmp", "slipway-test-");
  std::string long_name(120, 'n');
  ASSERT_EQ(run_shell(cat("cd ", folder.path(), " && mkdir in && cd in && echo hi >", long_name,
                          " && ln -s ", long_name, " link && ln ", long_name,
                          " hard && truncate -s 100000 sparse && printf middle | dd of=sparse bs=1 "
                          "seek=50000 conv=notrunc status=none")),
            0);
  for (std::string format :
       {"gnu", "pax", "gnu --sparse", "pax --sparse", "pax --sparse --sparse-version=0.0",
        "pax --sparse --sparse-version=0.1"}) {
    std::string tar = folder.path() + "/out.tar";
    ASSERT_EQ(run_shell(cat("cd ", folder.path(), "/in && tar --sort=name --format=", format,
                            " -cf ", tar, " .")),
              0)
        << format;
    std::string members = members_of(base::find_file_content(tar, 1 << 24).value());
    std::string sparse = std::string(50'000, '\0') + "middle" + std::string(49'994, '\0');
    EXPECT_EQ(members,
              cat("./ directory 0 \n./hard file 3 hi\n\n./link symlink 0 ", long_name, "\n./",
                  long_name, " hard link 0 ./hard\n./sparse file 100000 ", sparse, "\n"))
        << format;
  }
}

// What is wrong, and what the message says.
struct Bad {
  std::string tar;
  std::string message;
};
class BadTar : public testing::TestWithParam<Bad> {};
TEST_P(BadTar, IsRefused) {
  TarLimits limits;
  limits.members = 3;
  limits.extended_header_bytes = 2000;
  limits.content_bytes = 10'000;
  limits.xattr_bytes = 100;
  EXPECT_EQ(error_of([&] { members_of(GetParam().tar, limits); }), GetParam().message);
}
INSTANTIATE_TEST_SUITE_P(
    All, BadTar,
    testing::Values(
        Bad{std::string(512, 'x') + kEnd, "it: this is no tar archive"},
        Bad{raw({.name = "a"}) + std::string(512, 'x'), "it: damaged header after 1 members"},
        Bad{raw({.name = "a"}).substr(0, 300), "it: the archive ends within a header"},
        Bad{raw({.name = "a"}) + std::string(512, '\0') + raw({.name = "b"}),
            "it: something follows a zero block"},
        Bad{raw({.name = "a", .content = "hi"}).substr(0, 513),
            "it: member \"a\": the archive ends within its content"},
        Bad{raw({.name = "a", .type = 'M'}) + kEnd, "it: member \"a\": unknown type \"M\""},
        Bad{raw({.name = "a", .size = "0000000000x"}) + kEnd,
            "it: damaged size in the header after 1 members"},
        Bad{raw({.name = "a"}) + raw({.name = "b"}) + raw({.name = "c"}) + raw({.name = "d"}) +
                kEnd,
            "it: more than 3 members"},
        Bad{raw({.name = "a", .size = "00000100000"}) + kEnd,
            "it: member \"a\": the files of the archive are larger than 10000 bytes"},
        Bad{raw({.name = "x", .type = 'x', .size = "00000010000"}) + kEnd,
            "it: an extended header of 4096 bytes; the limit is 2000"},
        Bad{raw({.name = "x", .type = 'x', .content = "12 nonsense\n"}) + kEnd,
            "it: damaged pax header"},
        Bad{raw({.name = "x", .type = 'x', .content = "99 a=b\n"}) + kEnd,
            "it: damaged pax header"},
        Bad{pax("uid=-1") + raw({.name = "a"}) + kEnd, "it: member \"a\": damaged uid"},
        Bad{pax("size=99999999999999999999") + raw({.name = "a"}) + kEnd,
            "it: member \"a\": damaged size"},
        Bad{pax(cat("SCHILY.xattr.user.a=", std::string(101, 'v'))) + raw({.name = "a"}) + kEnd,
            "it: extended attributes of more than 100 bytes for one member"},
        Bad{pax("GNU.sparse.map=0,5,3,5\nGNU.sparse.size=20") +
                raw({.name = "a", .content = "0123456789"}) + kEnd,
            "it: member \"a\": damaged map of a sparse file"},
        Bad{pax("GNU.sparse.map=0,5\nGNU.sparse.size=99999999999") +
                raw({.name = "a", .content = "01234"}) + kEnd,
            "it: member \"a\": the files of the archive are larger than 10000 bytes"},
        Bad{pax("GNU.sparse.major=1\nGNU.sparse.minor=0\nGNU.sparse.realsize=9") +
                raw({.name = "a", .content = "999999999999999999999999999999999999\n"}) + kEnd,
            "it: member \"a\": damaged map of a sparse file"}));

TEST(TarReader, LimitsTheLengthOfNames) {
  TarLimits limits;
  EXPECT_EQ(error_of([&] {
              members_of(gnu_long(std::string(5000, 'n'), 'L') + raw({.name = "x"}) + kEnd);
            }).substr(0, 20),
            "it: member \"nnnnnnnn");
}

// Any prefix and any flipped bit of an archive with all kinds of members: an Error or members.
TEST(TarReader, SurvivesDamageAnywhere) {
  std::string tar = pax("path=a/b\nGNU.sparse.map=0,2,10,1\nGNU.sparse.size=20") +
                    raw({.name = "x", .content = "abc"}) + gnu_long("name", 'L') +
                    raw({.name = "y", .type = '1', .link = "z"}) + kEnd;
  for (std::size_t size = 0; size < tar.size(); size += 7) {
    error_of([&] { members_of(tar.substr(0, size)); });
  }
  for (std::size_t bit = 0; bit < tar.size() * 8; bit += 3) {
    std::string damaged = tar;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    error_of([&] { members_of(damaged); });
  }
}

TEST(LooksLikeTar, GoesByTheChecksum) {
  EXPECT_TRUE(looks_like_tar(raw({.name = "a"})));
  EXPECT_FALSE(looks_like_tar(raw({.name = "a"}).substr(0, 511)));
  EXPECT_FALSE(looks_like_tar(std::string(512, '\0')));
  EXPECT_FALSE(looks_like_tar(std::string(512, 'a')));
}

}  // namespace
}  // namespace slipway::builder
