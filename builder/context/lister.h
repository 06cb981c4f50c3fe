#pragma once

// Makes the listings of a context's directories. Internal to the closet.

#include <sys/stat.h>

#include <memory>

#include "base/fd.h"
#include "base/time.h"
#include "builder/context/listing.h"
#include "builder/context/stat_cache.h"
#include "parser/ignore.h"

namespace slipway::builder {

// Immutable; safe for many threads. What it is made of is owned by the caller, also while listings
// of it are used.
class Lister {
 public:
  Lister(const base::Fd& root, const parser::PatternMatcher& rules, const StatCache& remembered);

  // The directory as it is now. `patterns` is what the rules say of the directory itself. Where it
  // is known and unchanged its names are not read again; each is looked at in any case.
  std::shared_ptr<Listing> list(const base::ImagePath& path,
                                const parser::PatternMatcher::State& patterns) const;

  // Without following links.
  base::Fd open(const base::ImagePath& path) const;
  // Root's, on the root's file system, without attributes, and of the usual kinds.
  bool is_as_is(const struct stat& status, bool has_xattrs) const;

 private:
  struct Job;  // one directory
  static bool add_remembered(Job& job, StatCache::Directory known);
  static void add_read(Job& job, StatCache::Directory known);

  const base::Fd* root_;
  const parser::PatternMatcher* rules_;
  const StatCache* remembered_;
  dev_t device_;                   // of the root
  bool directories_tell_ = false;  // the times of one say whether a name has come or gone
  base::SystemClock clock_;
};

}  // namespace slipway::builder
