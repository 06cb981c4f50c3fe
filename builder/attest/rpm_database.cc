#include "builder/attest/rpm_database.h"

#include <cstdint>
#include <memory>

#include <sqlite3.h>

#include "base/stream.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

// A header: two numbers (entries of the index, bytes of data), the index, the data. All numbers are
// big-endian. An index entry is {tag, type, offset into the data, count}.
constexpr std::size_t kIntroBytes = 8;
constexpr std::size_t kEntryBytes = 16;
// rpm itself refuses more (hdrchk).
constexpr std::uint32_t kEntriesMax = 0xffff;
constexpr std::size_t kHeaderBytesMax = std::size_t{256} << 20;

enum Tag : std::uint32_t {
  kName = 1000,
  kVersion = 1001,
  kRelease = 1002,
  kEpoch = 1003,
  kVendor = 1011,
  kLicence = 1014,
  kUrl = 1020,
  kArchitecture = 1022,
  kSourceRpm = 1044
};
constexpr std::uint32_t kInt32 = 4;
constexpr std::uint32_t kString = 6;

// SQLite's virtual machine does a few dozen instructions for each package of an honest database.
constexpr int kInstructionsBetweenLooks = 100'000;
constexpr int kLooksMax = 300;
constexpr std::size_t kRowsMax = 100'000;

std::uint32_t number_at(std::string_view bytes, std::size_t place) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[place + i]);
  }
  return value;
}

class Header {
 public:
  // Precondition: the sizes were checked.
  Header(std::string_view index, std::string_view data) : index_(index), data_(data) {}

  std::string text(Tag tag) const {
    std::optional<std::size_t> entry = find(tag, kString);
    if (!entry) {
      return {};
    }
    std::string_view rest = data_.substr(number_at(index_, *entry + 8));
    return std::string(rest.substr(0, rest.find('\0')).substr(0, kPackageFieldBytesMax));
  }

  std::optional<std::uint32_t> number(Tag tag) const {
    std::optional<std::size_t> entry = find(tag, kInt32);
    std::size_t offset = entry ? number_at(index_, *entry + 8) : 0;
    return entry && offset + 4 <= data_.size() ? std::optional(number_at(data_, offset))
                                               : std::nullopt;
  }

 private:
  // Where the entry is in the index; only one whose data begin inside.
  std::optional<std::size_t> find(Tag tag, std::uint32_t type) const {
    for (std::size_t place = 0; place < index_.size(); place += kEntryBytes) {
      bool fits = number_at(index_, place) == tag && number_at(index_, place + 4) == type &&
                  number_at(index_, place + 8) < data_.size() && number_at(index_, place + 12) > 0;
      if (fits) {
        return place;
      }
    }
    return std::nullopt;
  }

  std::string_view index_;
  std::string_view data_;
};

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

// Schemas can hold views with functions and endless recursion: nothing but reading tables.
int allow_reading(void*, int action, const char*, const char*, const char*, const char*) {
  return action == SQLITE_SELECT || action == SQLITE_READ ? SQLITE_OK : SQLITE_DENY;
}

struct Patience {
  const std::stop_token* stop;
  int looks = 0;
  static int is_over(void* self) {
    auto* patience = static_cast<Patience*>(self);
    bool over = ++patience->looks > kLooksMax || patience->stop->stop_requested();
    return over ? 1 : 0;
  }
};

// A database whose last user wrote ahead says so in its header (file format, 1.3.3); one in memory
// can't do that, and needs not to be read.
void leave_write_ahead(std::string& file) {
  constexpr std::size_t kWriteVersion = 18;
  if (file.size() > kWriteVersion + 1 && file[kWriteVersion] == 2) {
    file[kWriteVersion] = 1;
    file[kWriteVersion + 1] = 1;
  }
}

// Null where there is no memory for it.
Database open_in_memory(std::string& file) {
  sqlite3* handle = nullptr;
  int code =
      sqlite3_open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    return nullptr;
  }
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(kHeaderBytesMax));
  auto size = static_cast<sqlite3_int64>(file.size());
  code = sqlite3_deserialize(handle, "main", reinterpret_cast<unsigned char*>(file.data()), size,
                             size, SQLITE_DESERIALIZE_READONLY);
  return code == SQLITE_OK ? std::move(database) : nullptr;
}

}  // namespace

std::optional<Package> parse_rpm_header(std::string_view header) {
  if (header.size() < kIntroBytes) {
    return std::nullopt;
  }
  std::uint32_t entries = number_at(header, 0);
  std::size_t data_bytes = number_at(header, 4);
  std::size_t index_bytes = std::size_t{entries} * kEntryBytes;
  if (entries > kEntriesMax || header.size() - kIntroBytes < index_bytes + data_bytes) {
    return std::nullopt;
  }
  Header read(header.substr(kIntroBytes, index_bytes),
              header.substr(kIntroBytes + index_bytes, data_bytes));
  Package package{.kind = PackageKind::kRpm, .name = read.text(kName)};
  if (package.name.empty() || package.name == "gpg-pubkey") {
    return std::nullopt;
  }
  std::string release = read.text(kRelease);
  package.version =
      release.empty() ? read.text(kVersion) : base::cat(read.text(kVersion), "-", release);
  package.architecture = read.text(kArchitecture);
  package.epoch = read.number(kEpoch) ? base::cat(*read.number(kEpoch)) : "";
  package.source = read.text(kSourceRpm);
  package.licence = read.text(kLicence);
  package.supplier = read.text(kVendor);
  package.homepage = read.text(kUrl);
  return package;
}

RpmDatabase read_rpm_database(std::string file, const std::stop_token& stop) {
  RpmDatabase result;
  leave_write_ahead(file);
  Database database = open_in_memory(file);
  if (!database) {
    result.problem = "it can't be opened";
    return result;
  }
  Patience patience{&stop};
  sqlite3_progress_handler(database.get(), kInstructionsBetweenLooks, Patience::is_over, &patience);
  sqlite3_set_authorizer(database.get(), allow_reading, nullptr);
  sqlite3_stmt* handle = nullptr;
  int code = sqlite3_prepare_v2(database.get(), "SELECT blob FROM Packages", -1, &handle, nullptr);
  Statement statement(handle);
  std::size_t rows = 0;
  while (code == SQLITE_OK && (code = sqlite3_step(handle)) == SQLITE_ROW) {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle, 0));
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle, 0));
    std::string_view header = bytes == nullptr ? std::string_view() : std::string_view(bytes, size);
    if (auto package = parse_rpm_header(header)) {
      result.packages.push_back(*std::move(package));
    }
    code = ++rows < kRowsMax ? SQLITE_OK : SQLITE_FULL;
  }
  base::throw_if_stopped(stop);
  if (code != SQLITE_DONE) {
    result.problem = code == SQLITE_FULL ? "it has too many packages"
                                         : std::string(sqlite3_errmsg(database.get()));
  }
  return result;
}

}  // namespace slipway::builder
