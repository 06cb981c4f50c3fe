#include "builder/plan/resolve.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/text.h"
#include "base/worker_pool.h"
#include "builder/plan/platforms.h"
#include "builder/plan/resolver_outcome.h"
#include "builder/plan/sources.h"
#include "parser/lint/checks.h"
#include "parser/suggest.h"

namespace slipway::builder {

namespace {

using base::cat;

// Registries answer in tens of milliseconds and nothing is computed meanwhile.
constexpr unsigned kRequestsAtOnce = 16;

std::vector<std::string> known_image_names(const StageTable& table) {
  constexpr std::array<std::string_view, 7> kCommon{"alpine", "busybox", "centos", "debian",
                                                    "golang", "ubuntu",  "fedora"};
  std::vector<std::string> names = table.labels();
  for (std::string_view name : kCommon) {
    names.emplace_back(name);
    names.push_back(cat(name, ":latest"));
  }
  return names;
}

// True for an image whose file system is as empty as that of scratch. Very old images have no diff
// IDs though they have layers; their history tells.
bool has_no_layers(const ResolvedImage& image) {
  return image.layers.empty() &&
         std::all_of(image.config.history.begin(), image.config.history.end(),
                     [](const registry::History& entry) { return entry.empty_layer; });
}

}  // namespace

// What is asked of the resolver, or what needs no asking.
struct OriginResolver::Request {
  std::optional<registry::Reference> image;
  std::optional<std::string> layout;
  NodeOrigin origin;      // where neither of these is there
  std::string shown;      // the name as written, for messages
  std::string file_name;  // of the context it came from; empty: the Dockerfile itself named it
  registry::Platform platform;
  bool explicit_platform = false;
  SourceLines lines;

