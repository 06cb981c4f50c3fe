#include "builder/ops/exec_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"
#include "base/fs.h"
#include "base/recorded_owner.h"
#include "base/text.h"
#include "builder/layer/tree_copy.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

// Where the files of a context mount lie in the layer that is made of them.
constexpr std::string_view kShownAt = "/shown";

// A mount's source is a path, COPY's a pattern.
std::string escaped_pattern(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) {
      out += '\\';
    }
    out += c;
  }
  return out;
}

// A mount of a source's files is COPY of them into an empty layer, which is then mounted.
CopyRequest shown_request(const ExecMount& mount, const TreeView& files) {
  CopyRequest request;
  request.sources.push_back({&files, escaped_pattern(mount.source), {}, {}});
  request.destination = cat(kShownAt, "/");
  return request;
}

bool shows_files(const ExecMount& mount, const OpInputs& inputs) {
  return mount.kind == ExecMount::Kind::kBind && mount.from &&
         inputs.result(*mount.from).files != nullptr;
}

// Where the directory lies that such a mount shows, if it can be shown in place.
struct Place {
  ImagePath top;  // in the context
  std::string directory;
};
std::optional<Place> find_place(const ExecMount& mount, const TreeView& files) {
  ResolvedPath source = resolve(files, ImagePath::clean(mount.source), LastLink::kFollow);
  if (!source.entry || !source.entry->is_directory()) {
    return std::nullopt;
  }
  std::optional<std::string> directory = files.find_in_place(source.path);
  return directory ? std::optional(Place{source.path, *std::move(directory)}) : std::nullopt;
}

// Of a state that is mounted whole the chain is in the key already; of one that shows only a part,
// what that part holds.
bool shows_part(const ExecMount& mount) {
  return mount.kind == ExecMount::Kind::kBind && mount.from && mount.source != "/";
}

// The layer of the files that a mount shows.
ShownLayer make_shown_layer(const ExecMount& mount, const OpInputs& inputs,
                            const OpServices& services, const std::stop_token& stop) {
  const TreeView& files = *inputs.result(*mount.from).files;
  CopyRequest request = shown_request(mount, files);
  request.now = services.clock->now();
  CopySelection selection = select_sources(request);
  bool is_directory = selection.items.at(0).top && selection.items.at(0).top->is_directory();
  ImagePath shown = ImagePath::clean(kShownAt);
  if (!is_directory) {
    shown = shown.join(selection.items.at(0).written.base_name());
  }
  LayerRecord record = services.layers->put_entries(
      plan_copy(request, std::move(selection), nullptr), {LayerForm::kTree, {}}, stop);
  return {record.diff_id, std::move(shown)};
}

class MountMaker {
 public:
  MountMaker(const OpInputs& inputs, const OpServices& services, std::stop_token stop)
      : inputs_(inputs), services_(services), stop_(std::move(stop)) {}

  // `number` is its place in Exec::mounts.
  void add(std::size_t number, const ExecMount& mount) {
    number_ = number;
    switch (mount.kind) {
      case ExecMount::Kind::kBind:
        return add_bind(mount);
      case ExecMount::Kind::kCache:
        return add_cache(mount);
      case ExecMount::Kind::kTmpfs:
        ready_.entries.push_back(
            TmpfsMount{ImagePath::clean(mount.target), mount.size_bytes.value_or(0), 01777});
        return;
      case ExecMount::Kind::kSecret:
        return add_secret(mount);
      case ExecMount::Kind::kSsh:
        return add_ssh(mount);
    }
  }

  ReadyMounts take() { return std::move(ready_); }

 private:
  void add_bind(const ExecMount& mount) {
    ImagePath target = ImagePath::clean(mount.target);
    if (!mount.from) {
      ready_.entries.push_back(TmpfsMount{target, 0, 0755});
      return;
    }
    OverlayMount overlay;
    overlay.target = target;
    if (shows_files(mount, inputs_)) {
      show_files(mount, overlay);
    } else {
      overlay.layers.lowers =
          services_.layers->ensure_trees(diff_ids_of(inputs_.result(*mount.from).state), stop_);
      overlay.subpath = ImagePath::clean(mount.source);
    }
    if (!mount.read_only) {
      ready_.scratch.push_back(services_.store->trees().stage());
      overlay.layers.upper = ready_.scratch.back().path();
      overlay.layers.work = ready_.scratch.back().side_path("work");
    }
    ready_.entries.push_back(std::move(overlay));
  }

