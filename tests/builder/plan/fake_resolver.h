#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "builder/plan/plan.h"

namespace slipway::builder {

// Images by their canonical reference; everything else is not found. busybox and alpine are there
// from the start, with one layer each.
class FakeResolver : public ImageResolver {
 public:
  FakeResolver();

  ResolvedImage resolve(const registry::Reference& reference, const registry::Platform& platform,
                        std::stop_token stop) override;
  ResolvedImage resolve_layout(const std::string& layout, const registry::Platform& platform,
                               std::stop_token stop) override;
  std::optional<std::int64_t> source_time(const VertexOp& source, std::stop_token stop) override;

  // An image of `name` with that config, and `layers` layers. It takes any platform that is asked
  // for unless the config has one.
  void add(const std::string& name, registry::ImageConfig config, std::size_t layers = 1);
  void add_layout(const std::string& layout, registry::ImageConfig config);
  // The text of an image config with only these triggers.
  void add_with_triggers(const std::string& name, std::vector<std::string> triggers);
  void set_source_time(std::int64_t seconds) { source_time_ = seconds; }

  // "docker.io/library/busybox:latest linux/amd64", sorted.
  std::multiset<std::string> asked();

 private:
  struct Image {
    registry::ImageConfig config;
    std::size_t layers = 1;
  };
  ResolvedImage made(const std::string& name, const Image& image,
                     const registry::Platform& platform);

  std::map<std::string, Image> images_;
  std::map<std::string, Image> layouts_;
  std::optional<std::int64_t> source_time_;
  std::mutex mutex_;
  std::multiset<std::string> asked_;
};

}  // namespace slipway::builder
