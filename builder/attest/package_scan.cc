#include "builder/attest/package_scan.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "builder/attest/package_texts.h"
#include "builder/attest/rpm_database.h"

namespace slipway::builder {

namespace {

using base::cat;

using ParseText = std::vector<Package> (*)(std::string_view text);

// A kind of file that holds packages.
struct Database {
  ParseText parse = nullptr;
  std::size_t bytes_max = kScanSmallFileBytesMax;
};

constexpr std::string_view kOsRelease[] = {"/usr/lib/os-release", "/etc/os-release"};
constexpr std::string_view kRpmSqlite[] = {"/var/lib/rpm/rpmdb.sqlite",
                                           "/usr/lib/sysimage/rpm/rpmdb.sqlite"};
// Forms of rpm's database that only rpm reads: Berkeley DB until rpm 4.15, and SUSE's.
constexpr std::string_view kRpmForeign[] = {
    "/var/lib/rpm/Packages", "/usr/lib/sysimage/rpm/Packages", "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages.db"};

bool is_one_of(std::string_view path, std::span<const std::string_view> paths) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

// ".../node_modules/NAME" or ".../node_modules/@SCOPE/NAME": the folder of an installed package.
bool is_npm_folder(const base::ImagePath& folder) {
  base::ImagePath parent = folder.parent();
  if (parent.base_name().starts_with('@')) {
    parent = parent.parent();
  }
  return parent.base_name() == "node_modules";
}

std::optional<Database> find_text_database(const base::ImagePath& path) {
  std::string_view name = path.base_name();
  base::ImagePath folder = path.parent();
  std::string_view folder_name = folder.base_name();
  if (path.text() == "/var/lib/dpkg/status") {
    return Database{parse_dpkg_status, kScanDatabaseBytesMax};
  }
  // Images without dpkg itself have a file for each package, and one with its digests.
  if (folder.text() == "/var/lib/dpkg/status.d" && !name.ends_with(".md5sums")) {
    return Database{parse_dpkg_status};
  }
  if (path.text() == "/lib/apk/db/installed" || path.text() == "/usr/lib/apk/db/installed") {
    return Database{parse_apk_installed, kScanDatabaseBytesMax};
  }
  if (name == "package.json" && is_npm_folder(folder)) {
    return Database{parse_package_json};
  }
  if (name == "package-lock.json" || name == ".package-lock.json") {
    return Database{parse_package_lock, kScanLockBytesMax};
  }
  bool is_python = (name == "METADATA" && folder_name.ends_with(".dist-info")) ||
                   (name == "PKG-INFO" && folder_name.ends_with(".egg-info")) ||
                   name.ends_with(".egg-info");
  return is_python ? std::optional(Database{parse_python_metadata}) : std::nullopt;
}

class Scan {
 public:
  Scan(const TreeView& files, const std::stop_token& stop) : files_(files), stop_(stop) {}

  PackageScan run() {
    find_distribution();
    walk(files_, base::ImagePath(), [&](const Entry& entry) {
      base::throw_if_stopped(stop_);
      if (entry.type == EntryType::kFile) {
        look(entry);
      }
      return Visit::kContinue;
    });
    for (auto& [key, package] : found_) {
      result_.packages.push_back(std::move(package));
    }
    if (notes_ > kScanNotesMax) {
      result_.notes.push_back(cat("and ", notes_ - kScanNotesMax, " more such files"));
    }
    return std::move(result_);
  }

 private:
  void find_distribution() {
    for (std::string_view path : kOsRelease) {
      std::optional<Entry> file = files_.find(base::ImagePath::clean(path));
      if (file && file->type == EntryType::kFile) {
        if (auto text = read(*file, kScanSmallFileBytesMax)) {
          result_.distribution = parse_os_release(*text);
          return;
        }
      }
    }
  }

  void look(const Entry& file) {
    const std::string& path = file.path.text();
    if (is_one_of(path, kRpmForeign)) {
      return note(file, "a form of rpm's database that can't be read; packages of rpm are missing");
    }
    if (is_one_of(path, kRpmSqlite)) {
      return read_rpm(file);
    }
    if (std::optional<Database> database = find_text_database(file.path)) {
      if (auto text = read(file, database->bytes_max)) {
        add(database->parse(*text), file);
      }
    }
  }

  void read_rpm(const Entry& file) {
    std::optional<std::string> bytes = read(file, kScanDatabaseBytesMax);
    if (!bytes) {
      return;
    }
    std::optional<Entry> log = files_.find(base::ImagePath::clean(cat(file.path.text(), "-wal")));
    if (log && log->size > 0) {
      note(file, "rpm was interrupted: changes that are in its log only are missing");
    }
    RpmDatabase database = read_rpm_database(*std::move(bytes), stop_);
    if (!database.problem.empty()) {
      note(file, cat("the database is damaged: ", database.problem));
    }
    add(std::move(database.packages), file);
  }

  std::optional<std::string> read(const Entry& file, std::size_t bytes_max) {
    if (file.size > bytes_max) {
      note(file, cat("too large (", file.size, " bytes)"));
      return std::nullopt;
    }
    return base::read_all(*files_.open(file), bytes_max, file.path.text());
  }

  // What has several files that say the same is one package: the first one in the tree counts.
  void add(std::vector<Package> packages, const Entry& file) {
    for (Package& package : packages) {
      if (found_.size() >= kScanPackagesMax) {
        return note(file, "too many packages");
      }
      std::string key = cat(manager_of(package.kind), '\0', package.name, '\0', package.version,
                            '\0', package.epoch, '\0', package.architecture);
      package.found_in = file.path.text();
      found_.try_emplace(std::move(key), std::move(package));
    }
  }

  void note(const Entry& file, std::string_view text) {
    if (++notes_ <= kScanNotesMax) {
      result_.notes.push_back(cat(file.path.text(), ": ", text));
    }
  }

  const TreeView& files_;
  const std::stop_token& stop_;
  PackageScan result_;
  std::map<std::string, Package> found_;
  std::size_t notes_ = 0;
};

}  // namespace

PackageScan scan_packages(const TreeView& files, const std::stop_token& stop) {
  return Scan(files, stop).run();
}

}  // namespace slipway::builder
