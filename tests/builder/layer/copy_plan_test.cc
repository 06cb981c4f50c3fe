#include "builder/layer/copy_plan.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::ImagePath;
using tests::error_of;
using tests::listing;
using tests::view_of;

// COPY as one would write it: flags, sources, destination.
struct Case {
  std::string source;              // lines of the tree that is copied from
  std::string image;               // lines of the image; "-": an empty root
  std::vector<std::string> words;  // sources and destination
  std::optional<Owner> owner = {};
  std::string chmod = {};
  std::vector<std::string> excludes = {};
  bool parents = false;
  bool link = false;
  std::string workdir = "/";
};

class Copying {
 public:
  explicit Copying(const Case& given) : source_(view_of({given.source})) {
    if (given.image != "-") {
      image_ = view_of({given.image});
    }
    for (std::size_t i = 0; i + 1 < given.words.size(); ++i) {
      std::string_view word = given.words[i];
      if (word.starts_with("<<")) {
        request.sources.push_back({nullptr, {}, std::string(word.substr(2)), "heredoc text"});
      } else {
        request.sources.push_back({source_.get(), std::string(word), {}, {}});
      }
    }
    request.destination = given.words.back();
    request.working_directory = ImagePath::clean(given.workdir);
    request.owner = given.owner;
    if (!given.chmod.empty()) {
      request.chmod = parser::parse_chmod(given.chmod).value();
    }
    request.excludes = given.excludes;
    request.parents = given.parents;
    request.link = given.link;
    request.now = {2000, 0};
  }
  LayerEntries plan() const { return plan_copy(request, select_sources(request), image_.get()); }
  std::string digest() const {
    CopySelection selection = select_sources(request);
    return digest_of(request, selection, 2, {}).text();
  }
  CopyRequest request;

 private:
  std::shared_ptr<const TreeView> source_;
  std::shared_ptr<const TreeView> image_;
};

std::string copied(const Case& given) {
  std::string out;
  std::string error = error_of([&] { out = listing(Copying(given).plan()); });
  return error == "no error" ? out : error;
}

TEST(Copy, AFileToAName) {
  EXPECT_EQ(copied({"f:0640:7:8 /a x", "-", {"a", "/b"}}), "f 0640 7:8 1 /b\n");
  EXPECT_EQ(copied({"f /a x", "-", {"/a", "/d/e/b"}}),
            "d 0755 0:0 /d\nd 0755 0:0 /d/e\nf 0644 0:0 1 /d/e/b\n");
  EXPECT_EQ(copied({"f /a x", "-", {"../../a", "/b"}}), "f 0644 0:0 1 /b\n");
}

TEST(Copy, AFileIntoADirectory) {
  EXPECT_EQ(copied({"f /a x", "-", {"a", "/d/"}}), "d 0755 0:0 /d\nf 0644 0:0 1 /d/a\n");
  EXPECT_EQ(copied({"f /a x", "-", {"a", "/d/."}}), "d 0755 0:0 /d\nf 0644 0:0 1 /d/a\n");
  EXPECT_EQ(copied({"f /a x", "d:0700:5:6 /d", {"a", "/d"}}), "d 0700 5:6 /d\nf 0644 0:0 1 /d/a\n");
  EXPECT_EQ(copied({"f /a x", "-", {"a", "/"}}), "f 0644 0:0 1 /a\n");
}

TEST(Copy, RelativeDestinationsStartAtTheWorkingDirectory) {
  Case given{"f /a x", "d /w", {"a", "."}};
  given.workdir = "/w";
  EXPECT_EQ(copied(given), "d 0755 0:0 /w\nf 0644 0:0 1 /w/a\n");
  given.words = {"a", "b"};
  EXPECT_EQ(copied(given), "d 0755 0:0 /w\nf 0644 0:0 1 /w/b\n");
  given.words = {"a", ""};
  EXPECT_EQ(copied(given), "d 0755 0:0 /w\nf 0644 0:0 1 /w/a\n");
}