  bool is_asked() const { return image || layout; }
  std::string key() const {
    return cat(image ? image->canonical() : std::string(), "\n", layout.value_or(""), "\n",
               platform_text(platform), explicit_platform ? "\n!" : "\n");
  }
};

// Of the resolver: an image, or why there is none.
struct OriginResolver::Answer {
  std::shared_ptr<const ResolvedImage> image;
  std::optional<base::Error> error;
};

registry::Platform OriginResolver::platform_of(const StageNode& node) const {
  return node.platform.value_or(inputs_.target_platform);
}

Planned<OriginResolver::Request> OriginResolver::request_of(const std::string& name,
                                                            const BuildContext& context,
                                                            const registry::Platform& platform) {
  Request request{.shown = context.text, .file_name = name, .platform = platform};
  request.origin.platform = platform;
  request.origin.kind = NodeOrigin::Kind::kFiles;
  request.origin.files_name = cat("[context ", name, "] ", context.text);
  switch (context.kind) {
    case BuildContext::Kind::kLocal:
      request.origin.files = SourceContext{name};
      request.origin.files_name = cat("[context ", name, "] load from client");
      break;
    case BuildContext::Kind::kImage: {
      request.origin.kind = NodeOrigin::Kind::kEmpty;
      if (context.text == "scratch") {
        break;
      }
      auto reference = registry::Reference::parse(context.text);
      if (!reference) {
        return failure(cat("build context ", name, ": invalid image reference ",
                           base::quote(context.text), ": ", reference.error()));
      }
      request.image = reference->with_default_tag();
      break;
    }
    case BuildContext::Kind::kOciLayout:
      request.layout = context.text;
      break;
    case BuildContext::Kind::kGit: {
      parser::GitReferenceResult git = parser::parse_git_reference(context.text);
      if (!git.reference) {
        return failure(cat("build context ", name, ": ", git.error));
      }
      auto source = git_source(*git.reference, {});
      if (!source) {
        return failure(cat("build context ", name, ": ", source.error()));
      }
      request.origin.files = *std::move(source);
      break;
    }
    case BuildContext::Kind::kHttp:
      request.origin.files = SourceHttp{.url = context.text, .file_name = "context"};
      break;
  }
  return request;
}

// Nothing for a node that continues a stage.
Planned<std::optional<OriginResolver::Request>> OriginResolver::request_of(const StageNode& node) {
  if (node.base) {
    return std::nullopt;
  }
  registry::Platform platform = platform_of(node);
  auto finished = [&](Request request) {
    request.lines = node.lines;
    request.explicit_platform = node.platform.has_value();
    return std::optional(std::move(request));
  };
  const BuildContext* context = node.context;
  std::string context_name = node.context_name;
  if (context == nullptr) {
    if (node.image == "scratch") {
      Request empty;
      empty.origin.platform = inputs_.target_platform;
      return finished(std::move(empty));
    }
    auto reference = registry::Reference::parse(node.image);
    if (!reference) {
      return failure(
          cat("failed to parse stage name ", base::quote(node.image), ": ", reference.error()),
          node.lines);
    }
    context = find_context(inputs_.options, node.image, platform, context_name);
    if (context == nullptr) {
      return finished({.image = resolver_.meant(node.image, *reference).with_default_tag(),
                       .shown = node.image,
                       .platform = std::move(platform)});
    }
  }
  auto request = request_of(context_name, *context, platform);
  if (!request) {
    request.error().lines = {node.lines};
    return std::unexpected(std::move(request.error()));
  }
  return finished(*std::move(request));
}

OriginResolver::Answer OriginResolver::ask(const Request& request, std::stop_token stop) {
  std::vector<registry::Platform> platforms = {request.platform};
  if (implicit_target_ && !request.explicit_platform) {
    platforms.insert(platforms.end(), inputs_.options.emulated_platforms.begin(),
                     inputs_.options.emulated_platforms.end());
  }
  Answer answer;
  for (const registry::Platform& platform : platforms) {
    auto image = resolver_outcome([&] {
      return request.layout ? resolver_.resolve_layout(*request.layout, platform, stop)
                            : resolver_.resolve(*request.image, platform, stop);
    });
    if (image) {
      return {std::make_shared<const ResolvedImage>(*std::move(image)), std::nullopt};
    }
    if (!answer.error) {
      answer.error = image.error();
    }
    if (image.error().kind() != base::ErrorKind::kNotFound) {
      break;
    }
  }
  return answer;
}

void OriginResolver::ask(std::vector<Request> requests) {
  std::vector<std::pair<std::string, Request>> open;
  for (Request& request : requests) {
    std::string key = request.key();
    if (request.is_asked() && answers_.emplace(key, nullptr).second) {
      open.emplace_back(std::move(key), std::move(request));
    }
  }
  std::vector<Answer> answers(open.size());
  std::vector<std::move_only_function<void(std::stop_token)>> jobs;
  for (std::size_t i = 0; i < open.size(); ++i) {
    jobs.emplace_back([this, i, &open, &answers](std::stop_token stop) {
      answers[i] = ask(open[i].second, std::move(stop));
    });
  }
  base::run_all(std::move(jobs), kRequestsAtOnce, stop_);
  for (std::size_t i = 0; i < open.size(); ++i) {
    answers_[open[i].first] = std::make_shared<const Answer>(std::move(answers[i]));
  }
}

Planned<NodeOrigin> OriginResolver::origin_of(const StageTable& table, const StageNode& node,
                                              const Request& request, parser::Linter& linter) {
  if (!request.is_asked()) {
    return request.origin;
  }
  const Answer& answer = *answers_.find(request.key())->second;
  if (answer.error) {
    PlanFailure problem;
    std::string full =
        request.image ? request.image->canonical() : cat("oci-layout://", *request.layout);
    problem.message =
        cat(request.shown, ": failed to resolve source metadata for ", full, ": ",
            answer.error->message(), parser::did_you_mean(request.shown, known_image_names(table)));
    problem.kind = answer.error->kind();
    problem.lines = {node.lines};
    problem.notes = answer.error->notes();
    problem.hint = answer.error->hint();
    return std::unexpected(std::move(problem));
  }
  NodeOrigin origin{.kind = NodeOrigin::Kind::kImage, .image = answer.image};
  const registry::Platform& actual = answer.image->config.platform;
  origin.platform = request.platform;
  if (implicit_target_ && !request.explicit_platform) {
    for (const registry::Platform& platform : inputs_.options.emulated_platforms) {
      if (platform.os == actual.os && platform.architecture == actual.architecture &&
          (request.platform.os != actual.os ||
           request.platform.architecture != actual.architecture)) {
        origin.platform = platform;
        break;
      }
    }
  }
  bool from_dockerfile = request.file_name.empty();
  if (from_dockerfile && !has_no_layers(*answer.image) &&
      (origin.platform.os != actual.os || origin.platform.architecture != actual.architecture)) {
    parser::From from = node.from != nullptr ? *node.from : parser::From{};
    from.lines = {node.lines.first, node.lines.last};
    from.comments.clear();
    parser::check_pulled_platform(from, request.shown, platform_text(registry::normalise(actual)),
                                  platform_text(registry::normalise(origin.platform)), linter);
  }
  if (node.context != nullptr && !actual.os.empty() && !actual.architecture.empty()) {
    origin.platform = actual;
  }
  return origin;
}

Planned<void> OriginResolver::resolve(const StageTable& table, const std::vector<bool>& needed,
                                      std::vector<std::optional<NodeOrigin>>& origins,
                                      parser::Linter& linter) {
  origins.resize(table.nodes.size());
  std::vector<std::pair<std::size_t, Request>> open;
  std::vector<Request> requests;
  for (std::size_t i = 0; i < table.nodes.size(); ++i) {
    if (origins[i]) {
      continue;
    }
    auto request = request_of(table.nodes[i]);
    if (!request) {
      return std::unexpected(std::move(request.error()));
    }
    if (*request && needed[i]) {
      requests.push_back(**request);
      open.emplace_back(i, **std::move(request));
    }
  }
  ask(std::move(requests));
  for (const auto& [node, request] : open) {
    auto origin = origin_of(table, table.nodes[node], request, linter);
    if (!origin) {
      return std::unexpected(std::move(origin.error()));
    }
    origins[node] = *std::move(origin);
  }
  return {};
}

registry::Reference ImageResolver::meant(const std::string&, const registry::Reference& reference) {
  return reference;
}

ResolvedImage ImageResolver::resolve_layout(const std::string& layout, const registry::Platform&,
                                            std::stop_token) {
  base::fail(base::ErrorKind::kInput,
             cat("an OCI layout (", layout, ") can't be used as a build context here"));
}

std::optional<std::int64_t> ImageResolver::source_time(const VertexOp&, std::stop_token) {
  return std::nullopt;
}

}  // namespace slipway::builder
