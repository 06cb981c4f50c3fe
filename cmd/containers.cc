#include "cmd/containers.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/config_changes.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/output/listing.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::size_t kShortIdDigits = 12;
constexpr std::size_t kShortCommandCharacters = 20;

std::string command_text(const builder::Container& container, bool is_whole) {
  std::string text = base::join(container.command, " ");
  return is_whole ? text : ellipsis(text, kShortCommandCharacters);
}

struct CommitFlags {
  std::vector<std::string> changes;
  std::string message;
  std::string author;
  bool pause = true;
  bool quiet = false;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, CommitFlags& values) {
  Flags flags("commit", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
              "Make an image of a container that 'run --keep' has kept.");
  flags.texts("-c,--change", values.changes, "Dockerfile instruction to apply: 'CMD [\"sh\"]'");
  flags.text("-m,--message", values.message, "Comment in the image's history");
  flags.text("-a,--author", values.author, "Author, as 'Ada <ada@example.org>'");
  flags.toggle("-p,--pause", values.pause, "No effect: the command has ended");
  flags.toggle("-q,--quiet", values.quiet, "Accepted: only the ID is printed");
  flags.words(values.words, {1, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

}  // namespace

std::optional<FoundContainer> find_container(cache::Store& store, const std::string& text) {
  std::optional<cache::KeptRow> row = store.kept().find(cache::KeptKind::kContainer, text);
  if (!row) {
    return std::nullopt;
  }
  builder::Container container = builder::parse_container(row->document);
  return FoundContainer{*std::move(row), std::move(container)};
}

FoundContainer get_container(cache::Store& store, const std::string& text) {
  std::optional<FoundContainer> found = find_container(store, text);
  if (!found) {
    base::fail(base::ErrorKind::kNotFound, cat("No such container: ", text),
               "'slipway ps' lists them; 'slipway run --keep' makes one");
  }
  return *std::move(found);
}

void check_container_name(const std::string& name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  bool begins_well = !name.empty() && kLetters.find(name[0]) != std::string_view::npos;
  if (!begins_well || name.size() < 2 ||
      name.find_first_not_of(cat(kLetters, "_.-")) != std::string::npos) {
    base::fail(base::ErrorKind::kUsage, cat("invalid container name ", base::quote(name)),
               "names have letters, digits, '_', '.' and '-', and begin with a letter or digit");
  }
}

std::vector<cache::DiffId> layers_of(Services& services, const FoundContainer& found) {
  std::vector<cache::DiffId> layers = found.container.config.diff_ids;
  layers.push_back(builder::layer_of(found.row, found.container, services.store(),
                                     services.layers(), services.stop())
                       .diff_id);
  return layers;
}

int run_ps(const Invocation& invocation) {
  bool quiet = false;
  bool all = true;
  bool whole = false;
  std::string format;
  Flags flags("ps", "[OPTIONS]",
              "List containers: what commands wrote that ran with 'run --keep'.");
  flags.toggle("-a,--all", all, "Always so: commands of all containers have ended");
  flags.toggle("-q,--quiet", quiet, "Only IDs");
  flags.toggle("--no-trunc", whole, "IDs and commands at full length");
  flags.text("--format", format, "table (default), json or a Go template");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Listing listing({{"ID", "CONTAINER ID"},
                   {"Image", "IMAGE"},
                   {"Command", "COMMAND"},
                   {"CreatedSince", "CREATED"},
                   {"CreatedAt", "CREATED AT"},
                   {"Status", "STATUS"},
                   {"Names", "NAMES"},
                   {"Size", "SIZE"}},
                  {"ID", "Image", "Command", "CreatedSince", "Status", "Names", "Size"});
  Services services(invocation, {.use = StoreUse::kDocuments});
  std::string ids;
  for (const cache::KeptRow& row : services.store().kept().list(cache::KeptKind::kContainer)) {
    builder::Container container = builder::parse_container(row.document);
    std::string id(whole ? row.id.hex() : row.id.hex().substr(0, kShortIdDigits));
    ids += cat(id, "\n");
    listing.add({{"ID", id},
                 {"Image", container.image},
                 {"Command", base::quote(command_text(container, whole))},
                 {"CreatedSince", age_text(row.created, services.clock().now())},
                 {"CreatedAt", time_text(row.created)},
                 {"Status", cat("Exited (", container.exit_code, ")")},
                 {"Names", row.name},
                 {"Size", size_text(row.size)}});
  }
  print_out(quiet ? ids : listing.text(format));
  return 0;
}

int run_rm(const Invocation& invocation) {
  bool force = false;
  bool volumes = false;
  std::vector<std::string> words;
  Flags flags("rm", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove containers.");
  flags.toggle("-f,--force", force, "A missing one is no error");
  flags.toggle("-v,--volumes", volumes, "No effect: there are no volumes of a container's own");
  flags.words(words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Services services(invocation);
  int code = 0;
  for (const std::string& word : words) {
    std::optional<base::Error> error = failure_of([&] {
      FoundContainer found = get_container(services.store(), word);
      if (!services.store().kept().remove(found.row.id)) {
        base::fail(base::ErrorKind::kInput, cat("the container ", word, " is in use"));
      }
      print_out(word + "\n");
    });
    if (error && !(force && error->kind() == base::ErrorKind::kNotFound)) {
      print_error(report_text(*error));
      code = code == 0 ? static_cast<int>(exit_code_of(error->kind())) : code;
    }
  }
  services.store().collect(services.stop());
  return code;
}

int run_commit(const Invocation& invocation) {
  CommitFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  std::vector<registry::Reference> names;
  if (flags.words.size() == 2) {
    names.push_back(get_reference(flags.words[1]).with_default_tag());
  }
  Services services(invocation);
  FoundContainer found = get_container(services.store(), flags.words[0]);
  registry::ImageConfig& config = found.container.config;
  config.config = changed_config(flags.changes, config.config, config.platform, services.stop());
  builder::AssembledImage image = builder::commit_container(
      found.row, found.container,
      {.author = flags.author, .message = flags.message, .now = services.clock().now()},
      services.store(), services.layers(), services.stop());
  builder::keep_image(services.store(), image, names);
  print_out(image.id.text() + "\n");
  return 0;
}

}  // namespace slipway::cmd
