#include "cache/session/layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cache/db/connection.h"
#include "cache/db/empty_database.h"
#include "cache/db/schema.h"
#include "cache/session/reserve.h"

namespace slipway::cache {

using base::cat;
using base::ErrorKind;
using base::Fd;

namespace {

constexpr char kVersionFile[] = "version";
constexpr char kNewVersionFile[] = "version.new";
// A version file holds one small number.
constexpr std::size_t kVersionBytesMax = 64;
constexpr char kOtherStoreHint[] = "choose another store with --root";
// Layers hold set-user-ID files and whatever secrets images hold: for the owner only.
constexpr mode_t kFolderMode = 0700;

Fd open_root(const std::string& path) {
  int number = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number >= 0) {
    return Fd(number);
  }
  if (errno != ENOENT) {
    throw base::system_error(errno, "open", path).with_hint(kOtherStoreHint);
  }
  std::string parent = std::filesystem::path(path).parent_path();
  base::ensure_directory(parent);
  return base::ensure_directory(path, kFolderMode);
}

void check_writable(const Fd& root, const std::string& path) {
  if (::faccessat(root.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    int error_number = errno;
    std::string reason = base::system_error(error_number, "write", path).message();
    throw base::Error(ErrorKind::kDenied, cat("can't use the store: ", reason), error_number)
        .with_hint(kOtherStoreHint);
  }
}

std::optional<std::string> find_version(const std::string& path) {
  return base::find_file_content(cat(path, "/", kVersionFile), kVersionBytesMax);
}

int check_version(const std::string& text, const std::string& path) {
  std::optional<int> number = base::parse_integer<int>(base::trim(text));
  if (!number || *number < 1) {
    base::fail(
        ErrorKind::kIntegrity,
        cat(path, "/", kVersionFile, " is damaged: ", base::quote(text), " is no format number"),
        kOtherStoreHint);
  }
  if (*number > kStoreFormat) {
    base::fail(ErrorKind::kInput,
               cat("the store ", path, " has format ", *number, ", but this slipway knows only ",
                   kStoreFormat),
               "use the newer slipway that made it, or choose another store with --root");
  }
  return *number;
}

// What a first start that was killed may have left.
bool may_be_ours(const std::string& name) {
  static constexpr std::array<std::string_view, 11> kOurs = {
      "blobs",       "trees",      "tmp",           "trash",   "locks", "cache_dirs",
      "stat_caches", "lost+found", kNewVersionFile, "reserve", "kept"};
  return std::ranges::find(kOurs, name) != kOurs.end() || name.starts_with("db.sqlite");
}

void refuse_foreign_folder(const Fd& root, const std::string& path) {
  for (const base::DirectoryEntry& entry : base::list_directory(root)) {
    if (!may_be_ours(entry.name)) {
      base::fail(ErrorKind::kUsage,
                 cat(path, " is not a slipway store: it has no version file, but holds ",
                     base::quote(entry.name)),
                 "choose an empty folder, or a store, with --root");
    }
  }
}

// The version file comes last: a folder that has one is complete. One sync for everything; should a
// power cut forget the last rename, then nothing was committed yet, for a commit syncs, too.
void create(const Fd& root, const std::string& path) {
  base::check([&] { return ::flock(root.get(), LOCK_EX); }, "flock", path);
  base::Cleanup unlock([&] { ::flock(root.get(), LOCK_UN); });
  if (find_version(path)) {
    return;  // another process was faster
  }
  refuse_foreign_folder(root, path);
  for (const base::DirectoryEntry& entry : base::list_directory(root)) {
    if (entry.name.starts_with("db.sqlite")) {
      base::remove_tree(root, entry.name);
    }
  }
  base::noting([&] { return cat("making the store ", path); },
               [&] { copy_empty_database(root, "db.sqlite"); });
  Fd version = base::open_at(root, kNewVersionFile, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  base::write_all(version, cat(kStoreFormat, "\n"), cat(path, "/", kNewVersionFile));
  base::sync_filesystem(root);
  base::check([&] { return ::renameat(root.get(), kNewVersionFile, root.get(), kVersionFile); },
              "rename", cat(path, "/", kNewVersionFile));
}

// Adds what came with later formats. Killed in the middle, it begins anew at the next start.
void upgrade(const Fd& root, const std::string& path) {
  base::check([&] { return ::flock(root.get(), LOCK_EX); }, "flock", path);
  base::Cleanup unlock([&] { ::flock(root.get(), LOCK_UN); });
  int format = check_version(find_version(path).value_or(""), path);
  if (format == kStoreFormat) {
    return;  // another process was faster
  }
  Connection connection(cat(path, "/db.sqlite"), Connection::Open::kExisting);
  Transaction transaction(connection);
  add_newer_tables(connection, format);
  transaction.commit();
  base::write_file_atomically(root, kVersionFile, cat(kStoreFormat, "\n"));
}

}  // namespace

std::string Layout::path_of(std::string_view relative) const {
  return cat(path, "/", relative);
}

Layout open_layout(const std::string& root) {
  Layout layout;
  layout.path = std::filesystem::absolute(root).lexically_normal();
  if (layout.path.size() > 1 && layout.path.ends_with('/')) {
    layout.path.pop_back();
  }
  layout.root = open_root(layout.path);
  std::optional<std::string> version = find_version(layout.path);
  int format = version ? check_version(*version, layout.path) : kStoreFormat;
  check_writable(layout.root, layout.path);
  if (format < kStoreFormat) {
    upgrade(layout.root, layout.path);
  }
  if (!version) {
    create(layout.root, layout.path);
    check_version(find_version(layout.path).value_or(""), layout.path);
    ensure_reserve(layout);
  }
  layout.blobs = base::ensure_directory(layout.root, "blobs/sha256", kFolderMode);
  layout.trees = base::ensure_directory(layout.root, "trees", kFolderMode);
  layout.tmp = base::ensure_directory(layout.root, "tmp", kFolderMode);
  layout.trash = base::ensure_directory(layout.root, "trash", kFolderMode);
  layout.locks = base::ensure_directory(layout.root, "locks", kFolderMode);
  layout.cache_dirs = base::ensure_directory(layout.root, "cache_dirs", kFolderMode);
  layout.stat_caches = base::ensure_directory(layout.root, "stat_caches", kFolderMode);
  layout.kept = base::ensure_directory(layout.root, "kept", kFolderMode);
  return layout;
}

}  // namespace slipway::cache
