#include "cache/content/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include "base/digester.h"
#include "base/text.h"
#include "cache/db/connection.h"
#include "tests/cache/store_fixture.h"

namespace slipway::cache {
namespace {

using base::cat;
using base::Digest;
using base::ErrorKind;
using testing_support::bytes_of_file;
using testing_support::error_kind_of;
using testing_support::error_of;
using testing_support::names_in;

class BlobStoreTest : public testing_support::StoreTest {
 protected:
  std::string path_of(const Digest& digest) const {
    return file(cat("blobs/sha256/", digest.hex()));
  }
  void damage(const Digest& digest, std::string_view bytes) {
    ASSERT_EQ(::chmod(path_of(digest).c_str(), 0644), 0);
    base::Fd file = base::open_file(path_of(digest), O_WRONLY | O_TRUNC);
    base::write_all(file, bytes);
  }
};

TEST_F(BlobStoreTest, ReadsBackWhatWasPut) {
  Store store = open();
  BlobInfo blob = store.blobs().put("hello");
  EXPECT_EQ(blob.digest, base::sha256_of("hello"));
  EXPECT_EQ(blob.size, 5U);
  EXPECT_EQ(store.blobs().find_size(blob.digest), 5U);
  EXPECT_EQ(base::read_all(*store.blobs().open(blob.digest), 100, "blob"), "hello");
  EXPECT_EQ(store.blobs().read(blob.digest, 100), "hello");
}

TEST_F(BlobStoreTest, AnEmptyBlobIsABlob) {
  Store store = open();
  BlobInfo blob = store.blobs().put("");
  EXPECT_EQ(store.blobs().find_size(blob.digest), 0U);
  EXPECT_EQ(store.blobs().read(blob.digest, 100), "");
}

TEST_F(BlobStoreTest, OtherProcessesSeeABlobOnlyAfterTheCommit) {
  Store writer = open();
  Store reader = open();
  Digest digest = writer.blobs().put("hello").digest;
  EXPECT_TRUE(writer.blobs().has(digest));
  EXPECT_FALSE(reader.blobs().has(digest));
  writer.commit({});
  EXPECT_TRUE(reader.blobs().has(digest));
}

TEST_F(BlobStoreTest, WrongBytesAreNotStored) {
  Store store = open();
  auto put = [&](const BlobWriter::Expected& expected) {
    auto writer = store.blobs().write();
    writer->write("wrong");
    writer->commit(expected);
  };
  EXPECT_EQ(error_of([&] { put({.digest = base::sha256_of("right")}); }),
            cat("blob has the digest ", base::sha256_of("wrong").text(), ", expected ",
                base::sha256_of("right").text()));
  EXPECT_EQ(error_kind_of([&] { put({.size = 4}); }), ErrorKind::kIntegrity);
  EXPECT_FALSE(store.blobs().has(base::sha256_of("wrong")));
  EXPECT_EQ(names_in(file("blobs/sha256")), std::vector<std::string>());
}

TEST_F(BlobStoreTest, AWriterWithoutCommitLeavesNothing) {
  Store store = open();
  {
    auto writer = store.blobs().write();
    writer->write("half");
  }
  for (const std::string& name : names_in(file("tmp"))) {
    if (!name.ends_with(".lock")) {
      EXPECT_EQ(names_in(file(cat("tmp/", name))), std::vector<std::string>());
    }
  }
}

TEST_F(BlobStoreTest, ADigestOfAnotherAlgorithmIsAnotherName) {
  Digest wrong = *Digest::parse(cat("sha512:", std::string(128, 'a')));
  Digest sha512 = base::digest_like(wrong, "content");
  {
    Store store = open();
    EXPECT_FALSE(store.blobs().has(sha512));
    EXPECT_EQ(error_kind_of([&] { store.blobs().put("content", wrong); }), ErrorKind::kIntegrity);
    EXPECT_FALSE(store.blobs().has(wrong));
    EXPECT_EQ(store.blobs().put("content", sha512).digest, base::sha256_of("content"));
    EXPECT_EQ(store.blobs().read(sha512, 100), "content");
    store.commit({});
  }
  {
    Store store = open();
    EXPECT_EQ(store.blobs().find_sha256(sha512), base::sha256_of("content"));
    EXPECT_EQ(store.blobs().find_size(sha512), 7U);
    EXPECT_TRUE(store.blobs().hold(sha512));
  }
  open().collect({});
  EXPECT_EQ(open().blobs().find_sha256(sha512), std::nullopt);
}

TEST_F(BlobStoreTest, AMissingBlobIsNamed) {
  Store store = open();
  Digest digest = base::sha256_of("never");
  EXPECT_EQ(error_of([&] { store.blobs().open(digest); }),
            cat("blob ", digest.text(), " is not in the store"));
  EXPECT_EQ(error_kind_of([&] { store.blobs().open_verified(digest); }), ErrorKind::kNotFound);
}

TEST_F(BlobStoreTest, ADamagedBlobIsToldAndSetAside) {
  Store store = open();
  Digest digest = store.blobs().put("hello").digest;
  store.commit({});
  damage(digest, "hellO");
  EXPECT_EQ(base::read_all(*store.blobs().open(digest), 100, "blob"), "hellO");
  EXPECT_EQ(error_of([&] { store.blobs().read(digest, 100); }),
            cat("blob ", digest.text(), " in the store is damaged: its bytes have the digest ",
                base::sha256_of("hellO").text(),
                "\n  hint: it was set aside; pull or build the image again"));
  EXPECT_FALSE(store.blobs().has(digest));
}

// Larger blobs are compared by checksums, as long as they have some.
TEST_F(BlobStoreTest, ADamagedLargeBlobIsToldAndSetAside) {
  const std::string bytes(5 << 20, 'x');
  std::string damaged = bytes;
  damaged[(3 << 20) + 1] = 'y';
  auto reason_of = [&](Store& store, const Digest& digest) {
    damage(digest, damaged);
    std::string error = error_of([&] { store.blobs().read(digest, bytes.size()); });
    EXPECT_FALSE(store.blobs().has(digest));
    return std::string(base::split_once(error, '\n')->before);
  };
  Store store = open();
  Digest digest = store.blobs().put(bytes).digest;
  EXPECT_EQ(store.blobs().read(digest, bytes.size()), bytes);
  std::string by_checksums =
      cat("blob ", digest.text(),
          " in the store is damaged: ", "its checksums are not those of what was written");
  EXPECT_EQ(reason_of(store, digest), by_checksums);

  store.blobs().put(bytes);
  store.commit({});
  Store other = open();
  EXPECT_EQ(other.blobs().read(digest, bytes.size()), bytes);
  EXPECT_EQ(reason_of(other, digest), by_checksums);

  store.blobs().put(bytes);
  Connection(file("db.sqlite"), Connection::Open::kExisting)
      .run_script("DELETE FROM blob_checks");  // a store of an older format had none
  EXPECT_EQ(other.blobs().read(digest, bytes.size()), bytes);
  EXPECT_EQ(reason_of(other, digest),
            cat("blob ", digest.text(), " in the store is damaged: its bytes have the digest ",
                base::sha256_of(damaged).text()));
}

// The database lies on the same disk: checksums that are wrong come anew with the bytes.
TEST_F(BlobStoreTest, WritingALargeBlobAgainHealsItsChecksums) {
  const std::string bytes(5 << 20, 'x');
  Digest digest = base::sha256_of(bytes);
  auto put = [&] {
    Store store = open();
    store.blobs().put(bytes);
    store.commit({});
  };
  put();
  Connection(file("db.sqlite"), Connection::Open::kExisting)
      .run_script("UPDATE blob_checks SET checks = x'00'");
  EXPECT_EQ(error_kind_of([&] { open().blobs().read(digest, bytes.size()); }),
            ErrorKind::kIntegrity);
  put();
  EXPECT_EQ(open().blobs().read(digest, bytes.size()), bytes);
}

TEST_F(BlobStoreTest, ABlobThatGrewIsDamagedToo) {
  Store store = open();
  Digest digest = store.blobs().put("hello").digest;
  store.commit({});
  auto source = store.blobs().open_verified(digest);
  damage(digest, "hello and more");
  EXPECT_EQ(error_kind_of([&] { base::read_all(*source, 100, "blob"); }), ErrorKind::kIntegrity);
}

TEST_F(BlobStoreTest, WritingADamagedBlobAgainHealsIt) {
  Store store = open();
  Digest digest = store.blobs().put("hello").digest;
  store.commit({});
  damage(digest, "hel");
  EXPECT_FALSE(store.blobs().has(digest));
  store.blobs().put("hello");
  EXPECT_EQ(store.blobs().read(digest, 100), "hello");
}

TEST_F(BlobStoreTest, AFileWithoutRowIsNotTrusted) {
  // What a power cut can leave: the name of a blob without its bytes.
  Digest digest = base::sha256_of("hello");
  open();
  base::write_file_atomically(base::open_directory(file("blobs/sha256")), std::string(digest.hex()),
                              std::string(5, '\0'));
  Store store = open();
  EXPECT_FALSE(store.blobs().has(digest));
  store.blobs().put("hello");
  EXPECT_EQ(bytes_of_file(path_of(digest)), "hello");
}

TEST_F(BlobStoreTest, TwoStoresWriteTheSameBlobAtOnce) {
  Store first = open();
  Store second = open();
  Digest digest = first.blobs().put("hello").digest;
  EXPECT_EQ(second.blobs().put("hello").digest, digest);
  EXPECT_TRUE(second.blobs().has(digest));
  first.commit({});
  second.commit({});
  EXPECT_EQ(second.blobs().read(digest, 100), "hello");
  EXPECT_EQ(names_in(file("blobs/sha256")).size(), 1U);
}

TEST_F(BlobStoreTest, ManyThreadsWriteTheSameAndDifferentBlobs) {
  Store store = open();
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int number = 0; number < 20; ++number) {
          store.blobs().put(cat("same ", number));
          store.blobs().put(cat("thread ", thread, " ", number));
          store.commit({});
        }
      });
    }
  }
  Store other = open();
  EXPECT_EQ(names_in(file("blobs/sha256")).size(), 20U + 8U * 20U);
  for (int number = 0; number < 20; ++number) {
    EXPECT_TRUE(other.blobs().has(base::sha256_of(cat("same ", number))));
    EXPECT_TRUE(other.blobs().has(base::sha256_of(cat("thread 7 ", number))));
  }
}

TEST_F(BlobStoreTest, WriterCountsWhileBytesPass) {
  Store store = open();
  auto writer = store.blobs().write();
  std::string piece(base::kCopyPieceBytes, 'x');
  for (int count = 0; count < 300; ++count) {
    writer->write(piece);  // more than one stretch of early write-back
  }
  EXPECT_EQ(writer->size(), 300U * piece.size());
  BlobInfo info = writer->commit();
  EXPECT_EQ(store.blobs().find_size(info.digest), info.size);
}

}  // namespace
}  // namespace slipway::cache
