#include "cmd/config_changes.h"

#include <array>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "builder/plan/plan.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

// What may stand in --change: instructions that only say how a container starts.
constexpr std::array<std::string_view, 12> kChanges = {
    "CMD",     "ENTRYPOINT", "ENV",        "EXPOSE", "HEALTHCHECK", "LABEL",
    "ONBUILD", "SHELL",      "STOPSIGNAL", "USER",   "VOLUME",      "WORKDIR"};
constexpr std::string_view kBase = "base";

std::string upper(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return text;
}

// The one base image there is: a config without layers.
class ConfigOnly : public builder::ImageResolver {
 public:
  explicit ConfigOnly(registry::ImageConfig config) : config_(std::move(config)) {}
  builder::ResolvedImage resolve(const registry::Reference& reference, const registry::Platform&,
                                 std::stop_token) override {
    return {reference, base::sha256_of(registry::serialise(config_)), std::nullopt, config_, {}};
  }

 private:
  registry::ImageConfig config_;
};

void check_change(const std::string& change) {
  std::string word = upper(change.substr(0, change.find_first_of(" \t")));
  for (std::string_view known : kChanges) {
    if (word == known && change.find('\n') == std::string::npos) {
      return;
    }
  }
  base::fail(
      base::ErrorKind::kUsage,
      cat(base::quote(change), " is not a valid change",
          parser::did_you_mean(word, std::span<const std::string_view>(kChanges))),
      "--change takes one line of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
      "SHELL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}

}  // namespace

// The changes are planned as a Dockerfile of their own, whose config is what they say. Triggers of
// the config are not carried out: nothing is built on it here.
registry::ContainerConfig changed_config(const std::vector<std::string>& changes,
                                         const registry::ContainerConfig& config,
                                         const registry::Platform& platform, std::stop_token stop) {
  if (changes.empty()) {
    return config;
  }
  bool is_empty = config == registry::ContainerConfig{};
  std::string text = cat("FROM ", is_empty ? "scratch" : kBase, "\n");
  for (const std::string& change : changes) {
    check_change(change);
    text += cat(change, "\n");
  }
  registry::ImageConfig below;
  below.platform = platform;
  below.config = config;
  below.config.on_build.clear();
  ConfigOnly images(std::move(below));
  builder::PlanOptions options;
  options.dockerfile_name = "--change";
  options.platforms = {platform};
  builder::PlanOutcome plan = builder::make_plan(text, options, images, std::move(stop));
  if (!plan) {
    base::fail(plan.error().kind, plan.error().message, plan.error().hint);
  }
  registry::ContainerConfig changed = plan->graph.targets.front().config.config;
  changed.on_build.insert(changed.on_build.begin(), config.on_build.begin(), config.on_build.end());
  return changed;
}

}  // namespace slipway::cmd
