#include "registry/tar_members.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <utility>

#include <archive.h>
#include <archive_entry.h>

#include "base/compress.h"
#include "base/error.h"
#include "base/path.h"
#include "base/text.h"

namespace slipway::registry {

namespace {

using base::cat;
using base::ErrorKind;
using base::fail;

// An image has a few files for each layer.
constexpr std::size_t kMembersMax = 100'000;
// Docker's own layer links are one level deep.
constexpr int kLinkDepthMax = 8;
constexpr std::size_t kReadBlockBytes = 64 * 1024;

struct ArchiveDelete {
  void operator()(archive* handle) const { ::archive_read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<archive, ArchiveDelete>;

struct Member {
  std::uint64_t size = 0;
  std::string link;           // the path it leads to; empty: a regular file
  std::int64_t position = 0;  // of its first header in the file
};

[[noreturn]] void fail_archive(archive* handle, std::string_view what) {
  const char* text = ::archive_error_string(handle);
  fail(ErrorKind::kInput,
       cat(what, " can't be read as an image archive: ", text == nullptr ? "unknown error" : text));
}

// From a header on, without looking at what lies before it.
ArchiveHandle open_reader(const base::Fd& file, std::int64_t position, std::string_view what) {
  ArchiveHandle handle(::archive_read_new());
  if (!handle || ::archive_read_support_format_tar(handle.get()) != ARCHIVE_OK) {
    fail(ErrorKind::kSystem, "libarchive: out of memory");
  }
  base::check([&] { return ::lseek(file.get(), position, SEEK_SET); }, "lseek", what);
  if (::archive_read_open_fd(handle.get(), file.get(), kReadBlockBytes) != ARCHIVE_OK) {
    fail_archive(handle.get(), what);
  }
  return handle;
}

// False at the end.
bool next_entry(archive* handle, archive_entry*& entry, std::string_view what) {
  int result = ::archive_read_next_header(handle, &entry);
  if (result == ARCHIVE_EOF) {
    return false;
  }
  // A warning is about names in another character set, which image archives don't need.
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    fail_archive(handle, what);
  }
  return true;
}

class MemberSource : public base::Source {
 public:
  // `file` is a descriptor of its own, so that others can read at the same time.
  MemberSource(base::Fd file, std::int64_t position, std::string what)
      : file_(std::move(file)),
        what_(std::move(what)),
        handle_(open_reader(file_, position, what_)) {
    archive_entry* entry = nullptr;
    if (!next_entry(handle_.get(), entry, what_)) {
      fail(ErrorKind::kInput, cat(what_, " changed while it was read"));
    }
  }

  std::size_t read(std::span<char> bytes) override {
    la_ssize_t count = ::archive_read_data(handle_.get(), bytes.data(), bytes.size());
    if (count < 0) {
      fail_archive(handle_.get(), what_);
    }
    return static_cast<std::size_t>(count);
  }

 private:
  base::Fd file_;
  std::string what_;
  ArchiveHandle handle_;
};

class TarMembers : public ImageMembers {
 public:
  TarMembers(base::Fd file, std::string what, const std::stop_token& stop)
      : file_(std::move(file)), what_(std::move(what)) {
    ArchiveHandle handle = open_reader(file_, 0, what_);
    archive_entry* entry = nullptr;
    for (std::size_t number = 0; next_entry(handle.get(), entry, what_); ++number) {
      base::throw_if_stopped(stop);
      if (number == kMembersMax) {
        fail(ErrorKind::kInput, cat(what_, " has more than ", kMembersMax, " members"));
      }
      take(entry, ::archive_read_header_position(handle.get()));
    }
  }

  const std::string& name() const override { return what_; }

  std::optional<std::uint64_t> find_size(const std::string& path) override {
    const Member* member = find(path);
    return member == nullptr ? std::nullopt : std::optional(member->size);
  }

