#pragma once

// An image config while its stage is planned. Copies share what they can: a stage that continues
// another starts from a copy, and a file may have thousands of such stages.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "builder/plan/environment.h"
#include "builder/plan/graph.h"
#include "builder/plan/persistent_map.h"
#include "registry/oci/image_config.h"
#include "registry/oci/platform.h"

namespace slipway::builder {

template <typename T>
using Shared = std::shared_ptr<const T>;

using Texts = std::vector<std::string>;

// "" where nothing was set.
std::string_view text_of(const Shared<std::string>& text);

struct ImageDraft {
  registry::Platform platform;
  Environment env;
  Shared<std::string> author;
  Shared<std::string> user;
  Shared<std::string> working_dir;
  Shared<std::string> stop_signal;
  Shared<Texts> cmd;         // null: absent
  Shared<Texts> entrypoint;  // null: absent
  Shared<Texts> shell;       // null: the system's default
  bool args_escaped = false;
  Shared<registry::Healthcheck> healthcheck;
  PersistentMap<std::monostate> exposed_ports;
  PersistentMap<std::monostate> volumes;
  PersistentMap<std::string> labels;
  Texts on_build;  // what this stage's ONBUILD instructions add; never inherited
  Shared<std::vector<registry::History>> base_history;  // of the image the chain of stages is from
  std::optional<std::size_t> last_history;              // into HistoryLog: the entry made last
};

// Starting point of a stage on an image: its config without the triggers.
ImageDraft draft_of(const registry::ImageConfig& config);

// Starting point of FROM scratch: "/" as the working directory and, but on Windows, a PATH.
ImageDraft empty_draft(const registry::Platform& platform);

// PATH is always set, except on Windows.
void ensure_path(ImageDraft& draft);

// The config, without rootfs and history.
registry::ImageConfig config_of(const ImageDraft& draft);

// What a shell form is run with: SHELL, or the default of the system.
Texts shell_of(const ImageDraft& draft);

// History entries of all stages. A stage's history is a chain from its last entry to its first, so
// that stages that continue another share its entries.
class HistoryLog {
 public:
  // Adds an entry after `previous` and gives its place.
  std::size_t add(std::optional<std::size_t> previous, PlannedHistory entry);
  // The chain that ends with `last`, first entry first.
  std::vector<PlannedHistory> chain(std::optional<std::size_t> last) const;
  // The bytes of its texts.
  std::size_t size_of(std::optional<std::size_t> last) const;

 private:
  struct Entry {
    PlannedHistory history;
    std::optional<std::size_t> previous;
    std::size_t size_so_far = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace slipway::builder
