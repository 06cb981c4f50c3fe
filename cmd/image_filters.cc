#include "cmd/image_filters.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/image_names.h"
#include "parser/suggest.h"
#include "registry/oci/reference.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::array<std::string_view, 6> kKeys = {"reference", "dangling", "label",
                                                   "before",    "since",    "until"};

bool parse_truth(std::string_view text) {
  for (std::string_view yes : {"true", "1", "t", "TRUE", "True", "T"}) {
    if (text == yes) {
      return true;
    }
  }
  for (std::string_view no : {"false", "0", "f", "FALSE", "False", "F"}) {
    if (text == no) {
      return false;
    }
  }
  base::fail(base::ErrorKind::kUsage,
             cat("invalid filter 'dangling=", text, "': true or false is wanted"));
}

base::Timestamp created_of(const std::string& image, cache::Store& store) {
  return get_listed_image(store, image, registry::host_platform()).image.created;
}

base::Timestamp parse_time(const std::string& text) {
  if (auto seconds = base::parse_integer<std::int64_t>(text)) {
    return {*seconds, 0};
  }
  std::optional<base::Timestamp> time = base::parse_rfc3339(text);
  if (!time) {
    base::fail(base::ErrorKind::kUsage, cat("invalid filter 'until=", text, "'"),
               "times look like 2026-08-01T10:00:00Z, or are seconds since 1970");
  }
  return *time;
}

void add_filter(ImageFilters& filters, std::string_view key, const std::string& value,
                cache::Store& store) {
  if (key == "reference") {
    filters.references.push_back(value);
  } else if (key == "dangling") {
    filters.dangling = parse_truth(value);
  } else if (key == "label") {
    filters.labels.push_back(parse_label(value));
  } else if (key == "since") {
    filters.created_after = created_of(value, store);
  } else if (key == "before" || key == "until") {
    base::Timestamp time = key == "until" ? parse_time(value) : created_of(value, store);
    filters.created_before = std::min(filters.created_before.value_or(time), time);
  } else {
    base::fail(base::ErrorKind::kUsage,
               cat("invalid filter ", base::quote(key),
                   parser::did_you_mean(key, std::span<const std::string_view>(kKeys))),
               "the filters are: reference, dangling, label, before, since, until");
  }
}

bool matches_any(const std::vector<std::string>& patterns, const registry::Reference& reference) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    auto matched = registry::familiar_match(pattern, reference);
    if (!matched) {
      base::fail(base::ErrorKind::kUsage,
                 cat("invalid reference pattern ", base::quote(pattern), ": ", matched.error()));
    }
    return *matched;
  });
}

bool name_matches(const ImageFilters& filters, const std::string& normal) {
  auto reference = registry::Reference::parse(normal);
  return reference && matches_any(filters.references, *reference);
}

// False if no name is left.
bool keep_matching_names(const ImageFilters& filters, cache::ImageTable::Listed& image) {
  std::erase_if(image.names,
                [&](const cache::NameRow& name) { return !name_matches(filters, name.reference); });
  std::erase_if(image.digests, [&](const cache::RepositoryDigestRow& row) {
    return !name_matches(filters, cat(row.repository, "@", row.digest.text()));
  });
  return !image.names.empty() || !image.digests.empty();
}

}  // namespace

ImageFilters::Label parse_label(std::string_view text) {
  auto pair = base::split_once(text, '=');
  return pair ? ImageFilters::Label{std::string(pair->before), std::string(pair->after)}
              : ImageFilters::Label{std::string(text), std::nullopt};
}

bool has_labels(const std::vector<ImageFilters::Label>& wanted, const cache::ImageId& id,
                cache::Store& store) {
  auto labels = builder::read_image(store, id).config.config.labels;
  return std::all_of(wanted.begin(), wanted.end(), [&](const ImageFilters::Label& label) {
    auto found = labels.find(label.name);
    return found != labels.end() && (!label.value || found->second == *label.value);
  });
}

ImageFilters parse_image_filters(const std::vector<std::string>& texts, cache::Store& store) {
  ImageFilters filters;
  for (const std::string& text : texts) {
    auto pair = base::split_once(text, '=');
    if (!pair) {
      base::fail(base::ErrorKind::kUsage,
                 cat("invalid filter ", base::quote(text), ": key=value is wanted"));
    }
    add_filter(filters, pair->before, std::string(pair->after), store);
  }
  return filters;
}

bool passes(const ImageFilters& filters, cache::ImageTable::Listed& image, cache::Store& store) {
  if (filters.dangling && *filters.dangling != (image.names.empty() && image.digests.empty())) {
    return false;
  }
  if (filters.created_before && !(image.image.created < *filters.created_before)) {
    return false;
  }
  if (filters.created_after && !(image.image.created > *filters.created_after)) {
    return false;
  }
  if (!filters.references.empty() && !keep_matching_names(filters, image)) {
    return false;
  }
  return filters.labels.empty() || has_labels(filters.labels, image.image.id, store);
}

}  // namespace slipway::cmd
