#include "builder/sandbox/placed_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/fs.h"
#include "base/text.h"
#include "builder/sandbox/descriptors.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

// The times of directories in which we work, put back when that is done.
class KeptTimes {
 public:
  KeptTimes() = default;
  KeptTimes(const KeptTimes&) = delete;
  KeptTimes& operator=(const KeptTimes&) = delete;
  ~KeptTimes() {
    for (const auto& [directory, time] : kept_) {
      std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, time};
      ::futimens(directory.get(), times.data());
    }
  }
  void keep(Fd directory) {
    timespec time = base::get_status(directory, "").st_mtim;
    kept_.emplace_back(std::move(directory), time);
  }

 private:
  std::vector<std::pair<Fd, timespec>> kept_;
};

Fd open_for_times(const Fd& directory) {
  return base::open_at(directory, ".", O_RDONLY | O_DIRECTORY);
}

// Where it is there already, or will be made.
Fd nearest_directory(const Fd& root, const ImagePath& target) {
  for (ImagePath path = target.parent(); !path.is_root(); path = path.parent()) {
    std::optional<Fd> found =
        base::find_beneath(root, path.relative(), O_RDONLY | O_DIRECTORY, base::Links::kInRoot);
    if (found) {
      return std::move(*found);
    }
  }
  return open_for_times(root);
}

void wipe(const Fd& place) {
  Fd text = base::open_file(cat("/proc/self/fd/", place.get()), O_RDWR);
  std::array<char, 4096> zeros{};
  off_t size = base::get_status(text, "").st_size;
  for (off_t start = 0; start < size; start += static_cast<off_t>(zeros.size())) {
    auto count = static_cast<std::size_t>(std::min<off_t>(size - start, zeros.size()));
    check([&] { return ::pwrite(text.get(), zeros.data(), count, start); }, "write", "a secret");
  }
  check([&] { return ::fdatasync(text.get()); }, "fdatasync", "a secret");
  check([&] { return ::ftruncate(text.get(), 0); }, "ftruncate", "a secret");
}

