#include "registry/archive.h"

#include "registry/bundle_files.h"
#include "registry/image_reader.h"
#include "registry/tar_members.h"
#include "registry/tar_writer.h"

namespace slipway::registry {

void write_archive(const ExportBundle& bundle, ArchiveForm form, base::Sink& out,
                   std::stop_token stop) {
  TarWriter tar(out);
  tar.directory("blobs/");
  std::map<std::string, BundleFile> files = blob_files(bundle);
  for (const std::string& folder : blob_folders(files)) {
    tar.directory(folder + "/");
  }
  for (const auto& [path, file] : files) {
    tar.file(path, file.size, *file.open(), stop);
  }
  tar.file(std::string(kIndexFile), serialise(index_of(bundle)));
  if (form == ArchiveForm::kDocker) {
    tar.file(std::string(kDockerManifestFile), docker_manifest(bundle));
  }
  tar.file(std::string(kLayoutFile), kLayoutText);
  if (form == ArchiveForm::kDocker) {
    tar.file(std::string(kRepositoriesFile), docker_repositories(bundle));
  }
  tar.finish();
}

std::unique_ptr<ImageFile> open_archive(base::Fd file, std::string_view what,
                                        const OpenImageOptions& options, std::stop_token stop) {
  return read_images(open_tar_members(std::move(file), what, options.scratch_directory, stop),
                     options, stop);
}

}  // namespace slipway::registry
