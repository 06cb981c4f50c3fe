#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/archive.h"
#include "registry/image_file.h"
#include "registry/oci_layout.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct LoadFlags {
  std::string input;
  std::string platform;
  bool quiet = false;
};

bool parse(const Invocation& invocation, LoadFlags& values) {
  Flags flags("load", "[OPTIONS]",
              "Take images out of an archive: docker-archive, OCI archive or layout folder.");
  flags.text("-i,--input", values.input, "File or folder to read (default: standard input)");
  flags.text("--platform", values.platform, "Only images for this platform");
  flags.toggle("-q,--quiet", values.quiet, "Print only the images' names");
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::unique_ptr<registry::ImageFile> open_input(const std::string& path,
                                                const registry::OpenImageOptions& options,
                                                std::stop_token stop) {
  if (is_directory(path)) {
    return registry::open_layout(path, options);
  }
  if (!path.empty() && path != "-") {
    return registry::open_archive(base::open_file(path, O_RDONLY), path, options, std::move(stop));
  }
  if (::isatty(STDIN_FILENO) == 1) {
    base::fail(base::ErrorKind::kUsage,
               "requested load from standard input, but that is a terminal",
               "name a file with -i, or redirect");
  }
  base::Fd input(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                             "standard input"));
  return registry::open_archive(std::move(input), "standard input", options, std::move(stop));
}

std::string lines_of(const registry::LoadedImage& loaded) {
  std::string text;
  for (const registry::Reference& name : loaded.names) {
    text += cat("Loaded image: ", name.familiar(), "\n");
  }
  return text.empty() ? cat("Loaded image ID: ", loaded.image.id.text(), "\n") : text;
}

}  // namespace

int run_load(const Invocation& invocation) {
  LoadFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  registry::OpenImageOptions options;
  if (!flags.platform.empty()) {
    options.platform = get_platform(flags.platform);
  }
  Services services(invocation);
  base::TempDir scratch = services.store().scratch_directory("load-");
  options.scratch_directory = scratch.path();
  std::unique_ptr<registry::ImageFile> file = open_input(flags.input, options, services.stop());
  std::vector<registry::LoadedImage> images =
      registry::load(*file, services.store(), services.layer_sink(), registry::TransferObserver(),
                     services.stop());
  for (const registry::LoadedImage& image : images) {
    print_out(lines_of(image));
  }
  return 0;
}

}  // namespace slipway::cmd
