#include "builder/sandbox/chroot_root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "base/guarded.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"
#include "builder/sandbox/chroot_process.h"
#include "builder/sandbox/file_copy.h"
#include "builder/sandbox/placed_files.h"
#include "builder/sandbox/plain_tree.h"
#include "builder/sandbox/step_root.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::check;
using base::Fd;
using base::ImagePath;

// A tree in the store, wherever it is moved to.
using TreeId = std::pair<dev_t, ino_t>;

TreeId id_of(const Fd& directory) {
  struct stat status = base::get_status(directory, "");
  return {status.st_dev, status.st_ino};
}

// A copy of layers in which steps can run.
struct Root {
  base::TempDir folder;
  Fd root;
  Fd aside;
  std::vector<TreeId> made_of;  // bottom first
  TreeRecord record;
};

Root make_root(const std::string& folder) {
  base::TempDir own(folder, "root-");
  Fd directory = base::open_directory(own.path());
  for (const char* name : {"root", "aside"}) {
    check([&] { return ::mkdirat(directory.get(), name, 0755); }, "mkdir", name);
  }
  Fd root = base::open_at(directory, "root", O_RDONLY | O_DIRECTORY);
  Fd aside = base::open_at(directory, "aside", O_RDONLY | O_DIRECTORY);
  return {std::move(own), std::move(root), std::move(aside), {}, {}};
}

[[noreturn]] void fail_without(const std::string& what, const std::string& why) {
  base::fail(base::ErrorKind::kInput,
             cat(what, " can't be had where steps have no namespaces (isolation chroot)"), why);
}

void check_possible(const SandboxSpec& spec) {
  if (spec.network == NetworkMode::kNone) {
    fail_without("--network=none", "leave it out, or build where namespaces are permitted");
  }
  if (spec.security == SecurityMode::kInsecure) {
    fail_without("--security=insecure", "build where namespaces are permitted");
  }
  if (!std::holds_alternative<OverlayRoot>(spec.root)) {
    fail_without("a root that is a directory of the machine", "use layers");
  }
}

const ImagePath& target_of(const MountEntry& entry) {
  return std::visit([](const auto& mount) -> const ImagePath& { return mount.target; }, entry);
}

bool is_empty(const Fd& directory) {
  return base::list_directory(directory).empty();
}

// Files of /proc that programs look at and that say nothing of other processes; as they are when
// the step begins.
constexpr const char* kProcFiles[] = {"cpuinfo", "filesystems", "loadavg", "meminfo",
                                      "stat",    "uptime",      "version"};
constexpr std::size_t kProcFileBytesMax = std::size_t{16} << 20;

void fill_proc(const Fd& directory) {
  for (const char* name : kProcFiles) {
    std::optional<std::string> text =
        base::find_file_content(cat("/proc/", name), kProcFileBytesMax);
    if (text) {
      Fd file = base::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0444);
      base::write_all(file, *text, name);
    }
  }
}

void make_device(const Fd& directory, const DeviceNode& device) {
  int made = ::mknodat(directory.get(), device.name, S_IFCHR | 0666,
                       ::makedev(device.major_number, device.minor_number));
  if (made != 0 && errno == EPERM) {
    base::fail(base::ErrorKind::kDenied,
               cat("the step's /dev/", device.name, " can't be made: there is no CAP_MKNOD"),
               "give the container that capability, or permit user namespaces in it");
  }
  check([&] { return made; }, "mknod", device.name);
  check([&] { return ::fchmodat(directory.get(), device.name, 0666, 0); }, "chmod", device.name);
}

// A file system that has no devices would have every command fail that says >/dev/null.
void check_devices(const Fd& directory) {
  Fd null(::openat(directory.get(), "null", O_WRONLY | O_CLOEXEC));
  if (!null) {
    base::fail(base::ErrorKind::kDenied,
               cat("devices can't be used on the file system of the store: /dev/null: ",
                   ::strerrordesc_np(errno)),
               "use a store (--root) on a file system that is mounted without nodev");
  }
}

