#include <unistd.h>

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/image/container.h"
#include "builder/image/store_images.h"
#include "builder/layer/copy_plan.h"
#include "builder/sandbox/network.h"
#include "cmd/build_verb.h"
#include "cmd/containers.h"
#include "cmd/foreground.h"
#include "cmd/image_names.h"
#include "cmd/progress/transfers.h"
#include "cmd/report.h"
#include "cmd/run_flags.h"
#include "cmd/run_spec.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/pull.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kResolvConfBytesMax = 1 << 20;
constexpr std::size_t kHostnameBytes = 6;
class RunVerb {
 public:
  RunVerb(const Invocation& invocation, const RunFlags& flags)
      : flags_(flags),
        progress_(TransferKind::kPull, TransferProgress::screen_of(STDERR_FILENO, flags.quiet),
                  clock_),
        services_(invocation, {.use = StoreUse::kFiles,
                               .isolation = isolation_of(flags.steps.isolation),
                               .registries = flags.registry.access(domain_of(flags)),
                               .observer = progress_.observer()}) {}

  int run() {
    if (flags_.is_kept() && !flags_.kept_name().empty()) {
      check_name(flags_.kept_name());
    }
    builder::StoredImage image = builder::read_image(services_.store(), image_id());
    std::shared_ptr<const builder::TreeView> root =
        services_.layers().view(image.row.layers, services_.stop());
    builder::SandboxSpec spec = spec_of(image.config.config, *root);
    cache::StagedTree scratch = services_.store().trees().stage();
    builder::OverlayRoot overlay{
        services_.layers().ensure_trees(image.row.layers, services_.stop()), "", ""};
    if (!flags_.read_only) {
      overlay.upper = scratch.path();
      overlay.work = scratch.side_path("work");
      make_working_directory(*root, scratch.path(), spec.working_directory);
    }
    spec.root = std::move(overlay);
    services_.store().flush();
    std::vector<std::string> command = spec.argv;
    int code = code_of(run_in_foreground(
        services_, std::move(spec), {.input = flags_.interactive, .terminal = flags_.terminal}));
    if (flags_.is_kept()) {
      keep(image, std::move(command), code, scratch);
    }
    return code;
  }

 private:
  // An ID has no registry.
  static std::string domain_of(const RunFlags& flags) {
    auto reference = registry::Reference::parse(flags.words.front());
    return reference ? reference->domain() : "";
  }

  void check_name(const std::string& name) {
    check_container_name(name);
    auto known = services_.store().kept().find(cache::KeptKind::kContainer, name);
    if (known && known->name == name) {
      base::fail(base::ErrorKind::kInput,
                 cat("the container name ", base::quote(name), " is in use"),
                 cat("choose another, or remove it with 'slipway rm ", name, "'"));
    }
  }

  void keep(const builder::StoredImage& image, std::vector<std::string> command, int code,
            cache::StagedTree& tree) {
    builder::Container container{.image = flags_.words.front(),
                                 .image_id = image.row.id,
                                 .config = image.config,
                                 .command = std::move(command),
                                 .exit_code = code};
    container.config.config =
        container_config(flags_, image.config.config, services_.environment());
    cache::KeptRow row{.id = cache::KeptTable::make_id(),
                       .kind = cache::KeptKind::kContainer,
                       .name = flags_.kept_name(),
                       .created = {},
                       .document = builder::serialise(container),
                       .layers = image.row.layers};
    if (!services_.store().kept().keep(tree, row, {})) {
      // Somebody was faster; what the command wrote must not be lost for a name.
      print_error(cat("WARNING: the container name ", base::quote(row.name),
                      " was taken meanwhile: the container is kept as ", row.id.hex().substr(0, 12),
                      "\n"));
      row.name.clear();
      services_.store().kept().keep(tree, row, {});
    }
  }

  std::optional<cache::ImageId> find_image(const std::string& text,
                                           const registry::Platform& platform) {
    auto id = builder::find_image(services_.store(), text, platform);
    if (id) {
      services_.store().images().touch(*id);
    }
    return id;
  }

