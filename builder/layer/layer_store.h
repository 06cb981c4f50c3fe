#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/compress.h"
#include "base/stream.h"
#include "builder/layer/layer_index.h"
#include "builder/layer/layer_writer.h"
#include "builder/layer/merged_view.h"
#include "builder/layer/owners.h"
#include "builder/layer/tar_reader.h"
#include "builder/layer/tree_writer.h"
#include "builder/layer/upper_diff.h"
#include "cache/content/ids.h"
#include "cache/store.h"

// Layers: made, received, and turned from one form into another.
//
// A layer is one thing with several forms (design, section 4): a tree that overlayfs can mount, the
// uncompressed tar, a patch of an older layer's tar (layer_patch.h), and compressed blobs. The
// index beside them answers questions about files without any of them. Here is what knows how to
// make each from another; cache::Store knows where they lie.

namespace slipway::builder {

// What a step left in the upper directory of its overlay.
struct StepUpper {
  std::string directory;
  const TreeView* lower = nullptr;  // owned by the caller; null for an empty root
  // Whose new files are, where owners are recorded.
  Owner owner_of_new;
};

// The same, read: which layer it is.
struct ReadUpper {
  base::Fd directory;
  UpperDiff diff;
  WrittenLayer written;
};

// What a put came to.
struct LayerRecord {
  cache::DiffId diff_id;
  cache::ContentId content_id;
  std::uint64_t tar_size = 0;
  // An older layer has the same content (its times may differ) and is used instead; nothing new
  // was stored.
  bool reused = false;
};

// A layer whose bytes are in the store and held, but not durable, and which no row names: whoever
// gets one commits the rows (Store::commit), so that what names the layer appears together with it,
// after one sync for both. Dropped, it is garbage that the store sweeps.
struct AddedLayer {
  LayerRecord record;
  cache::Batch rows;  // empty where an older layer is used instead
};

// In which form a new layer is kept.
enum class LayerForm {
  kTree,  // something will mount it
  kTar,   // nobody is known to need it: the cheapest to make
  kBlob,  // it will be pushed or exported: compressed at once, as LayerForms::compress says
};
struct StoreForm {
  LayerForm form = LayerForm::kTar;
  base::CompressOptions compress;
  // A layer that probably has most of the same files: as a tar, the new one is stored as a patch of
  // it then, where that is worth it (layer_patch.h), and as a blob it takes what was compressed for
  // that one (block_reuse.h).
  std::optional<cache::DiffId> similar;
};

// A compressed (or plain) form of a layer in the blob store.
struct LayerBlob {
  cache::BlobInfo blob;
  base::Compression compression = base::Compression::kNone;
};

// Takes the bytes of a blob while it is made, on the thread that makes it.
struct BlobFollower {
  base::Sink* bytes = nullptr;  // not finished here
  // After the last byte, when the blob is remembered here: whoever tells others of it can't forget
  // it, even if killed.
  std::function<void(const LayerBlob& made)> ended;
};

struct LayerStoreOptions {
  OverlayMarks marks = OverlayMarks::kTrusted;
  // How trees have their owners: kApply or kRecord.
  TreeWriter::Owners owners = TreeWriter::Owners::kApply;
  // Threads that compress or inflate beside the caller.
  unsigned threads = 1;
  TarLimits limits;
  // Gets the bytes of a layer that was received by name only, by calling put_blob for it. Called
  // from any thread, once at a time for one layer. Absent: such a layer is kNotFound.
  std::function<void(const cache::DiffId& diff_id, std::stop_token stop)> fetch;
};

// A layer blob that arrives.
struct ReceivedBlob {
  // None: no registry has it (an import). Then it is kept as the plain tar, which its compression
  // (any that base knows) does not matter for; nothing but the tar is verified.
  std::optional<base::Digest> digest;
  std::optional<std::uint64_t> size;
  // What the image config calls it; none where nobody said (import): then it is what it is.
  std::optional<cache::DiffId> diff_id;
  std::string media_type;
  // What is read checks digest and size itself and throws at its end, so they are not computed
  // again. Then both are given.
  bool is_verified = false;
  // Unpack it while it passes: something will mount it. A layer that takes something from those
  // below it is not unpacked here.
  bool make_tree = false;
};

// Safe for many threads; several processes may work on one store. Every put commits: when it
// returns, bytes and rows are durable and this Store holds them. An add leaves that to the caller.
// When either throws, nothing of it is visible.
class LayerStore {
 public:
  // `store` is owned by the caller and outlives this and the views made here.
  LayerStore(cache::Store& store, LayerStoreOptions options);
  ~LayerStore();

