#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "builder/export/file_output.h"
#include "builder/image/store_images.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/image_set.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "cmd/write_flags.h"
#include "registry/archive.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct SaveFlags {
  std::string output;
  std::string format = "docker";
  std::string platform;
  WriteFlags write;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, SaveFlags& values) {
  Flags flags("save", "[OPTIONS] IMAGE [IMAGE...]",
              "Write images to an archive that 'docker load' takes; it is an OCI layout, too.");
  flags.text("-o,--output", values.output, "File to write (default: standard output)");
  flags.text("--format", values.format, "docker (default), or oci: the OCI layout alone");
  flags.text("--platform", values.platform, "Only this image of a multi-platform name");
  values.write.add_to(flags);
  flags.words(values.words, {1, std::numeric_limits<std::size_t>::max()});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

registry::ArchiveForm get_form(const std::string& format) {
  if (format == "docker" || format == "docker-archive") {
    return registry::ArchiveForm::kDocker;
  }
  if (format == "oci" || format == "oci-archive") {
    return registry::ArchiveForm::kOci;
  }
  base::fail(base::ErrorKind::kUsage, cat("--format ", base::quote(format), " is unknown"),
             "it is docker or oci");
}

class Bundler {
 public:
  Bundler(Services& services, const ImageSetOptions& options)
      : services_(services), options_(options) {}

  registry::ExportBundle bundle_of(const std::vector<std::string>& words) {
    std::vector<Wanted> all;
    for (const std::string& word : words) {
      std::ranges::move(find(word), std::back_inserter(all));
    }
    bool is_one = std::ranges::all_of(
        all, [&](const Wanted& wanted) { return wanted.target == all.front().target; });
    if (!is_one && !options_.platform) {
      // One archive has one index at most.
      options_.platform = registry::host_platform();
    }
    for (const Wanted& wanted : all) {
      add(wanted);
    }
    return std::move(bundle_);
  }

 private:
  struct Wanted {
    cache::NameTarget target;
    std::vector<registry::Reference> names;  // what the archive calls it: nothing for an ID
  };

  // Docker: a name without a tag stands for every tag that its repository has here.
  std::vector<Wanted> find(const std::string& word) {
    auto reference = registry::Reference::parse(word);
    std::vector<Wanted> found;
    if (reference && !reference->tag() && !reference->digest()) {
      for (const cache::NameRow& row : services_.store().images().names()) {
        auto name = registry::Reference::parse(row.reference);
        if (name && name->name() == reference->name()) {
          found.push_back({row.target, {*std::move(name)}});
        }
      }
    } else if (reference) {
      registry::Reference name = reference->for_pull();
      if (auto row = services_.store().images().find_name(name.canonical())) {
        found.push_back({row->target, {name}});
      }
    }
    if (found.empty()) {
      found.push_back({get_image(services_.store(), word,
                                 options_.platform.value_or(registry::host_platform())),
                       {}});
    }
    return found;
  }

  void add(const Wanted& wanted) {
    bool is_index = std::holds_alternative<base::Digest>(wanted.target);
    ImageSetOptions options = options_;
    if (!is_index) {
      options.platform.reset();
    }
    ImageSet set = make_image_set(services_.store(), services_.layers(), wanted.target, options,
                                  services_.stop());
    if (!set.notice.empty()) {
      print_error(cat("WARNING: ", set.notice, "\n"));
    }
    for (registry::Attachment& attachment : set.attachments) {
      add_attachment(std::move(attachment));
    }
    for (registry::ExportImage& image : set.images) {
      add_image(std::move(image), set.index ? std::vector<registry::Reference>() : wanted.names);
    }
    if (set.index) {
      std::vector<registry::Reference> names = wanted.names;
      if (bundle_.index) {
        std::ranges::move(bundle_.index->names, std::back_inserter(names));
      }
      bundle_.index = registry::ExportBundle::Root{.index = *set.index, .names = std::move(names)};
    }
  }

  void add_attachment(registry::Attachment attachment) {
    bool is_new = std::ranges::none_of(bundle_.attachments, [&](const registry::Attachment& other) {
      return other.image.manifest.bytes == attachment.image.manifest.bytes;
    });
    if (is_new) {
      bundle_.attachments.push_back(std::move(attachment));
    }
  }

  // The same image under another name is written once.
  void add_image(registry::ExportImage image, const std::vector<registry::Reference>& names) {
    auto same = std::find_if(
        bundle_.images.begin(), bundle_.images.end(),
        [&](const registry::ExportImage& other) { return other.config == image.config; });
    if (same == bundle_.images.end()) {
      bundle_.images.push_back(std::move(image));
      same = bundle_.images.end() - 1;
    }
    for (const registry::Reference& name : names) {
      if (std::find(same->names.begin(), same->names.end(), name) == same->names.end()) {
        same->names.push_back(name);
      }
    }
  }

  Services& services_;
  ImageSetOptions options_;
  registry::ExportBundle bundle_;
};

}  // namespace

int run_save(const Invocation& invocation) {
  SaveFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::ArchiveForm form = get_form(flags.format);
  ImageSetOptions options;
  options.write = flags.write.options(
      form == registry::ArchiveForm::kDocker ? base::Compression::kNone : base::Compression::kGzip);
  if (!flags.platform.empty()) {
    options.platform = get_platform(flags.platform);
  }
  if (flags.output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    base::fail(base::ErrorKind::kUsage, "cowardly refusing to save to a terminal",
               "name a file with -o, or redirect");
  }
  Services services(invocation);
  registry::ExportBundle bundle = Bundler(services, options).bundle_of(flags.words);
  builder::FileOutput file(flags.output, STDOUT_FILENO);
  registry::write_archive(bundle, form, file, services.stop());
  file.finish();
  return 0;
}

}  // namespace slipway::cmd