TEST(Copy, OfADirectoryMeansItsContent) {
  std::string source = "d:0700:1:2 /s\nf /s/f x\nd:0711:3:4 /s/d\nl /s/d/l ../f";
  EXPECT_EQ(copied({source, "-", {"s", "/t"}}),
            "d 0755 0:0 /t\nd 0711 3:4 /t/d\nl 0777 0:0 /t/d/l -> ../f\nf 0644 0:0 1 /t/f\n");
  EXPECT_EQ(copied({source, "-", {"s/", "/"}}),
            "d 0711 3:4 /d\nl 0777 0:0 /d/l -> ../f\nf 0644 0:0 1 /f\n");
  EXPECT_EQ(copied({"d /s", "-", {"s", "/t"}}), "d 0755 0:0 /t\n");
}

// The directory that is there keeps mode and owner; nested ones get those of the source.
TEST(Copy, MergesDirectories) {
  EXPECT_EQ(copied({"d:0700:1:2 /s\nd:0711:3:4 /s/sub\nf /s/sub/f x",
                    "d:0777:9:9 /t\nd:0777:9:9 /t/sub\nf /t/sub/old y",
                    {"s", "/t"}}),
            "d 0777 9:9 /t\nd 0711 3:4 /t/sub\nf 0644 0:0 1 /t/sub/f\n");
}

TEST(Copy, TheTopDirectoryGetsTheTimeOfTheSource) {
  LayerEntries layer = Copying({"d /s\nf /s/f x", "-", {"s", "/t/u"}}).plan();
  EXPECT_EQ(layer.entries[0].entry.mtime.seconds, 2000);
  EXPECT_EQ(layer.entries[1].entry.mtime.seconds, 1000);
}

TEST(Copy, RefusesWhatDoesNotFit) {
  EXPECT_EQ(copied({"f /a x", "d /d\nd /d/a", {"a", "/d/"}}),
            "cannot replace to directory /d/a with file");
  EXPECT_EQ(copied({"d /s\nf /s/f x", "f /t x", {"s", "/t"}}), "cannot copy to non-directory: /t");
  EXPECT_EQ(copied({"d /s\nd /s/x\nf /s/x/f 1", "d /t\nf /t/x y", {"s", "/t"}}),
            "cannot copy to non-directory: /t/x");
  EXPECT_EQ(copied({"d /s\nd /s/x\nf /s/x/f 1", "d /t\nd /y\nl /t/x /y", {"s", "/t"}}),
            "cannot copy to non-directory: /t/x");
  EXPECT_EQ(copied({"f /a x", "f /d x", {"a", "/d/"}}), "cannot copy to non-directory: /d");
  EXPECT_EQ(copied({"f /a x", "f /d x", {"a", "/d/e"}}), "cannot copy to non-directory: /d");
}

TEST(Copy, ReplacesFilesAndLinksAtTheEndOfThePath) {
  EXPECT_EQ(copied({"f /a x", "d /d\nf /d/a old", {"a", "/d/"}}),
            "d 0755 0:0 /d\nf 0644 0:0 1 /d/a\n");
  EXPECT_EQ(copied({"f /a x", "d /d\nl /d/a /etc/passwd", {"a", "/d/"}}),
            "d 0755 0:0 /d\nf 0644 0:0 1 /d/a\n");
}

TEST(Copy, FollowsLinksOfTheImageInsideItsRoot) {
  EXPECT_EQ(copied({"f /a x", "d /real\nl /link real", {"a", "/link/"}}),
            "d 0755 0:0 /real\nf 0644 0:0 1 /real/a\n");
  EXPECT_EQ(copied({"f /a x", "d /real\nl /link ../../../real", {"a", "/link/b"}}),
            "d 0755 0:0 /real\nf 0644 0:0 1 /real/b\n");
  EXPECT_EQ(copied({"f /a x", "f /real old\nl /link real", {"a", "/link"}}),
            "f 0644 0:0 1 /real\n");
  EXPECT_EQ(copied({"f /a x", "l /link /not/there", {"a", "/link/"}}),
            "d 0755 0:0 /not\nd 0755 0:0 /not/there\nf 0644 0:0 1 /not/there/a\n");
  EXPECT_EQ(copied({"f /a x", "l /link /not/there", {"a", "/link"}}),
            "d 0755 0:0 /not\nf 0644 0:0 1 /not/there\n");
}

