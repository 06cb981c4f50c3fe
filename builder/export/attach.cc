#include "builder/export/attach.h"

#include "base/error.h"
#include "base/text.h"
#include "registry/oci/index.h"

namespace slipway::builder {

namespace {

using base::cat;

// An index over the only image, which goes under its names instead of it.
registry::ExportBundle::Root index_over(registry::ExportImage& image,
                                        const registry::Platform& platform) {
  registry::Index index{.media_type = std::string(registry::media_types::kOciIndex)};
  index.manifests.push_back(descriptor_of(image.manifest));
  index.manifests.back().platform = platform;
  index.manifests.back().annotations = std::move(image.annotations);
  image.annotations.clear();
  return {.index = {registry::serialise(index), index.media_type},
          .inner = {},
          .names = std::move(image.names),
          .annotations = {}};
}

void list(registry::ExportBundle::Root& root, const std::vector<registry::Descriptor>& entries) {
  registry::Index index =
      registry::parse_index(root.index.bytes, root.index.media_type, "index to be written");
  index.manifests.insert(index.manifests.end(), entries.begin(), entries.end());
  root.index.bytes = registry::serialise(index);
}

}  // namespace

void attach(registry::ExportBundle& bundle, const Attestations& attestations,
            const std::vector<registry::Platform>& platforms,
            const std::vector<registry::Reference>& names, AttestationForm form) {
  std::vector<registry::Descriptor> entries;
  for (std::size_t i = 0; i < attestations.size(); ++i) {
    if (attestations[i].empty()) {
      continue;
    }
    registry::Descriptor image = descriptor_of(bundle.images[i].manifest);
    std::vector<Subject> subjects;
    for (const registry::Reference& name : names) {
      subjects.push_back({purl_of(name, platforms[i]), image.digest});
    }
    if (subjects.empty()) {
      subjects.push_back({"_", image.digest});  // as BuildKit calls what has no name
    }
    registry::ExportImage manifest = attestation_manifest(attestations[i], subjects, image, form);
    registry::Descriptor entry = attestation_entry(manifest, image.digest, form);
    if (form == AttestationForm::kIndexEntry) {
      entries.push_back(std::move(entry));
      bundle.attachments.push_back({std::move(manifest), std::nullopt});
    } else {
      bundle.attachments.push_back({std::move(manifest), std::move(entry)});
    }
  }
  if (entries.empty()) {
    return;
  }
  if (!bundle.index) {
    bundle.index = index_over(bundle.images.front(), platforms.front());
  }
  list(*bundle.index, entries);
}

std::vector<StatementFile> statement_files(const TreeView& files,
                                           const std::vector<Attestation>& attestations,
                                           const StatementNames& names) {
  if (attestations.empty()) {
    return {};
  }
  std::vector<Subject> subjects;
  walk(files, base::ImagePath(), [&](const Entry& entry) {
    if (entry.type == EntryType::kFile) {
      subjects.push_back({std::string(entry.path.relative()), files.digest(entry)});
    }
    return Visit::kContinue;
  });
  std::vector<StatementFile> made;
  for (const Attestation& attestation : attestations) {
    std::string name = cat(names.prefix, attestation.file_name);
    if (!names.platform.empty()) {
      name.insert(name.rfind('.'), cat(".", names.platform));
    }
    if (files.find(base::ImagePath::clean(name))) {
      base::fail(base::ErrorKind::kInput,
                 cat("the result has a file ", base::quote(name),
                     " of its own: the attestation of that name can't be written"),
                 "give another name with attestation-prefix= in --output");
    }
    made.push_back({std::move(name), statement_of(attestation, subjects)});
  }
  return made;
}

}  // namespace slipway::builder
