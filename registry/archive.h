#pragma once

#include <memory>
#include <stop_token>
#include <string_view>

#include "base/fd.h"
#include "base/stream.h"
#include "registry/image_bundle.h"
#include "registry/image_file.h"

// Images in tar files:
//  - oci-archive: the tar of an OCI layout;
//  - docker-archive: what `docker save` writes. Since Docker 25 it is an OCI layout, too, with
//    manifest.json and repositories pointing into its blobs; that is what is written here. Read are
//    also the older ones (<hex>.json, <id>/layer.tar, layers that are links to earlier ones, gzip
//    layers).
// Writing is deterministic: entries sorted, owners 0, times 0.

namespace slipway::registry {

enum class ArchiveForm {
  kDocker,  // manifest.json and repositories as well
  kOci,
};
// Writes the tar; does not finish the sink. Blob bytes are verified while they pass.
void write_archive(const ExportBundle& bundle, ArchiveForm form, base::Sink& out,
                   std::stop_token stop);
// Which form it is is told by content. kInput, naming `what` and the member, for what is none of
// them or damaged. `file` stands at the start of the archive; pipes will do.
std::unique_ptr<ImageFile> open_archive(base::Fd file, std::string_view what,
                                        const OpenImageOptions& options, std::stop_token stop);

}  // namespace slipway::registry
