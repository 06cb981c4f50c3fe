#include "registry/oci/platform.h"
#include "registry/oci/reference.h"
#include "tests/fuzz/fuzz.h"

// The first line is a reference, the rest a pattern for it; both are also read as a platform.

namespace {

using slipway::registry::Reference;
using slipway::tests::require;

// Every form for programs reads back as the same reference.
void check_forms(const Reference& reference) {
  require(Reference::parse(reference.canonical()) == reference);
  require(!reference.familiar().empty());
  auto name = Reference::parse(reference.name());
  require(name && *name == reference.without_tag_and_digest());
  require(reference.with_default_tag().tag() || reference.digest());
  require(!reference.for_pull().tag() || !reference.for_pull().digest());
  require(!reference.tag() || slipway::registry::is_tag(*reference.tag()));
}

void check_platform(std::string_view text) {
  auto platform = slipway::registry::parse_platform(text);
  if (platform) {
    platform->os_version.clear();
    platform->os_features.clear();
    auto again = slipway::registry::parse_platform(platform->text());
    require(again && *again == *platform);
    require(slipway::registry::runs_on(*platform, *platform));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = slipway::tests::input_text(data, size);
  std::string_view name = slipway::tests::take_part(text);
  (void)slipway::registry::find_image_id(name);
  if (auto reference = Reference::parse(name)) {
    check_forms(*reference);
    (void)slipway::registry::familiar_match(text, *reference);
  }
  check_platform(name);
  check_platform(text);
  return 0;
}
