#include "builder/export/merge_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

bool is_directory(const base::Fd& parent, const std::string& name) {
  std::optional<struct stat> status = base::find_status(parent, name);
  return status && S_ISDIR(status->st_mode);
}

void take_attributes(const base::Fd& from, const base::Fd& to, std::string_view object) {
  struct stat status = base::get_status(from, "");
  base::check([&] { return ::fchmod(to.get(), status.st_mode & 07777); }, "chmod", object);
  timespec times[2] = {status.st_atim, status.st_mtim};
  base::check([&] { return ::futimens(to.get(), times); }, "futimens", object);
}

}  // namespace

// As deep as the tree; what comes here was made by TreeWriter, whose paths have a limit.
void merge_tree(const base::Fd& from, const base::Fd& to, std::string_view object) {
  for (const base::DirectoryEntry& entry : base::list_directory(from)) {
    std::string name = base::cat(object, "/", entry.name);
    if (is_directory(from, entry.name) && is_directory(to, entry.name)) {
      base::Fd inner_from = base::open_beneath(from, entry.name, O_RDONLY | O_DIRECTORY);
      base::Fd inner_to = base::open_beneath(to, entry.name, O_RDONLY | O_DIRECTORY);
      merge_tree(inner_from, inner_to, name);
      take_attributes(inner_from, inner_to, name);
      continue;
    }
    if (is_directory(from, entry.name) || is_directory(to, entry.name)) {
      base::remove_tree(to, entry.name);
    }
    base::check(
        [&] { return ::renameat(from.get(), entry.name.c_str(), to.get(), entry.name.c_str()); },
        "rename", name);
  }
}

}  // namespace slipway::builder
