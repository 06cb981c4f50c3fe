// Layers copied into a plain directory, and what was changed there. Needs no privilege but that of
// the owner of the files.
#include "builder/sandbox/plain_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {
namespace {

using base::cat;
using base::check;
using base::Fd;

class PlainTree : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return cat(folder_.path(), "/", name); }

  void make_directory(const std::string& name) {
    check([&] { return ::mkdir(path(name).c_str(), 0755); }, "mkdir", name);
  }
  void write(const std::string& name, std::string_view content) {
    base::write_all(base::open_file(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0644), content);
  }
  void link(const std::string& from, const std::string& to) {
    check([&] { return ::link(path(from).c_str(), path(to).c_str()); }, "link", to);
  }
  void remove(const std::string& name) { base::remove_tree(path(name)); }
  void put_back_times(const std::string& name, const struct stat& status) {
    timespec times[2] = {status.st_atim, status.st_mtim};
    check([&] { return ::utimensat(AT_FDCWD, path(name).c_str(), times, 0); }, "utimensat", name);
  }
  struct stat status_of(const std::string& name) {
    return base::get_status(base::open_directory(folder_.path()), name);
  }

  // Layers "lower" and "higher", merged in "root".
  void SetUp() override {
    for (const char* name : {"lower", "higher", "root", "upper", "side", "lower/d", "lower/gone",
                             "lower/gone/below", "higher/d"}) {
      make_directory(name);
    }
    write("lower/d/a", "a");
    write("lower/d/b", "b");
    link("lower/d/b", "lower/d/c");
    link("lower/d/b", "lower/d/e");
    write("lower/hidden", "");
    write("higher/d/a", "higher");
    check([&] { return ::mknod(path("higher/hidden").c_str(), S_IFCHR, ::makedev(0, 0)); }, "mknod",
          "hidden");
    for (const char* name : {"lower", "higher"}) {
      trees_.push_back(base::open_directory(path(name)));
    }
    root_ = base::open_directory(path("root"));
    for (const Fd& tree : trees_) {
      add_tree(tree, root_);
    }
  }

  // What is in the upper directory after the changes: "d" for a directory, "D" for an opaque one,
  // "w" for a whiteout, "f" for anything else, and the path.
  std::vector<std::string> changes_of(const std::function<void()>& change) {
    TreeRecord before = record_of(root_);
    wait_for_newer_stamps(base::open_directory(path("side")), before.newest_ns);
    change();
    Fd upper = base::open_directory(path("upper"));
    TreeChanges changes = write_changes(root_, before, upper, trees_);
    EXPECT_TRUE(changes.is_exact);
    EXPECT_EQ(changes.after.directories, record_of(root_).directories);
    std::vector<std::string> found;
    list(upper, "", found);
    return found;
  }

  static void list(const Fd& directory, const std::string& prefix,
                   std::vector<std::string>& found) {
    for (const base::DirectoryEntry& entry : base::list_directory(directory)) {
      struct stat status = base::get_status(directory, entry.name);
      if (!S_ISDIR(status.st_mode)) {
        found.push_back(cat(S_ISCHR(status.st_mode) ? "w" : "f", " ", prefix, entry.name));
        continue;
      }
      Fd below = base::open_at(directory, entry.name, O_RDONLY | O_DIRECTORY);
      bool is_opaque = base::find_xattr(below, "user.overlay.opaque") == "y";
      found.push_back(cat(is_opaque ? "D" : "d", " ", prefix, entry.name));
      list(below, cat(prefix, entry.name, "/"), found);
    }
  }

  base::TempDir folder_{"/var/tmp", "slipway-test-"};
  std::vector<Fd> trees_;
  Fd root_;
};

using Changes = std::vector<std::string>;

TEST_F(PlainTree, ShowsTheLayersMerged) {
  EXPECT_EQ(base::find_file_content(path("root/d/a"), 100), "higher");
  EXPECT_EQ(base::find_file_content(path("root/d/b"), 100), "b");
  EXPECT_FALSE(base::find_file_content(path("root/hidden"), 100));
  EXPECT_EQ(status_of("root/d/b").st_ino, status_of("root/d/c").st_ino);
  EXPECT_NE(status_of("root/d/b").st_ino, status_of("lower/d/b").st_ino);
}

TEST_F(PlainTree, NothingChangedIsNothing) {
  EXPECT_EQ(changes_of([] {}), Changes{});
}

TEST_F(PlainTree, FindsAFileWhoseTimesWerePutBack) {
  struct stat before = status_of("root/d/a");
  EXPECT_EQ(changes_of([&] {
              write("root/d/a", "HIGHER");
              put_back_times("root/d/a", before);
            }),
            (Changes{"d d", "f d/a"}));
  EXPECT_EQ(base::find_file_content(path("upper/d/a"), 100), "HIGHER");
}

TEST_F(PlainTree, MarksWhatIsGoneAndWhatCameInItsPlace) {
  EXPECT_EQ(changes_of([&] {
              remove("root/gone/below");
              remove("root/d");
              make_directory("root/d");
              write("root/d/new", "");
            }),
            (Changes{"D d", "f d/new", "d gone", "w gone/below"}));
}

TEST_F(PlainTree, AMovedDirectoryIsNewWithAllThatIsBelow) {
  EXPECT_EQ(changes_of([&] {
              check([&] { return ::rename(path("root/d").c_str(), path("root/e").c_str()); },
                    "rename");
            }),
            (Changes{"w d", "d e", "f e/a", "f e/b", "f e/c", "f e/e"}));
}

TEST_F(PlainTree, RemovingOneNameOfAFileChangesNoOther) {
  EXPECT_EQ(changes_of([&] { remove("root/d/c"); }), (Changes{"d d", "w d/c"}));
}

TEST_F(PlainTree, OneMoreNameComesWithAnOldOne) {
  EXPECT_EQ(changes_of([&] { link("root/d/b", "root/new"); }), (Changes{"d d", "f d/b", "f new"}));
  EXPECT_EQ(status_of("upper/d/b").st_ino, status_of("upper/new").st_ino);
}

TEST_F(PlainTree, HolesStayHoles) {
  changes_of([&] {
    check([&] { return ::truncate(path("root/d/a").c_str(), off_t{1} << 32); }, "truncate");
  });
  EXPECT_EQ(status_of("upper/d/a").st_size, off_t{1} << 32);
  EXPECT_LT(status_of("upper/d/a").st_blocks, 1000);
}

TEST_F(PlainTree, ALongPathIsAnError) {
  TreeRecord before = record_of(root_);
  Fd here = root_.duplicate();
  for (int depth = 0; depth < 20; ++depth) {
    std::string name(250, 'n');
    check([&] { return ::mkdirat(here.get(), name.c_str(), 0755); }, "mkdir");
    here = base::open_at(here, name, O_RDONLY | O_DIRECTORY);
  }
  EXPECT_THROW(write_changes(root_, before, base::open_directory(path("upper")), trees_),
               base::Error);
}

}  // namespace
}  // namespace slipway::builder
