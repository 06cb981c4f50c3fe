#include "builder/context/context_view.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"
#include "builder/context/stat_cache.h"
#include "builder/layer/copy_plan.h"
#include "cache/store.h"

namespace slipway::builder {
namespace {

using base::ImagePath;

class ContextViewTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    base::Fd root = base::open_directory(context());
    std::size_t slash = name.rfind('/');
    base::Fd parent = slash == std::string::npos
                          ? root.duplicate()
                          : base::ensure_directory(root, name.substr(0, slash));
    base::Fd file =
        base::open_at(parent, name.substr(slash + 1), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    base::write_all(file, text);
  }
  // The change time can't be set back, so the clock has to move on by a tick. Polled, not slept: as
  // short as it can be.
  void wait_until_settled(const std::string& name) {
    struct stat status{};
    ASSERT_EQ(::stat((context() + "/" + name).c_str(), &status), 0);
    while (!is_settled(stamp_of(status), base::SystemClock().now())) {
    }
  }
  std::string context() const { return folder_.path() + "/context"; }
  ContextView view(unsigned threads = 1) {
    return ContextView(
        {context(), find_ignore_rules(context(), ""), store_.stat_cache(context()), threads});
  }
  static std::string names(const TreeView& view) {
    std::string out;
    walk(view, ImagePath(), [&](const Entry& entry) {
      if (!entry.path.is_root()) {
        out += base::cat(out.empty() ? "" : " ", entry.path.relative());
      }
      return Visit::kContinue;
    });
    return out;
  }
  static std::string read(const TreeView& view, const std::string& path) {
    return base::read_all(*view.open(*view.find(ImagePath::clean(path))), 1000, path);
  }