bool is_same_stream(int left, int right) {
  struct stat one{};
  struct stat other{};
  return left >= 0 && right >= 0 && ::fstat(left, &one) == 0 && ::fstat(right, &other) == 0 &&
         one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

struct Link {
  const char* name;
  const char* target;
};

// Streams by name: what lies behind them on a machine is in /proc.
void fill_dev(const Fd& directory, const SandboxSpec& spec, const StepIo& io) {
  for (const DeviceNode& device : kDevices) {
    make_device(directory, device);
  }
  check_devices(directory);
  std::vector<Link> links = {{"stdin", spec.terminal ? "tty" : "null"}};
  std::vector<const char*> fifos;
  if (spec.terminal) {
    links.insert(links.end(), {{"stdout", "tty"}, {"stderr", "tty"}, {"console", "tty"}});
  } else {
    fifos.push_back("stdout");
    is_same_stream(io.out, io.err) ? links.push_back({"stderr", "stdout"})
                                   : fifos.push_back("stderr");
  }
  for (const Link& link : links) {
    check([&] { return ::symlinkat(link.target, directory.get(), link.name); }, "symlink",
          link.name);
  }
  for (const char* fifo : fifos) {
    check([&] { return ::mknodat(directory.get(), fifo, S_IFIFO | 0666, 0); }, "mkfifo", fifo);
    check([&] { return ::fchmodat(directory.get(), fifo, 0666, 0); }, "chmod", fifo);
  }
  check([&] { return ::mkdirat(directory.get(), "shm", 01777); }, "mkdir", "shm");
  check([&] { return ::fchmodat(directory.get(), "shm", 01777, 0); }, "chmod", "shm");
}

// Copies the directory whole into `copy`, an empty one.
void copy_directory(const Fd& from, const Fd& copy) {
  add_tree(from, copy);
  FileCopy(copy).put_directory(from, ImagePath());
}

}  // namespace

class KeptRoots {
 public:
  explicit KeptRoots(ChrootOptions options) : options_(std::move(options)) {}
  const ChrootOptions& options() const { return options_; }

  // The one that has most of what is wanted, from the bottom up, and nothing else.
  std::optional<Root> take(const std::vector<TreeId>& wanted) {
    auto roots = roots_.lock();
    auto best = roots->end();
    for (auto root = roots->begin(); root != roots->end(); ++root) {
      bool is_start = root->made_of.size() <= wanted.size() &&
                      std::equal(root->made_of.begin(), root->made_of.end(), wanted.begin());
      if (is_start && (best == roots->end() || best->made_of.size() < root->made_of.size())) {
        best = root;
      }
    }
    if (best == roots->end()) {
      return std::nullopt;
    }
    std::optional<Root> found(std::move(*best));
    roots->erase(best);
    return found;
  }

  void keep(Root root) {
    constexpr std::size_t kKeptMax = 3;
    auto roots = roots_.lock();
    roots->push_back(std::move(root));
    if (roots->size() > kKeptMax) {
      roots->pop_front();
    }
  }

 private:
  ChrootOptions options_;
  base::Guarded<std::list<Root>> roots_;  // the one used last is at the end
};

namespace {

class RunningStep : public ChrootStep {
 public:
  // `trees` are what the root is made of.
  RunningStep(std::shared_ptr<KeptRoots> kept, base::FileLock lock, Root root, std::string upper,
              std::vector<Fd> trees)
      : kept_(std::move(kept)),
        lock_(std::move(lock)),
        root_(std::move(root)),
        upper_(std::move(upper)),
        trees_(std::move(trees)),
        placed_(root_.root, root_.aside) {}

  void place(const SandboxSpec& spec, const StepIo& io);
  std::string directory() const { return cat(root_.folder.path(), "/root"); }
  void finish() override;

 private:
  void place_mount(const MountEntry& entry, std::size_t index);
  void place_layers(const OverlayMount& mount, const std::string& name);
  void place_bind(const BindMount& mount, const std::string& name);
  void copy_to(const ImagePath& target, const Fd& source, const std::string& name);

