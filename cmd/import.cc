#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/compress.h"
#include "base/error.h"
#include "base/text.h"
#include "builder/image/assemble.h"
#include "builder/image/store_images.h"
#include "builder/plan/plan.h"
#include "cmd/flags.h"
#include "cmd/image_names.h"
#include "cmd/report.h"
#include "cmd/services.h"
#include "cmd/verbs.h"
#include "parser/suggest.h"
#include "registry/http/redirect.h"
#include "registry/oci/media_types.h"

namespace slipway::cmd {

namespace {

using base::cat;

// What may stand in --change: instructions that only say how a container starts.
constexpr std::array<std::string_view, 12> kChanges = {
    "CMD",     "ENTRYPOINT", "ENV",        "EXPOSE", "HEALTHCHECK", "LABEL",
    "ONBUILD", "SHELL",      "STOPSIGNAL", "USER",   "VOLUME",      "WORKDIR"};

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

std::string upper(std::string text) {
  for (char& c : text) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return text;
}

// `FROM scratch` needs no image.
class NoImages : public builder::ImageResolver {
 public:
  builder::ResolvedImage resolve(const registry::Reference& reference, const registry::Platform&,
                                 std::stop_token) override {
    base::fail(base::ErrorKind::kUsage, cat("--change can't use the image ", reference.familiar()));
  }
};

void check_change(const std::string& change) {
  std::string word = upper(change.substr(0, change.find_first_of(" \t")));
  for (std::string_view known : kChanges) {
    if (word == known && change.find('\n') == std::string::npos) {
      return;
    }
  }
  base::fail(
      base::ErrorKind::kUsage,
      cat(base::quote(change), " is not a valid change",
          parser::did_you_mean(word, std::span<const std::string_view>(kChanges))),
      "--change takes one line of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, "
      "SHELL, STOPSIGNAL, USER, VOLUME or WORKDIR");
}

// The changes are planned as a Dockerfile of their own, whose config is what they say.
registry::ContainerConfig config_of(const std::vector<std::string>& changes,
                                    const registry::Platform& platform, std::stop_token stop) {
  if (changes.empty()) {
    return {};
  }
  std::string text = "FROM scratch\n";
  for (const std::string& change : changes) {
    check_change(change);
    text += cat(change, "\n");
  }
  NoImages images;
  builder::PlanOptions options;
  options.dockerfile_name = "--change";
  options.platforms = {platform};
  builder::PlanOutcome plan = builder::make_plan(text, options, images, std::move(stop));
  if (!plan) {
    base::fail(plan.error().kind, plan.error().message, plan.error().hint);
  }
  return plan->graph.targets.front().config.config;
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
  config.config = config_of(flags.changes, platform, services.stop());
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