TEST(Copy, FollowsLinksOfTheSourceAtTheTopOnly) {
  std::string source = "d /d\nf /d/f x\nl /d/in f\nl /to-file d/f\nl /to-dir d\nl /out ../../d/f";
  EXPECT_EQ(copied({source, "-", {"to-file", "/x/"}}), "d 0755 0:0 /x\nf 0644 0:0 1 /x/to-file\n");
  EXPECT_EQ(copied({source, "-", {"to-dir", "/x"}}),
            "d 0755 0:0 /x\nf 0644 0:0 1 /x/f\nl 0777 0:0 /x/in -> f\n");
  EXPECT_EQ(copied({source, "-", {"out", "/x"}}), "f 0644 0:0 1 /x\n");
  EXPECT_EQ(copied({source, "-", {"to-dir/f", "/x"}}), "f 0644 0:0 1 /x\n");
}

TEST(Copy, Wildcards) {
  std::string source =
      "f /a.txt 1\nf /b.txt 22\nf /c.bin 3\nf /.d.txt 4\nd /e.txt\nf /e.txt/in 5\nf /arr[0].txt 6";
  EXPECT_EQ(copied({source, "-", {"[ab].txt", "/"}}), "f 0644 0:0 1 /a.txt\nf 0644 0:0 2 /b.txt\n");
  EXPECT_EQ(copied({source, "-", {"*.txt", "/o/"}}),
            "d 0755 0:0 /o\nf 0644 0:0 1 /o/.d.txt\nf 0644 0:0 1 /o/a.txt\n"
            "f 0644 0:0 1 /o/arr[0].txt\nf 0644 0:0 2 /o/b.txt\nf 0644 0:0 1 /o/in\n");
  EXPECT_EQ(copied({source, "-", {"arr[[]0].txt", "/"}}), "f 0644 0:0 1 /arr[0].txt\n");
  EXPECT_EQ(copied({source, "-", {"*/in", "/"}}), "f 0644 0:0 1 /in\n");
  EXPECT_EQ(copied({source, "-", {"?.bin", "/x"}}), "f 0644 0:0 1 /x\n");
  EXPECT_EQ(copied({source, "-", {"[ab].txt", "/x"}}), "f 0644 0:0 2 /x\n");  // the last one stays
  EXPECT_EQ(copied({source, "-", {"*.none", "/made/"}}), "");
}

TEST(Copy, WildcardsDoNotCrossLinksOrSlashes) {
  std::string source = "d /d\nd /d/e\nf /d/e/f x\nl /l d";
  EXPECT_EQ(copied({source, "-", {"*/f", "/"}}), "");
  EXPECT_EQ(copied({source, "-", {"*/*/f", "/"}}), "f 0644 0:0 1 /f\n");
  EXPECT_EQ(copied({source, "-", {"l/*", "/x"}}), "d 0755 0:0 /x\nf 0644 0:0 1 /x/f\n");
}

TEST(Copy, MissingSourcesAreNamed) {
  EXPECT_EQ(copied({"f /main.go x", "-", {"./mian.go", "/"}}),
            "\"/mian.go\": not found\n  hint: did you mean /main.go?");
  EXPECT_EQ(copied({"f /a x", "-", {"no/such", "/"}}), "\"/no/such\": not found");
  EXPECT_EQ(copied({"f /a x\nl /l gone", "-", {"l", "/"}}), "\"/l\": not found");
  EXPECT_EQ(copied({"f /a x", "-", {"[", "/"}}), "syntax error in pattern \"[\"");
}

TEST(Copy, ABackslashMakesAWildcardPlain) {
  EXPECT_EQ(copied({"f /a*b x\nf /aab y", "-", {"a\\*b", "/"}}), "f 0644 0:0 1 /a*b\n");
  EXPECT_EQ(copied({"f /a\\*b 22\nf /a*b x", "-", {"a\\*b", "/"}}), "f 0644 0:0 2 /a\\*b\n");
}

