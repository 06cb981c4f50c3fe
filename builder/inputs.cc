#include "builder/inputs.h"

#include <set>

#include "base/text.h"
#include "builder/layer/archive_view.h"
#include "builder/ops/remote.h"
#include "builder/plan/sources.h"
#include "cache/store.h"
#include "parser/git_ref.h"

namespace slipway::builder {

namespace {

using base::cat;

// A line may have 64 KiB; no Dockerfile has a thousand such.
constexpr std::size_t kDockerfileBytesMax = std::size_t{64} << 20;
// What the file is called that an http context gives (language reference, 7.4).
constexpr std::string_view kDownloadName = "context";

void fetch_repository(BuildRequest& request, const OpServices& services, std::stop_token stop) {
  ContextInput& context = request.context;
  bool keep_git_dir = is_set(request, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  parser::GitReferenceResult git = parser::parse_git_reference(context.path);
  if (!git.reference) {
    base::fail(base::ErrorKind::kUsage, cat("build context ", context.path, ": ", git.error));
  }
  RemoteFlags flags;
  if (keep_git_dir) {
    flags.keep_git_dir = true;
  }
  auto source = git_source(*git.reference, flags);
  if (!source) {
    base::fail(base::ErrorKind::kUsage, cat("build context ", context.path, ": ", source.error()));
  }
  GitCheckout checkout = check_out(*source, services, std::move(stop));
  context.files = std::move(checkout.files);
  context.source = git_dependency(*source, checkout.commit);
}

// An archive is the context; whatever else is the Dockerfile, and the only file of the context.
void fetch_url(BuildRequest& request, const OpServices& services, std::stop_token stop) {
  SourceHttp source{.url = request.context.path, .file_name = std::string(kDownloadName)};
  Download download = builder::download(source, services, stop);
  request.context.source = http_dependency(source, download.file.digest);
  if (auto archive = open_archive(*download.files, download.file,
                                  services.store->scratch_directory("context-"), stop)) {
    request.context.files = archive;
    return;
  }
  request.context.files = download.files;
  if (!request.dockerfile_text) {
    request.dockerfile_name = kDownloadName;
  }
}

void fetch_context(BuildRequest& request, const BuildServices& services, std::stop_token stop) {
  switch (request.context.kind) {
    case ContextInput::Kind::kNone:
    case ContextInput::Kind::kDirectory:
      return;
    case ContextInput::Kind::kTar:
      request.context.files = open_archive_file(
          request.context.path, services.store->scratch_directory("context-"), std::move(stop));
      return;
    case ContextInput::Kind::kGit:
      return fetch_repository(request, source_services(request, services), std::move(stop));
    case ContextInput::Kind::kHttp:
      fetch_url(request, source_services(request, services), std::move(stop));
      return;
  }
}

std::string read_dockerfile(const BuildRequest& request) {
  std::vector<std::string> names = {request.dockerfile_name};
  if (request.dockerfile_name == "Dockerfile") {
    names.push_back("dockerfile");
  }
  for (const std::string& name : names) {
    if (auto text =
            find_text(*request.context.files, base::ImagePath::clean(name), kDockerfileBytesMax)) {
      return *text;
    }
  }
  base::fail(base::ErrorKind::kNotFound,
             cat("failed to read dockerfile: open ", request.dockerfile_name,
                 ": no such file or directory"),
             "name it with -f, relative to the root of the context");
}

}  // namespace

bool is_set(const BuildRequest& request, const std::string& argument) {
  static const std::set<std::string_view> kYes = {"1", "t", "T", "true", "TRUE", "True"};
  auto found = request.plan.build_args.find(argument);
  return found != request.plan.build_args.end() && kYes.contains(found->second);
}

OpServices source_services(const BuildRequest& request, const BuildServices& services) {
  OpServices made{};
  made.store = services.store;
  made.layers = services.layers;
  made.runner = services.runner;
  made.clock = services.clock;
  made.exec = &request.exec;
  made.transport = services.transport;
  made.environment = services.environment;
  made.warn = [events = services.events](const std::string& text) { events(Warned{text}); };
  return made;
}

void prepare_inputs(BuildRequest& request, const BuildServices& services, std::stop_token stop) {
  if (!request.context.files) {
    base::noting([&] { return cat("loading the build context ", request.context.path); },
                 [&] { fetch_context(request, services, stop); });
  }
  if (!request.dockerfile_text && request.context.files) {
    request.dockerfile_text = read_dockerfile(request);
  }
}

}  // namespace slipway::builder
