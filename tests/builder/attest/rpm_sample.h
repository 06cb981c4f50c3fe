#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::builder::tests {

// rpm's headers and databases as rpm writes them, for tests.

struct RpmEntry {
  unsigned tag;
  unsigned type;     // 4: number, 6: text
  std::string data;  // with the NUL of a text
};
std::string rpm_header(const std::vector<RpmEntry>& entries);
// name, version, release, architecture, licence.
std::string simple_rpm_header(std::string_view name, std::string_view version);

// An SQLite file made by these statements; ?1 of the i-th is the i-th blob.
std::string sqlite_file(const std::vector<std::string>& statements,
                        const std::vector<std::string>& blobs);
std::string rpm_database(const std::vector<std::string>& headers);

}  // namespace slipway::builder::tests