// Nothing where the command has put something else in the place of a directory on the way.
std::optional<Fd> find_directory(const Fd& root, const ImagePath& path) {
  Fd directory = open_for_times(root);
  for (std::string_view part : path.parts()) {
    std::string name(part);
    std::optional<struct stat> status = base::find_status(directory, name);
    if (!status || !S_ISDIR(status->st_mode)) {
      return std::nullopt;
    }
    directory = base::open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  return directory;
}

bool is_same(const struct stat& left, const struct stat& right) {
  return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

}  // namespace

PlacedFiles::PlacedFiles(const Fd& root, const Fd& aside)
    : root_(root), aside_(aside), points_(root_, no_upper_) {}

PlacedFiles::~PlacedFiles() {
  for (auto placed = placed_.rbegin(); placed != placed_.rend(); ++placed) {
    give_back(*placed);
  }
}

PlacedFiles::Placed& PlacedFiles::open_place(const ImagePath& target, PointKind kind) {
  KeptTimes times;
  times.keep(nearest_directory(root_, target));
  std::size_t made_before = points_.made().stubs.size();
  std::string found = path_of_descriptor(points_.ensure(target, kind));
  std::string_view relative(found);
  relative.remove_prefix(path_of_descriptor(root_).size());
  ImagePath path = ImagePath::clean(relative);
  Placed placed;
  placed.parent = base::open_beneath(root_, path.parent().relative(), O_RDONLY | O_DIRECTORY);
  placed.name = path.base_name();
  placed.aside = cat(placed_.size());
  placed.was_made = points_.made().stubs.size() > made_before;
  times.keep(placed.parent.duplicate());
  check(
      [&] {
        return ::renameat(placed.parent.get(), placed.name.c_str(), aside_.get(),
                          placed.aside.c_str());
      },
      "move aside", target.text());
  return placed_.emplace_back(std::move(placed));
}

Fd PlacedFiles::place_directory(const ImagePath& target) {
  Placed& placed = open_place(target, PointKind::kDirectory);
  KeptTimes times;
  times.keep(placed.parent.duplicate());
  check([&] { return ::mkdirat(placed.parent.get(), placed.name.c_str(), 0755); }, "mkdir",
        target.text());
  Fd made = base::open_at(placed.parent, placed.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  check([&] { return ::fchmod(made.get(), 0755); }, "chmod", target.text());
  return made;
}

Fd PlacedFiles::place_plain_directory(const ImagePath& target) {
  KeptTimes times;
  times.keep(nearest_directory(root_, target));
  points_.ensure_plain_directory(target);
  return place_directory(target);
}

void PlacedFiles::place_text(const ImagePath& target, const Text& text) {
  Placed& placed = open_place(target, PointKind::kFile);
  KeptTimes times;
  times.keep(placed.parent.duplicate());
  Fd file = base::open_at(placed.parent, placed.name, O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::write_all(file, text.content, target.text());
  check([&] { return ::fchown(file.get(), text.uid, text.gid); }, "chown", target.text());
  check([&] { return ::fchmod(file.get(), text.mode); }, "chmod", target.text());
  // A program that is open for writing can't be executed.
  placed.text = base::open_at(placed.parent, placed.name, O_PATH | O_NOFOLLOW);
}

void PlacedFiles::place_made(const ImagePath& target, const Fd& folder, const std::string& name) {
  bool is_directory = S_ISDIR(base::get_status(folder, name).st_mode);
  Placed& placed = open_place(target, is_directory ? PointKind::kDirectory : PointKind::kFile);
  KeptTimes times;
  times.keep(placed.parent.duplicate());
  check(
      [&] {
        return ::renameat(folder.get(), name.c_str(), placed.parent.get(), placed.name.c_str());
      },
      "move", target.text());
}

void PlacedFiles::lend_directory(const ImagePath& target, const Fd& folder,
                                 const std::string& name) {
  Placed& placed = open_place(target, PointKind::kDirectory);
  KeptTimes times;
  times.keep(placed.parent.duplicate());
  check([&] { return ::mkdirat(placed.parent.get(), placed.name.c_str(), 0755); }, "mkdir",
        target.text());
  struct stat status = base::get_status(folder, name);
  check(
      [&] {
        return ::renameat2(folder.get(), name.c_str(), placed.parent.get(), placed.name.c_str(),
                           RENAME_EXCHANGE);
      },
      "exchange", target.text());
  placed.lender = folder.duplicate();
  placed.lender_name = name;
  placed.lent = status;
}

// False if it is not where it was put: the command has moved or removed it, and what keeps its
// place is all that is left.
bool PlacedFiles::give_back(Placed& placed) noexcept {
  Fd lender = std::move(placed.lender);
  struct stat status{};
  if (!lender ||
      ::fstatat(placed.parent.get(), placed.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !is_same(status, placed.lent)) {
    return false;
  }
  return ::renameat2(placed.parent.get(), placed.name.c_str(), lender.get(),
                     placed.lender_name.c_str(), RENAME_EXCHANGE) == 0;
}

void PlacedFiles::take_away() {
  KeptTimes times;
  report::Made made;
  for (const MadeStub& stub : points_.made().stubs) {
    if (std::optional<Fd> parent = find_directory(root_, stub.path.parent())) {
      times.keep(std::move(*parent));
      made.stubs.push_back(stub);
    }
  }
  for (const Placed& placed : placed_) {
    times.keep(placed.parent.duplicate());
  }
  while (!placed_.empty()) {
    Placed placed = std::move(placed_.back());
    placed_.pop_back();
    if (placed.text) {
      wipe(placed.text);
    }
    give_back(placed);
    base::remove_tree(placed.parent, placed.name);
    put_back(placed);
  }
  remove_made(root_, made);
}

void PlacedFiles::put_back(const Placed& placed) {
  if (!placed.was_made && ::renameat(aside_.get(), placed.aside.c_str(), placed.parent.get(),
                                     placed.name.c_str()) == 0) {
    return;
  }
  // ENOENT: the command has removed the directory that it was in, and with it all that was there.
  if (!placed.was_made && errno != ENOENT) {
    throw base::system_error(errno, "move back", placed.name);
  }
  base::remove_tree(aside_, placed.aside);
}

}  // namespace slipway::builder