  cache::ImageId image_id() {
    std::string text = flags_.words.front();
    registry::Platform platform = get_platform(flags_.platform);
    builder::PullPolicy policy = pull_policy_of(flags_);
    bool store_first = policy != builder::PullPolicy::kAlways;
    if (auto id = store_first ? find_image(text, platform) : std::nullopt) {
      return *id;
    }
    if (auto alias = services_.find_alias(text)) {
      text = *std::move(alias);
      if (auto id = store_first ? find_image(text, platform) : std::nullopt) {
        return *id;
      }
    }
    if (policy == builder::PullPolicy::kNever) {
      fail_no_image(services_.store(), text);
    }
    registry::Reference reference = get_reference(text).for_pull();
    if (policy == builder::PullPolicy::kMissing && !flags_.quiet) {
      print_error(cat("Unable to find image '", reference.familiar(), "' locally\n"));
    }
    return registry::pull(services_.client(), reference, platform, services_.store(),
                          &services_.layer_sink(), {.observer = progress_.observer()},
                          services_.stop())
        .image.id;
  }

  builder::SandboxSpec spec_of(const registry::ContainerConfig& config,
                               const builder::TreeView& root) {
    const Environment& environment = services_.environment();
    RunSurroundings surroundings{
        .environment = &environment,
        .working_directory = std::filesystem::current_path().string(),
        .random_name = base::random_hex(kHostnameBytes),
        .user_network = builder::find_user_network(environment.get("PATH")),
        .resolv_conf =
            base::find_file_content("/etc/resolv.conf", kResolvConfBytesMax).value_or("")};
    builder::SandboxSpec spec = make_run_spec(flags_, config, root, surroundings);
    if (spec.network == builder::NetworkMode::kHost && flags_.network != "host") {
      print_error(cat("WARNING: ", builder::kNoUserNetworkNotice, "\n"));
    }
    for (const builder::MountEntry& mount : spec.mounts) {
      if (const auto* bind = std::get_if<builder::BindMount>(&mount)) {
        ensure_volume(*bind);
      }
    }
    return spec;
  }

  // As docker does for -v: a folder that is not there is made.
  static void ensure_volume(const builder::BindMount& mount) {
    if (!base::find_status(base::Fd(), mount.source)) {
      base::ensure_directory(mount.source);
    }
  }

  // A config may name a directory that no layer has.
  void make_working_directory(const builder::TreeView& root, const std::string& upper,
                              const base::ImagePath& path) {
    builder::LayerEntries missing =
        builder::plan_directory(path, builder::Owner{}, services_.clock().now(), &root);
    base::Fd directory = base::open_directory(upper);
    builder::TreeWriter writer(directory, services_.layers().tree_options());
    for (const builder::LayerEntry& entry : missing.entries) {
      writer.create(entry.entry);
    }
    writer.finish();
  }

  const RunFlags& flags_;
  base::SystemClock clock_;
  TransferProgress progress_;
  Services services_;
};

bool is_run_at(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments[0] == "--at" || arguments[0].starts_with("--at="));
}

int run_at(const Invocation& invocation) {
  BuildFlags flags;
  if (!parse_build_flags(BuildFlagsOf::kRunAt, invocation.arguments, flags)) {
    return 0;
  }
  return BuildVerb(invocation, std::move(flags)).at();
}

}  // namespace

int run_run(const Invocation& invocation) {
  int code = 0;
  std::optional<base::Error> error = failure_of([&] {
    if (is_run_at(invocation.arguments)) {
      code = run_at(invocation);
      return;
    }
    RunFlags flags;
    if (parse_run_flags(invocation.arguments, flags)) {
      code = RunVerb(invocation, flags).run();
    }
  });
  if (!error) {
    return code;
  }
  print_error(report_text(*error));
  return error->kind() == base::ErrorKind::kCancelled ? static_cast<int>(ExitCode::kCancelled)
                                                      : kNotRunCode;
}

}  // namespace slipway::cmd