TEST(Copy, ChownAppliesToAllThatIsMade) {
  Case given{
      "d /s\nd:0700:1:2 /s/d\nf:0600:3:4 /s/d/f x\nl /s/l f", "d:0755:9:9 /t", {"s", "/t/new"}};
  given.owner = Owner{5, 6};
  EXPECT_EQ(copied(given),
            "d 0755 9:9 /t\nd 0755 5:6 /t/new\nd 0700 5:6 /t/new/d\nf 0600 5:6 1 /t/new/d/f\n"
            "l 0777 5:6 /t/new/l -> f\n");
}

TEST(Copy, OctalChmodAlsoForMadeDirectories) {
  Case given{"f /foo x\nl /l foo", "-", {"foo", "/p/sub/foo"}};
  given.chmod = "770";
  EXPECT_EQ(copied(given), "d 0770 0:0 /p\nd 0770 0:0 /p/sub\nf 0770 0:0 1 /p/sub/foo\n");
}

TEST(Copy, SymbolicChmodOnlyForWhatIsCopied) {
  Case given{"d /s\nf /s/f x\nf:0755:0:0 /s/g x\nd:0700:0:0 /s/d\nl /s/l f", "-", {"s", "/t"}};
  given.chmod = "go-rwx,u=rwX";
  EXPECT_EQ(copied(given),
            "d 0755 0:0 /t\nd 0700 0:0 /t/d\nf 0600 0:0 1 /t/f\nf 0700 0:0 1 /t/g\n"
            "l 0777 0:0 /t/l -> f\n");
}

TEST(Copy, ExcludesGoByEachSourceDirectory) {
  Case given{"d /s\nf /s/a.txt x\nf /s/b.bin x\nd /s/d\nf /s/d/c.txt x\nf /top.txt x",
             "-",
             {"s", "top.txt", "/t/"}};
  given.excludes = {"*.txt"};
  EXPECT_EQ(copied(given),
            "d 0755 0:0 /t\nf 0644 0:0 1 /t/b.bin\nd 0755 0:0 /t/d\nf 0644 0:0 1 /t/d/c.txt\n"
            "f 0644 0:0 1 /t/top.txt\n");
  given.excludes = {"**/*.txt", "!d/c.txt"};
  EXPECT_EQ(copied(given),
            "d 0755 0:0 /t\nf 0644 0:0 1 /t/b.bin\nd 0755 0:0 /t/d\nf 0644 0:0 1 /t/d/c.txt\n"
            "f 0644 0:0 1 /t/top.txt\n");
  given.excludes = {"d", "!d/c.txt", "*.bin", "a*"};
  EXPECT_EQ(copied(given),
            "d 0755 0:0 /t\nd 0755 0:0 /t/d\nf 0644 0:0 1 /t/d/c.txt\nf 0644 0:0 1 /t/top.txt\n");
  given.excludes = {"*"};
  EXPECT_EQ(copied(given), "d 0755 0:0 /t\nf 0644 0:0 1 /t/top.txt\n");
}

std::string with_parents(const std::string& pattern) {
  Case given{
      "d /test\nd:0711:1:1 /test/a\nd /test/a/b\nd /test/a/b/c\nf /test/a/b/c/foo x\n"
      "d /test/a/b2\nd /test/a/b2/c\nd /test/a/b2/c/d\nf /test/a/b2/c/d/bar x",
      "-",
      {pattern, "/out/"}};
  given.parents = true;
  return copied(given);
}

TEST(Copy, ParentsKeepsThePathOfTheSource) {
  EXPECT_EQ(with_parents("/test/a/b/c"),
            "d 0755 0:0 /out\nd 0755 0:0 /out/test\nd 0711 1:1 /out/test/a\n"
            "d 0755 0:0 /out/test/a/b\nd 0755 0:0 /out/test/a/b/c\n"
            "f 0644 0:0 1 /out/test/a/b/c/foo\n");
  EXPECT_EQ(with_parents("/test/a/./b/c/foo"),
            "d 0755 0:0 /out\nd 0755 0:0 /out/b\nd 0755 0:0 /out/b/c\nf 0644 0:0 1 /out/b/c/foo\n");
  EXPECT_EQ(with_parents("/test/a/b*/./c/**/bar"),
            "d 0755 0:0 /out\nd 0755 0:0 /out/c\nd 0755 0:0 /out/c/d\n"
            "f 0644 0:0 1 /out/c/d/bar\n");
  EXPECT_EQ(with_parents("/test/a/x*/c"), "d 0755 0:0 /out\n");
  EXPECT_EQ(with_parents("/test/none"), "\"/test/none\": not found");
  EXPECT_EQ(with_parents("."),
            "\"/\": not found\n  hint: with --parents name what to copy, for example \"./*\" for "
            "everything");
}

