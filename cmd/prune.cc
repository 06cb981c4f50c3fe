#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "cmd/build_flags.h"
#include "cmd/flags.h"
#include "cmd/image_filters.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "parser/durations.h"

namespace slipway::cmd {

namespace {

using base::cat;
using cache::ContentKind;

struct PruneFlags {
  bool all = false;
  bool force = false;
  bool dry_run = false;
  bool images = false;
  bool build_cache = false;
  bool cache_mounts = false;
  bool containers = false;
  std::string until;
  std::string keep;
  std::string min_free;
  std::vector<std::string> filters;
};

// What --filter says: images with, and without, these labels; images that were created before a
// time, and other things that were last used before it.
struct PruneFilters {
  std::vector<ImageFilters::Label> with;
  std::vector<ImageFilters::Label> without;
  std::optional<base::Timestamp> before;
  bool has_labels() const { return !with.empty() || !without.empty(); }
};

bool parse(const Invocation& invocation, PruneFlags& values) {
  Flags flags("prune", "[OPTIONS]",
              "Free space: images without a name, the build cache, what failed steps left, what "
              "nothing needs.");
  flags.toggle("-a,--all", values.all,
               "Also images with names, containers, cache mounts and what is known of contexts");
  flags.toggle("--images", values.images, "Only images (without a name; with --all every image)");
  flags.toggle("--build-cache", values.build_cache,
               "Only results of steps, and what failed ones left");
  flags.toggle("--cache-mounts", values.cache_mounts, "Only directories of RUN --mount=type=cache");
  flags.toggle("--containers", values.containers, "Only containers that 'run --keep' has kept");
  flags.text("--until", values.until, "Only what was not used for so long: 24h, 30m");
  flags.texts("--filter", values.filters,
              "until=24h (or a time): images created, other things last used before; "
              "label=KEY[=VALUE], label!=KEY[=VALUE] (only images then)");
  flags.text("--keep-storage", values.keep, "Stop when the store takes no more than this: 10g");
  flags.text("--min-free", values.min_free, "Stop when so much of the disk is free: 20g");
  flags.toggle("--dry-run", values.dry_run, "Only say what would go");
  flags.toggle("-f,--force", values.force, "Accepted: nothing is asked");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

std::optional<std::uint64_t> size_of(const std::string& name, const std::string& text) {
  if (text.empty()) {
    return std::nullopt;
  }
  std::optional<std::uint64_t> size = parse_size(text);
  if (!size) {
    base::fail(base::ErrorKind::kUsage, cat(name, " ", base::quote(text), " is no size"),
               "sizes look like 500m or 10g");
  }
  return size;
}

base::Timestamp until_time(const std::string& text, base::Timestamp now) {
  if (auto nanoseconds = parser::parse_duration(text); nanoseconds && *nanoseconds >= 0) {
    return {now.seconds - *nanoseconds / 1'000'000'000, now.nanoseconds};
  }
  auto seconds = base::parse_integer<std::int64_t>(text);
  std::optional<base::Timestamp> time =
      seconds ? std::optional(base::Timestamp{*seconds, 0}) : base::parse_rfc3339(text);
  if (!time) {
    base::fail(base::ErrorKind::kUsage, cat("--until ", base::quote(text), " is no duration"),
               "durations look like 24h or 30m; times like 2026-08-01T10:00:00Z");
  }
  return *time;
}

std::int64_t seconds_since(base::Timestamp time, base::Timestamp now) {
  return std::max<std::int64_t>(now.seconds - time.seconds, 0);
}

PruneFilters filters_of(const PruneFlags& flags, base::Timestamp now) {
  PruneFilters filters;
  for (const std::string& text : flags.filters) {
    auto pair = base::split_once(text, '=');
    std::string key(pair ? pair->before : std::string_view(text));
    if (!pair || (key != "until" && key != "label" && key != "label!")) {
      base::fail(base::ErrorKind::kUsage, cat("invalid filter ", base::quote(text)),
                 "there are until=TIME, label=KEY[=VALUE] and label!=KEY[=VALUE]");
    }
    if (key != "until") {
      (key == "label" ? filters.with : filters.without).push_back(parse_label(pair->after));
    } else if (filters.before) {
      base::fail(base::ErrorKind::kUsage, "more than one filter until=");
    } else {
      filters.before = until_time(std::string(pair->after), now);
    }
  }
  return filters;
}

cache::PruneOptions options_of(const PruneFlags& flags, base::Timestamp now) {
  cache::PruneOptions options;
  bool is_chosen = flags.images || flags.build_cache || flags.cache_mounts || flags.containers;
  if (is_chosen) {
    options.kinds.clear();
  } else if (flags.all) {
    options.kinds = {ContentKind::kImage,     ContentKind::kDanglingImage, ContentKind::kRecord,
                     ContentKind::kCacheDir,  ContentKind::kContext,       ContentKind::kContainer,
                     ContentKind::kFailedStep};
  }
  if (flags.images) {
    options.kinds.insert(ContentKind::kDanglingImage);
    if (flags.all) {
      options.kinds.insert(ContentKind::kImage);
    }
  }
  if (flags.build_cache) {
    options.kinds.insert(ContentKind::kRecord);
    options.kinds.insert(ContentKind::kFailedStep);
  }
  if (flags.cache_mounts) {
    options.kinds.insert(ContentKind::kCacheDir);
  }
  if (flags.containers) {
    options.kinds.insert(ContentKind::kContainer);
  }
  if (!flags.until.empty()) {
    options.unused_for_seconds = seconds_since(until_time(flags.until, now), now);
  }
  options.keep_bytes = size_of("--keep-storage", flags.keep);
  options.free_bytes_min = size_of("--min-free", flags.min_free);
  options.dry_run = flags.dry_run;
  return options;
}

std::string text_of(const cache::PruneResult& result, bool is_dry) {
  std::string text;
  for (const cache::PrunedItem& item : result.items) {
    text += cat(is_dry ? "Would delete " : "Deleted ", cache::text_of(item.kind), ": ",
                item.name.empty() ? item.id : item.name, " (", size_text(item.bytes), ")\n");
  }
  return text + cat(is_dry ? "Total reclaimable space: " : "Total reclaimed space: ",
                    size_text(result.freed_bytes), "\n");
}

std::uint64_t sum(const std::vector<cache::PrunedItem>& items) {
  std::uint64_t bytes = 0;
  for (const cache::PrunedItem& item : items) {
    bytes += item.bytes;
  }
  return bytes;
}

bool passes(const PruneFilters& filters, const cache::ImageRow& image, cache::Store& store) {
  return (!filters.before || image.created < *filters.before) &&
         has_labels(filters.with, image.id, store) &&
         std::ranges::none_of(filters.without, [&](const ImageFilters::Label& label) {
           return has_labels({label}, image.id, store);
         });
}

// Images that the filters mean, of those that would go without any.
cache::PruneResult prune_images(Services& services, cache::PruneOptions options,
                                const PruneFilters& filters) {
  cache::Store& store = services.store();
  bool is_dry = std::exchange(options.dry_run, true);
  std::uint64_t before = store.usage(services.stop()).total_bytes();
  std::erase_if(options.kinds, [](ContentKind kind) {
    return kind != ContentKind::kImage && kind != ContentKind::kDanglingImage;
  });
  cache::PruneResult result = store.prune(options, services.stop());
  std::erase_if(result.items, [&](const cache::PrunedItem& item) {
    cache::ImageId id(*base::Digest::parse(item.id));
    std::optional<cache::ImageTable::Listed> image = store.images().find_listed(id);
    // Whoever named it meanwhile wants it.
    bool stays = !image || (item.kind == ContentKind::kDanglingImage && !image->names.empty()) ||
                 !passes(filters, image->image, store);
    if (!stays && !is_dry) {
      store.images().remove(id);
    }
    return stays;
  });
  if (is_dry) {
    result.freed_bytes = sum(result.items);
    return result;
  }
  // Layers may be those of images that stay.
  store.collect(services.stop());
  std::uint64_t after = store.usage(services.stop()).total_bytes();
  result.freed_bytes = before > after ? before - after : 0;
  return result;
}

// Docker's filters: until= goes by the creation of images, and by the last use of the rest.
cache::PruneResult prune_filtered(Services& services, const cache::PruneOptions& options,
                                  const PruneFilters& filters) {
  if (options.keep_bytes || options.free_bytes_min) {
    base::fail(base::ErrorKind::kUsage,
               "--keep-storage and --min-free choose what goes: they and --filter exclude each "
               "other");
  }
  cache::PruneResult result = prune_images(services, options, filters);
  cache::PruneOptions others = options;
  others.kinds.erase(ContentKind::kImage);
  others.kinds.erase(ContentKind::kDanglingImage);
  if (filters.has_labels() || others.kinds.empty()) {
    return result;
  }
  std::int64_t seconds = seconds_since(*filters.before, services.clock().now());
  others.unused_for_seconds = std::max(seconds, options.unused_for_seconds.value_or(0));
  cache::PruneResult rest = services.store().prune(others, services.stop());
  result.items.insert(result.items.end(), rest.items.begin(), rest.items.end());
  result.freed_bytes += rest.freed_bytes;
  return result;
}

}  // namespace

int run_prune(const Invocation& invocation) {
  PruneFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  base::Timestamp now = base::SystemClock().now();
  PruneFilters filters = filters_of(flags, now);
  cache::PruneOptions options = options_of(flags, now);
  Services services(invocation, {.use = StoreUse::kFiles});
  cache::PruneResult result = flags.filters.empty()
                                  ? services.store().prune(options, services.stop())
                                  : prune_filtered(services, options, filters);
  print_out(text_of(result, flags.dry_run));
  return 0;
}

}  // namespace slipway::cmd
