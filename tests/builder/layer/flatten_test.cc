#include "builder/layer/flatten.h"

#include <sys/mount.h>

#include <gtest/gtest.h>

#include "base/fs.h"
#include "base/recorded_owner.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "tests/builder/layer/sample_layer.h"

namespace slipway::builder {
namespace {

using base::cat;
using tests::listing;
using tests::run_shell;

// Each layer is made by a script in its own directory; `wh NAME` does what overlay does.
constexpr std::string_view kTools = R"(
wh() { mknod "$1" c 0 0; }
)";

constexpr TreeWriter::Options kOptions{.marks = OverlayMarks::kTrusted};

class FlattenTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::can_make_overlay_marks()) {
      GTEST_SKIP() << "needs root to make whiteouts and trusted attributes";
    }
  }

  void layer(std::string_view script) {
    std::string path = cat(folder_.path(), "/layer", trees_.size());
    run_shell(cat("mkdir ", path, "; cd ", path, "\n", kTools, script));
    trees_.push_back(path);
  }

  // An attribute of a directory of the newest layer.
  void mark(const std::string& name, const std::string& attribute, std::string_view value) {
    base::set_xattr(base::open_directory(cat(trees_.back(), "/", name)), attribute, value, name);
  }
  void mark_opaque(const std::string& name) { mark(name, "trusted.overlay.opaque", "y"); }

  std::string combine(std::span<const std::string> trees, TreeWriter::Options options = kOptions) {
    std::string path = cat(folder_.path(), "/combined", combined_++);
    run_shell(cat("mkdir ", path));
    combine_trees(trees, base::open_directory(path), options, {});
    return path;
  }

  // What the kernel shows of the stack: everything about every file, and its content.
  std::string mounted(const std::vector<std::string>& lowers) {
    std::string stack;
    for (const std::string& lower : lowers) {
      stack = cat(lower, stack.empty() ? "" : ":", stack);
    }
    std::string empty = cat(folder_.path(), "/empty");
    std::string target = cat(folder_.path(), "/mounted");
    std::string shown = cat(folder_.path(), "/shown");
    // An overlay has two lowers at least.
    run_shell(cat("set -e; mkdir -p ", empty, " ", target,
                  "; mount -t overlay none -o lowerdir=", stack, ":", empty, " ", target, "; cd ",
                  target, "; find . -printf '%p %y %m %U:%G %l %T@\\n' | sort > ", shown,
                  "; find . -type f | sort | xargs -r -d '\\n' grep -H '' >> ", shown,
                  " || true; cd /; umount ", target));
    return base::find_file_content(shown, 1 << 20).value();
  }

  // The stack means the same however it is cut, also on top of what lies below.
  void expect_same() {
    std::string wanted = mounted(trees_);
    for (std::size_t first = 0; first < trees_.size(); ++first) {
      for (std::size_t count = 1; first + count <= trees_.size(); ++count) {
        std::vector<std::string> cut(trees_.begin(), trees_.begin() + static_cast<long>(first));
        cut.push_back(combine(std::span(trees_).subspan(first, count)));
        cut.insert(cut.end(), trees_.begin() + static_cast<long>(first + count), trees_.end());
        EXPECT_EQ(mounted(cut), wanted) << first << " " << count;
      }
    }
  }

  base::TempDir folder_{"/tmp", "slipway-flatten-"};
  std::vector<std::string> trees_;
  int combined_ = 0;
};

TEST_F(FlattenTest, FilesOfUpperTreesReplaceThoseOfLowerOnes) {
  layer("mkdir d; echo 1 > d/a; echo 1 > d/b; ln -s a d/l; echo 1 > top; touch -d @1 d");
  layer("mkdir d; echo 2 > d/b; chmod 4711 d/b; chown 5:6 d; touch -d @2 d");
  layer("echo 3 > top; mkfifo fifo; mkdir -m 700 e; touch -d @3 .");
  mark("e", "user.x", "y");
  expect_same();
  base::Fd e = base::open_directory(combine(trees_) + "/e");
  EXPECT_EQ(base::find_xattr(e, "user.x"), "y");
}

TEST_F(FlattenTest, WhiteoutsHideWhatIsBelowTheGroup) {
  layer("mkdir -p a/b c; echo 1 > a/b/f; echo 1 > c/f; echo 1 > g");
  layer("mkdir a; wh a/b; wh c; wh g");
  layer("echo 3 > g; mkdir c; echo 3 > c/new");
  layer("wh g; mkdir -p a/b; echo 4 > a/b/h");
  expect_same();
}

TEST_F(FlattenTest, OpaqueDirectoriesStayOpaque) {
  layer("mkdir -p d/e; echo 1 > d/a; echo 1 > d/e/a");
  layer("mkdir -p d/e; echo 2 > d/b; echo 2 > d/e/b");
  mark_opaque("d");
  layer("mkdir -p d/e; echo 3 > d/c; echo 3 > d/e/c");
  mark_opaque("d/e");
  expect_same();
}

TEST_F(FlattenTest, DirectoriesAndFilesTakeEachOthersPlace) {
  layer("mkdir d; echo 1 > d/a; echo 1 > f");
  layer("echo 2 > d; mkdir f; echo 2 > f/a");
  layer("rm -rf d; mkdir d; echo 3 > d/b; echo 3 > f");
  layer("mkdir f; echo 4 > f/b");
  expect_same();
}

TEST_F(FlattenTest, RecordedOwnersAreKept) {
  layer("mkdir d plain");
  mark("d", base::kOwnerAttribute, "7:8");
  layer("mkdir d");
  mark("d", base::kOwnerAttribute, "33:34");
  std::string path = combine(trees_, {OverlayMarks::kTrusted, TreeWriter::Owners::kRecord});
  auto owner = [&](const char* name) {
    return base::find_xattr(base::open_directory(cat(path, "/", name)), base::kOwnerAttribute);
  };
  EXPECT_EQ(owner("d"), "33:34");
  EXPECT_EQ(owner("plain").value_or("0:0"), "0:0");
}

TEST_F(FlattenTest, HardLinksStayOneFile) {
  layer("echo 1 > a; ln a b; mkdir d; ln a d/c");
  layer("echo 2 > other");
  std::string path = combine(trees_);
  run_shell(cat("test ", path, "/a -ef ", path, "/d/c && test ", path, "/b -ef ", path, "/a"));
  expect_same();
}

TEST_F(FlattenTest, OnlyDeepStacksAreCombined) {
  cache::Store store(folder_.path() + "/store");
  std::vector<std::string> trees;
  for (std::size_t number = 0; number < kStackMax + 3; ++number) {
    cache::StagedTree staged = store.trees().stage();
    std::string word = cat("file", number);
    base::write_file_atomically(base::open_directory(staged.path()), word, word);
    trees.push_back(
        store.trees().commit(std::move(staged), cache::DiffId(base::sha256_of(word)), 1));
  }
  std::vector<std::string> shallow(trees.begin(), trees.begin() + kStackMax);
  EXPECT_EQ(flatten_stack(store, shallow, kOptions, {}), shallow);
  std::vector<std::string> flat = flatten_stack(store, trees, kOptions, {});
  EXPECT_EQ(flat.size(), 5U);
  std::string shown = mounted(flat);
  for (std::size_t number = 0; number < trees.size(); ++number) {
    EXPECT_NE(shown.find(cat("./file", number, ":file", number, "\n")), std::string::npos);
  }
  EXPECT_EQ(flatten_stack(store, trees, kOptions, {}), flat);
}

}  // namespace
}  // namespace slipway::builder
