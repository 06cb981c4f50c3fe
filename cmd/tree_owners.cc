#include "cmd/tree_owners.h"

#include <fcntl.h>

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/text.h"

namespace slipway::cmd {

namespace {

using base::cat;

struct Kind {
  TreeOwners owners;
  std::string_view text;  // of the file
  std::string_view made_by;
};
constexpr std::array<Kind, 3> kKinds = {{
    {TreeOwners::kTheirOwn, "", "with owners of their own"},
    {TreeOwners::kUserMarks, "user marks", "in a container where root may not mount"},
    {TreeOwners::kRecorded, "recorded", "with one id"},
}};

std::string path_of(const std::string& store) {
  return cat(store, "/owners");
}

const Kind& kind_of(TreeOwners owners) {
  for (const Kind& kind : kKinds) {
    if (kind.owners == owners) {
      return kind;
    }
  }
  base::fail(base::ErrorKind::kInternal, "a kind of trees without a name");
}

// Root that moved into a namespace with its own ids sees the same owners as before, but has to use
// other marks.
TreeOwners owners_for(const builder::UserNamespace& entered) {
  if (entered.has_one_id()) {
    return TreeOwners::kRecorded;
  }
  return entered.maps_own_ids || entered.only_chroot ? TreeOwners::kUserMarks
                                                     : TreeOwners::kTheirOwn;
}

}  // namespace

TreeOwners find_tree_owners(const std::string& store) {
  constexpr std::size_t kBytesMax = 64;
  std::string text = base::find_file_content(path_of(store), kBytesMax).value_or("");
  for (const Kind& kind : kKinds) {
    if (kind.text == base::trim(text)) {
      return kind.owners;
    }
  }
  base::fail(base::ErrorKind::kInput,
             cat(path_of(store), ": ", base::quote(text), " is of a newer slipway"));
}

void settle_tree_owners(const std::string& store, const builder::UserNamespace& entered) {
  TreeOwners wanted = owners_for(entered);
  TreeOwners found = find_tree_owners(store);
  if (found == wanted) {
    return;
  }
  bool is_fresh = found == TreeOwners::kTheirOwn &&
                  base::list_directory(base::open_directory(cat(store, "/trees"))).empty();
  if (!is_fresh) {
    base::fail(base::ErrorKind::kInput,
               cat("the store ", store, " was made ", kind_of(found).made_by,
                   ", and steps that run ", kind_of(wanted).made_by, " can't use it"),
               "use another --isolation, or another store with --root");
  }
  base::Fd file = base::open_file(path_of(store), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  base::write_all(file, kind_of(wanted).text, path_of(store));
}

}  // namespace slipway::cmd
