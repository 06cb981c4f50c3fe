#include "rpm_sample.h"

#include <stdexcept>

#include <sqlite3.h>

namespace slipway::builder::tests {

namespace {

std::string big_endian(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((value >> shift) & 0xff);
  }
  return bytes;
}

std::string text(std::string_view value) {
  return std::string(value) + '\0';
}

}  // namespace

std::string rpm_header(const std::vector<RpmEntry>& entries) {
  std::string index;
  std::string data;
  for (const RpmEntry& entry : entries) {
    index +=
        big_endian(entry.tag) + big_endian(entry.type) + big_endian(data.size()) + big_endian(1);
    data += entry.data;
  }
  return big_endian(entries.size()) + big_endian(data.size()) + index + data;
}

std::string simple_rpm_header(std::string_view name, std::string_view version) {
  return rpm_header({{1000, 6, text(name)},
                     {1001, 6, text(version)},
                     {1002, 6, text("1.fc40")},
                     {1003, 4, big_endian(3)},
                     {1014, 6, text("MIT")},
                     {1022, 6, text("x86_64")},
                     {1044, 6, text("src.rpm")}});
}

std::string sqlite_file(const std::vector<std::string>& statements,
                        const std::vector<std::string>& blobs) {
  sqlite3* database = nullptr;
  sqlite3_open(":memory:", &database);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database, statements[i].c_str(), -1, &statement, nullptr);
    if (i < blobs.size() && !blobs[i].empty()) {
      sqlite3_bind_blob(statement, 1, blobs[i].data(), static_cast<int>(blobs[i].size()),
                        SQLITE_STATIC);
    }
    int code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
      throw std::runtime_error(sqlite3_errmsg(database));
    }
  }
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(database, "main", &size, 0);
  std::string file(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  sqlite3_close(database);
  return file;
}

std::string rpm_database(const std::vector<std::string>& headers) {
  std::vector<std::string> statements = {
      "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"};
  std::vector<std::string> blobs = {""};
  for (const std::string& header : headers) {
    statements.emplace_back("INSERT INTO Packages (blob) VALUES (?1)");
    blobs.push_back(header);
  }
  return sqlite_file(statements, blobs);
}

}  // namespace slipway::builder::tests
