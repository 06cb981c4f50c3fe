#include "builder/plan/image_draft.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Shared<std::string> shared(const std::string& text) {
  return text.empty() ? nullptr : std::make_shared<const std::string>(text);
}

template <typename T>
Shared<T> shared(const std::optional<T>& value) {
  return value ? std::make_shared<const T>(*value) : nullptr;
}

// Inside, paths have slashes and no drive; a Windows config has them its own way.
std::string working_dir_of(const registry::ImageConfig& config) {
  std::string path = config.config.working_dir;
  if (config.platform.os == "windows") {
    bool has_drive = path.size() >= 2 && path[1] == ':';
    path.erase(0, has_drive ? 2 : 0);
    std::replace(path.begin(), path.end(), '\\', '/');
  }
  return path;
}

std::string working_dir_text(const ImageDraft& draft) {
  std::string path(text_of(draft.working_dir));
  if (draft.platform.os == "windows") {
    std::replace(path.begin(), path.end(), '/', '\\');
  }
  return path;
}

// An empty list is the same as none in a config.
std::optional<Texts> list_of(const Shared<Texts>& texts) {
  return texts && !texts->empty() ? std::optional(*texts) : std::nullopt;
}

}  // namespace

std::string_view text_of(const Shared<std::string>& text) {
  return text ? std::string_view(*text) : std::string_view();
}

ImageDraft draft_of(const registry::ImageConfig& config) {
  ImageDraft draft;
  draft.platform = config.platform;
  for (const std::string& variable : config.config.env) {
    auto pair = base::split_once(variable, '=');
    draft.env.set_in_place(pair ? pair->before : variable, pair ? pair->after : "");
  }
  draft.author = shared(config.author);
  draft.user = shared(config.config.user);
  draft.working_dir = shared(working_dir_of(config));
  draft.stop_signal = shared(config.config.stop_signal);
  draft.cmd = shared(config.config.cmd);
  draft.entrypoint = shared(config.config.entrypoint);
  draft.shell = shared(config.config.shell);
  draft.args_escaped = config.config.args_escaped;
  draft.healthcheck = shared(config.config.healthcheck);
  for (const std::string& port : config.config.exposed_ports) {
    draft.exposed_ports.set(port, {});
  }
  for (const std::string& volume : config.config.volumes) {
    draft.volumes.set(volume, {});
  }
  for (const auto& [name, value] : config.config.labels) {
    draft.labels.set(name, value);
  }
  draft.base_history = std::make_shared<const std::vector<registry::History>>(config.history);
  return draft;
}

ImageDraft empty_draft(const registry::Platform& platform) {
  ImageDraft draft;
  draft.platform = platform;
  draft.working_dir = std::make_shared<const std::string>("/");
  ensure_path(draft);
  return draft;
}

void ensure_path(ImageDraft& draft) {
  if (draft.platform.os != "windows" && !draft.env.contains("PATH")) {
    draft.env.set_in_place("PATH", kDefaultPath);
  }
}

registry::ImageConfig config_of(const ImageDraft& draft) {
  registry::ImageConfig config;
  config.platform = draft.platform;
  config.author = text_of(draft.author);
  registry::ContainerConfig& container = config.config;
  container.user = text_of(draft.user);
  container.working_dir = working_dir_text(draft);
  container.stop_signal = text_of(draft.stop_signal);
  container.env = draft.env.assignments();
  container.cmd = list_of(draft.cmd);
  container.entrypoint = list_of(draft.entrypoint);
  container.shell = list_of(draft.shell);
  container.args_escaped = draft.args_escaped;
  if (draft.healthcheck) {
    container.healthcheck = *draft.healthcheck;
  }
  draft.exposed_ports.for_each(
      [&](std::string_view port, auto) { container.exposed_ports.emplace(port); });
  draft.volumes.for_each([&](std::string_view path, auto) { container.volumes.emplace(path); });
  draft.labels.for_each([&](std::string_view name, const std::string& value) {
    container.labels.emplace(name, value);
  });
  container.on_build = draft.on_build;
  return config;
}

Texts shell_of(const ImageDraft& draft) {
  if (draft.shell && !draft.shell->empty()) {
    return *draft.shell;
  }
  return draft.platform.os == "windows" ? Texts{"cmd", "/S", "/C"} : Texts{"/bin/sh", "-c"};
}

std::size_t HistoryLog::add(std::optional<std::size_t> previous, PlannedHistory entry) {
  std::size_t size = entry.entry.created_by.size() + (previous ? size_of(previous) : 0);
  entries_.push_back({std::move(entry), previous, size});
  return entries_.size() - 1;
}

std::vector<PlannedHistory> HistoryLog::chain(std::optional<std::size_t> last) const {
  std::vector<PlannedHistory> chain;
  for (; last; last = entries_[*last].previous) {
    chain.push_back(entries_[*last].history);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::size_t HistoryLog::size_of(std::optional<std::size_t> last) const {
  return last ? entries_[*last].size_so_far : 0;
}

}  // namespace slipway::builder
