#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/time.h"
#include "cache/cache_dirs/cache_dirs.h"
#include "cache/content/blob_store.h"
#include "cache/gc/prune.h"
#include "cache/gc/usage.h"
#include "cache/kept/kept_table.h"
#include "cache/records/layer_table.h"
#include "cache/records/record_table.h"
#include "cache/refs/image_table.h"
#include "cache/repositories/repository_table.h"
#include "cache/snapshot/tree_store.h"
#include "cache/stat_cache/stat_cache_file.h"

namespace slipway::cache {

class Session;

// Rows that appear together or not at all. Within one batch, layers may be named by its own
// records and images.
struct Batch {
  std::vector<LayerRow> layers;
  std::vector<LayerBlobRow> layer_blobs;
  std::vector<LayerPatchRow> layer_patches;
  std::vector<BlobBlocksRow> blob_blocks;
  std::vector<BlobSourceRow> blob_sources;
  std::vector<StepRecord> records;
  std::vector<StepOutlineRow> step_outlines;  // of records that are there, or in the batch
  std::vector<ImageRow> images;
  std::vector<BuiltManifestRow> built_manifests;
  std::vector<ReferrerRow> referrers;
  std::vector<IndexRow> indexes;
  std::vector<NameRow> names;
  std::vector<RepositoryDigestRow> repository_digests;
};

struct StoreOptions {
  // Null: the system's clock. Last use and prune by age go by it.
  std::shared_ptr<const base::Clock> clock;
  // What makes written bytes durable; empty: syncfs(2). Tests put a witness here.
  std::function<void(const base::Fd& root)> sync;
  // Another boot of the machine, for tests of power cuts; nothing: what the kernel says.
  std::optional<std::string> boot;
};

// All that survives the process, in one folder. README.md has the layout and the crash rule.
//
// Every method may be called from any thread, and any number of processes may use one folder at
// once. Bytes are written first (blobs(), trees()), then named by rows in one commit(). What this
// object wrote, found through hold() or is using stays safe from every prune until it is destroyed:
// so there is one Store per build or command, also in a daemon; opening one takes well under a
// millisecond.
class Store {
 public:
  // Opens the folder, or makes it (mode 0700) if it is missing or empty. Throws kInput if it is of
  // a newer format, kUsage if it is some other folder with content, kDenied if it can't be
  // written, kIntegrity if its database is damaged.
  explicit Store(std::string root, StoreOptions options = {});
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) = delete;

  const std::string& root() const;

  BlobStore& blobs() { return blobs_; }
  TreeStore& trees() { return trees_; }
  LayerTable& layers() { return layers_; }
  RecordTable& records() { return records_; }
  ImageTable& images() { return images_; }
  RepositoryTable& repositories() { return repositories_; }
  KeptTable& kept() { return kept_; }
  CacheDirs& cache_dirs() { return cache_dirs_; }
  StatCacheFile stat_cache(std::string_view context) { return {*session_, context}; }

  // Makes all blobs and trees that were written through this Store so far durable, with one sync,
  // and then, in one transaction, names them and inserts the rows. Throws kInternal if a row names
  // a blob that is not here; then, and on any other error, nothing is inserted.
  void commit(const Batch& batch);
  // The same for rows of steps and their layers (images, indexes and names are refused, kInternal),
  // but without waiting for the disk: the rows are there for everybody when it returns, and are
  // durable with the next commit() or flush(), or soon. After a power cut before that, the steps
  // were never recorded.
  void commit_soon(const Batch& batch);

  // Begins to write out what was written to the store so far, on a thread of its own: for after
  // much was written, so that the next commit has less to wait for.
  void begin_write_back();

  // Makes durable what commit_soon() left, and writes the noted last uses. commit() does both on
  // its way; call this at the end of a build, which may have committed nothing. Without it, pruning
  // may take what was just used for old.
  void flush();

  // An empty directory of the caller's own below tmp/, for whatever must not survive; removed with
  // the Store at the latest.
  base::TempDir scratch_directory(std::string_view prefix);

  // Drops rows and bytes that nothing names or holds and empties the trash. Cheap if there is
  // little to do; after removing images, and at the end of prune.
  void collect(std::stop_token stop);
  // Deletes what lies in the trash and what dead processes left, if nobody else is at it. To be
  // called when there is time, for example after a build's result has been told.
  void empty_trash(std::stop_token stop);

  Usage usage(std::stop_token stop);
  PruneResult prune(const PruneOptions& options, std::stop_token stop);

 private:
  void insert(const Batch& batch, bool durable);

  std::unique_ptr<Session> session_;
  BlobStore blobs_;
  TreeStore trees_;
  LayerTable layers_;
  RecordTable records_;
  ImageTable images_;
  CacheDirs cache_dirs_;
  RepositoryTable repositories_;
  KeptTable kept_;
};

}  // namespace slipway::cache