  base::TempDir folder_{"/tmp", "slipway-test-"};
  base::Fd context_folder_ = base::ensure_directory(folder_.path() + "/context");
  cache::Store store_{folder_.path() + "/store"};
};

TEST_F(ContextViewTest, EverythingBelongsToRootAndKeepsItsMode) {
  write("d/f", "text");
  ASSERT_EQ(::chmod((context() + "/d/f").c_str(), 0640), 0);
  Entry entry = *view().find(ImagePath::clean("/d/f"));
  EXPECT_EQ(entry.mode, 0640U);
  EXPECT_EQ(entry.uid, 0U);
  EXPECT_EQ(entry.gid, 0U);
  EXPECT_EQ(read(view(), "/d/f"), "text");
}

TEST_F(ContextViewTest, HiddenPathsDoNotExist) {
  write(".dockerignore", "*.o\nbuild\n");
  write("a.c", "");
  write("a.o", "");
  write("build/x", "");
  ContextView context = view();
  EXPECT_EQ(names(context), ".dockerignore a.c");
  EXPECT_FALSE(context.find(ImagePath::clean("/a.o")).has_value());
  EXPECT_FALSE(context.find(ImagePath::clean("/build/x")).has_value());
}

TEST_F(ContextViewTest, AnExceptionBringsAFileBackWithItsDirectories) {
  write(".dockerignore", "*\n!d/e/keep\n");
  write("d/e/keep", "");
  write("d/e/other", "");
  write("z", "");
  EXPECT_EQ(names(view()), "d d/e d/e/keep");
}

TEST_F(ContextViewTest, AHiddenDirectoryWithoutExceptionsIsNotEvenListed) {
  write(".dockerignore", "node_modules\n!src/keep\n");
  write("node_modules/deep/x", "");
  write("src/keep", "");
  ContextView context = view();
  names(context);
  EXPECT_EQ(context.counters().directories_listed, 2U);  // the root and src
}

TEST_F(ContextViewTest, SaysWhichRuleHidesAPath) {
  write(".dockerignore", "# comment\nbuild\n");
  write("build/x", "");
  EXPECT_EQ(view().explain_hidden(ImagePath::clean("/build/x")),
            ".dockerignore:2 (\"build\") excludes it");
  EXPECT_FALSE(view().explain_hidden(ImagePath::clean("/src")).has_value());
}

TEST_F(ContextViewTest, TheDockerfilesOwnIgnoreFileIsUsedAlone) {
  write(".dockerignore", "a\n");
  write("My.dockerfile.dockerignore", "b\n");
  write("a", "");
  write("b", "");
  IgnoreRules rules = find_ignore_rules(context(), context() + "/My.dockerfile");
  ContextView context_view({context(), rules, std::nullopt, 1});
  EXPECT_EQ(names(context_view), ".dockerignore My.dockerfile.dockerignore a");
}

TEST_F(ContextViewTest, LinksAreShownAndNotFollowed) {
  write("f", "x");
  ASSERT_EQ(::symlink("/etc", (context() + "/link").c_str()), 0);
  ContextView context = view();
  EXPECT_EQ(context.find(ImagePath::clean("/link"))->link_target, "/etc");
  EXPECT_FALSE(context.find(ImagePath::clean("/link/passwd")).has_value());
}

TEST_F(ContextViewTest, ASocketIsAnEmptyFile) {
  base::Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = context() + "/socket";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ContextView context_view = view();
  EXPECT_EQ(context_view.find(ImagePath::clean("/socket"))->type, EntryType::kFile);
  EXPECT_EQ(read(context_view, "/socket"), "");
}

TEST_F(ContextViewTest, NamesOfOneFileShareAGroup) {
  write("a", "x");
  write("b", "x");
  ASSERT_EQ(::link((context() + "/a").c_str(), (context() + "/c").c_str()), 0);
  ContextView context_view = view();
  auto group = [&](const char* path) {
    return context_view.link_group(*context_view.find(ImagePath::clean(path)));
  };
  EXPECT_NE(group("/a"), 0U);
  EXPECT_EQ(group("/a"), group("/c"));
  EXPECT_EQ(group("/b"), 0U);
}

TEST_F(ContextViewTest, AFileThatChangesAfterItWasListedIsAnError) {
  write("f", "before");
  ContextView context_view = view();
  Entry entry = *context_view.find(ImagePath::clean("/f"));
  write("f", "after, and longer");
  try {
    context_view.digest(entry);
    FAIL() << "read a file that had changed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInput);
    EXPECT_EQ(error.message(), "/f changed while it was read");
  }
}

TEST_F(ContextViewTest, OneThreadAndManySeeTheSame) {
  for (int i = 0; i < 20; ++i) {
    write(base::cat("d", i % 5, "/e", i % 3, "/f", i), "x");
  }
  ContextView one = view(1);
  ContextView many = view(8);
  many.prefetch(ImagePath());
  EXPECT_EQ(names(one), names(many));
}

base::Digest digest_of_file(const ContextView& view, const std::string& path) {
  return view.digest(*view.find(ImagePath::clean(path)));
}

TEST_F(ContextViewTest, UnchangedFilesAreNotReadAgainInTheNextBuild) {
  write("old", "text");
  wait_until_settled("old");
  {
    ContextView first = view();
    digest_of_file(first, "/old");
    EXPECT_EQ(first.counters().files_hashed, 1U);
    first.save();
  }
  ContextView second = view();
  EXPECT_EQ(digest_of_file(second, "/old"), base::sha256_of("text"));
  EXPECT_EQ(second.counters().files_hashed, 0U);
  EXPECT_EQ(second.counters().digests_remembered, 1U);
}

TEST_F(ContextViewTest, ACopysDigestIsTheSameWhetherFilesAreReadOrRemembered) {
  for (const char* name : {"a", "d/b", "d/e/c", "d/e/f", "other/g"}) {
    write(name, base::cat("text of ", name));
  }
  base::Fd root = base::open_directory(context());
  ASSERT_EQ(::linkat(root.get(), "a", root.get(), "d/a", 0), 0);
  ASSERT_EQ(::mkdirat(root.get(), "empty", 0755), 0);
  ASSERT_EQ(::symlinkat("e/c", root.get(), "d/l"), 0);
  wait_until_settled("a");
  auto digest = [&](bool keeps_entries) {
    ContextView files = view();
    CopyRequest request;
    request.sources = {{&files, ".", {}, {}}, {&files, "d/b", {}, {}}};
    request.destination = "/x/";
    request.excludes = {"d/e/f"};
    CopySelection selection = select_sources(request);
    if (keeps_entries) {
      selection.items.at(0).below.keep_entries();
    }
    bool was_unread = has_unread_files(request, selection);
    std::string text = digest_of(request, selection, 2, {}).text();
    EXPECT_FALSE(has_unread_files(request, selection));
    EXPECT_EQ(digest_of(request, selection, 2, {}).text(), text);
    files.save();
    return base::cat(was_unread ? "read " : "remembered ", text);
  };
  std::string read = digest(false);
  EXPECT_EQ(digest(false), base::cat("remembered ", read.substr(read.find("sha256"))));
  EXPECT_EQ(digest(true), base::cat("remembered ", read.substr(read.find("sha256"))));
  EXPECT_TRUE(read.starts_with("read "));
}

TEST_F(ContextViewTest, AFileThatWasJustWrittenIsReadAgain) {
  write("fresh", "one");
  {
    ContextView first = view();
    digest_of_file(first, "/fresh");
    first.save();
  }
  ContextView second = view();
  digest_of_file(second, "/fresh");
  EXPECT_EQ(second.counters().files_hashed, 1U);
}

TEST_F(ContextViewTest, ADamagedStatCacheCountsAsNone) {
  write("f", "text");
  store_.stat_cache(context()).replace(
      "slipway-stat-4\nnonsense that is long enough to hold a checksum.....");
  ContextView context_view = view();
  EXPECT_EQ(digest_of_file(context_view, "/f"), base::sha256_of("text"));
}

TEST_F(ContextViewTest, AStatCacheOfAnotherVersionCountsAsNone) {
  StatGroups groups;
  DirectoryStats stats;
  stats.add_name("f");
  groups[ImagePath()] = stats.finish(std::nullopt);
  std::string file = serialise_stats(groups);
  EXPECT_EQ(StatCache(file).groups().size(), 1U);
  file.replace(0, 15, "slipway-stat-3\n");
  EXPECT_TRUE(StatCache(file).groups().empty());
}

// Reads all of the context, and gives the names and how many directories' names were read.
class ContextNamesTest : public ContextViewTest {
 protected:
  std::string look() {
    ContextView files = view();
    std::string all = names(files);
    files.save();
    return base::cat(all, ": ", files.counters().directories_read);
  }
  void SetUp() override {
    write("a", "text");
    write("d/b", "text");
    write("d/c", "text");
    write("z", "text");
    wait_until_settled(".");
    wait_until_settled("d");
    EXPECT_EQ(look(), "a d d/b d/c z: 2");
    if (look() != "a d d/b d/c z: 0") {
      GTEST_SKIP() << "the file system's directories don't tell of their names";
    }
  }
};

TEST_F(ContextNamesTest, OfADirectoryThatDidNotChangeAreNotReadAgain) {
  write("d/b", "a file's new content is no matter of its directory's");
  EXPECT_EQ(look(), "a d d/b d/c z: 0");
}

TEST_F(ContextNamesTest, ANewOneIsSeen) {
  write("d/new", "text");
  EXPECT_EQ(look(), "a d d/b d/c d/new z: 1");
  wait_until_settled("d");
  EXPECT_EQ(look(), "a d d/b d/c d/new z: 1");
  EXPECT_EQ(look(), "a d d/b d/c d/new z: 0");
}

TEST_F(ContextNamesTest, ARemovedOneIsGone) {
  base::remove_tree(base::open_directory(context()), "z");
  EXPECT_EQ(look(), "a d d/b d/c: 1");
}

TEST_F(ContextNamesTest, ARenamedOneHasItsNewName) {
  std::string folder = context();
  ASSERT_EQ(::rename((folder + "/a").c_str(), (folder + "/x").c_str()), 0);
  EXPECT_EQ(look(), "d d/b d/c x z: 1");
}

TEST_F(ContextNamesTest, ADirectoryInThePlaceOfAnotherIsRead) {
  std::string folder = context();
  ASSERT_EQ(::rename((folder + "/d").c_str(), (folder + "/old").c_str()), 0);
  write("d/other", "text");
  EXPECT_EQ(look(), "a d d/other old old/b old/c z: 3");
}

TEST_F(ContextNamesTest, HiddenOnesComeBackWithOtherRules) {
  write(".dockerignore", "d/b\n");
  wait_until_settled(".");
  EXPECT_EQ(look(), ".dockerignore a d d/c z: 1");
  write(".dockerignore", "");
  EXPECT_EQ(look(), ".dockerignore a d d/b d/c z: 0");
}

// Should the times not have told, after all.
TEST_F(ContextNamesTest, ANameThatIsNotThereIsNoError) {
  struct stat status{};
  ASSERT_EQ(::stat(context().c_str(), &status), 0);
  DirectoryStats stats;
  stats.add_name("a");
  stats.add_name("gone");
  StatGroups groups;
  groups[ImagePath()] = stats.finish(stamp_of(status));
  store_.stat_cache(context()).replace(serialise_stats(groups));
  EXPECT_EQ(look(), "a d d/b d/c z: 2");
}

// What the process sees as root's, below a folder of mode 0755.
class ShownInPlaceTest : public ContextViewTest {
 protected:
  void SetUp() override {
    if (::getuid() != 0) {
      GTEST_SKIP() << "needs root: files must be root's";
    }
    ASSERT_EQ(::chmod(context().c_str(), 0755), 0);
    write("d/f", "text");
    ASSERT_EQ(::chmod((context() + "/d").c_str(), 0755), 0);
    ASSERT_EQ(::symlink("d/f", (context() + "/link").c_str()), 0);
  }
  bool is_in_place(const std::string& top) { return in_place(top).has_value(); }
  std::optional<std::string> in_place(const std::string& top) {
    return view().find_in_place(ImagePath::clean(top));
  }
};

TEST_F(ShownInPlaceTest, ADirectoryThatIsWhatTheViewShows) {
  EXPECT_EQ(in_place("/d"), context() + "/d");
  EXPECT_EQ(in_place("/"), context() + "/");
}

TEST_F(ShownInPlaceTest, NotWhereSomethingIsHidden) {
  write(".dockerignore", "d/f\n");
  EXPECT_FALSE(is_in_place("/"));
  EXPECT_FALSE(is_in_place("/d"));
  write("e/f", "text");
  EXPECT_TRUE(is_in_place("/e"));
}

TEST_F(ShownInPlaceTest, NotWhereAnOwnerOrTheFoldersModeIsAnother) {
  ASSERT_EQ(::chown((context() + "/d/f").c_str(), 0, 7), 0);
  EXPECT_FALSE(is_in_place("/d"));
  ASSERT_EQ(::chown((context() + "/d/f").c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod((context() + "/d").c_str(), 0750), 0);
  EXPECT_FALSE(is_in_place("/d"));
  // Below the folder that is shown, modes are what the view has.
  EXPECT_TRUE(is_in_place("/"));
}

TEST_F(ShownInPlaceTest, NotWhereAFileHasAttributesOrIsNone) {
  ASSERT_EQ(::mkfifo((context() + "/pipe").c_str(), 0644), 0);
  EXPECT_FALSE(is_in_place("/"));
  EXPECT_TRUE(is_in_place("/d"));
  base::Fd file = base::open_file(context() + "/d/f", O_RDONLY);
  base::set_xattr(file, "user.note", "x", "d/f");
  EXPECT_FALSE(is_in_place("/d"));
}

TEST_F(ShownInPlaceTest, TellsWhatIsNotAsItWasListed) {
  write("g", "text");
  ContextView context_view = view();
  ASSERT_TRUE(context_view.find_in_place(ImagePath()).has_value());
  EXPECT_FALSE(context_view.find_changed(ImagePath()).has_value());
  wait_until_settled("d/f");
  write("d/f", "TEXT");
  EXPECT_EQ(context_view.find_changed(ImagePath()), ImagePath::clean("/d/f"));
  EXPECT_EQ(context_view.find_changed(ImagePath::clean("/d")), ImagePath::clean("/d/f"));

  ContextView another = view();
  ASSERT_TRUE(another.find_in_place(ImagePath::clean("/d")).has_value());
  wait_until_settled("d");
  write("d/new", "");
  EXPECT_EQ(another.find_changed(ImagePath::clean("/d")), ImagePath::clean("/d"));
}

TEST(StatCache, RoundTripsAndRefusesOtherStamps) {
  FileStamp stamp{7, 4, {100, 5}, {101, 6}};
  std::string digest = *base::from_hex(base::sha256_of("text").hex());
  DirectoryStats stats;
  stats.add("a", {stamp, false, digest});
  stats.add("b", {stamp, true, digest});
  stats.add_name("bb");
  stats.add("d", {stamp, false, digest});
  StatGroups groups;
  groups[ImagePath::clean("/d")] = stats.finish(std::nullopt);
  groups[ImagePath()] = stats.finish(stamp);
  StatCache cache(serialise_stats(groups));

  StatCache::Directory directory = cache.directory(ImagePath::clean("/d"));
  EXPECT_EQ(directory.count(), 0U);
  const StatRecord* found = directory.find("a", stamp);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->get_digest(), base::sha256_of("text"));
  EXPECT_FALSE(found->has_xattrs);
  found = directory.find("b", stamp);
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->has_xattrs);
  EXPECT_EQ(directory.find("bb", stamp), nullptr);
  EXPECT_EQ(directory.find("c", stamp), nullptr);
  FileStamp other = stamp;
  other.ctime.nanoseconds = 7;
  EXPECT_EQ(directory.find("d", other), nullptr);
  EXPECT_EQ(directory.find("e", stamp), nullptr);
  EXPECT_EQ(cache.directory(ImagePath::clean("/e")).find("a", stamp), nullptr);

