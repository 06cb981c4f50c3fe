// A git repository at one commit, fetched by the git command as shallowly as the server allows.
#include <fcntl.h>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "builder/ops/services.h"
#include "cache/store.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::size_t kGitOutputBytesMax = 1 << 20;
constexpr std::size_t kCommitHexDigits = 40;

// A directory on disk that is removed with the last view of it.
class KeptDirectoryView : public DirectoryView {
 public:
  KeptDirectoryView(base::Fd root, base::TempDir folder)
      : DirectoryView(std::move(root)), folder_(std::move(folder)) {}

 private:
  base::TempDir folder_;
};

bool is_commit(std::string_view text) {
  return text.size() == kCommitHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class GitOp : public Op {
 public:
  GitOp(const SourceGit& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }

  VertexResult open(const OpInputs&, std::stop_token stop) override {
    stop_ = stop;
    refuse_options();
    base::TempDir folder = services_->store->scratch_directory("git-");
    tree_ = folder.path() + "/tree";
    base::ensure_directory(tree_, 0755);
    fetch();
    check_commit();
    if (source_->submodules) {
      must({"submodule", "update", "--init", "--recursive", "--depth=1", "--quiet"});
    }
    base::Fd root = base::open_directory(tree_);
    if (!source_->keep_git_dir) {
      remove_git_folders(root);
    }
    VertexResult result;
    result.files = std::make_shared<KeptDirectoryView>(subdirectory(root), std::move(folder));
    return result;
  }

 private:
  // git takes a name that begins with a dash for an option, and some of its options run programs.
  void refuse_options() const {
    for (const std::string& text : {source_->remote, source_->ref}) {
      if (text.starts_with('-')) {
        base::fail(base::ErrorKind::kInput,
                   cat("invalid git reference ", base::quote(text), ": it begins with a dash"));
      }
    }
  }

  base::Output git(const std::vector<std::string>& arguments) const {
    base::SpawnOptions options;
    options.argv = {
        "git", "-C", tree_, "-c", "advice.detachedHead=false", "-c", "protocol.ext.allow=never"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = services_->environment;
    for (const char* fixed : {"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}) {
      options.environment.emplace_back(fixed);
    }
    if (auto agent = services_->exec->ssh_sockets.find("default");
        agent != services_->exec->ssh_sockets.end()) {
      options.environment.push_back(cat("SSH_AUTH_SOCK=", agent->second));
    }
    return base::run_program(options, {}, kGitOutputBytesMax, stop_);
  }

  std::string must(const std::vector<std::string>& arguments) const {
    base::Output output = git(arguments);
    if (!output.status.success()) {
      base::fail(base::ErrorKind::kInput, cat("failed to fetch remote ", source_->remote, ": git ",
                                              arguments.front(), ": ", base::trim(output.err)));
    }
    return output.out;
  }

  // One commit where the server gives it by that name; else all branches and tags, and the commit
  // from those.
  void fetch() const {
    must({"init", "--quiet", "."});
    must({"remote", "add", "origin", source_->remote});
    std::string wanted = !source_->ref.empty()          ? source_->ref
                         : is_commit(source_->checksum) ? source_->checksum
                                                        : "HEAD";
    if (git({"fetch", "--quiet", "--depth=1", "--no-tags", "origin", wanted}).status.success()) {
      must({"checkout", "--quiet", "--detach", "FETCH_HEAD"});
      return;
    }
    must({"fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"});
    must({"checkout", "--quiet", "--detach", wanted});
  }

  void check_commit() const {
    std::string commit(base::trim(must({"rev-parse", "HEAD"})));
    if (!commit.starts_with(source_->checksum)) {
      base::fail(base::ErrorKind::kIntegrity,
                 cat("expected checksum to match ", source_->checksum, ", got ", commit));
    }
  }

  // Of the repository and of its submodules (there it is a file).
  static void remove_git_folders(const base::Fd& root) {
    base::remove_tree(root, ".git");
    for (const base::DirectoryEntry& entry : base::list_directory(root)) {
      std::optional<struct stat> status = base::find_status(root, entry.name);
      if (status && S_ISDIR(status->st_mode)) {
        remove_git_folders(base::open_beneath(root, entry.name, O_RDONLY | O_DIRECTORY));
      }
    }
  }

  base::Fd subdirectory(const base::Fd& root) const {
    std::optional<base::Fd> found = base::find_beneath(
        root, base::ImagePath::clean(source_->subdir).relative(), O_RDONLY | O_DIRECTORY);
    if (!found) {
      base::fail(base::ErrorKind::kNotFound,
                 cat("no directory ", base::quote(source_->subdir), " in ", source_->remote));
    }
    return std::move(*found);
  }

  const SourceGit* source_;  // owned by the graph
  const OpServices* services_;
  std::stop_token stop_;
  std::string tree_;
};

}  // namespace

std::unique_ptr<Op> make_git_op(const SourceGit& source, const OpServices& services) {
  return std::make_unique<GitOp>(source, services);
}

}  // namespace slipway::builder
