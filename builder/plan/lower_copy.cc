#include <utility>

#include "base/text.h"
#include "builder/plan/lower.h"
#include "builder/plan/sources.h"
#include "parser/chmod.h"
#include "parser/git_ref.h"
#include "parser/glob.h"

namespace slipway::builder {

namespace {

using base::cat;

// COPY and ADD are one step with one kind of source each; this is what they have in common.
struct CopyRequest {
  const parser::CopyArguments& arguments;
  const parser::InstructionBase& instruction;
  bool is_add = false;
  bool parents = false;
  std::optional<bool> unpack;
  RemoteFlags remote;
  // What paths are read from: the main context, else `files` (nothing: an empty file system).
  bool from_context = false;
  std::optional<VertexId> files;
};

// A trailing "/" or "/." is kept: it means a directory.
std::string destination_of(const StageState& state, std::string_view written) {
  std::string path = current_directory(state).join(written).text();
  if (written.empty() || written == ".") {
    written = "./";
  }
  if (written.ends_with('/') && !path.ends_with('/')) {
    return cat(path, "/");
  }
  if (written.ends_with("/.")) {
    return cat(path, path == "/" ? "." : "/.");
  }
  return path;
}

bool is_plain_url(std::string_view source, const parser::GitReferenceResult& git) {
  return parser::is_http_url(source) && !git.is_git;
}

Lowered check_flags(const CopyRequest& request) {
  if (!request.arguments.chmod.empty()) {
    if (auto mode = parser::parse_chmod(request.arguments.chmod); !mode) {
      return std::unexpected(std::move(mode.error()));
    }
  }
  if (request.remote.checksum.empty()) {
    return {};
  }
  if (request.arguments.sources.size() != 1) {
    return std::unexpected("checksum can't be specified for multiple sources");
  }
  const std::string& source = request.arguments.sources[0];
  parser::GitReferenceResult git = parser::parse_git_reference(source);
  if (!is_plain_url(source, git) && !git.is_git) {
    return std::unexpected("checksum requires HTTP(S) or Git sources");
  }
  return {};
}

VertexId add_source(Lowering& lowering, const CopyRequest& request, VertexOp op,
                    const std::string& name) {
  Vertex vertex{.op = std::move(op)};
  vertex.meta.name = name;
  vertex.meta.lines = {source_lines(request.instruction.lines)};
  vertex.meta.ignore_cache = lowering.ignore_cache;
  return lowering.session.vertices.add(std::move(vertex));
}

std::expected<CopySource, std::string> git_copy(Lowering& lowering, const CopyRequest& request,
                                                const parser::GitReferenceResult& git,
                                                const std::string& name) {
  if (!git.reference) {
    return std::unexpected(git.error);
  }
  if (!request.is_add) {
    return std::unexpected("source can't be a git ref for COPY");
  }
  auto source = git_source(*git.reference, request.remote);
  if (!source) {
    return std::unexpected(std::move(source.error()));
  }
  VertexId files = add_source(lowering, request, *std::move(source), name);
  return CopySource{.from = files, .pattern = "/", .kind = CopySource::Kind::kGit};
}

std::expected<CopySource, std::string> url_copy(Lowering& lowering, const CopyRequest& request,
                                                std::string_view url, const std::string& name) {
  if (!request.is_add) {
    return std::unexpected("source can't be a URL for COPY");
  }
  auto source = http_source(url, request.remote);
  if (!source) {
    return std::unexpected(std::move(source.error()));
  }
  std::string file_name = source->file_name;
  VertexId files = add_source(lowering, request, *std::move(source), name);
  return CopySource{
      .from = files, .pattern = std::move(file_name), .kind = CopySource::Kind::kHttp};
}

std::expected<CopySource, std::string> copy_source(Lowering& lowering, const CopyRequest& request,
                                                   const std::string& text,
                                                   const std::string& name) {
  parser::GitReferenceResult git = parser::parse_git_reference(text);
  if (git.is_git && !(git.reference && git.reference->indistinguishable_from_local)) {
    return git_copy(lowering, request, git, name);
  }
  if (is_plain_url(text, git)) {
    return url_copy(lowering, request, text, name);
  }
  CopySource source;
  source.from = request.from_context ? context_vertex(lowering) : request.files;
  source.pattern = request.parents ? text : base::ImagePath::clean(text).text();
  return source;
}

std::string history_text(const CopyRequest& request) {
  const parser::CopyArguments& arguments = request.arguments;
  std::string text = request.is_add ? "ADD" : "COPY";
  text += request.parents ? " --parents" : "";
  text += arguments.chown.empty() ? "" : cat(" --chown=", arguments.chown);
  text += arguments.chmod.empty() ? "" : cat(" --chmod=", arguments.chmod);
  for (const std::string& source : arguments.sources) {
    text += cat(" ", source);
  }
  for (const parser::InlineFile& file : arguments.files) {
    text += cat(" <<", file.name);
  }
  return cat(text, " ", arguments.destination, " # buildkit");
}

Lowered lower_request(Lowering& lowering, const CopyRequest& request) {
  if (Lowered checked = check_flags(request); !checked) {
    return checked;
  }
  const parser::CopyArguments& arguments = request.arguments;
  Copy copy{.destination = destination_of(lowering.state, arguments.destination),
            .chown = arguments.chown,
            .chmod = arguments.chmod,
            .excludes = arguments.exclude,
            .parents = request.parents,
            // With --chmod the original silently takes --link as not given.
            .link = arguments.link && arguments.chmod.empty(),
            .is_add = request.is_add,
            .unpack = request.unpack};
  std::string text = step_text(request.instruction.text, lowering.state.environment,
                               lowering.session.dockerfile.escape, NameStyle::kWords);
  std::string name = lowering.names.next(copy.link ? cat("LINK ", text) : text,
                                         lowering.state.environment, lowering.command->is_trigger);
  for (const std::string& source : arguments.sources) {
    auto lowered = copy_source(lowering, request, source, name);
    if (!lowered) {
      return std::unexpected(std::move(lowered.error()));
    }
    copy.sources.push_back(*std::move(lowered));
  }
  for (const parser::InlineFile& file : arguments.files) {
    CopySource source{.kind = CopySource::Kind::kHeredoc};
    source.heredoc_name = file.name;
    source.heredoc_content = file.content;
    copy.sources.push_back(std::move(source));
  }
  VertexId layer = add_step(lowering, std::move(copy), std::move(name));
  commit(lowering, history_text(request), layer);
  return {};
}

}  // namespace

Lowered lower_add(Lowering& lowering, const parser::Add& add) {
  CopyRequest request{.arguments = add.copy,
                      .instruction = add,
                      .is_add = true,
                      .unpack = add.unpack,
                      .remote = {add.checksum, add.keep_git_dir},
                      .from_context = true};
  return lower_request(lowering, request);
}

Lowered lower_copy(Lowering& lowering, const parser::Copy& copy) {
  CopyRequest request{.arguments = copy.copy, .instruction = copy, .parents = copy.parents};
  if (copy.from.empty()) {
    request.from_context = true;
    return lower_request(lowering, request);
  }
  const auto& source = lowering.command->sources[0];
  const std::optional<NodeResult>* node = source ? &lowering.results[*source] : nullptr;
  if (node == nullptr || !*node) {
    return std::unexpected(cat("cannot copy from stage ", base::quote(copy.from),
                               ", it needs to be defined before current stage ",
                               base::quote(lowering.node.label)));
  }
  request.files = source_vertex(**node);
  return lower_request(lowering, request);
}

}  // namespace slipway::builder
