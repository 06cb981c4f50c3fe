#pragma once

// The frozen graph that a Dockerfile is compiled to. It is only data: it can be printed, hashed and
// compared; making it reads image configs and nothing else, and carrying it out never changes it.
//
// A vertex makes either a *state* (a stack of layers: SourceImage, Exec, Copy, MakeDir) or
// *files* that others copy from or mount (SourceContext, SourceGit, SourceHttp). A state vertex
// names the state it builds on as `base`; a missing base is the empty file system of `FROM
// scratch`. What must not change a result - names for progress, source lines, proxies, resource
// limits - lies in VertexMeta, outside the definition that is hashed.

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/path.h"
#include "base/time.h"
#include "builder/plan/environment.h"
#include "registry/oci/descriptor.h"
#include "registry/oci/image_config.h"
#include "registry/oci/platform.h"
#include "registry/oci/reference.h"

namespace slipway::builder {

// Index into Graph::vertices. A vertex's inputs have smaller ids.
enum class VertexId : std::uint32_t {};
inline std::size_t index_of(VertexId id) {
  return static_cast<std::size_t>(id);
}

// One layer of an image that is not built here, base first.
struct ImageLayer {
  base::Digest diff_id;
  // Of the stored (compressed) blob, where the image came from a registry or archive; absent for an
  // image built here.
  std::optional<registry::Descriptor> blob;
  friend bool operator==(const ImageLayer&, const ImageLayer&) = default;
};

// A base image as the resolver found it: config and the names of its layers; the layers themselves
// need not be here.
struct ResolvedImage {
  registry::Reference reference;
  base::Digest config_digest;                   // the image ID
  std::optional<base::Digest> manifest_digest;  // of the platform's manifest, if it has one
  registry::ImageConfig config;
  std::vector<ImageLayer> layers;
};

struct SourceImage {
  std::shared_ptr<const ResolvedImage> image;
};

// The files of a local directory (or of a tar stream that was unpacked into one).
struct SourceContext {
  std::string name;  // "context" for the main one, else the name of --build-context
};

struct SourceGit {
  std::string remote;
  std::string ref;       // empty: the remote's HEAD
  std::string subdir;    // empty: the whole tree
  std::string checksum;  // full commit or a prefix of one; empty: not checked
  bool keep_git_dir = false;
  bool submodules = true;
  bool fetch_by_commit = false;  // ask for `checksum` itself, not for `ref`
  bool commit_times = false;     // files get the commit's time, not that of the checkout
};

struct SourceHttp {
  std::string url;
  std::string file_name;  // what the downloaded file is called in the files this vertex makes
  std::optional<base::Digest> checksum;
};

// What a mount shows of an input: `input` is an index into Exec::mount_inputs.
struct ExecMount {
  enum class Kind { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };
  Kind kind = Kind::kBind;
  std::string
      target;  // absolute, cleaned; for a secret that is only an environment variable: empty
  std::optional<VertexId> from;  // bind and cache: where the files come from; none: empty directory
                                 // (scratch or a new cache)
  std::string source = "/";      // path inside `from`
  bool read_only = false;
  std::string id;  // cache, secret, ssh
  Sharing sharing = Sharing::kShared;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> size_bytes;  // tmpfs
  bool required = false;                    // secret, ssh
  std::string environment_name;             // secret: also (or only) this variable
  friend bool operator==(const ExecMount&, const ExecMount&) = default;
};

// A script of a RUN heredoc that begins with "#!": an executable file that is shown to the step at
// /dev/pipes/<name>.
struct ExecFile {
  std::string name;
  std::string content;
  friend bool operator==(const ExecFile&, const ExecFile&) = default;
};

struct Exec {
  enum class Network { kDefault, kNone, kHost };
  enum class Security { kSandbox, kInsecure };
  std::vector<std::string> argv;
  Environment environment;  // in the order of the language reference 6.4, PATH included; what an
                            // execve takes is environment.assignments()
  std::string working_directory = "/";
  std::string user;  // as USER has it; empty: root
  std::vector<ExecMount> mounts;
  std::vector<ExecFile> files;
  std::vector<std::string> devices;  // CDI names with their options, as written
  Network network = Network::kDefault;
  Security security = Security::kSandbox;
  std::string hostname;  // empty: the default
};

// One source of COPY or ADD.
struct CopySource {
  // Which files: the vertex; none for a heredoc, and for a kPath of an empty file system (COPY
  // --from a stage that has no layers).
  std::optional<VertexId> from;
  // Path or wildcard pattern inside `from`: absolute and cleaned, but with --parents as written,
  // since a "/./" in it has a meaning.
  std::string pattern;
  // ADD of a URL or git reference: the whole result of `from` is meant; a file named
  // SourceHttp::file_name, or a work tree whose content goes into the destination directory.
  enum class Kind { kPath, kHeredoc, kHttp, kGit } kind = Kind::kPath;
  std::string heredoc_name;
  std::string heredoc_content;  // expanded already where it had to be
  friend bool operator==(const CopySource&, const CopySource&) = default;
};

struct Copy {
  std::vector<CopySource> sources;  // paths first, heredocs last
  std::string destination;          // absolute; a trailing "/" (or "/.") means a directory
  std::string chown;                // as written (expanded); empty: not given
  std::string chmod;
  std::vector<std::string> excludes;
  bool parents = false;
  bool link = false;           // the layer is made on an empty root and does not look at the base
  bool is_add = false;         // local archives are unpacked
  std::optional<bool> unpack;  // ADD --unpack
};

// WORKDIR: the directory and its missing parents, 0755, owned by the user by the rules of --chown.
struct MakeDir {
  std::string path;  // absolute, cleaned
  std::string user;
};

using VertexOp =
    std::variant<SourceImage, SourceContext, SourceGit, SourceHttp, Exec, Copy, MakeDir>;

// Lines of the Dockerfile that a vertex came from (1-based, inclusive); for errors and progress.
struct SourceLines {
  int first = 0;
  int last = 0;
  friend bool operator==(const SourceLines&, const SourceLines&) = default;
};

// What must not change a result.
struct VertexMeta {
  std::string name;                // "[build 2/3] RUN make", language reference 7.5
  std::vector<SourceLines> lines;  // empty: no lines (an internal step)
  std::string stage;               // the stage's name, "" for sources
  std::vector<std::string>
      proxy_environment;      // "HTTP_PROXY=...", given to an Exec but part of no key
  bool ignore_cache = false;  // --no-cache, --no-cache-filter
  registry::Platform platform;
  // Directories made by MakeDir and parents made by Copy get at most this time (SOURCE_DATE_EPOCH).
  std::optional<std::int64_t> source_date_epoch;
};

struct Vertex {
  VertexOp op;
  std::optional<VertexId>
      base;  // the state it builds on; none: empty (and always none for sources)
  VertexMeta meta;
};

// One entry of the image's history; `layer` names the vertex that makes its layer, none for an
// empty layer.
struct PlannedHistory {
  registry::History
      entry;  // `created` is absent in entries made here: it is set from the layers' times
  std::optional<VertexId> layer;
};

struct Target {
  std::string stage;  // name, or "" for the only, unnamed one
  registry::Platform platform;
  std::optional<VertexId> state;  // none: an empty file system
  registry::ImageConfig config;   // without rootfs and history: these follow from the results
  std::vector<registry::History> base_history;
  std::vector<PlannedHistory> history;  // entries of this build, in order
  std::optional<std::int64_t> source_date_epoch;
};

struct Graph {
  std::vector<Vertex> vertices;  // in an order in which inputs come first
  std::vector<Target> targets;   // one per platform
  const Vertex& vertex(VertexId id) const { return vertices[index_of(id)]; }
};

// Every vertex that must have a result before this one can run, base first, without repeats.
std::vector<VertexId> inputs_of(const Vertex& vertex);

// True for vertices whose result is a stack of layers.
bool makes_state(const VertexOp& op);

// One named part of what identifies a step. Names are unique and sorted within one key; values may
// hold any bytes.
struct KeyPart {
  std::string name;
  std::string value;
  friend bool operator==(const KeyPart&, const KeyPart&) = default;
};

// The part of the step key that the graph alone decides. Two vertices with equal definitions and
// equal inputs have equal results.
std::vector<KeyPart> definition_of(const VertexOp& op);

// The same in no particular order and without the environment of an Exec, which is long and has a
// fingerprint of its own: what tells vertices of one graph apart.
std::vector<KeyPart> short_definition_of(const VertexOp& op);

}  // namespace slipway::builder
