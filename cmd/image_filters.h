#pragma once

// `images --filter`: which images, and which of their names, are shown.

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cache/refs/image_table.h"
#include "cache/store.h"

namespace slipway::cmd {

// "key=value" by key:
//   reference=PATTERN   names that match (any of several patterns)
//   dangling=true       images without a name, or with one
//   label=key[=value]   images whose config has the label (all of several)
//   before=IMAGE, since=IMAGE   older, newer than that image
//   until=TIME          created before the time: RFC 3339 or seconds since 1970
struct ImageFilters {
  std::vector<std::string> references;
  std::optional<bool> dangling;
  struct Label {
    std::string name;
    std::optional<std::string> value;
  };
  std::vector<Label> labels;
  std::optional<base::Timestamp> created_before;
  std::optional<base::Timestamp> created_after;
};

// kUsage for unknown keys (with the nearest one) and values that can't be understood; kNotFound for
// an image that is not there.
ImageFilters parse_image_filters(const std::vector<std::string>& texts, cache::Store& store);

// "key" or "key=value".
ImageFilters::Label parse_label(std::string_view text);
// Whether the image's config has all of them.
bool has_labels(const std::vector<ImageFilters::Label>& wanted, const cache::ImageId& id,
                cache::Store& store);

// Takes from `image` the names and digests that no reference pattern matches; false if nothing of
// it is to be shown. Reads the image's config if there are labels to look for.
bool passes(const ImageFilters& filters, cache::ImageTable::Listed& image, cache::Store& store);

}  // namespace slipway::cmd
