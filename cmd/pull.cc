#include "registry/pull.h"

#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/progress/transfers.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct PullFlags {
  bool quiet = false;
  bool all_tags = false;
  std::string platform;
  std::string foreign_layers;
  RegistryFlags registry;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, PullFlags& values) {
  Flags flags("pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Fetch an image from a registry.");
  flags.toggle("-q,--quiet", values.quiet, "Print only the image's name");
  flags.toggle("-a,--all-tags", values.all_tags, "Every tag of the repository");
  flags.text("--platform", values.platform, "Which image of a multi-platform name");
  flags.text("--foreign-layers", values.foreign_layers,
             "Layers that only their owner gives out: fetch (default), refuse");
  values.registry.add_to(flags);
  flags.words(values.words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  const std::string& foreign = values.foreign_layers;
  if (!foreign.empty() && foreign != "fetch" && foreign != "refuse") {
    base::fail(base::ErrorKind::kUsage,
               cat("--foreign-layers ", base::quote(foreign), " is unknown"),
               "it is fetch or refuse");
  }
  return true;
}

class PullVerb {
  using Foreign = registry::PullOptions::Foreign;

 public:
  PullVerb(const Invocation& invocation, const PullFlags& flags, const std::string& domain)
      : quiet_(flags.quiet),
        foreign_layers_(flags.foreign_layers == "refuse" ? Foreign::kRefuse : Foreign::kFetch),
        progress_(TransferKind::kPull, TransferProgress::screen_of(STDOUT_FILENO, flags.quiet),
                  clock_),
        services_(invocation, services_options(flags, domain)) {}

  // One tag that fails ends it: those before are here.
  int run_all(const registry::Reference& given, const registry::Platform& platform) {
    registry::Repository repository = registry::repository_of(given);
    for (const std::string& tag : services_.client().tags(repository, services_.stop())) {
      auto reference = registry::Reference::parse(cat(given.name(), ":", tag));
      if (!reference) {
        base::fail(base::ErrorKind::kInput,
                   cat(given.name(), " has a tag that is none: ", base::quote(tag)));
      }
      run(*reference, platform);
    }
    return 0;
  }

  // By its alias, if it is a short name that has one.
  registry::Reference meant(const std::string& text) {
    return get_reference(services_.find_alias(text).value_or(text));
  }

  int run(const registry::Reference& given, const registry::Platform& platform) {
    registry::Reference reference = given.for_pull();
    if (!given.tag() && !given.digest()) {
      say("Using default tag: latest");
    }
    say(cat(reference.digest() ? reference.digest()->text() : reference.tag().value_or(""),
            ": Pulling from ", reference.path()));
    auto before = builder::find_image(services_.store(), reference, platform);
    registry::Pulled pulled = registry::pull(
        services_.client(), reference, platform, services_.store(), &services_.layer_sink(),
        {.foreign_layers = foreign_layers_, .observer = progress_.observer()}, services_.stop());
    bool is_new = before != pulled.image.id || progress_.moved() > 0;
    say(cat("Digest: ", pulled.resolved.root.descriptor.digest.text()));
    say(cat("Status: ", is_new ? "Downloaded newer image" : "Image is up to date", " for ",
            reference.familiar()));
    print_out(reference.canonical() + "\n");
    return 0;
  }

 private:
  ServicesOptions services_options(const PullFlags& flags, const std::string& domain) {
    return {.use = StoreUse::kFiles,
            .registries = flags.registry.access(domain),
            .observer = progress_.observer()};
  }

  void say(const std::string& line) const {
    if (!quiet_) {
      print_out(line + "\n");
    }
  }

  bool quiet_;
  Foreign foreign_layers_;
  base::SystemClock clock_;
  TransferProgress progress_;
  Services services_;
};

}  // namespace

int run_pull(const Invocation& invocation) {
  PullFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::Reference reference = get_reference(flags.words.front());
  registry::Platform platform = get_platform(flags.platform);
  PullVerb verb(invocation, flags, reference.domain());
  reference = verb.meant(flags.words.front());
  if (!flags.all_tags) {
    return verb.run(reference, platform);
  }
  if (reference.tag() || reference.digest()) {
    base::fail(base::ErrorKind::kUsage, "--all-tags takes a name without a tag or digest");
  }
  return verb.run_all(reference, platform);
}

}  // namespace slipway::cmd
