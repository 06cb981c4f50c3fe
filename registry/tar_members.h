#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "registry/image_members.h"

namespace slipway::registry {

// The members of a tar. Something that can't be read twice in place (a pipe, a compressed archive)
// is copied to a file in `scratch_directory` first, without its compression. kInput, naming `what`,
// for what is no tar, is damaged, or has more members than an image could need.
std::unique_ptr<ImageMembers> open_tar_members(base::Fd file, std::string_view what,
                                               const std::string& scratch_directory,
                                               std::stop_token stop);

}  // namespace slipway::registry