  // A new layer from entries and their content: read once, hashed, indexed and stored in one pass.
  // Digests that were computed on the way are told to the views they came from.
  AddedLayer add_entries(const LayerEntries& layer, const StoreForm& form, std::stop_token stop);
  LayerRecord put_entries(const LayerEntries& layer, const StoreForm& form, std::stop_token stop);

  // What a step left becomes a layer in two parts. Reading changes nothing, so that an overlay of
  // the directory may be mounted still, if nobody writes to it. Then, when it is not mounted any
  // more and as it was when it was read, the directory becomes the layer's tree.
  ReadUpper read_upper(const StepUpper& upper, std::stop_token stop) const;
  AddedLayer add_upper(cache::StagedTree staged, const ReadUpper& read);

  // For those who write into a tree, or into an upper directory.
  TreeWriter::Options tree_options() const;

  // The layer that `blob` gives, compressed as it may be. Digest, size and diff ID are verified
  // before anything is stored.
  LayerRecord put_blob(std::unique_ptr<base::Source> blob, const ReceivedBlob& received,
                       std::stop_token stop);

  // Whether its bytes are here in any form. The layer is held then.
  bool has(const cache::DiffId& diff_id);

  // The layer's tree, unpacked if it is not there. `lowers` are the layers below it, bottom first:
  // they are looked at only by layers that take something from them (a hard link to a file of a
  // lower layer, a directory that the tar implies).
  std::string ensure_tree(const cache::DiffId& diff_id, std::span<const cache::DiffId> lowers,
                          std::stop_token stop);
  // The trees of a whole stack, bottom first: one of each layer, or, of a deep stack, fewer that
  // mean the same (flatten.h).
  std::vector<std::string> ensure_trees(std::span<const cache::DiffId> layers,
                                        std::stop_token stop);

  // The layer as a blob, made and remembered if it is not there. A received blob of that
  // compression is taken as it is whatever its level, unless kMakeOwn is asked for.
  enum class Received { kTake, kMakeOwn };
  LayerBlob ensure_blob(const cache::DiffId& diff_id, const base::CompressOptions& compress,
                        Received received, std::stop_token stop);
  // The same for who wants to have it at once: `follower` is called if the blob is made now.
  LayerBlob ensure_blob(const cache::DiffId& diff_id, const base::CompressOptions& compress,
                        Received received, const BlobFollower& follower, std::stop_token stop);
  // The blob that ensure_blob would find; nothing if it would have to make one.
  std::optional<LayerBlob> find_blob(const cache::DiffId& diff_id,
                                     const base::CompressOptions& compress, Received received);

  // The plain tar whose SHA-256 is the diff ID, from whatever form is there, verified as it is
  // written (what lies here as a tar as BlobStore::open_verified does): kIntegrity at the end if it
  // is another. Finishes `out`.
  void write_tar(const cache::DiffId& diff_id, base::Sink& out, std::stop_token stop);

  // From the store, or made by reading a blob once.
  LayerIndex index(const cache::DiffId& diff_id, std::stop_token stop);

  // Indexes are read now, contents when somebody opens a file.
  std::shared_ptr<const MergedView> view(std::span<const cache::DiffId> layers,
                                         std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::builder
