#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

std::string title_of(cache::ContentKind kind) {
  std::string text = cache::text_of(kind);
  text.front() = static_cast<char>(text.front() - 'a' + 'A');
  return text;
}

std::string reclaimable_text(const cache::KindUsage& usage) {
  std::uint64_t percent = usage.bytes == 0 ? 0 : usage.reclaimable_bytes * 100 / usage.bytes;
  return cat(precise_size_text(usage.reclaimable_bytes),
             usage.bytes == 0 ? "" : cat(" (", percent, "%)"));
}

// In the order in which `prune -a` would take them.
Listing items_listing(Services& services) {
  Listing listing({{"Type", "TYPE"}, {"ID", "ID"}, {"Name", "NAME"}, {"Size", "SIZE"}},
                  {"Type", "ID", "Name", "Size"});
  cache::PruneOptions all{.kinds = {}, .dry_run = true};
  for (int kind = 0; kind < static_cast<int>(cache::ContentKind::kGarbage); ++kind) {
    all.kinds.insert(static_cast<cache::ContentKind>(kind));
  }
  for (const cache::PrunedItem& item : services.store().prune(all, services.stop()).items) {
    listing.add({{"Type", title_of(item.kind)},
                 {"ID", short_id(item.id)},
                 {"Name", item.name},
                 {"Size", precise_size_text(item.bytes)}});
  }
  return listing;
}

}  // namespace

int run_df(const Invocation& invocation) {
  std::string format;
  bool verbose = false;
  Flags flags("df", "[OPTIONS]", "Show what the store holds, and what of it could be freed.");
  flags.text("--format", format, "table (default), json or a Go template");
  flags.toggle("-v,--verbose", verbose,
               "Everything that could be removed, with what that frees when all above it is gone");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Listing listing({{"Type", "TYPE"},
                   {"TotalCount", "TOTAL"},
                   {"Active", "ACTIVE"},
                   {"Size", "SIZE"},
                   {"Reclaimable", "RECLAIMABLE"}},
                  {"Type", "TotalCount", "Active", "Size", "Reclaimable"});
  Services services(invocation, {.use = StoreUse::kFiles});
  if (verbose) {
    print_out(items_listing(services).text(format));
    return 0;
  }
  cache::Usage usage = services.store().usage(services.stop());
  for (const cache::KindUsage& kind : usage.kinds) {
    listing.add({{"Type", title_of(kind.kind)},
                 {"TotalCount", cat(kind.count)},
                 {"Active", cat(kind.in_use)},
                 {"Size", precise_size_text(kind.bytes)},
                 {"Reclaimable", reclaimable_text(kind)}});
  }
  listing.add({{"Type", "Database"},
               {"TotalCount", "1"},
               {"Active", "1"},
               {"Size", precise_size_text(usage.database_bytes)},
               {"Reclaimable", "0B"}});
  print_out(listing.text(format));
  return 0;
}

}  // namespace slipway::cmd
