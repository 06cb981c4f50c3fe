#pragma once

// rpm's database, in the form that it has had since rpm 4.16: an SQLite file whose table Packages
// holds the header of each package as a blob.

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "builder/attest/package.h"

namespace slipway::builder {

// The package that a header describes; nothing for bytes that are none, or for one without a name
// (rpm keeps keys as packages called gpg-pubkey: these are none, either).
std::optional<Package> parse_rpm_header(std::string_view header);

struct RpmDatabase {
  std::vector<Package> packages;
  std::string problem;  // why there are no more; empty: these are all
};
// `file` are the bytes of rpmdb.sqlite, from a stranger: it is opened in memory, with everything
// but reading a table forbidden, and a limit on the work that it may cause.
RpmDatabase read_rpm_database(std::string file, const std::stop_token& stop);

}  // namespace slipway::builder
