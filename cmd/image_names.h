#pragma once

// Images as people name them on the command line.

#include <string>
#include <string_view>
#include <vector>

#include "cache/refs/image_table.h"
#include "cache/store.h"
#include "registry/oci/platform.h"
#include "registry/oci/reference.h"

namespace slipway::cmd {

// kUsage with the grammar's own words for what is no image name.
registry::Reference get_reference(const std::string& text);

// The value of --platform; empty is the host's. kUsage for what is none.
registry::Platform get_platform(const std::string& text);

// An image by name, repository digest, ID or the beginning of an ID. kNotFound "No such image: x"
// with the nearest name that there is.
cache::ImageId get_image(cache::Store& store, const std::string& text,
                         const registry::Platform& platform);
cache::ImageTable::Listed get_listed_image(cache::Store& store, const std::string& text,
                                           const registry::Platform& platform);
[[noreturn]] void fail_no_image(cache::Store& store, const std::string& text);

// "debian:12", "localhost:5000/a:b": the familiar forms of names, sorted.
std::vector<std::string> familiar_names(const std::vector<cache::NameRow>& names);
// "debian@sha256:…", sorted.
std::vector<std::string> familiar_digests(const std::vector<cache::RepositoryDigestRow>& rows);
// The familiar form of a name or repository in normal form; itself if it is none.
std::string familiar_text(const std::string& normal);

}  // namespace slipway::cmd
