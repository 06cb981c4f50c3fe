#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

// A name that stands for an index gives its copy all platforms.
cache::NameTarget target_of(cache::Store& store, const std::string& source) {
  if (auto reference = registry::Reference::parse(source)) {
    if (auto row = store.images().find_name(reference->for_pull().canonical())) {
      return row->target;
    }
  }
  return get_image(store, source, registry::host_platform());
}

registry::Reference get_new_name(const std::string& text) {
  registry::Reference name = get_reference(text);
  if (name.digest()) {
    base::fail(base::ErrorKind::kUsage,
               cat("refusing to create a tag with a digest reference: ", text));
  }
  return name.with_default_tag();
}

}  // namespace

int run_tag(const Invocation& invocation) {
  std::vector<std::string> words;
  Flags flags("tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Give an image another name.");
  flags.words(words, {2, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  registry::Reference name = get_new_name(words[1]);
  Services services(invocation, {.use = StoreUse::kDocuments});
  cache::Batch batch;
  batch.names.push_back({name.canonical(), target_of(services.store(), words[0]), {}});
  services.store().commit(batch);
  return 0;
}

}  // namespace slipway::cmd