  std::shared_ptr<KeptRoots> kept_;
  base::FileLock lock_;
  Root root_;
  std::string upper_;  // empty: what the step changes is nobody's
  std::vector<Fd> trees_;
  PlacedFiles placed_;  // uses root_
};

void RunningStep::place(const SandboxSpec& spec, const StepIo& io) {
  auto is_mounted = [&](const ImagePath& path) {
    return std::ranges::any_of(spec.mounts,
                               [&](const MountEntry& entry) { return target_of(entry) == path; });
  };
  auto standard = [&](const char* path, auto fill) {
    if (!is_mounted(ImagePath::clean(path))) {
      fill(ImagePath::clean(path));
    }
  };
  standard("/proc", [&](const ImagePath& path) { fill_proc(placed_.place_plain_directory(path)); });
  standard("/sys", [&](const ImagePath& path) { placed_.place_plain_directory(path); });
  standard("/dev",
           [&](const ImagePath& path) { fill_dev(placed_.place_plain_directory(path), spec, io); });
  if (spec.hosts) {
    standard("/etc/hosts",
             [&](const ImagePath& path) { placed_.place_text(path, {.content = *spec.hosts}); });
  }
  if (spec.resolv_conf) {
    standard("/etc/resolv.conf", [&](const ImagePath& path) {
      placed_.place_text(path, {.content = *spec.resolv_conf});
    });
  }
  std::vector<std::size_t> order;
  for (std::size_t index = 0; index < spec.mounts.size(); ++index) {
    order.push_back(index);
  }
  std::ranges::stable_sort(order, std::less<>(),
                           [&](std::size_t index) { return target_of(spec.mounts[index]); });
  for (std::size_t index : order) {
    base::noting([&] { return cat("placing ", target_of(spec.mounts[index]).text()); },
                 [&] { place_mount(spec.mounts[index], index); });
  }
}

void RunningStep::place_mount(const MountEntry& entry, std::size_t index) {
  const ImagePath& target = target_of(entry);
  if (target.is_root() || ImagePath::clean("/proc").contains(target)) {
    base::fail(base::ErrorKind::kInput, cat("invalid mount target ", base::quote(target.text())));
  }
  std::string name = cat("mount-", index);
  if (const auto* tmpfs = std::get_if<TmpfsMount>(&entry)) {
    Fd directory = placed_.place_directory(target);
    check([&] { return ::fchmod(directory.get(), tmpfs->mode); }, "chmod", target.text());
  } else if (const auto* file = std::get_if<FileMount>(&entry)) {
    placed_.place_text(target, {file->content, file->mode, file->uid, file->gid});
  } else if (const auto* layers = std::get_if<OverlayMount>(&entry)) {
    place_layers(*layers, name);
  } else if (std::holds_alternative<DeviceMount>(entry)) {
    base::fail(base::ErrorKind::kDenied,
               cat("a step can't have the device ", target.text(), " without namespaces"));
  } else {
    place_bind(std::get<BindMount>(entry), name);
  }
}

// Of one layer only what is shown is copied, of several all that they have.
void RunningStep::place_layers(const OverlayMount& mount, const std::string& name) {
  auto open_shown = [&](const Fd& directory) {
    return mount.subpath.is_root() ? directory.duplicate()
                                   : base::open_beneath(directory, mount.subpath.relative(), O_PATH,
                                                        0, base::Links::kInRoot);
  };
  if (mount.layers.lowers.size() == 1) {
    return copy_to(mount.target, open_shown(base::open_directory(mount.layers.lowers.front())),
                   name);
  }
  check([&] { return ::mkdirat(root_.aside.get(), name.c_str(), 0755); }, "mkdir", name);
  Fd merged = base::open_at(root_.aside, name, O_RDONLY | O_DIRECTORY);
  for (const std::string& lower : mount.layers.lowers) {
    add_tree(base::open_directory(lower), merged);
  }
  if (mount.subpath.is_root()) {
    return placed_.place_made(mount.target, root_.aside, name);
  }
  copy_to(mount.target, open_shown(merged), cat(name, "-shown"));
  base::remove_tree(root_.aside, name);
}

// Directories of the store (of cache mounts) are lent, so that the step's files stay in them.
// Others can't be: if slipway were killed meanwhile, they would be gone.
void RunningStep::place_bind(const BindMount& mount, const std::string& name) {
  Fd source = base::open_file(mount.source, O_PATH);
  if (!mount.subpath.is_root()) {
    source = base::open_beneath(source, mount.subpath.relative(), O_PATH, 0, base::Links::kInRoot);
  }
  mode_t mode = base::get_status(source, "").st_mode;
  bool is_ours = mount.source.starts_with(cat(kept_->options().store, "/"));
  if (S_ISSOCK(mode)) {
    fail_without(cat("the socket ", mount.source), "use keys that are files, as secrets");
  }
  if (!S_ISDIR(mode) && !S_ISREG(mode)) {
    fail_without(cat("the device ", mount.source), "build where namespaces are permitted");
  }
  if (mount.access == Access::kReadOnly) {
    return copy_to(mount.target, source, name);
  }
  if (!is_ours || !S_ISDIR(mode)) {
    fail_without(cat("a writable mount of ", mount.source),
                 "mount it read-only: it is then copied");
  }
  if (mount.subpath.is_root()) {
    std::size_t slash = mount.source.rfind('/');
    placed_.lend_directory(mount.target, base::open_directory(mount.source.substr(0, slash)),
                           mount.source.substr(slash + 1));
    return;
  }
  Fd parent = base::open_at(source, "..", O_RDONLY | O_DIRECTORY);
  for (const base::DirectoryEntry& entry : base::list_directory(parent)) {
    if (base::get_status(parent, entry.name).st_ino == base::get_status(source, "").st_ino) {
      placed_.lend_directory(mount.target, parent, entry.name);
      return;
    }
  }
}

void RunningStep::copy_to(const ImagePath& target, const Fd& source, const std::string& name) {
  struct stat status = base::get_status(source, "");
  std::string path = cat("/proc/self/fd/", source.get());
  if (S_ISDIR(status.st_mode)) {
    check([&] { return ::mkdirat(root_.aside.get(), name.c_str(), 0755); }, "mkdir", name);
    copy_directory(base::open_directory(path),
                   base::open_at(root_.aside, name, O_RDONLY | O_DIRECTORY));
  } else if (S_ISREG(status.st_mode)) {
    Fd copy = base::open_at(root_.aside, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    copy_content(base::open_file(path, O_RDONLY), copy, status.st_size, target.text());
    check([&] { return ::fchown(copy.get(), status.st_uid, status.st_gid); }, "chown", name);
    check([&] { return ::fchmod(copy.get(), status.st_mode & 07777U); }, "chmod", name);
    std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, status.st_mtim};
    check([&] { return ::futimens(copy.get(), times.data()); }, "utimensat", name);
  } else {
    fail_without(cat("what is no file or directory at ", target.text()), "mount a directory");
  }
  placed_.place_made(target, root_.aside, name);
}

void RunningStep::finish() {
  placed_.take_away();
  if (upper_.empty()) {
    return;
  }
  Fd upper = base::open_directory(upper_);
  TreeChanges changes = write_changes(root_.root, root_.record, upper, trees_);
  if (changes.is_exact) {
    root_.record = std::move(changes.after);
    if (root_.made_of.empty() || root_.made_of.back() != id_of(upper)) {
      root_.made_of.push_back(id_of(upper));
    }
    kept_->keep(std::move(root_));
  }
}

}  // namespace