  StatCache::Directory whole = cache.directory(ImagePath());
  EXPECT_EQ(whole.count(), 4U);
  EXPECT_EQ(whole.stamp(), stamp);
  std::string names;
  while (whole.next()) {
    names += base::cat(whole.name(), whole.find_here(stamp) != nullptr ? " known, " : ", ");
  }
  EXPECT_EQ(names, "a known, b known, bb, d known, ");
  EXPECT_EQ(cache.directory(ImagePath::clean("/e")).count(), 0U);

  std::string damaged = serialise_stats(groups);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_TRUE(StatCache(damaged).groups().empty());
}

TEST_F(ContextViewTest, WhatNobodyLookedAtStaysKnownUnlessItIsGone) {
  write("seen/f", "text");
  write("unseen/f", "text");
  write("gone/below/f", "text");
  wait_until_settled("gone/below/f");
  {
    ContextView all = view();
    for (const char* path : {"/seen/f", "/unseen/f", "/gone/below/f"}) {
      digest_of_file(all, path);
    }
    all.save();
  }
  base::remove_tree(base::open_directory(context()), "gone");
  write("seen/g", "more");
  wait_until_settled("seen/g");
  {
    ContextView some = view();
    digest_of_file(some, "/seen/g");
    some.save();
  }
  StatCache cache(base::read_to_end(*store_.stat_cache(context()).open(), 10'000, "stat cache"));
  std::vector<std::string_view> directories;
  for (const auto& [path, records] : cache.groups()) {
    if (path != "/") {
      directories.push_back(path);
    }
  }
  EXPECT_EQ(directories, (std::vector<std::string_view>{"/seen", "/unseen"}));
  ContextView last = view();
  for (const char* path : {"/seen/f", "/seen/g", "/unseen/f"}) {
    digest_of_file(last, path);
  }
  EXPECT_EQ(last.counters().files_hashed, 0U);
}

TEST_F(ContextViewTest, AttributesAreReadAgainWhereTheFileHasSome) {
  write("f", "text");
  base::set_xattr_at(base::open_directory(context()), "f", "user.color", "blue");
  wait_until_settled("f");
  ContextView first = view();
  digest_of_file(first, "/f");
  first.save();
  ContextView second = view();
  ASSERT_EQ(second.find(ImagePath::clean("/f"))->xattrs.size(), 1U);
  base::set_xattr_at(base::open_directory(context()), "f", "user.color", "red");
  ContextView third = view();
  ASSERT_EQ(third.find(ImagePath::clean("/f"))->xattrs.size(), 1U);
  EXPECT_EQ(third.find(ImagePath::clean("/f"))->xattrs[0].second, "red");
}

TEST(StatCache, OnlyWhatIsOlderThanATickIsSettled) {
  FileStamp stamp{1, 1, {1000, 0}, {1000, 500'000'000}};
  EXPECT_FALSE(is_settled(stamp, {1000, 550'000'000}));
  EXPECT_TRUE(is_settled(stamp, {1000, 700'000'000}));
  EXPECT_TRUE(is_settled(stamp, {2000, 0}));
  EXPECT_FALSE(is_settled(stamp, {999, 0}));  // times in the future
}

}  // namespace
}  // namespace slipway::builder