  std::unique_ptr<base::Source> open(const std::string& path) override {
    const Member* member = find(path);
    if (member == nullptr) {
      fail(ErrorKind::kInternal, cat(what_, " has no member ", path));
    }
    // A duplicate would share the file's place.
    return std::make_unique<MemberSource>(
        base::open_file(cat("/proc/self/fd/", file_.get()), O_RDONLY), member->position, what_);
  }

 private:
  void take(archive_entry* entry, std::int64_t position) {
    const char* name = ::archive_entry_pathname(entry);
    if (name == nullptr) {
      return;  // not ASCII: nothing that an image archive has
    }
    std::string path = base::ImagePath::clean(name).text();
    Member member{.position = position};
    if (const char* target = ::archive_entry_hardlink(entry)) {
      member.link = base::ImagePath::clean(target).text();
    } else if (::archive_entry_filetype(entry) == AE_IFLNK) {
      const char* text = ::archive_entry_symlink(entry);
      base::ImagePath folder = base::ImagePath::clean(path).parent();
      member.link = folder.join(text == nullptr ? "" : text).text();
    } else if (::archive_entry_filetype(entry) == AE_IFREG) {
      // A sparse member can claim any size for nothing.
      if (::archive_entry_sparse_count(entry) > 0) {
        fail(ErrorKind::kInput, cat(what_, ": member ", name, " is sparse"));
      }
      member.size = static_cast<std::uint64_t>(::archive_entry_size(entry));
    } else {
      return;
    }
    // Of several members of one name, the last counts, as when unpacking.
    members_[path] = std::move(member);
  }

  const Member* find(const std::string& path) const {
    std::string place = base::ImagePath::clean(path).text();
    for (int depth = 0; depth <= kLinkDepthMax; ++depth) {
      auto found = members_.find(place);
      if (found == members_.end()) {
        return nullptr;
      }
      if (found->second.link.empty()) {
        return &found->second;
      }
      place = found->second.link;
    }
    return nullptr;
  }

  base::Fd file_;
  std::string what_;
  std::map<std::string, Member> members_;
};

bool is_regular(const base::Fd& file, std::string_view what) {
  struct stat status{};
  base::check([&] { return ::fstat(file.get(), &status); }, "fstat", what);
  return S_ISREG(status.st_mode);
}

// First bytes, then the rest of a source that stands behind them.
class PrefixedSource : public base::Source {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<base::Source> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  std::size_t read(std::span<char> bytes) override {
    std::size_t count = prefix_.read(bytes);
    return count > 0 ? count : rest_->read(bytes);
  }

 private:
  base::StringSource prefix_;
  std::unique_ptr<base::Source> rest_;
};

base::Fd spool(std::unique_ptr<base::Source> source, const std::string& scratch_directory,
               std::string_view what, const std::stop_token& stop) {
  std::string path = scratch_directory + "/archive.tar";
  base::Fd copy = base::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  base::DetectedSource plain = base::open_decompressed(std::move(source), std::string(what));
  base::FdSink sink(copy, path);
  base::copy_stream(*plain.plain, sink, stop);
  return copy;
}

}  // namespace

std::optional<std::string> find_text(ImageMembers& members, const std::string& path,
                                     std::size_t limit_bytes) {
  if (!members.find_size(path)) {
    return std::nullopt;
  }
  std::unique_ptr<base::Source> source = members.open(path);
  return base::read_all(*source, limit_bytes, cat(path, " in ", members.name()));
}

std::unique_ptr<ImageMembers> open_tar_members(base::Fd file, std::string_view what,
                                               const std::string& scratch_directory,
                                               std::stop_token stop) {
  std::string first(base::kMagicBytes, '\0');
  first.resize(base::read_full(file, first, what));
  bool in_place =
      is_regular(file, what) && base::detect_compression(first) == base::Compression::kNone;
  if (!in_place) {
    auto rest = std::make_unique<base::FdSource>(std::move(file), std::string(what));
    file = spool(std::make_unique<PrefixedSource>(std::move(first), std::move(rest)),
                 scratch_directory, what, stop);
  }
  return std::make_unique<TarMembers>(std::move(file), std::string(what), stop);
}

}  // namespace slipway::registry
