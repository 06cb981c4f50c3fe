#include "fake_resolver.h"

#include <utility>

#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;

registry::ImageConfig shell_image() {
  registry::ImageConfig config;
  config.config.env = {"PATH=/bin:/usr/bin"};
  config.config.cmd = {{"sh"}};
  registry::History entry;
  entry.created_by = "base";
  config.history = {std::move(entry)};
  return config;
}

}  // namespace

FakeResolver::FakeResolver() {
  add("busybox", shell_image());
  add("alpine", shell_image());
}

void FakeResolver::add(const std::string& name, registry::ImageConfig config, std::size_t layers) {
  std::string reference = registry::Reference::parse(name)->with_default_tag().canonical();
  images_.insert_or_assign(std::move(reference), Image{std::move(config), layers});
}

void FakeResolver::add_layout(const std::string& layout, registry::ImageConfig config) {
  layouts_.insert_or_assign(layout, Image{std::move(config), 1});
}

void FakeResolver::add_with_triggers(const std::string& name, std::vector<std::string> triggers) {
  registry::ImageConfig config = shell_image();
  config.config.on_build = std::move(triggers);
  add(name, std::move(config));
}

ResolvedImage FakeResolver::made(const std::string& name, const Image& image,
                                 const registry::Platform& platform) {
  ResolvedImage result{.reference = *registry::Reference::parse(name),
                       .config_digest = base::sha256_of(name + "\n" + platform.text()),
                       .manifest_digest = {},
                       .config = image.config,
                       .layers = {}};
  if (result.config.platform.os.empty()) {
    result.config.platform = platform;
  }
  for (std::size_t i = 0; i < image.layers; ++i) {
    base::Digest diff_id = base::sha256_of(cat(name, "\n", platform.text(), "\n", i));
    result.layers.push_back({.diff_id = std::move(diff_id), .blob = {}});
  }
  return result;
}

ResolvedImage FakeResolver::resolve(const registry::Reference& reference,
                                    const registry::Platform& platform, std::stop_token) {
  std::string name = reference.canonical();
  {
    std::lock_guard lock(mutex_);
    asked_.insert(cat(name, " ", platform.text()));
  }
  auto found = images_.find(name);
  if (found == images_.end()) {
    base::fail(base::ErrorKind::kNotFound, "not found");
  }
  return made(name, found->second, platform);
}

ResolvedImage FakeResolver::resolve_layout(const std::string& layout,
                                           const registry::Platform& platform, std::stop_token) {
  auto found = layouts_.find(layout);
  if (found == layouts_.end()) {
    base::fail(base::ErrorKind::kNotFound, "no such layout");
  }
  return made("layout", found->second, platform);
}

std::optional<std::int64_t> FakeResolver::source_time(const VertexOp&, std::stop_token) {
  return source_time_;
}

std::multiset<std::string> FakeResolver::asked() {
  std::lock_guard lock(mutex_);
  return asked_;
}

}  // namespace slipway::builder
