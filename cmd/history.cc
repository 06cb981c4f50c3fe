#include <algorithm>

#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kCommandCharacters = 45;
constexpr std::size_t kCommentCharacters = 45;
constexpr char kMissing[] = "<missing>";

struct HistoryFlags {
  bool quiet = false;
  bool no_trunc = false;
  bool human = true;
  std::string format;
  std::string platform;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, HistoryFlags& values) {
  Flags flags("history", "[OPTIONS] IMAGE", "Show the steps that made an image, the last first.");
  flags.toggle("-q,--quiet", values.quiet, "Only IDs");
  flags.toggle("--no-trunc", values.no_trunc, "Show whole commands and IDs");
  flags.toggle("-H,--human", values.human,
               "Sizes and ages for people (the default); --human=false: bytes and times");
  flags.text("--format", values.format, "table, json, or a Go template: '{{.CreatedBy}}'");
  flags.text("--platform", values.platform, "Which image of a multi-platform name");
  flags.words(values.words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

struct Step {
  registry::History history;
  std::uint64_t size = 0;
};

// The last first. Layers belong to the entries that are not empty, in order; an image of an old
// tool may have more layers than entries: those are shown without words.
std::vector<Step> steps_of(const builder::StoredImage& image, cache::Store& store) {
  std::vector<Step> steps;
  auto layer = image.row.layers.begin();
  auto take_size = [&] {
    std::optional<cache::LayerRow> row = store.layers().find(*layer++);
    return row ? row->tar_size : 0;
  };
  for (const registry::History& entry : image.config.history) {
    bool has_layer = !entry.empty_layer && layer != image.row.layers.end();
    steps.push_back({entry, has_layer ? take_size() : 0});
  }
  while (layer != image.row.layers.end()) {
    steps.push_back({registry::History{}, take_size()});
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

std::string line_of(std::string text) {
  std::replace(text.begin(), text.end(), '\t', ' ');
  return text;
}

class HistoryListing {
 public:
  HistoryListing(const HistoryFlags& flags, base::Timestamp now)
      : flags_(flags),
        now_(now),
        listing_({{"ID", "IMAGE"},
                  {"CreatedSince", flags.human ? "CREATED" : "CREATED AT"},
                  {"CreatedAt", "CREATED AT"},
                  {"CreatedBy", "CREATED BY"},
                  {"Size", "SIZE"},
                  {"Comment", "COMMENT"}},
                 {"ID", "CreatedSince", "CreatedBy", "Size", "Comment"}) {}

  void add(const Step& step, const std::string& image_id) {
    std::string id = flags_.no_trunc ? image_id : short_id(image_id);
    id = image_id.empty() ? kMissing : id;
    ids_ += id + "\n";
    const registry::History& history = step.history;
    std::string created_at = history.created ? base::format_rfc3339(*history.created) : "N/A";
    std::string since = history.created ? age_text(*history.created, now_) : "N/A";
    std::string command = line_of(history.created_by);
    listing_.add({{"ID", id},
                  {"CreatedSince", flags_.human ? since : created_at},
                  {"CreatedAt", created_at},
                  {"CreatedBy", flags_.no_trunc ? command : ellipsis(command, kCommandCharacters)},
                  {"Size", flags_.human ? size_text(step.size) : cat(step.size)},
                  {"Comment", flags_.no_trunc ? history.comment
                                              : ellipsis(history.comment, kCommentCharacters)}});
  }

  std::string text() const {
    return flags_.quiet && flags_.format.empty() ? ids_ : listing_.text(flags_.format);
  }

 private:
  const HistoryFlags& flags_;
  base::Timestamp now_;
  Listing listing_;
  std::string ids_;
};

}  // namespace

int run_history(const Invocation& invocation) {
  HistoryFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::Platform platform = get_platform(flags.platform);
  Services services(invocation, {.use = StoreUse::kDocuments});
  cache::ImageId id = get_image(services.store(), flags.words.front(), platform);
  builder::StoredImage image = builder::read_image(services.store(), id);
  HistoryListing listing(flags, services.clock().now());
  // Only the image itself has an ID: steps are no images of their own.
  std::string id_of_step = id.text();
  for (const Step& step : steps_of(image, services.store())) {
    listing.add(step, std::exchange(id_of_step, ""));
  }
  print_out(listing.text());
  return 0;
}

}  // namespace slipway::cmd
