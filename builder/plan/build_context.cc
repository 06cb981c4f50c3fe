#include "builder/plan/build_context.h"

#include "base/text.h"
#include "parser/git_ref.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

namespace {

// The text after a scheme with or without its slashes: "docker-image://a" and "docker-image:a".
std::optional<std::string> without_scheme(std::string_view value, std::string_view scheme) {
  if (!value.starts_with(scheme)) {
    return std::nullopt;
  }
  value.remove_prefix(scheme.size());
  if (value.starts_with("//")) {
    value.remove_prefix(2);
  }
  return std::string(value);
}

}  // namespace

BuildContext parse_build_context(std::string_view value) {
  if (auto image = without_scheme(value, "docker-image:")) {
    return {BuildContext::Kind::kImage, *image};
  }
  if (auto layout = without_scheme(value, "oci-layout:")) {
    return {BuildContext::Kind::kOciLayout, *layout};
  }
  if (parser::parse_git_reference(value).is_git) {
    return {BuildContext::Kind::kGit, std::string(value)};
  }
  if (parser::is_http_url(value)) {
    return {BuildContext::Kind::kHttp, std::string(value)};
  }
  return {BuildContext::Kind::kLocal, std::string(value)};
}

std::optional<std::string> context_key(std::string_view name) {
  std::size_t platform = name.find("::");
  auto reference = registry::Reference::parse(name.substr(0, platform));
  if (!reference) {
    return std::nullopt;
  }
  std::string key = reference->familiar();
  if (constexpr std::string_view kLatest = ":latest"; key.ends_with(kLatest)) {
    key.resize(key.size() - kLatest.size());
  }
  if (platform != std::string_view::npos) {
    key.append(name.substr(platform));
  }
  return key;
}

}  // namespace slipway::builder
