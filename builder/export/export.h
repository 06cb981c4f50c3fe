#pragma once

// Results of a build as outputs: names in the store, archives, folders.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/export/attach.h"
#include "builder/export/output.h"
#include "builder/image/assemble.h"
#include "builder/image/store_images.h"

namespace slipway::builder {

struct ExportServices {
  cache::Store* store;
  LayerStore* layers;
  // Made only if an output pushes.
  std::function<registry::Client&()> client;
  registry::TransferObserver observer;
  // What "-" as a destination means; the caller's standard output. -1: not to be had.
  int standard_output = -1;
  unsigned compress_threads = 1;
  // One image, too, is written as several are: below an index, in a folder of its platform.
  bool as_several = false;
  // What is said of each image, and in which form; none: as suits the output, referrers in a
  // registry and entries of an index in a layout, which may be copied to any place in one piece.
  Attestations attestations = {};
  std::optional<AttestationForm> attestation_form = std::nullopt;
};

// What one output came to.
struct Exported {
  // Of the index where several platforms were written as one, else of the image's manifest; none
  // where no manifest was made.
  std::optional<registry::Descriptor> root;
  std::vector<registry::Reference> names;  // that the output used
  std::vector<base::Digest> image_ids;     // of the images as they were written
};

// Carries one output out for the images of a build (one per platform). Files appear complete or not
// at all: they are written beside their name and renamed. `names` are the build's tags together
// with the output's own.
//   kImage     the image under its names in the store; pushed if asked
//   kOci       an OCI layout, as tar or folder
//   kDocker    what `docker load` takes
//   kLocal     the files of the root file system in a folder (merged into what is there);
//              of several platforms, a folder each
//   kTar       the same as a tar
//   kRegistry  pushed under its names, and kept in the store
//   kCacheOnly nothing
Exported export_images(const Output& output, const std::vector<AssembledImage>& images,
                       const std::vector<registry::Reference>& names,
                       const ExportServices& services, std::stop_token stop);

// `type=tar,dest=out.tar`, `dir` (short for type=local,dest=dir), `-` (short for type=tar,dest=-).
// Keys as docker buildx has them, and as there type=docker without dest is an image in the store;
// kUsage for unknown types and keys, with the nearest known one.
Output parse_output(const std::string& text);

// What `--annotation` says: `KEY=VALUE`, or with where it goes in front of a colon:
// `manifest:`, `index:`, `manifest-descriptor:`, several with commas, and a platform in brackets
// after each (`manifest[linux/arm64]:k=v`).
std::vector<Annotation> parse_annotations(const std::string& text);

}  // namespace slipway::builder
