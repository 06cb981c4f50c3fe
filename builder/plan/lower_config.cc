#include <utility>

#include "base/text.h"
#include "builder/plan/lower.h"
#include "parser/ports.h"
#include "parser/quoting.h"
#include "parser/signals.h"

namespace slipway::builder {

namespace {

using base::cat;

// Longer than any name that /etc/passwd can hold in a line.
constexpr std::size_t kUserBytesMax = 4096;

Shared<std::string> shared(const std::string& text) {
  return text.empty() ? nullptr : std::make_shared<const std::string>(text);
}

std::string pairs_text(const std::vector<parser::KeyValue>& pairs) {
  std::string text;
  for (const parser::KeyValue& pair : pairs) {
    text += cat(" ", pair.key, "=", pair.value);
  }
  return text;
}

// One function per instruction; each ends with its history entry (language reference 10.3).
struct ConfigLowerer {
  Lowering& lowering;

  ImageDraft& image() const { return lowering.state.image; }

  Lowered committed(std::string created_by) const {
    commit(lowering, std::move(created_by));
    return {};
  }

  Lowered operator()(const parser::Env& env) const {
    for (const parser::KeyValue& variable : env.variables) {
      lowering.state.environment.set(variable.key, variable.value);
      image().env.set_in_place(variable.key, variable.value);
    }
    return committed("ENV" + pairs_text(env.variables));
  }

  Lowered operator()(const parser::Label& label) const {
    for (const parser::KeyValue& pair : label.labels) {
      image().labels.set(pair.key, pair.value);
    }
    return committed("LABEL" + pairs_text(label.labels));
  }

  Lowered operator()(const parser::Maintainer& maintainer) const {
    image().author = shared(maintainer.name);
    return committed("MAINTAINER " + maintainer.name);
  }

  Lowered operator()(const parser::Cmd& cmd) const {
    Texts words = command_words(lowering, cmd.command);
    std::string created_by = "CMD " + parser::quote_list(words);
    image().cmd = std::make_shared<const Texts>(std::move(words));
    image().args_escaped = true;
    lowering.state.has_cmd = true;
    return committed(std::move(created_by));
  }

  // A Cmd that was inherited belongs to another entrypoint.
  Lowered operator()(const parser::Entrypoint& entrypoint) const {
    Texts words = command_words(lowering, entrypoint.command);
    std::string created_by = "ENTRYPOINT " + parser::quote_list(words);
    image().entrypoint = std::make_shared<const Texts>(std::move(words));
    if (!lowering.state.has_cmd) {
      image().cmd = nullptr;
    }
    return committed(std::move(created_by));
  }

  Lowered operator()(const parser::Expose& expose) const {
    Texts ports;
    for (const std::string& word : expose.ports) {
      auto exposed = parser::parse_exposed_ports(word);
      if (!exposed) {
        return std::unexpected(std::move(exposed.error()));
      }
      for (std::string& port : exposed->ports) {
        image().exposed_ports.set(port, {});
        ports.push_back(std::move(port));
      }
    }
    return committed("EXPOSE " + parser::bracket_list(ports));
  }

  Lowered operator()(const parser::Volume& volume) const {
    for (const std::string& path : volume.volumes) {
      if (path.empty()) {
        return std::unexpected("VOLUME specified can not be an empty string");
      }
      image().volumes.set(path, {});
    }
    return committed("VOLUME " + parser::bracket_list(volume.volumes));
  }

  Lowered operator()(const parser::User& user) const {
    if (user.user.size() > kUserBytesMax) {
      return std::unexpected(cat("the user's name has ", user.user.size(),
                                 " bytes, more than the limit of ", kUserBytesMax));
    }
    image().user = shared(user.user);
    return committed("USER " + user.user);
  }

  Lowered operator()(const parser::Stopsignal& stopsignal) const {
    if (!parser::parse_signal(stopsignal.signal)) {
      return std::unexpected("invalid signal: " + stopsignal.signal);
    }
    image().stop_signal = shared(stopsignal.signal);
    return committed("STOPSIGNAL " + stopsignal.signal);
  }

  Lowered operator()(const parser::Shell& shell) const {
    image().shell = std::make_shared<const Texts>(shell.shell);
    return committed("SHELL " + parser::bracket_list(shell.shell));
  }

  Lowered operator()(const parser::Healthcheck& check) const {
    registry::Healthcheck healthcheck{check.test,
                                      check.interval_ns,
                                      check.timeout_ns,
                                      check.start_period_ns,
                                      check.start_interval_ns,
                                      check.retries};
    image().healthcheck = std::make_shared<const registry::Healthcheck>(std::move(healthcheck));
    return committed("HEALTHCHECK " + parser::healthcheck_text(check));
  }

  // Kept for images and stages built on this one; no history.
  Lowered operator()(const parser::Onbuild& onbuild) const {
    image().on_build.push_back(onbuild.trigger);
    return {};
  }

  // Instructions that make layers, and ARG, are lowered elsewhere.
  Lowered operator()(const parser::InstructionBase& other) const {
    base::fail(base::ErrorKind::kInternal, cat("no lowering for the instruction ", other.keyword));
  }
};

}  // namespace

Lowered lower_config(Lowering& lowering, const parser::Instruction& instruction) {
  return std::visit(ConfigLowerer{lowering}, instruction);
}

}  // namespace slipway::builder
