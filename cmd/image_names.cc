#include "cmd/image_names.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

// Names as somebody may have meant them: with and without ":latest".
std::vector<std::string> known_names(cache::Store& store) {
  constexpr std::string_view kLatest = ":latest";
  std::vector<std::string> known = familiar_names(store.images().names());
  std::size_t count = known.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (known[i].ends_with(kLatest)) {
      known.push_back(known[i].substr(0, known[i].size() - kLatest.size()));
    }
  }
  return known;
}

}  // namespace

registry::Reference get_reference(const std::string& text) {
  auto reference = registry::Reference::parse(text);
  if (!reference) {
    base::fail(base::ErrorKind::kUsage,
               cat(base::quote(text), " is not a valid image name: ", reference.error()));
  }
  return *std::move(reference);
}

registry::Platform get_platform(const std::string& text) {
  if (text.empty()) {
    return registry::host_platform();
  }
  auto platform = registry::parse_platform(text);
  if (!platform) {
    base::fail(base::ErrorKind::kUsage,
               cat("--platform ", base::quote(text), ": ", platform.error()),
               "platforms look like linux/amd64 or linux/arm/v7");
  }
  return *std::move(platform);
}

cache::ImageId get_image(cache::Store& store, const std::string& text,
                         const registry::Platform& platform) {
  std::optional<cache::ImageId> id = builder::find_image(store, text, platform);
  if (!id) {
    fail_no_image(store, text);
  }
  return *std::move(id);
}

cache::ImageTable::Listed get_listed_image(cache::Store& store, const std::string& text,
                                           const registry::Platform& platform) {
  auto listed = store.images().find_listed(get_image(store, text, platform));
  if (!listed) {
    fail_no_image(store, text);
  }
  return *std::move(listed);
}

void fail_no_image(cache::Store& store, const std::string& text) {
  base::fail(base::ErrorKind::kNotFound,
             cat("No such image: ", text, parser::did_you_mean(text, known_names(store))),
             "'slipway images' lists what is here, 'slipway pull' fetches from a registry");
}

std::vector<std::string> familiar_names(const std::vector<cache::NameRow>& names) {
  std::vector<std::string> texts;
  for (const cache::NameRow& name : names) {
    texts.push_back(familiar_text(name.reference));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::vector<std::string> familiar_digests(const std::vector<cache::RepositoryDigestRow>& rows) {
  std::vector<std::string> texts;
  for (const cache::RepositoryDigestRow& row : rows) {
    texts.push_back(cat(familiar_text(row.repository), "@", row.digest.text()));
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

std::string familiar_text(const std::string& normal) {
  auto reference = registry::Reference::parse(normal);
  return reference ? reference->familiar() : normal;
}

}  // namespace slipway::cmd