  void show_files(const ExecMount& mount, OverlayMount& overlay) {
    const std::shared_ptr<TreeView>& files = inputs_.result(*mount.from).files;
    if (std::optional<Place> place = find_place(mount, *files)) {
      overlay.layers.lowers = {std::move(place->directory)};
      ready_.shown_in_place.emplace(number_, ShownInPlace{files, std::move(place->top)});
      return;
    }
    ShownLayer shown = make_shown_layer(mount, inputs_, services_, stop_);
    overlay.layers.lowers = {services_.layers->ensure_tree(shown.diff_id, {}, stop_)};
    overlay.subpath = shown.subpath;
    ready_.shown.emplace(number_, std::move(shown));
  }

  void add_cache(const ExecMount& mount) {
    // Another initial content is another cache: the chain of `from` keeps them apart.
    std::string origin = mount.from ? inputs_.result(*mount.from).state.chain() : std::string();
    cache::CacheDirs::Key key{cat(services_.exec->cache_name_space, "/", origin), mount.id};
    if (inputs_.vertex->meta.ignore_cache) {
      renew(key);
    }
    auto seed = [&](const std::string& path) { seed_cache(mount, path); };
    cache::CacheDirUse use =
        services_.store->cache_dirs().use(key, cache_sharing(mount), seed, stop_);
    Access access = mount.read_only ? Access::kReadOnly : Access::kReadWrite;
    ready_.entries.push_back(BindMount{use.path(), ImagePath::clean(mount.source),
                                       ImagePath::clean(mount.target), access});
    ready_.cache_dirs.push_back(std::move(use));
  }

  // Without the cache a step does not see what earlier builds left in its cache mounts either. Once
  // a build: later steps of this build share what the first one made.
  void renew(const cache::CacheDirs::Key& key) {
    auto renewed = services_.renewed_cache_dirs->lock();
    if (!renewed->insert(cat(key.name_space, "\n", key.id)).second) {
      return;
    }
    for (const cache::CacheDirs::Listed& listed : services_.store->cache_dirs().list()) {
      if (listed.key == key) {
        services_.store->cache_dirs().remove(listed);
      }
    }
  }

  static cache::CacheSharing cache_sharing(const ExecMount& mount) {
    switch (mount.sharing) {
      case ExecMount::Sharing::kPrivate:
        return cache::CacheSharing::kPrivate;
      case ExecMount::Sharing::kLocked:
        return cache::CacheSharing::kLocked;
      case ExecMount::Sharing::kShared:
        break;
    }
    return cache::CacheSharing::kShared;
  }

  void seed_cache(const ExecMount& mount, const std::string& path) {
    base::Fd directory = base::open_directory(path);
    if (mount.from) {
      copy_tree(*files_of(inputs_.result(*mount.from), services_, stop_), ImagePath(), directory,
                {.marks = OverlayMarks::kNone, .owners = services_.layers->tree_options().owners},
                stop_);
      return;
    }
    if (mount.source != "/") {
      base::ensure_directory(directory, ImagePath::clean(mount.source).relative());
      return;
    }
    std::uint32_t uid = mount.uid.value_or(0);
    std::uint32_t gid = mount.gid.value_or(0);
    if (services_.layers->tree_options().owners == TreeWriter::Owners::kRecord) {
      base::record_owner(directory, {uid, gid}, path);
    } else {
      base::check([&] { return ::fchown(directory.get(), uid, gid); }, "chown", path);
    }
    base::check([&] { return ::fchmod(directory.get(), mount.mode.value_or(0755)); }, "chmod",
                path);
  }

