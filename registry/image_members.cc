#include "registry/image_members.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>

#include <archive.h>
#include <archive_entry.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/path.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

using base::cat;

// An image has a handful of documents and at most a few hundred layers; a file with more members is
// no image.
constexpr std::size_t kMembersMax = 100'000;

class FolderMembers : public ImageMembers {
 public:
  explicit FolderMembers(const std::string& directory) : root_(base::open_directory(directory)) {}

  std::optional<std::uint64_t> find_size(const std::string& name) const override {
    std::optional<base::Fd> file =
        base::find_beneath(root_, name, O_RDONLY | O_NONBLOCK, base::Links::kInRoot);
    if (!file) {
      return std::nullopt;
    }
    struct stat status = base::get_status(*file, "");
    return S_ISREG(status.st_mode) ? std::optional(static_cast<std::uint64_t>(status.st_size))
                                   : std::nullopt;
  }

  std::unique_ptr<base::Source> open(const std::string& name) const override {
    return std::make_unique<base::FdSource>(
        base::open_beneath(root_, name, O_RDONLY | O_NONBLOCK, 0, base::Links::kInRoot), name);
  }

 private:
  base::Fd root_;
};

struct ArchiveCloser {
  void operator()(::archive* archive) const { archive_read_free(archive); }
};

class ArchiveMembers : public ImageMembers {
 public:
  ArchiveMembers(base::Fd file, std::string_view what, std::string scratch,
                 const std::stop_token& stop)
      : what_(what), scratch_(std::move(scratch)) {
    std::unique_ptr<::archive, ArchiveCloser> archive(archive_read_new());
    archive_read_support_filter_all(archive.get());
    archive_read_support_format_tar(archive.get());
    if (archive_read_open_fd(archive.get(), file.get(), 1 << 20) != ARCHIVE_OK) {
      fail_with(archive.get());
    }
    while (read_member(archive.get(), stop)) {
    }
  }

  std::optional<std::uint64_t> find_size(const std::string& name) const override {
    const Member* member = find(name);
    return member == nullptr ? std::nullopt : std::optional(member->size);
  }

  std::unique_ptr<base::Source> open(const std::string& name) const override {
    const Member* member = find(name);
    if (member == nullptr) {
      base::fail(base::ErrorKind::kNotFound, cat(what_, " has no member ", base::quote(name)));
    }
    return std::make_unique<base::FdSource>(base::open_file(member->path, O_RDONLY),
                                            cat(what_, ": ", name));
  }

 private:
  struct Member {
    std::string path;  // of the kept copy; empty: a link
    std::uint64_t size = 0;
    std::string target;  // of a link: the member's name
  };

  [[noreturn]] void fail_with(::archive* archive) const {
    const char* text = archive_error_string(archive);
    base::fail(
        base::ErrorKind::kInput,
        cat("can't read ", what_, " as an archive: ", text == nullptr ? "unknown error" : text),
        "it must be a tar as 'slipway save', 'docker save' or an OCI layout makes");
  }

  bool read_member(::archive* archive, const std::stop_token& stop) {
    base::throw_if_stopped(stop);
    archive_entry* entry = nullptr;
    int result = archive_read_next_header(archive, &entry);
    if (result == ARCHIVE_EOF) {
      return false;
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
      fail_with(archive);
    }
    if (members_.size() >= kMembersMax) {
      base::fail(base::ErrorKind::kInput,
                 cat(what_, " has more than ", kMembersMax, " members: it is no image"));
    }
    const char* raw_name = archive_entry_pathname(entry);
    std::string name(base::ImagePath::clean(raw_name == nullptr ? "" : raw_name).relative());
    if (const char* hard_link = archive_entry_hardlink(entry)) {
      members_[name] = {{}, 0, std::string(base::ImagePath::clean(hard_link).relative())};
    } else if (archive_entry_filetype(entry) == AE_IFLNK &&
               archive_entry_symlink(entry) != nullptr) {
      base::ImagePath target =
          base::ImagePath::clean(name).parent().join(archive_entry_symlink(entry));
      members_[name] = {{}, 0, std::string(target.relative())};
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      keep(archive, name);
    }
    return true;
  }

  void keep(::archive* archive, const std::string& name) {
    Member member{cat(scratch_, "/", members_.size()), 0, {}};
    base::Fd file = base::open_file(member.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int result = ARCHIVE_OK;
    while ((result = archive_read_data_block(archive, &block, &size, &offset)) == ARCHIVE_OK) {
      // Sparse pieces come with gaps: where they are, zeros are meant.
      base::check([&] { return ::lseek(file.get(), offset, SEEK_SET); }, "lseek", name);
      base::write_all(file, {static_cast<const char*>(block), size}, name);
      member.size = static_cast<std::uint64_t>(offset) + size;
    }
    if (result != ARCHIVE_EOF) {
      fail_with(archive);
    }
    members_[name] = std::move(member);
  }

  const Member* find(std::string name) const {
    for (int links = 0; links <= kMemberLinksMax; ++links) {
      auto found = members_.find(name);
      if (found == members_.end()) {
        return nullptr;
      }
      if (!found->second.path.empty()) {
        return &found->second;
      }
      name = found->second.target;
    }
    return nullptr;
  }

  std::string what_;
  std::string scratch_;
  std::map<std::string, Member> members_;
};

}  // namespace

std::optional<std::string> ImageMembers::find_text(const std::string& name,
                                                   std::size_t limit_bytes) const {
  if (!find_size(name)) {
    return std::nullopt;
  }
  return base::read_all(*open(name), limit_bytes, name);
}

std::unique_ptr<ImageMembers> open_folder_members(const std::string& directory) {
  return std::make_unique<FolderMembers>(directory);
}

std::unique_ptr<ImageMembers> open_archive_members(base::Fd file, std::string_view what,
                                                   const std::string& scratch_directory,
                                                   std::stop_token stop) {
  return std::make_unique<ArchiveMembers>(std::move(file), what, scratch_directory, stop);
}

}  // namespace slipway::registry
