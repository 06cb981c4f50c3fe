#include <fcntl.h>
#include <unistd.h>

#include "base/compress.h"
#include "base/error.h"
#include "base/text.h"
#include "builder/image/assemble.h"
#include "builder/image/store_images.h"
#include "cmd/config_changes.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "registry/http/redirect.h"
#include "registry/oci/media_types.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct ImportFlags {
  std::vector<std::string> changes;
  std::string message;
  std::string platform;
  std::vector<std::string> words;
};

bool parse(const Invocation& invocation, ImportFlags& values) {
  Flags flags("import", "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
              "Make an image from a tar of a root file system, compressed or not.");
  flags.texts("-c,--change", values.changes, "Dockerfile instruction to apply: 'CMD [\"sh\"]'");
  flags.text("-m,--message", values.message, "Comment in the image's history");
  flags.text("--platform", values.platform, "What the image runs on (default: this machine's)");
  flags.words(values.words, {1, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return false;
  }
  return true;
}

class Importer {
 public:
  explicit Importer(Services& services) : services_(services) {}

  // The tar as it is (uncompressed) becomes the only layer.
  builder::LayerRecord layer_of(const std::string& source) {
    base::DetectedSource tar = base::open_decompressed(open(source), source);
    std::unique_ptr<cache::BlobWriter> writer = services_.store().blobs().write();
    base::copy_stream(*tar.plain, *writer, services_.stop());
    cache::BlobInfo blob = writer->commit();
    builder::ReceivedBlob received{.digest = blob.digest,
                                   .size = blob.size,
                                   .diff_id = cache::DiffId(blob.digest),
                                   .media_type = std::string(registry::media_types::kOciLayer)};
    return base::noting([&] { return cat("importing ", source); },
                        [&] {
                          return services_.layers().put_blob(
                              services_.store().blobs().open(blob.digest), received,
                              services_.stop());
                        });
  }

 private:
  std::unique_ptr<base::Source> open(const std::string& source) {
    if (source.starts_with("http://") || source.starts_with("https://")) {
      return download(source);
    }
    if (source != "-") {
      return std::make_unique<base::FdSource>(base::open_file(source, O_RDONLY), source);
    }
    if (::isatty(STDIN_FILENO) == 1) {
      base::fail(base::ErrorKind::kUsage, "standard input is a terminal, not a tar",
                 "name a file, or redirect");
    }
    base::Fd input(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                               "standard input"));
    return std::make_unique<base::FdSource>(std::move(input), "standard input");
  }

  std::unique_ptr<base::Source> download(const std::string& text) {
    std::optional<registry::Url> url = registry::Url::parse(text);
    if (!url) {
      base::fail(base::ErrorKind::kUsage, cat(base::quote(text), " is not a valid URL"));
    }
    registry::Request request;
    request.url = *url;
    registry::Response response =
        registry::send_following(services_.transport(), request, services_.stop());
    if (response.status != 200) {
      base::fail(response.status == 404 ? base::ErrorKind::kNotFound : base::ErrorKind::kNetwork,
                 cat(url->display(), ": HTTP status ", response.status));
    }
    return std::move(response.body);
  }

  Services& services_;
};

}  // namespace

int run_import(const Invocation& invocation) {
  ImportFlags flags;
  if (!parse(invocation, flags)) {
    return 0;
  }
  std::vector<registry::Reference> names;
  if (flags.words.size() == 2) {
    names.push_back(get_reference(flags.words[1]).with_default_tag());
  }
  registry::Platform platform = get_platform(flags.platform);
  Services services(invocation);
  registry::ImageConfig config;
  config.config = changed_config(flags.changes, {}, platform, services.stop());
  config.platform = platform;
  config.created = services.clock().now();
  std::string message =
      flags.message.empty() ? cat("Imported from ", flags.words[0]) : flags.message;
  config.history.push_back({.created = config.created, .comment = message});
  config.diff_ids = {Importer(services).layer_of(flags.words[0]).diff_id};
  std::string bytes = registry::serialise(config);
  builder::AssembledImage image{bytes, base::sha256_of(bytes), config, config.diff_ids};
  builder::keep_image(services.store(), image, names);
  print_out(image.id.text() + "\n");
  return 0;
}

}  // namespace slipway::cmd