  void add_secret(const ExecMount& mount) {
    auto found = services_.exec->secrets.find(mount.id);
    if (found == services_.exec->secrets.end()) {
      if (mount.required) {
        base::fail(base::ErrorKind::kInput, cat("secret ", mount.id, ": not found"),
                   cat("give it with --secret id=", mount.id, ",src=FILE or --secret id=", mount.id,
                       ",env=VARIABLE"));
      }
      if (!mount.environment_name.empty()) {
        ready_.environment.push_back(cat(mount.environment_name, "="));
      }
      return;
    }
    const std::string& content = found->second.reveal();
    ready_.secrets.push_back(content);
    if (!mount.environment_name.empty()) {
      ready_.environment.push_back(cat(mount.environment_name, "=", content));
    }
    if (!mount.target.empty()) {
      ready_.entries.push_back(FileMount{ImagePath::clean(mount.target), content,
                                         mount.mode.value_or(0400), mount.uid.value_or(0),
                                         mount.gid.value_or(0), Access::kReadOnly});
    }
  }

  void add_ssh(const ExecMount& mount) {
    auto found = services_.exec->ssh_sockets.find(mount.id);
    if (found == services_.exec->ssh_sockets.end()) {
      if (mount.required) {
        base::fail(base::ErrorKind::kInput, cat("unset ssh forward key ", mount.id),
                   cat("forward an agent with --ssh ", mount.id));
      }
      return;
    }
    ready_.entries.push_back(
        BindMount{found->second, ImagePath(), ImagePath::clean(mount.target), Access::kReadWrite});
    if (!has_ssh_) {
      ready_.environment.push_back(cat("SSH_AUTH_SOCK=", mount.target));
      has_ssh_ = true;
    }
  }

  const OpInputs& inputs_;
  const OpServices& services_;
  std::stop_token stop_;
  ReadyMounts ready_;
  bool has_ssh_ = false;
  std::size_t number_ = 0;  // of the mount at hand
};

}  // namespace

std::vector<KeyPart> mount_source_parts(const Exec& exec, const OpInputs& inputs,
                                        const OpServices& services, unsigned readers,
                                        std::stop_token stop) {
  std::vector<KeyPart> parts;
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    const ExecMount& mount = exec.mounts[i];
    if (!shows_files(mount, inputs) && !shows_part(mount)) {
      continue;
    }
    std::shared_ptr<const TreeView> files = files_of(inputs.result(*mount.from), services, stop);
    CopyRequest request = shown_request(mount, *files);
    CopySelection selection = select_sources(request);
    parts.push_back(
        {cat("mount ", i, " content"), digest_of(request, selection, readers, stop).text()});
  }
  return parts;
}

bool shows_contexts(const Exec& exec, const OpInputs& inputs) {
  return std::any_of(exec.mounts.begin(), exec.mounts.end(),
                     [&](const ExecMount& mount) { return shows_files(mount, inputs); });
}

bool shows_contexts_in_place(const Exec& exec, const OpInputs& inputs) {
  return std::all_of(exec.mounts.begin(), exec.mounts.end(), [&](const ExecMount& mount) {
    if (!shows_files(mount, inputs)) {
      return true;
    }
    const TreeView& files = *inputs.result(*mount.from).files;
    files.prefetch(ImagePath::clean(mount.source));
    return find_place(mount, files).has_value();
  });
}

std::optional<ImagePath> find_changed(const ReadyMounts& mounts) {
  for (const auto& [number, shown] : mounts.shown_in_place) {
    if (std::optional<ImagePath> changed = shown.files->find_changed(shown.top)) {
      return changed;
    }
  }
  return std::nullopt;
}

void keep_shown(const Exec& exec, ReadyMounts& mounts, const OpInputs& inputs,
                const OpServices& services, std::stop_token stop) {
  for (const auto& [number, shown] : mounts.shown_in_place) {
    mounts.shown.emplace(number, make_shown_layer(exec.mounts.at(number), inputs, services, stop));
  }
}

ReadyMounts make_mounts(const Exec& exec, const OpInputs& inputs, const OpServices& services,
                        std::stop_token stop) {
  MountMaker maker(inputs, services, std::move(stop));
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    maker.add(i, exec.mounts[i]);
  }
  return maker.take();
}

}  // namespace slipway::builder
