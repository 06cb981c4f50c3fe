// Where the Dockerfile and the context of a build come from (language reference, section 1).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compress.h"
#include "base/error.h"
#include "base/stream.h"
#include "base/text.h"
#include "builder/layer/tar_reader.h"
#include "cmd/build_flags.h"

namespace slipway::cmd {

namespace {

using base::cat;

// A line may have 64 KiB; no Dockerfile has a thousand such.
constexpr std::size_t kDockerfileBytesMax = std::size_t{64} << 20;

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string read_standard_input() {
  base::Fd in(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                          "standard input"));
  return base::read_to_end(in, kDockerfileBytesMax, "the Dockerfile on standard input");
}

// Standard input in a file, because an archive is looked at before it is known to be one.
std::string keep_standard_input(const std::string& scratch) {
  std::string path = scratch + "/stdin";
  base::Fd in(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                          "standard input"));
  base::Fd out = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  base::FdSource source(std::move(in), "standard input");
  base::FdSink sink(out, path);
  base::copy_stream(source, sink);
  return path;
}

bool is_archive(const std::string& path) {
  std::string block(builder::kTarBlockBytes, '\0');
  base::Fd file = base::open_file(path, O_RDONLY);
  block.resize(base::read_full(file, block, path));
  return base::detect_compression(block) != base::Compression::kNone ||
         builder::looks_like_tar(block);
}

// `-f X`, else Dockerfile in the context; only the default name has a second spelling.
void read_dockerfile(const BuildFlags& flags, builder::BuildRequest& request) {
  bool is_default = flags.file.empty();
  std::string path = is_default ? cat(flags.context, "/Dockerfile") : flags.file;
  std::optional<std::string> text = base::find_file_content(path, kDockerfileBytesMax);
  if (!text && base_name(path) == "Dockerfile") {
    std::string lower =
        cat(path.substr(0, path.size() - std::string_view("Dockerfile").size()), "dockerfile");
    if ((text = base::find_file_content(lower, kDockerfileBytesMax))) {
      path = lower;
    }
  }
  if (!text) {
    base::fail(base::ErrorKind::kNotFound,
               cat("failed to read dockerfile: open ", path, ": no such file or directory"),
               is_default ? "name another file with -f FILE"
                          : "the path of -f is taken from the current folder");
  }
  request.dockerfile_text = std::move(*text);
  request.dockerfile_name = is_default ? base_name(path) : path;
  request.context.dockerfile_path = path;
}

void read_archive_context(const BuildFlags& flags, const std::string& scratch,
                          builder::BuildRequest& request) {
  if (flags.file == "-") {
    base::fail(base::ErrorKind::kUsage,
               "invalid argument: can't use standard input for both context and Dockerfile");
  }
  std::string path = keep_standard_input(scratch);
  if (!is_archive(path)) {
    request.dockerfile_text = base::find_file_content(path, kDockerfileBytesMax).value_or("");
    request.dockerfile_name = "Dockerfile";
    return;
  }
  request.context.kind = builder::ContextInput::Kind::kTar;
  request.context.path = path;
  // The Dockerfile is in the archive; -f is a name in it.
  request.dockerfile_name = flags.file.empty() ? "Dockerfile" : flags.file;
}

// A git reference or URL; it is fetched later. The Dockerfile is in it, or on standard input.
void read_remote_context(const BuildFlags& flags, builder::BuildRequest& request) {
  using Kind = builder::BuildContext::Kind;
  builder::BuildContext context = builder::parse_build_context(flags.context);
  if (context.kind != Kind::kGit && context.kind != Kind::kHttp) {
    base::fail(base::ErrorKind::kNotFound,
               cat("unable to prepare context: path ", base::quote(flags.context), " not found"),
               "the last argument is the folder with the files to build from, or a URL");
  }
  request.context.kind = context.kind == Kind::kGit ? builder::ContextInput::Kind::kGit
                                                    : builder::ContextInput::Kind::kHttp;
  request.context.path = context.text;
  request.plan.main_context = std::move(context);
  request.dockerfile_name = flags.file.empty() || flags.file == "-" ? "Dockerfile" : flags.file;
  if (flags.file == "-") {
    request.dockerfile_text = read_standard_input();
  }
}

}  // namespace

void read_inputs(const BuildFlags& flags, const std::string& scratch,
                 builder::BuildRequest& request) {
  if (flags.context == "-") {
    read_archive_context(flags, scratch, request);
    return;
  }
  if (!is_directory(flags.context)) {
    read_remote_context(flags, request);
    return;
  }
  request.context.kind = builder::ContextInput::Kind::kDirectory;
  request.context.path = flags.context;
  if (flags.file == "-") {
    request.dockerfile_text = read_standard_input();
    request.dockerfile_name = "Dockerfile";
    return;
  }
  read_dockerfile(flags, request);
}

}  // namespace slipway::cmd