TEST(Copy, LinkNeverLooksAtTheImage) {
  Case given{"f /f x", "d /d\nd:0700:5:5 /real\nl /link real", {"f", "/d"}};
  given.link = true;
  EXPECT_EQ(copied(given), "f 0644 0:0 1 /d\n");
  given.words = {"f", "/link/"};
  EXPECT_EQ(copied(given), "d 0755 0:0 /link\nf 0644 0:0 1 /link/f\n");
}

TEST(Copy, HardLinksWithinOneSourceStayLinked) {
  EXPECT_EQ(copied({"d /s\nf /s/a x\nh /s/b /s/a\nf /one y\nh /two /one", "-", {"s", "/t"}}),
            "d 0755 0:0 /t\nf 0644 0:0 1 /t/a\nh 0644 0:0 1 /t/b -> /t/a\n");
  EXPECT_EQ(copied({"f /one y\nh /two /one", "-", {"one", "two", "/t/"}}),
            "d 0755 0:0 /t\nf 0644 0:0 1 /t/one\nf 0644 0:0 1 /t/two\n");
}

TEST(Copy, FilesWhoseFirstNameIsReplacedStayOneFile) {
  std::string source =
      "d /s\nf /s/a x\nh /s/b /s/a\nh /s/c /s/a\nf /s/d y\nd /t\nf /t/a 22\nf /t/c 333";
  EXPECT_EQ(copied({source, "-", {"s", "t", "/o"}}),
            "d 0755 0:0 /o\nf 0644 0:0 2 /o/a\nf 0644 0:0 1 /o/b\nf 0644 0:0 3 /o/c\n"
            "f 0644 0:0 1 /o/d\n");
  EXPECT_EQ(copied({source, "-", {"s", "t/a", "/o/"}}),
            "d 0755 0:0 /o\nf 0644 0:0 2 /o/a\nf 0644 0:0 1 /o/b\n"
            "h 0644 0:0 1 /o/c -> /o/b\nf 0644 0:0 1 /o/d\n");
  // And again: the name that took its place goes, too.
  EXPECT_EQ(copied({source + "\nd /u\nf /u/b 4444", "-", {"s", "t/a", "u/b", "/o/"}}),
            "d 0755 0:0 /o\nf 0644 0:0 2 /o/a\nf 0644 0:0 4 /o/b\nf 0644 0:0 1 /o/c\n"
            "f 0644 0:0 1 /o/d\n");
}

TEST(Copy, SourcesInAnyOrderGiveSortedEntries) {
  std::string source = "d /x\nf /x/m 1\nf /x/z 1\nd /y\nf /y/a 22\nf /y/n 22\nd /y/o\nf /y/o/p 22";
  EXPECT_EQ(copied({source, "-", {"x", "y", "/o/"}}),
            "d 0755 0:0 /o\nf 0644 0:0 2 /o/a\nf 0644 0:0 1 /o/m\nf 0644 0:0 2 /o/n\n"
            "d 0755 0:0 /o/o\nf 0644 0:0 2 /o/o/p\nf 0644 0:0 1 /o/z\n");
  EXPECT_EQ(copied({source, "-", {"y", "x", "y/n", "/o/"}}),
            copied({source, "-", {"x", "y", "/o/"}}));
}

TEST(Copy, LaterSourcesReplaceEarlierOnes) {
  EXPECT_EQ(
      copied(
          {"d /a\nf /a/f x\nh /a/g /a/f\nh /a/h /a/f\nd /b\nf /b/f other", "-", {"a", "b", "/t"}}),
      "d 0755 0:0 /t\nf 0644 0:0 5 /t/f\nf 0644 0:0 1 /t/g\nh 0644 0:0 1 /t/h -> /t/g\n");
}