ChrootRoots::ChrootRoots(ChrootOptions options)
    : kept_(std::make_shared<KeptRoots>(std::move(options))) {}
ChrootRoots::~ChrootRoots() = default;

std::unique_ptr<ChrootStep> ChrootRoots::begin(SandboxSpec& spec, const StepIo& io) {
  check_possible(spec);
  OverlayRoot layers = std::get<OverlayRoot>(spec.root);
  base::FileLock lock = base::FileLock::acquire(cat(kept_->options().store, "/chroot.lock"),
                                                base::FileLock::Mode::kExclusive);
  std::vector<Fd> trees;
  std::vector<TreeId> wanted;
  auto add = [&](const std::string& path) {
    trees.push_back(base::open_directory(path));
    wanted.push_back(id_of(trees.back()));
  };
  std::ranges::for_each(layers.lowers, add);
  if (!layers.upper.empty() && !is_empty(base::open_directory(layers.upper))) {
    add(layers.upper);
  }
  std::optional<Root> root = kept_->take(wanted);
  if (!root) {
    root.emplace(make_root(kept_->options().folder));
  }
  if (root->made_of.empty() || root->made_of != wanted) {
    for (std::size_t index = root->made_of.size(); index < trees.size(); ++index) {
      add_tree(trees[index], root->root);
    }
    root->record = record_of(root->root);
  }
  wait_for_newer_stamps(root->aside, root->record.newest_ns);
  root->made_of = std::move(wanted);
  auto step = std::make_unique<RunningStep>(kept_, std::move(lock), std::move(*root), layers.upper,
                                            std::move(trees));
  step->place(spec, io);
  spec.root = PlainRoot{step->directory(), Access::kReadWrite};
  spec.mounts.clear();
  spec.hosts.reset();
  spec.resolv_conf.reset();
  spec.network = NetworkMode::kHost;
  spec.capabilities &= kChrootCapabilities;
  spec.no_new_privileges = true;
  return step;
}

}  // namespace slipway::builder
