#include <algorithm>
#include <utility>

#include "base/text.h"
#include "builder/plan/lower.h"
#include "parser/glob.h"

namespace slipway::builder {

namespace {

using base::cat;

ExecMount::Kind kind_of(parser::MountType type) {
  switch (type) {
    case parser::MountType::kCache:
      return ExecMount::Kind::kCache;
    case parser::MountType::kTmpfs:
      return ExecMount::Kind::kTmpfs;
    case parser::MountType::kSecret:
      return ExecMount::Kind::kSecret;
    case parser::MountType::kSsh:
      return ExecMount::Kind::kSsh;
    case parser::MountType::kBind:
      break;
  }
  return ExecMount::Kind::kBind;
}

ExecMount::Sharing sharing_of(const std::optional<parser::CacheSharing>& sharing) {
  switch (sharing.value_or(parser::CacheSharing::kShared)) {
    case parser::CacheSharing::kPrivate:
      return ExecMount::Sharing::kPrivate;
    case parser::CacheSharing::kLocked:
      return ExecMount::Sharing::kLocked;
    case parser::CacheSharing::kShared:
      break;
  }
  return ExecMount::Sharing::kShared;
}

std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return path.substr(path.rfind('/') + 1);
}

// Lowers the mounts of one RUN one after another.
class MountLowerer {
 public:
  MountLowerer(Lowering& lowering, const parser::Run& run)
      : lowering_(lowering), run_(run), directory_(current_directory(lowering.state)) {}

  std::expected<ExecMount, std::string> lower(const parser::Mount& mount, std::size_t index) {
    ExecMount result{.kind = kind_of(mount.type),
                     .target = directory_.join(mount.target).text(),
                     .source = base::ImagePath::clean(mount.source).text(),
                     .read_only = mount.read_only,
                     .id = mount.id,
                     .sharing = sharing_of(mount.sharing),
                     .mode = mount.mode,
                     .uid = mount.uid,
                     .gid = mount.gid,
                     .required = mount.required};
    if (mount.size_bytes > 0) {
      result.size_bytes = static_cast<std::uint64_t>(mount.size_bytes);
    }
    if (auto problem = parser::check_mount_use(mount, result.target)) {
      return std::unexpected(*std::move(problem));
    }
    switch (mount.type) {
      case parser::MountType::kSecret:
        take_secret(mount, result);
        break;
      case parser::MountType::kSsh:
        take_ssh(mount, result);
        break;
      case parser::MountType::kTmpfs:
        break;
      case parser::MountType::kCache:
        result.id = mount.id.empty() ? parser::clean_path(mount.target) : mount.id;
        return with_source(mount, index, std::move(result));
      case parser::MountType::kBind:
        return with_source(mount, index, std::move(result));
    }
    return result;
  }

 private:
  std::expected<ExecMount, std::string> with_source(const parser::Mount& mount, std::size_t index,
                                                    ExecMount result) {
    if (mount.from.empty()) {
      if (mount.type == parser::MountType::kBind) {
        result.from = context_vertex(lowering_);
      }
      return result;
    }
    const auto& source = lowering_.command->sources[index];
    const std::optional<NodeResult>* node = source ? &lowering_.results[*source] : nullptr;
    if (node == nullptr || !*node) {
      return std::unexpected(cat("cannot mount from stage ", base::quote(mount.from), " to ",
                                 base::quote(mount.target),
                                 ", stage needs to be defined before current command"));
    }
    result.from = source_vertex(**node);
    return result;
  }

  // Language reference, section 8, --mount: with a variable only and no target there is no file.
  void take_secret(const parser::Mount& mount, ExecMount& result) {
    result.id = !mount.source.empty() ? mount.source : mount.id;
    if (result.id.empty()) {
      result.id = base_name(mount.target);
    }
    if (mount.target.empty()) {
      result.target = mount.env ? std::string() : cat("/run/secrets/", base_name(result.id));
    }
    result.source = "/";
    result.environment_name = mount.env.value_or("");
    auto& secrets = lowering_.outline.secrets;
    bool is_known = std::any_of(secrets.begin(), secrets.end(),
                                [&](const auto& secret) { return secret.name == result.id; });
    if (!is_known) {
      secrets.push_back({result.id, mount.required, run_.lines});
    }
  }

  void take_ssh(const parser::Mount& mount, ExecMount& result) {
    result.id = mount.id.empty() ? "default" : mount.id;
    if (mount.target.empty()) {
      result.target = cat("/run/buildkit/ssh_agent.", ssh_count_);
    }
    ++ssh_count_;
    auto& agents = lowering_.outline.ssh;
    bool is_known = std::any_of(agents.begin(), agents.end(),
                                [&](const auto& agent) { return agent.name == result.id; });
    if (!is_known) {
      agents.push_back({result.id, mount.required, run_.lines});
    }
  }

  Lowering& lowering_;
  const parser::Run& run_;
  base::ImagePath directory_;
  std::size_t ssh_count_ = 0;
};

}  // namespace

std::expected<std::vector<ExecMount>, std::string> lower_mounts(
    Lowering& lowering, const parser::Run& run, const std::vector<parser::Mount>& mounts) {
  std::vector<ExecMount> result;
  MountLowerer lowerer(lowering, run);
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    auto mount = lowerer.lower(mounts[i], i);
    if (!mount) {
      return std::unexpected(std::move(mount.error()));
    }
    result.push_back(*std::move(mount));
  }
  return result;
}

}  // namespace slipway::builder