TEST(Copy, HeredocsAreFilesMadeNow) {
  Case given{"f /a x", "-", {"a", "<<EOF", "/d/"}};
  EXPECT_EQ(copied(given), "d 0755 0:0 /d\nf 0644 0:0 12 /d/EOF\nf 0644 0:0 1 /d/a\n");
  given.words = {"<<EOF", "/single"};
  given.owner = Owner{1, 2};
  given.chmod = "700";
  EXPECT_EQ(copied(given), "f 0700 1:2 12 /single\n");
  EXPECT_EQ(Copying(given).plan().entries[0].entry.mtime.seconds, 2000);
}

TEST(Copy, DevicesFifosAndAttributesAreKept) {
  EXPECT_EQ(copied({"d /s\nc /s/null 1,3\np /s/pipe\nf:06755:1:2 /s/f x\nx /s/f user.a b",
                    "-",
                    {"s", "/t"}}),
            "d 0755 0:0 /t\nf 6755 1:2 1 /t/f user.a=\"b\"\nc 0644 0:0 1,3 /t/null\n"
            "p 0644 0:0 /t/pipe\n");
}

// ADD of archives: a.tar stands for a tree of its own.
std::string added(const std::string& archive, const std::string& image,
                  const std::string& destination, std::optional<Owner> owner = {},
                  const std::string& before = "") {
  Case given{before + "f /a.tar bytes\nf /plain x", image, {"*", destination}};
  given.owner = owner;
  given.chmod = "700";
  Copying copying(given);
  auto files = view_of({archive});
  copying.request.open_archive = [&](const TreeView&, const Entry& file) {
    return file.path.base_name() == "a.tar" ? files : nullptr;
  };
  std::string out;
  std::string error = error_of([&] {
    LayerEntries layer = copying.plan();
    EXPECT_EQ(layer.views.size(), 1U);
    out = listing(layer);
  });
  return error == "no error" ? out : error;
}

TEST(AddArchive, IsUnpackedIntoTheDestination) {
  EXPECT_EQ(added("d:0711:1:2 /d\nf:0640:3:4 /d/f x\nh:0640:3:4 /d/g /d/f", "-", "/o/"),
            "d 0755 0:0 /o\nd 0711 1:2 /o/d\nf 0640 3:4 1 /o/d/f\nh 0640 3:4 1 /o/d/g -> /o/d/f\n"
            "f 0700 0:0 1 /o/plain\n");
  EXPECT_EQ(added("f /f x", "-", "/o", Owner{5, 6}),
            "d 0755 5:6 /o\nf 0644 5:6 1 /o/f\nf 0700 5:6 1 /o/plain\n");
}

TEST(AddArchive, MergesAndReplaces) {
  EXPECT_EQ(added("d:0711:1:2 /d\nf /f new", "d:0700:9:9 /d\nf /d/old x\nd /f\nf /f/in x", "/"),
            "d 0711 1:2 /d\nf 0644 0:0 3 /f\nf 0700 0:0 1 /plain\n");
  EXPECT_EQ(added("d /d\nf /d/f x", "f /d file", "/"),
            "d 0755 0:0 /d\nf 0644 0:0 1 /d/f\nf 0700 0:0 1 /plain\n");
}

TEST(AddArchive, ReplacesWhatTheSameStepPutThere) {
  std::string before = "d /0\nd /0/x\nf /0/x/a 1\nd /0/x/b\nf /0/x/b/c 1\nf /0/y 1\nd /0/z\n";
  EXPECT_EQ(added("f /x file", "-", "/", {}, before),
            "f 0700 0:0 1 /plain\nf 0644 0:0 4 /x\nf 0700 0:0 1 /y\nd 0700 0:0 /z\n");
  EXPECT_EQ(added("d /y\nf /y/in 22", "-", "/", {}, before),
            "f 0700 0:0 1 /plain\nd 0700 0:0 /x\nf 0700 0:0 1 /x/a\nd 0700 0:0 /x/b\n"
            "f 0700 0:0 1 /x/b/c\nd 0755 0:0 /y\nf 0644 0:0 2 /y/in\nd 0700 0:0 /z\n");
}

