#pragma once

#include <sys/stat.h>

#include <string>

#include "base/fd.h"
#include "builder/layer/entry.h"

namespace slipway::builder {

// The entry of a file on disk, from its status: type (kFile for everything else, sockets among
// them), mode, owner, time, size, device. No link text, no xattrs.
Entry entry_of_status(base::ImagePath path, const struct stat& status);

// The same with link text and portable xattrs, read by name in `directory`.
Entry read_entry(base::ImagePath path, const base::Fd& directory, const std::string& name,
                 const struct stat& status);

// The text of a symbolic link; kInput if it is longer than any kernel takes.
std::string read_link(const base::Fd& directory, const std::string& name);

}  // namespace slipway::builder
