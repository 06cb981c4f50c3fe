#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/time.h"
#include "builder/layer/entry.h"
#include "builder/ops/services.h"

// Files from the net: git repositories and what a URL gives. Both are vertices of a graph and, as
// the context of a whole build, looked at before there is one.

namespace slipway::builder {

// A repository at one commit.
struct GitCheckout {
  // The work tree, or the directory of it that was asked for: files 0644 or 0755, directories 0755,
  // all root's. On disk until the last user lets go.
  std::shared_ptr<TreeView> files;
  std::string commit;
  base::Timestamp committed;  // the committer's time
};

// Fetches with the git command, as shallowly as the server allows. Secrets GIT_AUTH_TOKEN and
// GIT_AUTH_HEADER (with ".<host>" at the end: only for that host) are shown to http(s) servers, the
// agent of `--ssh default` to ssh ones. kInput for what git says of the remote, kNotFound for a
// reference or folder that is not in it, kIntegrity for another commit than `checksum`.
GitCheckout check_out(const SourceGit& source, const OpServices& services, std::stop_token stop);

// The file at the other end of a URL.
struct Download {
  std::shared_ptr<TreeView> files;  // just the one file
  Entry file;                       // 0600, with digest, size and, if the server told, mtime
};

// What the server said of the URL last time is remembered in the store: if it says that nothing
// changed since then, the content is not sent, and fetched only if somebody opens the file. Secrets
// HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host> are shown to that host. kNotFound for 404,
// kDenied for 401 and 403, kNetwork for other answers, kIntegrity for other bytes than `checksum`.
Download download(const SourceHttp& source, const OpServices& services, std::stop_token stop);

}  // namespace slipway::builder