TEST(AddArchive, ImpliedDirectoriesLeaveThoseOfTheImageAlone) {
  EXPECT_EQ(added("f /d/f x", "d:0700:9:9 /d", "/"),
            "d 0700 9:9 /d\nf 0644 0:0 1 /d/f\nf 0700 0:0 1 /plain\n");
}

TEST(AddArchive, LinksOfTheImageAreFollowedBelowTheDestination) {
  EXPECT_EQ(added("f /l/f x", "d /o\nl /o/l /etc\nd /etc", "/o/"),
            "d 0755 0:0 /o\nd 0755 0:0 /o/etc\nf 0644 0:0 1 /o/etc/f\nf 0700 0:0 1 /o/plain\n");
  EXPECT_EQ(added("f /l/f x", "d /o\nl /o/l ../..", "/o/"),
            "d 0755 0:0 /o\nf 0644 0:0 1 /o/f\nf 0700 0:0 1 /o/plain\n");
}

TEST(CopyDigest, IgnoresTimesAndFilesThatAreNotMeant) {
  auto digest = [](const std::string& source, std::vector<std::string> words,
                   std::vector<std::string> excludes = {}) {
    Case given{source, "-", std::move(words)};
    given.excludes = std::move(excludes);
    return Copying(given).digest();
  };
  std::string before = digest("d /s\nf /s/a x\nf /other y", {"s", "/t"});
  EXPECT_EQ(digest("d /s\nf /s/a x\nf /other changed", {"s", "/t"}), before);
  EXPECT_EQ(digest("d:0700:1:1 /s\nf /s/a x", {"s", "/t"}), before);
  EXPECT_EQ(digest("d /s\nf /s/a x\nf /s/b x", {"s", "/t"}, {"b"}), before);
  EXPECT_EQ(digest("d /s\nf /s/a x", {"./s/", "/other-destination"}), before);
  EXPECT_NE(digest("d /s\nf /s/a z", {"s", "/t"}), before);
  EXPECT_NE(digest("d /s\nf:0600:0:0 /s/a x", {"s", "/t"}), before);
  EXPECT_NE(digest("d /s\nf /s/b x", {"s", "/t"}), before);
  EXPECT_NE(digest("d /s\nf /s/a x\nd /s/empty", {"s", "/t"}), before);
  EXPECT_NE(digest("d /s\nf /s/a x\nx /s/a user.k v", {"s", "/t"}), before);
}

TEST(CopyDigest, SeesWhichNamesAreOneFile) {
  auto digest = [](const std::string& source) {
    return Copying({source, "-", {"s", "/t"}}).digest();
  };
  EXPECT_NE(digest("d /s\nf /s/a x\nf /s/b x"), digest("d /s\nf /s/a x\nh /s/b /s/a"));
}

TEST(PlanDirectory, MakesWhatIsMissing) {
  auto image = view_of({"d:0700:5:5 /a\nl /l a\nf /f x"});
  auto plan = [&](std::string_view path, const TreeView* view) {
    std::string out;
    std::string error =
        error_of([&] { out = listing(plan_directory(ImagePath::clean(path), {1, 2}, {}, view)); });
    return error == "no error" ? out : error;
  };
  EXPECT_EQ(plan("/a/b/c", image.get()), "d 0700 5:5 /a\nd 0755 1:2 /a/b\nd 0755 1:2 /a/b/c\n");
  EXPECT_EQ(plan("/l/b", image.get()), "d 0700 5:5 /a\nd 0755 1:2 /a/b\n");
  EXPECT_EQ(plan("/a", image.get()), "");
  EXPECT_EQ(plan("/", image.get()), "");
  EXPECT_EQ(plan("/x", nullptr), "d 0755 1:2 /x\n");
  EXPECT_EQ(plan("/f", image.get()), "mkdir /f: not a directory");
  EXPECT_EQ(plan("/f/x", image.get()), "cannot copy to non-directory: /f");
}

}  // namespace
}  // namespace slipway::builder
