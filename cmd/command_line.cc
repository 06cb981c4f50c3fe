#include <array>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "cmd/report.h"
#include "cmd/verbs.h"
#include "parser/suggest.h"

namespace slipway::cmd {

namespace {

using base::cat;

constexpr std::array kVerbs = {
    Verb{"build", "Build an image from a Dockerfile", run_build},
    Verb{"run", "Run a command in an image", run_run},
    Verb{"ps", "List containers that 'run --keep' has kept", run_ps},
    Verb{"rm", "Remove containers", run_rm},
    Verb{"commit", "Make an image of a container", run_commit},
    Verb{"debug", "Look into a step that failed", run_debug},
    Verb{"pull", "Fetch an image from a registry", run_pull},
    Verb{"push", "Send an image to a registry", run_push},
    Verb{"images", "List the images in the store", run_images},
    Verb{"tag", "Give an image another name", run_tag},
    Verb{"rmi", "Remove names and images", run_rmi},
    Verb{"inspect", "Show all that is known of an image, as JSON", run_inspect},
    Verb{"history", "Show the steps that made an image", run_history},
    Verb{"load", "Take images out of an archive", run_load},
    Verb{"save", "Write images to an archive", run_save},
    Verb{"import", "Make an image from a tar of a root file system", run_import},
    Verb{"copy", "Copy an image between registries and files", run_copy},
    Verb{"export", "Write an image's root file system as a tar", run_export},
    Verb{"diff", "List the files that a layer changed", run_diff},
    Verb{"manifest", "Make and push lists of manifests", run_manifest},
    Verb{"df", "Show what the store holds", run_df},
    Verb{"prune", "Free space", run_prune},
    Verb{"search", "Search Docker Hub", run_search},
    Verb{"login", "Keep a name and password for a registry", run_login},
    Verb{"logout", "Forget them", run_logout},
    Verb{"registry", "Serve images as a registry ('registry serve')", run_registry},
    Verb{"parse", "Show how a Dockerfile is read", run_parse},
    Verb{"graph", "Show the steps that a Dockerfile is compiled to", run_graph},
    Verb{"context", "List what a build would read of a folder", run_context},
    Verb{"completion", "Print what completes words in bash, zsh or fish", run_completion},
    Verb{"version", "Show the version", run_version},
};

std::string help_text() {
  std::string text =
      "Usage: slipway [--root DIR] VERB [OPTIONS]\n\n"
      "Builds container images from Dockerfiles, without a daemon.\n\nVerbs:\n";
  for (const Verb& verb : kVerbs) {
    text += cat("  ", verb.name, std::string(12 - verb.name.size(), ' '), verb.summary, "\n");
  }
  text +=
      "\n  --root DIR  The store ($SLIPWAY_ROOT, else /var/lib/slipway or "
      "~/.local/share/slipway)\n\n"
      "'slipway VERB --help' says more of one verb.\n";
  return text;
}

const Verb& get_verb(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) {
      return verb;
    }
    names.push_back(verb.name);
  }
  base::fail(base::ErrorKind::kUsage,
             cat("unknown verb: ", base::quote(name),
                 parser::did_you_mean(name, std::span<const std::string_view>(names))),
             "'slipway --help' lists the verbs");
}

[[noreturn]] void fail_flag(const std::string& word) {
  if (word == "--root") {
    base::fail(base::ErrorKind::kUsage, "flag needs an argument: --root");
  }
  constexpr std::array<std::string_view, 3> kFlags = {"--root", "--help", "--version"};
  std::string name = word.substr(0, word.find('='));
  base::fail(base::ErrorKind::kUsage,
             cat("unknown flag: ", name,
                 parser::did_you_mean(name, std::span<const std::string_view>(kFlags))),
             "'slipway --help' lists what may stand before the verb");
}

// The words before the verb, which are taken out of `arguments`. False if help was asked for.
bool take_global_flags(std::vector<std::string>& arguments, std::string& root) {
  while (!arguments.empty() && arguments.front().starts_with('-')) {
    std::string word = arguments.front();
    arguments.erase(arguments.begin());
    if (word == "--help" || word == "-h") {
      return false;
    }
    if (word == "--version" || word == "-v") {
      arguments.insert(arguments.begin(), "version");
      return true;
    }
    if (word.starts_with("--root=")) {
      root = word.substr(7);
    } else if (word == "--root" && !arguments.empty()) {
      root = arguments.front();
      arguments.erase(arguments.begin());
    } else {
      fail_flag(word);
    }
  }
  return !arguments.empty();
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, Environment environment) {
  Invocation invocation{arguments, std::move(environment), {}};
  if (!take_global_flags(invocation.arguments, invocation.root)) {
    print_out(help_text());
    return 0;
  }
  const Verb& verb = get_verb(invocation.arguments.front());
  invocation.arguments.erase(invocation.arguments.begin());
  return verb.run(invocation);
}

}  // namespace slipway::cmd
