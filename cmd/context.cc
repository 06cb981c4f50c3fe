// What a build would read of a folder, and which line of an ignore file decides.
#include <sys/stat.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"
#include "builder/context/context_view.h"
#include "cmd/flags.h"
#include "cmd/output/units.h"
#include "cmd/report.h"
#include "cmd/verbs.h"

namespace slipway::cmd {

namespace {

using base::cat;

std::string rule_text(const builder::IgnoreRules& rules, std::size_t number) {
  const parser::IgnorePattern& pattern = rules.matcher.patterns()[number];
  return cat(rules.file, ":", pattern.line, " (", base::quote(pattern.text), ")");
}

// "hidden: .dockerignore:3 ("*.o")"
std::string why(const builder::ContextView& view, const builder::IgnoreRules& rules,
                const base::ImagePath& path) {
  if (path.is_root()) {
    return "sent: the folder itself is never hidden";
  }
  parser::PatternMatcher::Decision decision = rules.matcher.match(path.relative());
  std::string rule = decision.pattern ? rule_text(rules, *decision.pattern) : "";
  if (decision.ignored) {
    bool is_there = view.find(path).has_value();
    return cat("hidden: ", rule, is_there ? ", but something in it is brought back" : "");
  }
  if (!view.find(path)) {
    return cat("not there", rule.empty() ? "" : cat("; ", rule, " would bring it back"));
  }
  return rule.empty() ? "sent: no rule hides it" : cat("sent: ", rule, " brings it back");
}

void list(const builder::ContextView& view) {
  std::string text;
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  builder::walk(view, {}, [&](const builder::Entry& entry) {
    if (entry.path.is_root()) {
      return builder::Visit::kContinue;
    }
    bool is_file = entry.is_regular();
    std::string size = is_file ? size_text(entry.size) : "-";
    text += cat(std::string(size.size() < 8 ? 8 - size.size() : 0, ' '), size, "  ",
                entry.path.relative(), entry.is_directory() ? "/" : "", "\n");
    bytes += is_file ? entry.size : 0;
    files += entry.is_directory() ? 0 : 1;
    return builder::Visit::kContinue;
  });
  print_out(text + cat(files, files == 1 ? " file, " : " files, ", size_text(bytes), "\n"));
}

}  // namespace

int run_context(const Invocation& invocation) {
  Flags flags("context", "ls [OPTIONS] PATH",
              "List what a build would read of a folder, or which rule decides for a path.");
  std::string path;
  std::string dockerfile;
  std::vector<std::string> words;
  flags.text("--why", path, "Only say which line of an ignore file decides for this path");
  flags.text("-f,--file", dockerfile, "The Dockerfile, which may have an ignore file of its own");
  flags.words(words, {2, 2});
  if (!flags.parse(invocation.arguments)) {
    print_out(flags.help_text());
    return 0;
  }
  if (words[0] != "ls") {
    base::fail(base::ErrorKind::kUsage, cat("unknown command: context ", words[0]),
               "there is only 'slipway context ls'");
  }
  const std::string& folder = words[1];
  std::string file = dockerfile.empty() ? cat(folder, "/Dockerfile") : dockerfile;
  builder::IgnoreRules rules = builder::find_ignore_rules(folder, file);
  builder::ContextView view({folder, rules, std::nullopt});
  if (path.empty()) {
    list(view);
  } else {
    print_out(cat(path, ": ", why(view, rules, base::ImagePath::clean(path)), "\n"));
  }
  return 0;
}

}  // namespace slipway::cmd
