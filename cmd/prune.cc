#include "base/error.h"
#include "base/text.h"
#include "cmd/build_flags.h"
#include "cmd/flags.h"
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

cache::PruneOptions options_of(const PruneFlags& flags) {
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
    auto nanoseconds = parser::parse_duration(flags.until);
    if (!nanoseconds || *nanoseconds < 0) {
      base::fail(base::ErrorKind::kUsage,
                 cat("--until ", base::quote(flags.until), " is no duration"),
                 "durations look like 24h or 30m");
    }
    options.unused_for_seconds = *nanoseconds / 1'000'000'000;
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

}  // namespace

int run_prune(const Invocation& invocation) {
  PruneFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  cache::PruneOptions options = options_of(flags);
  Services services(invocation, {.use = StoreUse::kFiles});
  print_out(text_of(services.store().prune(options, services.stop()), flags.dry_run));
  return 0;
}

}  // namespace slipway::cmd
