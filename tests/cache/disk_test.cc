// Disks that are full or can't be written: small file systems mounted for the test, in a mount
// name space of its own.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/cache/forked.h"
#include "tests/cache/store_check.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using testing_support::check_store;
using testing_support::digest_of;
using testing_support::error_of;
using testing_support::Forked;

constexpr char kFullHint[] =
    "\n  hint: free some space on that file system, or choose another store with --root";

class DiskTest : public testing_support::StoreTest {
 protected:
  void SetUp() override { base::ensure_directory(root()); }

  // Takes the last byte of the disk; returns the error that says so.
  std::string fill_up() const {
    base::Fd filler = base::open_file(file("filler"), O_WRONLY | O_CREAT, 0600);
    return error_of([&] {
      while (true) {
        base::write_all(filler, std::string(512, 'x'), "filler");
      }
    });
  }

  // Runs the body with a tmpfs of that size as the store's folder. "skip: …" where mounting is
  // forbidden.
  std::string run_on_disk(const char* size, const std::function<std::string()>& body) {
    return Forked([&](const base::Fd&) -> std::string {
             if (::unshare(CLONE_NEWNS) != 0) {
               return cat("skip: no mount name space: ",
                          base::system_error(errno, "unshare", "").message());
             }
             base::check([] { return ::mount("", "/", "", MS_REC | MS_PRIVATE, ""); }, "mount");
             std::string options = cat("size=", size);
             base::check(
                 [&] { return ::mount("tmpfs", root().c_str(), "tmpfs", 0, options.c_str()); },
                 "mount", root());
             return body();
           })
        .result();
  }
};

#define SKIP_OR_EXPECT(result, expected) \
  do {                                   \
    std::string text_ = (result);        \
    if (text_.starts_with("skip: ")) {   \
      GTEST_SKIP() << text_.substr(6);   \
    }                                    \
    EXPECT_EQ(text_, (expected));        \
  } while (false)

TEST_F(DiskTest, AFullDiskIsToldAndNothingIsLost) {
  std::string result = run_on_disk("8m", [&] {
    Store store = open();
    put_record(store, "kept");
    std::string message = error_of([&] {
      for (int number = 0;; ++number) {
        store.blobs().put(cat(number, std::string(100'000, 'x')));
      }
    });
    bool told = message.starts_with("write ") &&
                message.ends_with(cat(": No space left on device", kFullHint));
    bool kept = store.records().find(digest_of<StepKey>("kept")).has_value();
    return cat(told ? "told " : message, kept ? "kept " : "lost ", check_store(root()));
  });
  SKIP_OR_EXPECT(result, "told kept ");
}

TEST_F(DiskTest, ACommitOnAFullDiskChangesNothing) {
  std::string result = run_on_disk("4m", [&] {
    Store store = open();
    put_record(store, "kept");
    std::string message = error_of([&] {
      for (int number = 0;; ++number) {
        Batch batch;
        batch.records.push_back(
            {.key = digest_of<StepKey>(cat("step ", number)), .parts = std::string(50'000, 'x')});
        store.commit(batch);
      }
    });
    bool told = message.find("No space left on device") != std::string::npos &&
                message.find(cat("while writing to the store ", root())) != std::string::npos;
    return cat(told ? "told " : message, check_store(root()));
  });
  SKIP_OR_EXPECT(result, "told ");
}

TEST_F(DiskTest, PruningMakesRoomOnAFullDisk) {
  std::string result = run_on_disk("8m", [&] {
    {
      Store store = open();
      error_of([&] {
        for (int number = 0;; ++number) {
          base::Digest log = store.blobs().put(cat(number, std::string(20'000, 'x'))).digest;
          Batch batch;
          batch.records.push_back(
              {.key = digest_of<StepKey>(cat("step ", number)), .log_blob = log});
          store.commit(batch);
        }
      });
    }
    std::string full = fill_up();
    std::size_t gone = open().prune({}, {}).items.size();
    Store store = open();
    put_record(store, "room");
    bool again = find_status(base::open_directory(root()), "reserve").has_value();
    return cat(full.find("No space left") != std::string::npos ? "full " : full,
               gone > 100 ? "pruned " : cat(gone), again ? "reserved " : "", check_store(root()));
  });
  SKIP_OR_EXPECT(result, "full pruned reserved ");
}

TEST_F(DiskTest, ADiskTooSmallForAStoreIsTold) {
  std::string result = run_on_disk("16k", [&] {
    std::string message = error_of([&] { open(); });
    return message.contains("No space left on device") && message.contains(root())
               ? std::string("told")
               : message;
  });
  SKIP_OR_EXPECT(result, "told");
}

TEST_F(DiskTest, AReadOnlyStoreIsTold) {
  std::string result = run_on_disk("8m", [&] {
    open();
    base::check([&] { return ::mount("", root().c_str(), "", MS_REMOUNT | MS_RDONLY, ""); },
                "mount");
    return error_of([&] { open(); });
  });
  SKIP_OR_EXPECT(result, cat("can't use the store: write ", root(), ": Read-only file system",
                             "\n  hint: choose another store with --root"));
}

TEST_F(DiskTest, AStoreOfSomebodyElseIsTold) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can become somebody else";
  }
  open();
  std::string result = Forked([&](const base::Fd&) {
                         base::check([] { return ::seteuid(65534); }, "seteuid");
                         return error_of([&] { open(); });
                       }).result();
  EXPECT_EQ(result, cat("open ", root(), ": Permission denied",
                        "\n  hint: choose another store with --root"));
}

}  // namespace
}  // namespace slipway::cache
