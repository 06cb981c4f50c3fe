#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "parser/diagnostic.h"
#include "parser/dump.h"
#include "parser/parser.h"

namespace slipway::cmd {

namespace {

constexpr std::size_t kDockerfileBytesMax = std::size_t{64} << 20;

std::string read_file(const std::string& path) {
  if (path == "-") {
    base::Fd in(base::check([] { return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3); }, "fcntl",
                            "standard input"));
    return base::read_to_end(in, kDockerfileBytesMax, "standard input");
  }
  std::optional<std::string> text = base::find_file_content(path, kDockerfileBytesMax);
  if (!text) {
    base::fail(base::ErrorKind::kNotFound, base::cat("no such file: ", path));
  }
  return *text;
}

}  // namespace

int run_parse(const Invocation& invocation) {
  Flags flags("parse", "[OPTIONS] FILE | -",
              "Show how a Dockerfile is read: stages, instructions, values, lines.");
  std::string format = "text";
  std::vector<std::string> words;
  flags.text("--format", format, "text or json");
  flags.words(words, {1, 1});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  if (format != "text" && format != "json") {
    base::fail(base::ErrorKind::kUsage, base::cat("--format=", format, ": use text or json"));
  }
  std::string text = read_file(words.front());
  parser::ParseResult parsed = parser::parse(text);
  print_out(format == "json" ? parser::dump_json(parsed) : parser::dump_text(parsed));
  for (const parser::Diagnostic& error : parsed.errors) {
    print_error(parser::render_diagnostic(words.front(), text, error));
  }
  return static_cast<int>(parsed.ok() ? ExitCode::kSuccess : ExitCode::kFailed);
}

}  // namespace slipway::cmd
