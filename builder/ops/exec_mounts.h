#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/layer/copy_plan.h"
#include "builder/ops/services.h"
#include "cache/store.h"

namespace slipway::builder {

// The layer that was made of the files which a mount shows, and where they are in it.
struct ShownLayer {
  cache::DiffId diff_id;
  base::ImagePath subpath;
};

// A context's directory that a mount shows as it lies there, with nothing copied.
struct ShownInPlace {
  std::shared_ptr<const TreeView> files;
  base::ImagePath top;
};

// The mounts of one RUN, made ready: what keeps them alive, what the sandbox is told, and what they
// add to the environment.
struct ReadyMounts {
  std::vector<MountEntry> entries;
  std::vector<std::string> environment;  // "NAME=value", from secrets and ssh
  std::vector<std::string> secrets;      // texts to mask in the output
  std::vector<cache::CacheDirUse> cache_dirs;
  std::map<std::size_t, ShownLayer> shown;             // by number in Exec::mounts
  std::map<std::size_t, ShownInPlace> shown_in_place;  // likewise
  std::vector<cache::StagedTree> scratch;  // upper directories of writable bind mounts; thrown away
};

// The key parts of bind mounts that show files of a source (a context): a digest of what they show.
// States that are mounted are in the key by their chain. At most `readers` threads read.
std::vector<KeyPart> mount_source_parts(const Exec& exec, const OpInputs& inputs,
                                        const OpServices& services, unsigned readers,
                                        std::stop_token stop);

// Whether there are such mounts of contexts, and whether all of these can be shown in place, as
// they are listed now.
bool shows_contexts(const Exec& exec, const OpInputs& inputs);
bool shows_contexts_in_place(const Exec& exec, const OpInputs& inputs);

// What became of files that are shown in place since they were listed: the first path that is not
// what it was then.
std::optional<base::ImagePath> find_changed(const ReadyMounts& mounts);

// Makes layers of what is shown in place, too; `mounts` are those of the exec.
void keep_shown(const Exec& exec, ReadyMounts& mounts, const OpInputs& inputs,
                const OpServices& services, std::stop_token stop);

// Unpacks and claims what the mounts need; waits for locked cache directories. kInput for a
// required secret or agent that was not given: «secret <id>: not found».
ReadyMounts make_mounts(const Exec& exec, const OpInputs& inputs, const OpServices& services,
                        std::stop_token stop);

}  // namespace slipway::builder
