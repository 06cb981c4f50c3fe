#include "builder/export/export.h"

#include <unistd.h>

#include "base/error.h"
#include "builder/image/store_images.h"
#include "cmd/containers.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

// An image, or a container as if it were one.
builder::AssembledImage exported(Services& services, const std::string& word,
                                 const registry::Platform& platform) {
  if (!builder::find_image(services.store(), word, platform)) {
    if (std::optional<FoundContainer> found = find_container(services.store(), word)) {
      return builder::commit_container(found->row, found->container,
                                       {.author = {}, .message = {}, .now = {}}, services.store(),
                                       services.layers(), services.stop());
    }
  }
  builder::StoredImage image =
      builder::read_image(services.store(), get_image(services.store(), word, platform));
  return {.config_bytes = image.config_bytes,
          .id = image.row.id.digest(),
          .config = image.config,
          .layers = image.config.diff_ids};
}

}  // namespace

// DIFFERS: docker exports containers only; of an image this is what one of it would begin with.
int run_export(const Invocation& invocation) {
  std::string output;
  std::string platform_text;
  std::vector<std::string> words;
  Flags flags("export", "[OPTIONS] IMAGE|CONTAINER",
              "Write the root file system of an image or a container as a tar.");
  flags.text("-o,--output", output, "File to write (default: standard output)");
  flags.text("--platform", platform_text, "Which image of a multi-platform name");
  flags.words(words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  if (output.empty() && ::isatty(STDOUT_FILENO) == 1) {
    base::fail(base::ErrorKind::kUsage, "cowardly refusing to export to a terminal",
               "name a file with -o, or redirect");
  }
  registry::Platform platform = get_platform(platform_text);
  Services services(invocation);
  builder::AssembledImage assembled = exported(services, words.front(), platform);
  builder::Output target{.kind = builder::Output::Kind::kTar,
                         .destination = output.empty() ? "-" : output};
  builder::export_images(target, {assembled}, {},
                         {.store = &services.store(),
                          .layers = &services.layers(),
                          .client = [&]() -> registry::Client& { return services.client(); },
                          .standard_output = STDOUT_FILENO},
                         services.stop());
  return 0;
}

}  // namespace slipway::cmd
