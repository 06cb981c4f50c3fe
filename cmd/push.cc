#include "registry/push.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "builder/image/store_images.h"
#include "builder/image/stream_layers.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/image_set.h"
#include "cmd/progress/transfers.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "cmd/write_flags.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct PushFlags {
  bool quiet = false;
  bool all_tags = false;
  std::string platform;
  std::string format;
  std::string foreign_layers;
  WriteFlags write;
  RegistryFlags registry;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, PushFlags& values) {
  Flags flags("push", "[OPTIONS] NAME[:TAG]", "Send an image to a registry.");
  flags.toggle("-q,--quiet", values.quiet, "Print only the image's name");
  flags.toggle("-a,--all-tags", values.all_tags, "Every tag that the repository has here");
  flags.text("--platform", values.platform, "Only this image of a multi-platform name");
  flags.text("--format", values.format, "Media types of a new manifest: oci (default), docker");
  flags.text("--foreign-layers", values.foreign_layers, std::string(kForeignLayersHelp));
  values.write.add_to(flags);
  values.registry.add_to(flags);
  flags.words(values.words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (!values.format.empty() && values.format != "oci" && values.format != "docker") {
    base::fail(base::ErrorKind::kUsage, cat("--format ", base::quote(values.format), " is unknown"),
               "it is oci or docker");
  }
  return true;
}

class PushVerb {
 public:
  PushVerb(const Invocation& invocation, const PushFlags& flags, const std::string& domain)
      : flags_(flags),
        foreign_layers_(parse_foreign_layers(flags.foreign_layers)),
        progress_(TransferKind::kPush, TransferProgress::screen_of(STDOUT_FILENO, flags.quiet),
                  clock_),
        services_(invocation, services_options(domain)) {
    options_.write = flags.write.options(base::Compression::kGzip);
    options_.write.compress.threads = 1;
    if (flags.format == "docker") {
      options_.write.family = registry::Family::kDocker;
    }
    if (!flags.platform.empty()) {
      options_.platform = get_platform(flags.platform);
    }
  }

  int run(const registry::Reference& given) {
    say(cat("The push refers to repository [", given.name(), "]"));
    for (const registry::Reference& name : names_of(given)) {
      push(name);
    }
    return 0;
  }

 private:
  ServicesOptions services_options(const std::string& domain) {
    return {.use = StoreUse::kFiles,
            .registries = flags_.registry.access(domain),
            .observer = progress_.observer()};
  }

  std::vector<registry::Reference> names_of(const registry::Reference& given) {
    if (!flags_.all_tags) {
      if (!given.tag() && !given.digest()) {
        say("Using default tag: latest");
      }
      return {given.with_default_tag()};
    }
    std::vector<registry::Reference> names;
    for (const cache::NameRow& row : services_.store().images().names()) {
      auto name = registry::Reference::parse(row.reference);
      if (name && name->name() == given.name()) {
        names.push_back(*std::move(name));
      }
    }
    if (names.empty()) {
      fail_no_image(services_.store(), given.familiar());
    }
    return names;
  }

  cache::NameTarget target_of(const registry::Reference& name) {
    if (auto row = services_.store().images().find_name(name.canonical())) {
      return row->target;
    }
    if (auto id = builder::find_image(services_.store(), name, registry::host_platform())) {
      return *id;
    }
    fail_no_image(services_.store(), name.familiar());
  }

  void push(const registry::Reference& name) {
    std::set<base::Digest> sent;
    options_.before_image = [&](const builder::StoredImage& image) {
      sent.merge(builder::stream_layers(
          services_.store(), services_.layers(), image, options_.write,
          {&services_.client(), registry::repository_of(name), progress_.observer()},
          services_.stop()));
    };
    ImageSet set = make_image_set(services_.store(), services_.layers(), target_of(name), options_,
                                  services_.stop());
    if (!set.notice.empty()) {
      print_error(cat("WARNING: ", set.notice, "\n"));
    }
    check_foreign_layers(foreign_layers_, set.images);
    registry::Pushed pushed = registry::push(services_.client(), push_of(set), name,
                                             {.foreign_layers = foreign_layers_of(foreign_layers_),
                                              .observer = progress_.observer(),
                                              .sent = std::move(sent)},
                                             services_.stop());
    remember(set, pushed, name);
    say(cat(name.tag().value_or("latest"), ": digest: ", pushed.root.digest.text(),
            " size: ", pushed.root.size));
    if (flags_.quiet) {
      print_out(name.canonical() + "\n");
    }
  }

  registry::Push push_of(const ImageSet& set) {
    registry::Push all;
    auto add = [&](const registry::ExportImage& image) {
      registry::Push one = builder::make_push(services_.store(), image);
      std::move(one.blobs.begin(), one.blobs.end(), std::back_inserter(all.blobs));
      std::move(one.documents.begin(), one.documents.end(), std::back_inserter(all.documents));
    };
    // Before the image has its name: whoever finds it by that finds what is said of it.
    for (const registry::Attachment& attachment : set.attachments) {
      add(attachment.image);
    }
    std::ranges::for_each(set.images, add);
    if (set.index) {
      all.documents.push_back(*set.index);
    }
    return all;
  }

  void remember(const ImageSet& set, const registry::Pushed& pushed,
                const registry::Reference& name) {
    cache::Batch batch;
    batch.blob_sources = pushed.sources;
    for (const cache::ImageId& id : set.ids) {
      batch.repository_digests.push_back({id, name.name(), pushed.root.digest});
    }
    services_.store().commit(batch);
  }

  void say(const std::string& line) const {
    if (!flags_.quiet) {
      print_out(line + "\n");
    }
  }

  const PushFlags& flags_;
  ForeignPolicy foreign_layers_;
  base::SystemClock clock_;
  TransferProgress progress_;
  Services services_;
  ImageSetOptions options_;
};

}  // namespace

int run_push(const Invocation& invocation) {
  PushFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::Reference reference = get_reference(flags.words.front());
  if (reference.digest()) {
    base::fail(base::ErrorKind::kUsage, "cannot push a digest reference",
               "push a name with a tag: the registry names the digest itself");
  }
  return PushVerb(invocation, flags, reference.domain()).run(reference);
}

}  // namespace slipway::cmd
