#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/stream.h"
#include "registry/image_bundle.h"
#include "registry/oci/index.h"

namespace slipway::registry {

inline constexpr std::string_view kLayoutFile = "oci-layout";
inline constexpr std::string_view kIndexFile = "index.json";
inline constexpr std::string_view kDockerManifestFile = "manifest.json";
inline constexpr std::string_view kRepositoriesFile = "repositories";
inline constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";
// Annotations that carry names in an index.json: containerd's and Docker's with the full reference,
// the specification's with what suits the tool.
inline constexpr std::string_view kContainerdName = "io.containerd.image.name";
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";

// "blobs/sha256/<hex>"; each algorithm has a folder.
std::string blob_path(const base::Digest& digest);

// A file of a layout, verified as it is read.
struct BundleFile {
  std::uint64_t size = 0;
  std::function<std::unique_ptr<base::Source>()> open;
};
// Every blob of the bundle by its path; each digest once.
std::map<std::string, BundleFile> blob_files(const ExportBundle& bundle);
// Their folders: "blobs/sha256", always, and others that are needed.
std::set<std::string> blob_folders(const std::map<std::string, BundleFile>& files);

// One entry for each name (or one without, where there is none) of each image; of the index alone
// where there is one. Then the attachments that have entries of their own.
Index index_of(const ExportBundle& bundle);

// Docker's manifest.json and repositories. Of several platforms under one name, the host's.
std::string docker_manifest(const ExportBundle& bundle);
std::string docker_repositories(const ExportBundle& bundle);

}  // namespace slipway::registry
