#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/manifest_attestations.h"
#include "cmd/manifest_list.h"
#include "cmd/manifest_verbose.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/copy.h"

namespace slipway::cmd {

namespace {

using base::cat;
using registry::Descriptor;
using registry::Index;
using registry::Reference;

// The part of the command line behind "manifest <command>".
struct Call {
  Invocation invocation;
  RegistryFlags registry;
  std::vector<std::string> words;

  Services services(const std::string& domain) const {
    return Services(invocation,
                    {.use = StoreUse::kDocuments, .registries = registry.access(domain)});
  }
};

Reference list_name(const std::string& text) {
  Reference name = get_reference(text);
  if (name.digest()) {
    base::fail(base::ErrorKind::kUsage, cat("a manifest list is named by a tag, not ", text));
  }
  return name.with_default_tag();
}

int create(Call call) {
  bool amend = false;
  bool docker = false;
  Flags flags("manifest", "create [OPTIONS] LIST MANIFEST [MANIFEST...]",
              "Make a list of manifests that registries have.");
  flags.toggle("-a,--amend", amend, "Add to a list that exists");
  flags.toggle("--docker", docker, "Docker's manifest list instead of an OCI index");
  call.registry.add_to(flags);
  flags.words(call.words, {2, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Reference name = list_name(call.words.front());
  std::vector<Reference> members;
  for (std::size_t i = 1; i < call.words.size(); ++i) {
    members.push_back(get_reference(call.words[i]).for_pull());
  }
  Services services = call.services(name.domain());
  std::optional<Index> known = find_draft(services.store(), name);
  if (known && !amend) {
    base::fail(base::ErrorKind::kInput, cat("there is a manifest list ", name.familiar()),
               "--amend adds to it, 'slipway manifest rm' removes it");
  }
  registry::Family family = docker ? registry::Family::kDocker : registry::Family::kOci;
  Index index =
      known.value_or(Index{.media_type = std::string(registry::index_media_type(family))});
  for (const Reference& member : members) {
    for (Descriptor& entry : entries_of(services.client(), member, services.stop())) {
      std::erase_if(index.manifests,
                    [&](const Descriptor& other) { return other.digest == entry.digest; });
      index.manifests.push_back(std::move(entry));
    }
  }
  keep_draft(services.store(), name, index);
  print_out(cat("Created manifest list ", name.familiar(), "\n"));
  return 0;
}

struct Change {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string os_version;
  std::vector<std::string> os_features;  // each a list with commas
  std::vector<std::string> annotations;

  void apply(Descriptor& entry) const {
    registry::Platform platform = entry.platform.value_or(registry::Platform{});
    auto set = [](const std::string& value, std::string& target) {
      target = value.empty() ? target : value;
    };
    set(os, platform.os);
    set(architecture, platform.architecture);
    set(variant, platform.variant);
    set(os_version, platform.os_version);
    for (const std::string& list : os_features) {
      for (std::string_view feature : base::split(list, ',')) {
        if (std::ranges::find(platform.os_features, feature) == platform.os_features.end()) {
          platform.os_features.emplace_back(feature);
        }
      }
    }
    entry.platform = std::move(platform);
    for (const std::string& text : annotations) {
      auto pair = base::split_once(text, '=');
      if (!pair || pair->before.empty()) {
        base::fail(base::ErrorKind::kUsage,
                   cat("--annotation ", base::quote(text), " is not KEY=VALUE"));
      }
      entry.annotations[std::string(pair->before)] = pair->after;
    }
  }
};

// By the name it was added under, or by its digest.
bool is_meant(const Descriptor& entry, const std::string& text) {
  auto source = entry.annotations.find(kSourceAnnotation);
  auto reference = Reference::parse(text);
  return entry.digest.text() == text ||
         (reference && reference->digest() && *reference->digest() == entry.digest) ||
         (reference && source != entry.annotations.end() &&
          source->second == reference->for_pull().canonical());
}

int annotate(Call call) {
  Change change;
  Flags flags("manifest", "annotate [OPTIONS] LIST MANIFEST",
              "Say of a manifest in a list what it is for.");
  flags.text("--os", change.os, "Operating system");
  flags.text("--arch", change.architecture, "Processor: amd64, arm64");
  flags.text("--variant", change.variant, "Its variant: v7");
  flags.text("--os-version", change.os_version, "Version of the operating system");
  flags.texts("--os-features", change.os_features,
              "Features of the operating system, separated by commas; may repeat");
  flags.texts("--annotation", change.annotations, "KEY=VALUE; may repeat");
  flags.words(call.words, {2, 2});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Reference name = list_name(call.words[0]);
  Services services = call.services("");
  Index index = get_draft(services.store(), name);
  bool found = false;
  for (Descriptor& entry : index.manifests) {
    if (is_meant(entry, call.words[1])) {
      change.apply(entry);
      found = true;
    }
  }
  if (!found) {
    base::fail(base::ErrorKind::kNotFound,
               cat("the manifest list ", name.familiar(), " has no ", call.words[1]));
  }
  keep_draft(services.store(), name, index);
  return 0;
}

// Manifests of other repositories, with their blobs, before the list that names them.
void bring_members(Services& services, const Index& index, const Reference& target) {
  registry::Repository home = registry::repository_of(target);
  for (const Descriptor& entry : index.manifests) {
    auto noted = entry.annotations.find(kSourceAnnotation);
    auto source = noted == entry.annotations.end() ? std::nullopt
                                                   : std::optional(Reference::parse(noted->second));
    if (!source || !*source || registry::repository_of(**source) == home) {
      continue;
    }
    registry::Repository from = registry::repository_of(**source);
    auto by_digest = [&](const registry::Repository& repository) {
      return Reference::parse(cat(repository.text(), "@", entry.digest.text())).value();
    };
    registry::ExportBundle bundle = registry::bundle_of_registry(services.client(), by_digest(from),
                                                                 std::nullopt, services.stop());
    registry::push(services.client(), registry::push_of(bundle, {from}), by_digest(home), {},
                   services.stop());
  }
}

int push(Call call) {
  bool purge = false;
  Flags flags("manifest", "push [OPTIONS] LIST [DESTINATION]",
              "Send a list to a registry, with manifests that are in other repositories.");
  flags.toggle("-p,--purge", purge, "Remove the list here afterwards");
  call.registry.add_to(flags);
  flags.words(call.words, {1, 2});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Reference name = list_name(call.words.front());
  Reference target = list_name(call.words.back());
  Services services = call.services(target.domain());
  Index index = get_draft(services.store(), name);
  bring_members(services, index, target);
  base::Digest digest = services.client().put_manifest(
      target, registry::serialise(without_sources(index)), index.media_type, services.stop());
  if (purge) {
    services.store().images().remove_name(name.canonical());
  }
  print_out(digest.text() + "\n");
  return 0;
}

int inspect(Call call) {
  Flags flags("manifest", "inspect [OPTIONS] NAME",
              "Show a list that was made here, or a manifest of a registry, as it is.");
  bool verbose = false;
  flags.toggle("-v,--verbose", verbose, "The manifests themselves, with names and platforms");
  call.registry.add_to(flags);
  flags.words(call.words, {1, 1});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Reference name = get_reference(call.words.front());
  Services services = call.services(name.domain());
  std::optional<Index> draft = name.digest() ? std::nullopt : find_draft(services.store(), name);
  if (verbose) {
    ShownManifests shown =
        draft ? shown_manifests(*draft)
              : shown_manifests(services.client(), name.for_pull(), services.stop());
    print_out(verbose_text(services.client(), shown, services.stop()) + "\n");
    return 0;
  }
  std::string text = draft ? registry::serialise(without_sources(*draft))
                           : services.client().get_manifest(name.for_pull(), services.stop()).bytes;
  print_out(text + "\n");
  return 0;
}

int attestations(Call call) {
  return show_attestations(call.invocation);
}

int remove(Call call) {
  Flags flags("manifest", "rm LIST [LIST...]", "Remove lists that were made here.");
  flags.words(call.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Services services = call.services("");
  for (const std::string& word : call.words) {
    Reference name = list_name(word);
    get_draft(services.store(), name);
    services.store().images().remove_name(name.canonical());
    print_out(cat("Removed manifest list ", name.familiar(), "\n"));
  }
  return 0;
}

int delete_remote(Call call) {
  Flags flags("manifest", "delete [OPTIONS] NAME:TAG|NAME@DIGEST",
              "Delete a tag, or a manifest with its tags, from its registry.");
  call.registry.add_to(flags);
  flags.words(call.words, {1, 1});
  if (!flags.parse(call.invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  Reference name = get_reference(call.words.front());
  if (!name.tag() && !name.digest()) {
    base::fail(base::ErrorKind::kUsage, cat(name.familiar(), " has neither tag nor digest"),
               "what is deleted has to be said in full");
  }
  Services services = call.services(name.domain());
  services.client().delete_manifest(name.for_pull(), services.stop());
  print_out(cat("Deleted ", name.familiar(), "\n"));
  return 0;
}

}  // namespace

int run_manifest(const Invocation& invocation) {
  struct Command {
    std::string_view name;
    int (*run)(Call);
  };
  constexpr std::array<Command, 7> kCommands = {{{"create", create},
                                                 {"annotate", annotate},
                                                 {"push", push},
                                                 {"inspect", inspect},
                                                 {"attestations", attestations},
                                                 {"rm", remove},
                                                 {"delete", delete_remote}}};
  Call call{.invocation = invocation};
  if (!call.invocation.arguments.empty()) {
    std::string name = call.invocation.arguments.front();
    call.invocation.arguments.erase(call.invocation.arguments.begin());
    for (const Command& command : kCommands) {
      if (command.name == name) {
        return command.run(std::move(call));
      }
    }
    if (name == "--help" || name == "-h") {
      print_out(
          "Usage: slipway manifest create|annotate|push|inspect|attestations|rm|delete [OPTIONS] "
          "...\n\n"
          "Lists of manifests, for images of several platforms.\n");
      return 0;
    }
  }
  base::fail(base::ErrorKind::kUsage, "manifest what?",
             "there are: create, annotate, push, inspect, attestations, rm, delete");
}

}  // namespace slipway::cmd
