// RUN: a command in a sandbox, and what it changed as a layer.
//
//   the command ends ─▶ what it wrote is read and hashed      on this thread
//                    └▶ its mounts are taken away             in the kernel, meanwhile
//                         both ─▶ log, notices, verdict ─▶ its files become the layer
//
// Where the sandbox can't say when the first may begin, it is done after the second.
#include <algorithm>
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/devices/apply_edits.h"
#include "builder/layer/copy_plan.h"
#include "builder/layer/directory_view.h"
#include "builder/layer/entry_search.h"
#include "builder/layer/owners.h"
#include "builder/ops/at_end.h"
#include "builder/ops/exec_mounts.h"
#include "builder/ops/exec_output.h"
#include "builder/ops/exec_step.h"
#include "builder/ops/resolv_conf.h"
#include "builder/ops/services.h"
#include "builder/sandbox/network.h"
#include "parser/durations.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::ImagePath;

constexpr std::string_view kHostnameDefault = "buildkitsandbox";
constexpr std::string_view kPipesFolder = "/dev/pipes";
constexpr std::size_t kResolvConfBytesMax = 1 << 20;
// A step that ran for longer may have written much.
constexpr std::int64_t kLongStepNs = 200'000'000;

std::string hosts_text(const ExecSettings& settings, const std::string& hostname) {
  std::string text =
      cat("127.0.0.1\tlocalhost ", hostname, "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
  for (const auto& [name, address] : settings.hosts) {
    text += cat(address, "\t", name, "\n");
  }
  return text;
}

std::string machines_resolv_conf() {
  return base::find_file_content("/etc/resolv.conf", kResolvConfBytesMax).value_or("");
}

bool has_variable(const std::vector<std::string>& environment, std::string_view name) {
  return std::any_of(environment.begin(), environment.end(), [&](const std::string& variable) {
    return variable.starts_with(name) && variable.size() > name.size() &&
           variable[name.size()] == '=';
  });
}

NetworkMode network_of(const Exec& exec, const ExecSettings& settings) {
  switch (exec.network) {
    case Exec::Network::kNone:
      return NetworkMode::kNone;
    case Exec::Network::kHost:
      if (!settings.allow_host_network) {
        base::fail(base::ErrorKind::kInput, "entitlement network.host is not allowed",
                   "allow it for this build with --allow network.host");
      }
      return NetworkMode::kHost;
    case Exec::Network::kDefault:
      break;
  }
  return settings.user_network ? NetworkMode::kUser : NetworkMode::kHost;
}

// "NAME[,required]", as the plan writes them.
std::vector<DeviceRequest> requests_of(const std::vector<std::string>& devices) {
  constexpr std::string_view kRequired = ",required";
  std::vector<DeviceRequest> requests;
  for (const std::string& device : devices) {
    bool is_required = device.ends_with(kRequired);
    requests.push_back(
        {device.substr(0, device.size() - (is_required ? kRequired.size() : 0)), is_required});
  }
  return requests;
}

class ExecOp : public Op {
 public:
  ExecOp(const Exec& exec, const OpServices& services) : exec_(&exec), services_(&services) {}
  bool is_step() const override { return true; }

  std::vector<KeyPart> source_parts(const OpInputs& inputs, Reading reading,
                                    std::stop_token stop) override {
    unsigned readers = reading == Reading::kBeside ? 1 : kReaders;
    return mount_source_parts(*exec_, inputs, *services_, readers, std::move(stop));
  }

  bool has_outline(const OpInputs& inputs) const override { return shows_contexts(*exec_, inputs); }

  bool can_run_unread(const OpInputs& inputs, std::stop_token /*stop*/) override {
    StepRunner& runner = services_->runner();
    if (network_of(*exec_, *services_->exec) == NetworkMode::kUser) {
      runner.expect(*services_->exec->user_network);
    }
    return shows_contexts_in_place(*exec_, inputs);
  }

  StepOutcome run(const OpInputs& inputs, const OutputSink& output, std::stop_token stop) override {
    check_allowed();
    std::vector<cache::DiffId> layers = diff_ids_of(inputs.base());
    // Trees before the view: a layer that has to be fetched is then unpacked while it arrives.
    std::vector<std::string> lowers = services_->layers->ensure_trees(layers, stop);
    std::shared_ptr<const TreeView> root = services_->layers->view(layers, stop);
    cache::StagedTree staged = services_->store->trees().stage();
    ReadyExec ready = make_ready(inputs, {std::move(lowers), root.get(), &staged}, stop);
    tell_emulated_user(ready.spec.user);
    AtEnd<std::optional<ImagePath>> change([&] { return find_changed(ready.mounts); });
    AtEnd<Written> written([&] { return read_written(ready, staged, root.get(), stop); });
    auto look = [&] {
      std::vector<std::move_only_function<void(std::stop_token)>> both;
      both.push_back([&](std::stop_token) { written.find(); });
      both.push_back([&](std::stop_token) { change.find(); });
      base::run_all(std::move(both), ready.mounts.shown_in_place.empty() ? 1 : 2);
    };
    Ran ran = run_command(ready, look, output, stop);
    std::optional<ImagePath> changed = change.take();
    if (changed) {
      services_->warn(cat(changed->text(), " of the context changed while ",
                          base::quote(inputs.vertex->meta.name),
                          " ran: what it made is not remembered for other builds"));
    }
    if (ran.failure) {
      if (!changed) {
        keep_failed(inputs, ready.mounts, *ran.failure, staged, stop);
      }
      throw *std::move(ran.failure);
    }
    Written what = written.take();
    check_secrets(what.secret);
    AddedLayer added = services_->layers->add_upper(std::move(staged), what.files);
    return {{added.record.diff_id, added.record.content_id},
            added.record.tar_size,
            ran.log,
            std::move(added.rows),
            !changed};
  }

  void check_allowed() const {
    if (exec_->security == Exec::Security::kInsecure && !services_->exec->allow_insecure) {
      base::fail(base::ErrorKind::kInput, "entitlement security.insecure is not allowed",
                 "allow it for this build with --allow security.insecure");
    }
  }

  ReadyExec make_ready(const OpInputs& inputs, ExecRoot root, std::stop_token stop) const {
    ReadyExec ready;
    ready.mounts = make_mounts(*exec_, inputs, *services_, std::move(stop));
    ready.spec = make_spec(inputs, *root.files, ready.mounts);
    ready.spec.root =
        OverlayRoot{std::move(root.lowers), root.upper->path(), root.upper->side_path("work"),
                    services_->stubs ? services_->stubs() : std::string()};
    ensure_working_directory(*root.files, *root.upper, ready.spec.working_directory);
    return ready;
  }

 private:
  SandboxSpec make_spec(const OpInputs& inputs, const TreeView& root,
                        const ReadyMounts& mounts) const {
    const ExecSettings& settings = *services_->exec;
    SandboxSpec spec;
    spec.mounts = mounts.entries;
    for (const ExecFile& file : exec_->files) {
      spec.mounts.push_back(FileMount{ImagePath::clean(cat(kPipesFolder, "/", file.name)),
                                      file.content, 0755, 0, 0, Access::kReadOnly});
    }
    spec.argv = exec_->argv;
    spec.working_directory = ImagePath::clean(exec_->working_directory);
    set_user_and_environment(spec, inputs, root, mounts);
    spec.hostname = exec_->hostname.empty() ? std::string(kHostnameDefault) : exec_->hostname;
    spec.hosts = hosts_text(settings, spec.hostname);
    set_network(spec, settings);
    spec.security = exec_->security == Exec::Security::kInsecure ? SecurityMode::kInsecure
                                                                 : SecurityMode::kSandbox;
    apply_limits(settings, spec);
    add_devices(settings, spec);
    return spec;
  }

  void add_devices(const ExecSettings& settings, SandboxSpec& spec) const {
    if (exec_->devices.empty()) {
      return;
    }
    DeviceRegistry registry(settings.cdi_folders);
    DeviceRegistry::Chosen chosen =
        registry.choose_allowed(requests_of(exec_->devices), settings.allowed_devices);
    for (const std::string& name : chosen.missing) {
      notice(cat("optional device ", base::quote(name), " is not registered: steps do without it"));
    }
    apply_edits(registry.edits_of(chosen.names), base::join(chosen.names, ", "), spec);
  }

  void set_network(SandboxSpec& spec, const ExecSettings& settings) const {
    std::string machines = machines_resolv_conf();
    spec.resolv_conf = resolv_conf_with(settings, machines);
    spec.network = network_of(*exec_, settings);
    if (spec.network == NetworkMode::kUser) {
      spec.user_network = settings.user_network;
      spec.resolv_conf_behind_network =
          resolv_conf_with(settings, resolv_conf_behind(*settings.user_network, machines));
    } else if (exec_->network == Exec::Network::kDefault) {
      notice(kNoUserNetworkNotice);
    }
  }

  void set_user_and_environment(SandboxSpec& spec, const OpInputs& inputs, const TreeView& root,
                                const ReadyMounts& mounts) const {
    ProcessUser user = find_process_user(root, exec_->user);
    spec.user = {user.uid, user.gid, {user.groups.begin(), user.groups.end()}};
    spec.environment = exec_->environment.assignments();
    const std::vector<std::string>& proxies = inputs.vertex->meta.proxy_environment;
    spec.environment.insert(spec.environment.end(), proxies.begin(), proxies.end());
    for (const std::string& variable : mounts.environment) {
      bool is_default_only = variable.starts_with("SSH_AUTH_SOCK=");
      if (!is_default_only || !has_variable(spec.environment, "SSH_AUTH_SOCK")) {
        spec.environment.push_back(variable);
      }
    }
    if (!has_variable(spec.environment, "HOME")) {
      spec.environment.push_back(cat("HOME=", user.home));
    }
  }

  // An image's config may name a working directory that none of its layers has: it is made, as
  // other runtimes do, and becomes part of the layer.
  void ensure_working_directory(const TreeView& root, const cache::StagedTree& staged,
                                const ImagePath& path) const {
    if (path.is_root() || resolve(root, path, LastLink::kFollow).entry) {
      return;
    }
    LayerEntries missing = plan_directory(path, Owner{}, services_->clock->now(), &root);
    base::Fd upper = base::open_directory(staged.path());
    TreeWriter writer(upper, services_->layers->tree_options());
    for (const LayerEntry& directory : missing.entries) {
      writer.create(directory.entry);
    }
    writer.finish();
  }

  struct Ran {
    std::optional<base::Digest> log;
    std::optional<base::Error> failure;
  };
  // `look` is called while the step's mounts are taken away, or not at all.
  Ran run_command(const ReadyExec& ready, const WorkAtEnd& look, const OutputSink& output,
                  const std::stop_token& stop) const {
    ExecOutput collected(*services_->store, output, ready.mounts.secrets);
    std::int64_t start_ns = services_->clock->steady_ns();
    AtEnd<void> write_back([&] {
      if (services_->clock->steady_ns() - start_ns > kLongStepNs) {
        services_->store->begin_write_back();
      }
    });
    auto work = [&] {
      write_back.find();
      look();
    };
    StepResult result = services_->runner().run(
        ready.spec, {-1, collected.descriptor(), collected.descriptor()}, work, stop);
    write_back.take();
    Ran ran{collected.finish(), std::nullopt};
    for (const std::string& text : result.notices) {
      notice(text);
    }
    if (!result.success()) {
      offer_debugging(ready.spec, result);
      ran.failure = error_of(result);
    }
    return ran;
  }

  void tell_emulated_user(const UserIds& user) const {
    bool is_recorded = services_->layers->tree_options().owners == TreeWriter::Owners::kRecord;
    if (is_recorded && user.uid != 0) {
      services_->warn(cat("USER ", exec_->user,
                          ": there is only one id here, so the step takes itself for that user but "
                          "has the rights of root; its new files are recorded as the user's"));
    }
  }

  // What holds for many steps is said once.
  void notice(const std::string& text) const {
    if (services_->told->lock()->insert(text).second) {
      services_->warn(text);
    }
  }

  // Where the bytes of a secret are. Short ones are not looked for: a layer has such bytes by
  // chance.
  static std::optional<std::string> find_secret(const LayerEntries& layer,
                                                const std::vector<std::string>& secrets,
                                                const std::stop_token& stop) {
    constexpr std::size_t kBytesMin = 8;
    std::vector<std::string> wanted;
    for (const std::string& secret : secrets) {
      std::string text(without_line_end(secret));
      if (text.size() >= kBytesMin) {
        wanted.push_back(std::move(text));
      }
    }
    std::optional<ImagePath> found = find_entry_with(layer, wanted, stop);
    if (!found) {
      return std::nullopt;
    }
    // A name may be what the secret is in; with the slash, mask() keeps nothing back.
    return base::quote(mask(cat(found->text(), "/"), wanted).text);
  }

  // What a step wrote.
  struct Written {
    ReadUpper files;
    std::optional<std::string> secret;  // where the bytes of one are
  };
  Written read_written(const ReadyExec& ready, const cache::StagedTree& staged,
                       const TreeView* lower, const std::stop_token& stop) const {
    StepUpper upper{.directory = staged.path(),
                    .lower = lower,
                    .owner_of_new = {ready.spec.user.uid, ready.spec.user.gid}};
    Written written{services_->layers->read_upper(upper, stop), std::nullopt};
    written.secret = find_secret(written.files.diff.layer, ready.mounts.secrets, stop);
    return written;
  }

  // A secret in a layer is in everybody's hands who gets the image.
  void check_secrets(const std::optional<std::string>& place) const {
    if (!place) {
      return;
    }
    std::string message = cat("the step leaves the bytes of a secret in its layer, in ", *place);
    if (services_->exec->refuse_leaked_secrets) {
      base::fail(base::ErrorKind::kInput, std::move(message),
                 "use the secret without writing it to a file of the image, or allow it with "
                 "--leaked-secrets=warn");
    }
    services_->warn(message);
  }

  // So that somebody can look into it later. What the step wrote becomes nobody's layer, but may
  // lie in the store for long, so it is searched as a layer is.
  void keep_failed(const OpInputs& inputs, ReadyMounts& mounts, const base::Error& failure,
                   cache::StagedTree& staged, const std::stop_token& stop) const {
    if (!services_->keep_failed || failure.kind() == base::ErrorKind::kCancelled) {
      return;
    }
    if (!mounts.secrets.empty()) {
      DirectoryView files(base::open_directory(staged.path()));
      if (std::optional<std::string> place = find_secret(flatten(files), mounts.secrets, stop)) {
        services_->warn(cat("what the step left has the bytes of a secret, in ", *place,
                            ": it is not kept for 'slipway debug'"));
        return;
      }
    }
    keep_shown(*exec_, mounts, inputs, *services_, stop);
    services_->keep_failed(describe(inputs, mounts, failure), staged);
  }

  KeptStep describe(const OpInputs& inputs, const ReadyMounts& mounts,
                    const base::Error& failure) const {
    KeptStep step;
    step.name = inputs.vertex->meta.name;
    step.lines = inputs.vertex->meta.lines;
    step.failure = failure.message();
    step.exec = *exec_;
    step.base = inputs.base();
    step.settings = *services_->exec;
    step.settings.secrets.clear();
    step.settings.ssh_sockets.clear();
    std::uint32_t next = 0;
    for (VertexId id : inputs.ids) {
      next = std::max(next, static_cast<std::uint32_t>(id) + 1);
      step.inputs[id] = inputs.result(id).state;
    }
    // A context may be another tomorrow: what the step saw of it is a layer by now.
    for (const auto& [number, shown] : mounts.shown) {
      VertexId id{next++};
      step.inputs[id].push({shown.diff_id, std::nullopt});
      step.exec.mounts[number].from = id;
      step.exec.mounts[number].source = shown.subpath.text();
    }
    return step;
  }

  // In what the step has left, with its mounts, user and environment.
  void offer_debugging(SandboxSpec spec, const StepResult& result) const {
    if (!services_->debug || result.end == StepEnd::kCancelled) {
      return;
    }
    renew_work(std::get<OverlayRoot>(spec.root));
    for (MountEntry& entry : spec.mounts) {
      if (auto* overlay = std::get_if<OverlayMount>(&entry)) {
        renew_work(overlay->layers);
      }
    }
    spec.timeout.reset();
    services_->debug(std::move(spec));
  }

  // The kernel takes no work directory twice; the new one goes with the old one's folder.
  static void renew_work(OverlayRoot& root) {
    if (!root.work.empty()) {
      root.work += "-debug";
      base::ensure_directory(root.work);
    }
  }

  base::Error error_of(const StepResult& result) const {
    if (result.end == StepEnd::kCancelled) {
      return {base::ErrorKind::kCancelled, "cancelled"};
    }
    std::string command = base::join(exec_->argv, " ");
    base::Error error(base::ErrorKind::kInput, cat("process ", base::quote(command),
                                                   " did not complete successfully: exit code: ",
                                                   result.status.shell_code()));
    if (!result.message.empty()) {
      error.add_note(cat("starting it: ", result.message));
    }
    if (result.end == StepEnd::kOutOfMemory) {
      error.add_note("running it: the step used more memory than --memory allows and was killed");
    }
    if (result.end == StepEnd::kTimeout) {
      auto timeout = services_->exec->timeout.value_or(std::chrono::milliseconds(0));
      error.add_note(cat("running it: the step took longer than --timeout=",
                         parser::format_duration(std::chrono::nanoseconds(timeout).count()),
                         " allows and was killed"));
    }
    return error;
  }

  const Exec* exec_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

ReadyExec make_ready(const Exec& exec, const OpInputs& inputs, ExecRoot root,
                     const OpServices& services, std::stop_token stop) {
  ExecOp op(exec, services);
  op.check_allowed();
  return op.make_ready(inputs, std::move(root), std::move(stop));
}

std::unique_ptr<Op> make_exec_op(const Exec& exec, const OpServices& services) {
  return std::make_unique<ExecOp>(exec, services);
}

}  // namespace slipway::builder
