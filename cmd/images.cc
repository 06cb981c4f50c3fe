#include <limits>
#include <map>
#include <set>

#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/image_filters.h"
#include "cmd/image_names.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr char kNone[] = "<none>";

struct ImagesFlags {
  bool quiet = false;
  bool digests = false;
  bool no_trunc = false;
  bool all = false;
  std::vector<std::string> filters;
  std::string format;
  std::vector<std::string> words;
};

// A line of the listing: one name of an image, or the image where it has none.
struct Line {
  std::string repository = kNone;
  std::string tag = kNone;
  std::string digest = kNone;
};

// What one repository has of an image.
struct InRepository {
  std::set<std::string> tags;
  std::set<std::string> digests;
};

std::map<std::string, InRepository> by_repository(const cache::ImageTable::Listed& image) {
  std::map<std::string, InRepository> repositories;
  for (const cache::NameRow& name : image.names) {
    if (auto reference = registry::Reference::parse(name.reference)) {
      repositories[reference->familiar_name()].tags.insert(reference->tag().value_or(kNone));
    }
  }
  for (const cache::RepositoryDigestRow& row : image.digests) {
    repositories[familiar_text(row.repository)].digests.insert(row.digest.text());
  }
  return repositories;
}

// docker's rule: a line for each tag, times each digest where digests are shown; a repository that
// only has digests is a line without a tag.
std::vector<Line> lines_of(const cache::ImageTable::Listed& image, bool with_digests) {
  std::vector<Line> lines;
  for (const auto& [name, found] : by_repository(image)) {
    std::set<std::string> tags = found.tags.empty() ? std::set<std::string>{kNone} : found.tags;
    std::set<std::string> digests =
        with_digests && !found.digests.empty() ? found.digests : std::set<std::string>{kNone};
    for (const std::string& tag : tags) {
      for (const std::string& digest : digests) {
        lines.push_back({name, tag, digest});
      }
    }
  }
  return lines.empty() ? std::vector<Line>{Line{}} : lines;
}

class ImageListing {
 public:
  ImageListing(const ImagesFlags& flags, base::Timestamp now)
      : flags_(flags), now_(now), listing_(columns(), shown(flags)) {}

  void add(const cache::ImageTable::Listed& image) {
    std::string id = flags_.no_trunc ? image.image.id.text() : short_id(image.image.id.text());
    std::string size = size_text(image.image.size);
    for (const Line& line : lines_of(image, with_digests())) {
      ids_ += id + "\n";
      listing_.add({{"Repository", line.repository},
                    {"Tag", line.tag},
                    {"Digest", line.digest},
                    {"ID", id},
                    {"CreatedSince", age_text(image.image.created, now_)},
                    {"CreatedAt", time_text(image.image.created)},
                    {"Size", size},
                    {"VirtualSize", size},
                    {"SharedSize", "N/A"},
                    {"UniqueSize", "N/A"},
                    {"Containers", "N/A"},
                    {"Platform", image.image.platform}});
    }
  }

  std::string text() const {
    return flags_.quiet && flags_.format.empty() ? ids_ : listing_.text(flags_.format);
  }

 private:
  static std::vector<Listing::Column> columns() {
    return {{"Repository", "REPOSITORY"},
            {"Tag", "TAG"},
            {"Digest", "DIGEST"},
            {"ID", "IMAGE ID"},
            {"CreatedSince", "CREATED"},
            {"CreatedAt", "CREATED AT"},
            {"Size", "SIZE"},
            {"VirtualSize", "SIZE"},
            {"SharedSize", "SHARED SIZE"},
            {"UniqueSize", "UNIQUE SIZE"},
            {"Containers", "CONTAINERS"},
            {"Platform", "PLATFORM"}};
  }
  static std::vector<std::string> shown(const ImagesFlags& flags) {
    std::vector<std::string> keys = {"Repository", "Tag"};
    if (flags.digests) {
      keys.push_back("Digest");
    }
    keys.insert(keys.end(), {"ID", "CreatedSince", "Size"});
    return keys;
  }
  // A template that shows digests wants them, too.
  bool with_digests() const {
    return !flags_.quiet && (flags_.digests || flags_.format.find(".Digest") != std::string::npos);
  }

  const ImagesFlags& flags_;
  base::Timestamp now_;
  Listing listing_;
  std::string ids_;
};

bool parse(const Invocation& invocation, ImagesFlags& values) {
  Flags flags("images", "[OPTIONS] [REPOSITORY[:TAG]]", "List the images in the store.");
  flags.toggle("-q,--quiet", values.quiet, "Only IDs");
  flags.toggle("--digests", values.digests, "Show digests");
  flags.toggle("--no-trunc", values.no_trunc, "Show whole IDs");
  flags.toggle("-a,--all", values.all, "Nothing more: there are no hidden images");
  flags.texts("-f,--filter", values.filters,
              "reference=PATTERN, dangling=true|false, label=KEY[=VALUE], before=IMAGE, "
              "since=IMAGE, until=TIME");
  flags.text("--format", values.format, "table, json, or a Go template: '{{.Repository}}'");
  flags.words(values.words, {0, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

}  // namespace

int run_images(const Invocation& invocation) {
  ImagesFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  Services services(invocation, {.use = StoreUse::kDocuments});
  ImageFilters filters = parse_image_filters(flags.filters, services.store());
  if (!flags.words.empty()) {
    filters.references.push_back(flags.words.front());
  }
  ImageListing listing(flags, services.clock().now());
  for (cache::ImageTable::Listed& image : services.store().images().list()) {
    if (passes(filters, image, services.store())) {
      listing.add(image);
    }
  }
  print_out(listing.text());
  return 0;
}

}  // namespace slipway::cmd
