#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/path.h"
#include "builder/sandbox/mount_point.h"

namespace slipway::builder {

// What stands in for mounts where nothing can be mounted: files and directories that are put into a
// plain root for the time of a command. What was there before is moved aside and comes back, and
// the times of directories stay what the command leaves them. What the command makes of what was
// put there is thrown away with it.
//
// Nothing runs in the root while this works on it. Everything is reached beneath the root; links
// mean what they mean after chroot.
class PlacedFiles {
 public:
  // `aside` is an empty directory on the same file system, outside of the root. Both are owned by
  // the caller, opened for reading, and outlive this.
  PlacedFiles(const base::Fd& root, const base::Fd& aside);
  PlacedFiles(const PlacedFiles&) = delete;
  PlacedFiles& operator=(const PlacedFiles&) = delete;
  // What is lent goes back where it belongs; the rest is for whoever removes the root.
  ~PlacedFiles();

  // An empty directory, 0755 and root's; returned open for reading.
  base::Fd place_directory(const base::ImagePath& target);
  // The same for a target that must be no link: what stands in for /proc, /sys and /dev.
  base::Fd place_plain_directory(const base::ImagePath& target);
  // Its bytes are overwritten before it is removed, under whatever name they are by then.
  struct Text {
    std::string_view content;
    mode_t mode = 0644;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  void place_text(const base::ImagePath& target, const Text& text);
  // `name` in `folder`, moved there; a file or a directory.
  void place_made(const base::ImagePath& target, const base::Fd& folder, const std::string& name);
  // The same, and moved back by take_away() and the destructor. An empty directory keeps its place
  // meanwhile.
  void lend_directory(const base::ImagePath& target, const base::Fd& folder,
                      const std::string& name);

  // All is as it was, but for what the command has changed beside it. Once.
  void take_away();

 private:
  struct Placed {
    base::Fd parent;
    std::string name;
    std::string aside;      // the name that what was there has now
    bool was_made = false;  // by us, so that there was something
    base::Fd text;          // to wipe
    base::Fd lender;        // of a directory that is lent: its folder and name there
    std::string lender_name;
    struct stat lent{};
  };
  // Moves aside what is there.
  Placed& open_place(const base::ImagePath& target, PointKind kind);
  static bool give_back(Placed& placed) noexcept;
  void put_back(const Placed& placed);

  const base::Fd& root_;
  const base::Fd& aside_;
  base::Fd no_upper_;
  MountPoints points_;
  std::vector<Placed> placed_;
};

}  // namespace slipway::builder
