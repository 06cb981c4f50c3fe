#include "registry/copy.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "builder/export/file_output.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/progress/transfers.h"
#include "cmd/registry_flags.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/archive.h"
#include "registry/oci_layout.h"
#include "registry/tar_members.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct CopyFlags {
  bool all = false;
  bool quiet = false;
  bool referrers = false;
  std::string foreign_layers;
  std::string platform;
  std::string source_credential;
  std::string target_credential;
  RegistryFlags registry;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, CopyFlags& values) {
  Flags flags("copy", "[OPTIONS] SOURCE DESTINATION",
              "Copy an image between registries, layout folders and archives, past the store.");
  flags.toggle("-a,--all", values.all, "All platforms of the name, not only one");
  flags.text("--platform", values.platform, "Which image of a multi-platform name");
  flags.toggle("-q,--quiet", values.quiet, "Print only the digest");
  flags.toggle("--referrers", values.referrers,
               "Also what refers to it: signatures, attestations, SBOMs (from registries)");
  flags.text("--foreign-layers", values.foreign_layers, std::string(kForeignLayersHelp));
  flags.text("--src-creds", values.source_credential, "USER[:PASSWORD] at the source's registry");
  flags.text("--dest-creds", values.target_credential,
             "USER[:PASSWORD] at the destination's registry, as --creds");
  values.registry.add_to(flags);
  flags.words(values.words, {2, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  if (values.all && !values.platform.empty()) {
    base::fail(base::ErrorKind::kUsage, "--all and --platform are mutually exclusive");
  }
  return true;
}

// "docker://NAME" or "NAME", "oci:FOLDER[:NAME]", "oci-archive:FILE[:NAME]",
// "docker-archive:FILE[:NAME]".
struct CopyPlace {
  enum class Kind { kRegistry, kLayout, kOciArchive, kDockerArchive };
  Kind kind = Kind::kRegistry;
  std::string path;
  std::string name;
};

CopyPlace get_place(const std::string& text) {
  using Kind = CopyPlace::Kind;
  struct Scheme {
    std::string_view prefix;
    Kind kind;
  };
  for (const Scheme& scheme :
       {Scheme{"oci:", Kind::kLayout}, Scheme{"oci-archive:", Kind::kOciArchive},
        Scheme{"docker-archive:", Kind::kDockerArchive}}) {
    if (!text.starts_with(scheme.prefix)) {
      continue;
    }
    std::string rest = text.substr(scheme.prefix.size());
    std::size_t colon = std::min(rest.find(':'), rest.size());
    if (colon == 0) {
      base::fail(base::ErrorKind::kUsage, cat(base::quote(text), " names no file"));
    }
    return {scheme.kind, rest.substr(0, colon), rest.substr(std::min(colon + 1, rest.size()))};
  }
  constexpr std::string_view kRegistryScheme = "docker://";
  return {Kind::kRegistry, "",
          text.starts_with(kRegistryScheme) ? text.substr(kRegistryScheme.size()) : text};
}

std::string domain_of(const CopyPlace& place) {
  return place.kind == CopyPlace::Kind::kRegistry ? get_reference(place.name).domain() : "";
}

// --creds are for the destination, or for the source where that is the only registry.
RegistryAccess access_of(const CopyFlags& flags, const CopyPlace& from, const CopyPlace& to) {
  std::string source = domain_of(from);
  std::string target = domain_of(to);
  RegistryAccess access = flags.registry.access(target.empty() ? source : target);
  struct Given {
    std::string_view flag;
    const std::string& text;
    const std::string& domain;
  };
  for (const Given& given : {Given{"--src-creds", flags.source_credential, source},
                             Given{"--dest-creds", flags.target_credential, target}}) {
    if (given.text.empty()) {
      continue;
    }
    if (given.domain.empty()) {
      base::fail(base::ErrorKind::kUsage, cat(given.flag, ": that is no registry"));
    }
    access.credentials.insert_or_assign(given.domain, parse_credential(given.text, given.flag));
  }
  return access;
}

class CopyVerb {
 public:
  CopyVerb(const Invocation& invocation, const CopyFlags& flags, RegistryAccess access)
      : flags_(flags),
        foreign_layers_(parse_foreign_layers(flags.foreign_layers)),
        progress_(TransferKind::kPush, TransferProgress::screen_of(STDOUT_FILENO, flags.quiet),
                  clock_),
        services_(invocation, {.use = StoreUse::kDocuments,
                               .registries = std::move(access),
                               .observer = progress_.observer()}) {}

  int run(const CopyPlace& from, const CopyPlace& to) {
    registry::ExportBundle bundle = read(from);
    check_foreign_layers(foreign_layers_, bundle.images);
    if (to.kind == CopyPlace::Kind::kRegistry) {
      push(bundle, from, get_reference(to.name).with_default_tag());
    } else {
      write(bundle, to);
    }
    const registry::PushDocument& root =
        bundle.index ? bundle.index->index : bundle.images.front().manifest;
    print_out(registry::digest_of(root).text() + "\n");
    return 0;
  }

 private:
  registry::ExportBundle read(const CopyPlace& from) {
    registry::Platform platform = get_platform(flags_.platform);
    if (from.kind == CopyPlace::Kind::kRegistry) {
      registry::Reference reference = get_reference(from.name).for_pull();
      registry::ExportBundle bundle = registry::bundle_of_registry(
          services_.client(), reference, flags_.all ? std::nullopt : std::optional(platform),
          services_.stop());
      if (flags_.referrers) {
        registry::add_referrers(bundle, services_.client(), registry::repository_of(reference),
                                services_.stop());
      }
      return bundle;
    }
    if (flags_.referrers) {
      base::fail(base::ErrorKind::kUsage, "--referrers is for images that come from a registry");
    }
    scratch_.emplace(services_.environment().get("TMPDIR", "/tmp"), "slipway-copy-");
    registry::OpenImageOptions options{.platform = platform, .scratch_directory = scratch_->path()};
    if (flags_.all) {
      return registry::bundle_of_layout(open_members(from), from.name, services_.stop());
    }
    std::shared_ptr<registry::ImageFile> file;
    if (from.kind == CopyPlace::Kind::kLayout) {
      file = registry::open_layout(from.path, options);
    } else {
      file = registry::open_archive(base::open_file(from.path, O_RDONLY), from.path, options,
                                    services_.stop());
    }
    return registry::bundle_of_file(std::move(file), from.name, from.path);
  }

  std::unique_ptr<registry::ImageMembers> open_members(const CopyPlace& from) {
    return from.kind == CopyPlace::Kind::kLayout
               ? registry::open_layout_members(from.path)
               : registry::open_tar_members(base::open_file(from.path, O_RDONLY), from.path,
                                            scratch_->path(), services_.stop());
  }

  void push(const registry::ExportBundle& bundle, const CopyPlace& from,
            const registry::Reference& reference) {
    std::vector<registry::Repository> sources;
    if (from.kind == CopyPlace::Kind::kRegistry) {
      sources.push_back(registry::repository_of(get_reference(from.name)));
    }
    registry::push(
        services_.client(), registry::push_of(bundle, sources), reference,
        {.foreign_layers = foreign_layers_of(foreign_layers_), .observer = progress_.observer()},
        services_.stop());
  }

  void write(registry::ExportBundle& bundle, const CopyPlace& to) {
    if (!to.name.empty()) {
      std::vector<registry::Reference> names = {get_reference(to.name).with_default_tag()};
      (bundle.index ? bundle.index->names : bundle.images.front().names) = names;
    }
    if (to.kind == CopyPlace::Kind::kLayout) {
      registry::write_layout(bundle, to.path, services_.stop());
      return;
    }
    builder::FileOutput file(to.path, STDOUT_FILENO);
    registry::write_archive(bundle,
                            to.kind == CopyPlace::Kind::kOciArchive
                                ? registry::ArchiveForm::kOci
                                : registry::ArchiveForm::kDocker,
                            file, services_.stop());
    file.finish();
  }

  const CopyFlags& flags_;
  ForeignPolicy foreign_layers_;
  base::SystemClock clock_;
  TransferProgress progress_;
  Services services_;
  std::optional<base::TempDir> scratch_;
};

}  // namespace

int run_copy(const Invocation& invocation) {
  CopyFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  CopyPlace from = get_place(flags.words[0]);
  CopyPlace to = get_place(flags.words[1]);
  return CopyVerb(invocation, flags, access_of(flags, from, to)).run(from, to);
}

}  // namespace slipway::cmd
