// A git repository at one commit, fetched by the git command as shallowly as the server allows.
#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "builder/layer/directory_view.h"
#include "builder/ops/remote.h"
#include "cache/store.h"

namespace slipway::builder {

namespace {

using base::cat;

constexpr std::size_t kGitOutputBytesMax = 1 << 20;
constexpr std::size_t kCommitHexDigits = 40;

bool is_commit(std::string_view text) {
  return text.size() == kCommitHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "https://", "user:word@" and the rest of a URL; only the last part is there for other forms.
struct RemoteParts {
  std::string_view scheme;
  std::string_view user;
  std::string_view rest;
};
RemoteParts split_remote(std::string_view remote) {
  std::size_t start = remote.find("://");
  if (start == std::string_view::npos) {
    return {{}, {}, remote};
  }
  start += 3;
  std::string_view authority = remote.substr(start, remote.find('/', start) - start);
  std::size_t at = authority.rfind('@');
  std::size_t user_size = at == std::string_view::npos ? 0 : at + 1;
  return {remote.substr(0, start), remote.substr(start, user_size),
          remote.substr(start + user_size)};
}

// For messages and for the config of a repository that becomes part of an image.
std::string without_password(const std::string& remote) {
  RemoteParts parts = split_remote(remote);
  bool has_password = parts.user.find(':') != std::string_view::npos;
  return has_password ? cat(parts.scheme, "xxxxx:xxxxx@", parts.rest) : remote;
}

// A work tree on disk that is removed with the last view of it, seen as everybody has it, whatever
// the umask and the time of the checkout.
class WorkTreeView : public DirectoryView {
 public:
  WorkTreeView(base::Fd root, base::TempDir folder, std::optional<base::Timestamp> time)
      : DirectoryView(std::move(root)), folder_(std::move(folder)), time_(time) {}

  std::optional<Entry> find(const base::ImagePath& path) const override {
    std::optional<Entry> entry = DirectoryView::find(path);
    return entry ? std::optional(as_everybody_has_it(*std::move(entry))) : std::nullopt;
  }
  std::vector<Entry> children(const base::ImagePath& path) const override {
    std::vector<Entry> entries = DirectoryView::children(path);
    for (Entry& entry : entries) {
      entry = as_everybody_has_it(std::move(entry));
    }
    return entries;
  }

 private:
  Entry as_everybody_has_it(Entry entry) const {
    if (!entry.is_symlink()) {
      std::uint32_t owner = entry.mode & 0700;
      // Everybody reads and executes what its owner does; only the owner writes.
      entry.mode = owner | ((owner & 0500) >> 3) | ((owner & 0500) >> 6);
    }
    entry.uid = 0;
    entry.gid = 0;
    entry.mtime = time_.value_or(entry.mtime);
    return entry;
  }
  base::TempDir folder_;
  std::optional<base::Timestamp> time_;
};

// The folder that one repository is fetched into.
class Repository {
 public:
  Repository(const SourceGit& source, const OpServices& services, std::string folder,
             std::stop_token stop)
      : source_(source),
        shown_remote_(without_password(source.remote)),
        folder_(std::move(folder)),
        environment_(services.environment),
        stop_(std::move(stop)) {
    set_environment(*services.exec);
  }

  // HEAD is then the commit that was asked for.
  void fetch() {
    must({"init", "--quiet", "."});
    must({"remote", "add", "origin", source_.remote});
    std::string wanted = wanted_name();
    if (git({"fetch", "--quiet", "--depth=1", "--no-tags", "origin", wanted}).status.success()) {
      must({"checkout", "--quiet", "--detach", "FETCH_HEAD"});
      fetched_by_name_ = true;
      return;
    }
    // A server that gives no single commits, or no such name: all branches and tags tell.
    must({"fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"});
    for (const std::string& name : {wanted, cat("origin/", wanted)}) {
      if (git({"checkout", "--quiet", "--detach", name, "--"}).status.success()) {
        return;
      }
    }
    base::fail(base::ErrorKind::kNotFound,
               cat("repository ", shown_remote_, " does not contain ref ", wanted),
               "git ls-remote shows what it has");
  }

  std::string commit() const { return std::string(base::trim(must({"rev-parse", "HEAD"}))); }

  base::Timestamp committed() const {
    std::string text(base::trim(must({"show", "--no-patch", "--format=%ct", "HEAD"})));
    return {base::parse_integer<std::int64_t>(text).value_or(0), 0};
  }

  void fetch_submodules() const {
    must({"submodule", "update", "--init", "--recursive", "--depth=1", "--quiet"});
  }

  // For a .git folder that is kept: names are there as a clone has them; what tells of this machine
  // (times, inodes, passwords) is not.
  void tidy_git_folder() const {
    name_what_was_fetched();
    must({"remote", "set-url", "origin", shown_remote_});
    must({"read-tree", "HEAD"});
    must({"reflog", "expire", "--all", "--expire=now"});
    base::remove_tree(base::open_directory(folder_ + "/.git"), "FETCH_HEAD");
  }

 private:
  std::string wanted_name() const {
    bool has_commit = is_commit(source_.checksum);
    if (has_commit && (source_.ref.empty() || source_.fetch_by_commit)) {
      return source_.checksum;
    }
    return source_.ref.empty() ? "HEAD" : source_.ref;
  }

  // As BuildKit does it: an annotated tag stays a tag, all else becomes a branch of that name; tags
  // that point to it come along.
  void name_what_was_fetched() const {
    std::string name = wanted_name();
    if (is_commit(name) || !fetched_by_name_) {
      return;
    }
    if (name == "HEAD") {
      name = default_branch();
    }
    bool is_tag = base::trim(must({"cat-file", "-t", "FETCH_HEAD"})) == "tag";
    std::string local = is_tag && !name.starts_with("refs/") ? cat("refs/tags/", name) : name;
    must({"fetch", "--quiet", "--update-head-ok", "--depth=1", "origin", cat(name, ":", local)});
  }

  std::string default_branch() const {
    std::string listed = must({"ls-remote", "--symref", "origin", "HEAD"});
    constexpr std::string_view kPrefix = "ref: ";
    std::string_view line = std::string_view(listed).substr(0, listed.find_first_of("\t\n"));
    return line.starts_with(kPrefix) ? std::string(line.substr(kPrefix.size())) : "HEAD";
  }

  // Tokens are passed in the environment: a command line is there for everybody to read.
  void set_environment(const ExecSettings& settings) {
    for (const char* fixed : {"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C"}) {
      environment_.emplace_back(fixed);
    }
    // Nobody is there to answer ssh, and its questions would go to the terminal past all output.
    if (!has_variable("GIT_SSH_COMMAND") && !has_variable("GIT_SSH")) {
      environment_.emplace_back("GIT_SSH_COMMAND=ssh -o BatchMode=yes");
    }
    if (auto agent = settings.ssh_sockets.find("default"); agent != settings.ssh_sockets.end()) {
      environment_.push_back(cat("SSH_AUTH_SOCK=", agent->second));
    }
    RemoteParts remote = split_remote(source_.remote);
    if (remote.scheme != "https://" && remote.scheme != "http://") {
      return;
    }
    std::string host(remote.rest.substr(0, remote.rest.find('/')));
    if (std::string header = authorization(settings, host); !header.empty()) {
      environment_.emplace_back("GIT_CONFIG_COUNT=1");
      environment_.push_back(cat("GIT_CONFIG_KEY_0=http.", remote.scheme, host, "/.extraheader"));
      environment_.push_back(cat("GIT_CONFIG_VALUE_0=Authorization: ", header));
    }
  }

  bool has_variable(std::string_view name) const {
    return std::any_of(environment_.begin(), environment_.end(), [&](const std::string& variable) {
      return variable.starts_with(cat(name, "="));
    });
  }

  // A secret for the host goes before one for all hosts, a header before a token.
  static std::string authorization(const ExecSettings& settings, const std::string& host) {
    for (const std::string& suffix : {cat(".", host), std::string()}) {
      if (auto header = settings.secrets.find("GIT_AUTH_HEADER" + suffix);
          header != settings.secrets.end()) {
        return std::string(base::trim(header->second.reveal()));
      }
      if (auto token = settings.secrets.find("GIT_AUTH_TOKEN" + suffix);
          token != settings.secrets.end()) {
        return cat("basic ",
                   base::to_base64(cat("x-access-token:", base::trim(token->second.reveal()))));
      }
    }
    return {};
  }

  base::Output git(const std::vector<std::string>& arguments) const {
    base::SpawnOptions options;
    options.argv = {
        "git", "-C", folder_, "-c", "advice.detachedHead=false", "-c", "protocol.ext.allow=never"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = environment_;
    return base::run_program(options, {}, kGitOutputBytesMax, stop_);
  }

  std::string must(const std::vector<std::string>& arguments) const {
    base::Output output = git(arguments);
    if (!output.status.success()) {
      base::fail(base::ErrorKind::kInput, cat("failed to fetch remote ", shown_remote_, ": git ",
                                              arguments.front(), ": ", base::trim(output.err)));
    }
    return output.out;
  }

  const SourceGit& source_;
  std::string shown_remote_;
  std::string folder_;
  std::vector<std::string> environment_;
  std::stop_token stop_;
  bool fetched_by_name_ = false;  // else all names were fetched
};

// git takes a name that begins with a dash for an option, and some of its options run programs.
void refuse_options(const SourceGit& source) {
  for (const std::string& text : {source.remote, source.ref}) {
    if (text.starts_with('-')) {
      base::fail(base::ErrorKind::kInput,
                 cat("invalid git reference ", base::quote(text), ": it begins with a dash"));
    }
  }
}

// Of the repository and of its submodules (there it is a file).
void remove_git_folders(const base::Fd& root) {
  base::remove_tree(root, ".git");
  for (const base::DirectoryEntry& entry : base::list_directory(root)) {
    std::optional<struct stat> status = base::find_status(root, entry.name);
    if (status && S_ISDIR(status->st_mode)) {
      remove_git_folders(base::open_beneath(root, entry.name, O_RDONLY | O_DIRECTORY));
    }
  }
}

base::Fd open_subdirectory(const SourceGit& source, const base::Fd& root) {
  std::optional<base::Fd> found = base::find_beneath(
      root, base::ImagePath::clean(source.subdir).relative(), O_RDONLY | O_DIRECTORY);
  if (!found) {
    base::fail(base::ErrorKind::kNotFound, cat("no directory ", base::quote(source.subdir), " in ",
                                               without_password(source.remote)));
  }
  return std::move(*found);
}

class GitOp : public Op {
 public:
  GitOp(const SourceGit& source, const OpServices& services)
      : source_(&source), services_(&services) {}
  bool is_step() const override { return false; }
  VertexResult open(const OpInputs&, std::stop_token stop) override {
    GitCheckout checkout = check_out(*source_, *services_, std::move(stop));
    VertexResult result;
    result.files = std::move(checkout.files);
    result.commit = std::move(checkout.commit);
    return result;
  }

 private:
  const SourceGit* source_;  // owned by the graph
  const OpServices* services_;
};

}  // namespace

GitCheckout check_out(const SourceGit& source, const OpServices& services, std::stop_token stop) {
  refuse_options(source);
  base::TempDir folder = services.store->scratch_directory("git-");
  std::string tree = folder.path() + "/tree";
  base::ensure_directory(tree, 0755);
  Repository repository(source, services, tree, std::move(stop));
  repository.fetch();
  GitCheckout checkout{nullptr, repository.commit(), repository.committed()};
  if (!checkout.commit.starts_with(source.checksum)) {
    base::fail(base::ErrorKind::kIntegrity,
               cat("expected checksum to match ", source.checksum, ", got ", checkout.commit));
  }
  if (source.submodules) {
    repository.fetch_submodules();
  }
  base::Fd root = base::open_directory(tree);
  if (source.keep_git_dir) {
    repository.tidy_git_folder();
  } else {
    remove_git_folders(root);
  }
  std::optional<base::Timestamp> time;
  if (source.commit_times) {
    time = checkout.committed;
  }
  checkout.files =
      std::make_shared<WorkTreeView>(open_subdirectory(source, root), std::move(folder), time);
  return checkout;
}

std::unique_ptr<Op> make_git_op(const SourceGit& source, const OpServices& services) {
  return std::make_unique<GitOp>(source, services);
}

}  // namespace slipway::builder
