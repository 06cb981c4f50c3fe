#include "builder/sandbox/one_id.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::Fd;

// Those that old 32-bit programs have with ids of 16 bits have the plain names there.
constexpr std::array<std::string_view, 7> kOwnerCalls = {
    "chown", "lchown", "fchown", "chown32", "lchown32", "fchown32", "fchownat"};
constexpr std::array<std::string_view, 12> kSettingCalls = {
    "setuid",   "setuid32",   "setgid",    "setgid32",    "setreuid",  "setreuid32",
    "setregid", "setregid32", "setresuid", "setresuid32", "setresgid", "setresgid32"};
constexpr std::array<std::string_view, 12> kGettingCalls = {
    "getuid",  "getuid32",  "geteuid",   "geteuid32",   "getgid",    "getgid32",
    "getegid", "getegid32", "getresuid", "getresuid32", "getresgid", "getresgid32"};
constexpr std::array<std::string_view, 6> kEmptyCalls = {"setgroups",  "setgroups32", "setfsuid",
                                                         "setfsuid32", "setfsgid",    "setfsgid32"};

std::vector<std::string> texts_of(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

// The number behind a name in the text of /proc/<pid>/status.
std::optional<pid_t> status_number(std::string_view text, std::string_view name) {
  std::size_t place = text.find(cat("\n", name, ":"));
  if (place == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(place + name.size() + 2);
  return base::parse_integer<pid_t>(base::trim(rest.substr(0, rest.find('\n'))));
}

// Would the kernel, had it more ids, have made root of whoever runs this program?
bool makes_root(const std::string& program) {
  struct stat status{};
  if (::stat(program.c_str(), &status) != 0 || (status.st_mode & S_ISUID) == 0) {
    return false;
  }
  std::array<char, 64> text;
  ssize_t size = ::getxattr(program.c_str(), base::kOwnerAttribute, text.data(), text.size());
  std::string_view recorded(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  return base::parse_owner(recorded).value_or(base::RecordedOwner{}).uid == 0;
}

// In the init's working directory, /proc.
std::optional<ProcessPlace> find_place(pid_t thread) {
  constexpr std::size_t kStatusBytesMax = 1 << 16;
  std::optional<std::string> text =
      base::find_file_content(cat(thread, "/status"), kStatusBytesMax);
  if (!text) {
    return std::nullopt;
  }
  std::optional<pid_t> process = status_number(*text, "Tgid");
  std::optional<pid_t> parent = status_number(*text, "PPid");
  if (!process || !parent) {
    return std::nullopt;
  }
  return ProcessPlace{*process, *parent, makes_root(cat(*process, "/exe"))};
}

// The text in another process' memory that ends with a NUL: 0, EFAULT or ENAMETOOLONG. Page by
// page, because the one behind the last may not be there.
int read_text(pid_t pid, std::uint64_t address, std::string& text) {
  constexpr std::uint64_t kPage = 4096;
  std::array<char, kPage> page;
  while (text.size() < PATH_MAX) {
    std::size_t size = kPage - (address + text.size()) % kPage;
    iovec here{page.data(), size};
    iovec there{reinterpret_cast<void*>(address + text.size()), size};
    ssize_t got = ::process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (got <= 0) {
      return EFAULT;
    }
    std::string_view piece(page.data(), static_cast<std::size_t>(got));
    std::size_t end = piece.find('\0');
    text += piece.substr(0, end);
    if (end != std::string_view::npos) {
      return text.size() < PATH_MAX ? 0 : ENAMETOOLONG;
    }
  }
  return ENAMETOOLONG;
}

// An id of the call; nothing for -1, which leaves it as it is.
std::optional<std::uint32_t> id_of(std::uint64_t argument, bool is_short) {
  std::uint32_t none = is_short ? 0xFFFF : 0xFFFFFFFF;
  auto id = static_cast<std::uint32_t>(argument) & none;
  return id == none ? std::nullopt : std::optional(id);
}

// Names relative to /proc, our working directory.
std::string proc_name(pid_t pid, std::string_view what) {
  return cat(pid, "/", what);
}

Fd open_path(int directory, const std::string& name, std::uint64_t flags, std::uint64_t resolve) {
  open_how how{.flags = O_PATH | O_CLOEXEC | flags, .mode = 0, .resolve = resolve};
  return Fd(static_cast<int>(::syscall(SYS_openat2, directory, name.c_str(), &how, sizeof how)));
}

// What a symbolic link in /proc says of that process; links themselves are ours to follow there.
Fd open_of_process(pid_t pid, std::string_view what) {
  return open_path(AT_FDCWD, proc_name(pid, what), 0, 0);
}

}  // namespace

SeccompProfile one_id_profile(OwnerCalls calls) {
  SeccompProfile profile{.default_error_number = 0, .rules = {}};
  auto add = [&](std::span<const std::string_view> names, SeccompAnswer answer) {
    profile.rules.push_back({.names = texts_of(names), .conditions = {}, .answer = answer});
  };
  bool asks = calls == OwnerCalls::kRecord;
  add(kOwnerCalls, asks ? SeccompAnswer::kAsk : SeccompAnswer::kPretend);
  add(kSettingCalls, asks ? SeccompAnswer::kAsk : SeccompAnswer::kPretend);
  if (asks) {
    add(kGettingCalls, SeccompAnswer::kAsk);
  }
  add(kEmptyCalls, SeccompAnswer::kPretend);
  return profile;
}

std::optional<Fd> install_listener(std::string_view program) {
  // Linux 5.19: a call that the init has seen is interrupted by nothing but a kill.
  constexpr unsigned kWaitKillable = 1U << 5;
  for (unsigned flags :
       {SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable, SECCOMP_FILTER_FLAG_NEW_LISTENER}) {
    if (std::optional<Fd> listener = try_install_seccomp(program, flags)) {
      return listener;
    }
  }
  return std::nullopt;
}

OwnerRecorder::OwnerRecorder(Fd listener, pid_t command, base::RecordedOwner user)
    : listener_(std::move(listener)), new_owner_(user), ids_(find_place) {
  ids_.begin(command, user.uid, user.gid);
  Fd proc = base::open_directory("/proc");
  base::check([&] { return ::fchdir(proc.get()); }, "fchdir", "/proc");
  seccomp_notif_sizes sizes{};
  base::check([&] { return ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes); }, "seccomp",
              "sizes");
  request_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
  response_.resize(std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
  for (std::string_view name : kOwnerCalls) {
    add_call(name, name == "fchownat"        ? Kind::kAt
                   : name.starts_with("lch") ? Kind::kLinkItself
                   : name.starts_with("fch") ? Kind::kDescriptor
                                             : Kind::kPath);
  }
  for (std::string_view name : kSettingCalls) {
    add_call(name, name.starts_with("setres")  ? Kind::kSetThree
                   : name.starts_with("setre") ? Kind::kSetTwo
                                               : Kind::kSetOne);
  }
  for (std::string_view name : kGettingCalls) {
    add_call(name, name.starts_with("getres") ? Kind::kGetThree
                   : name.starts_with("gete") ? Kind::kGetEffective
                                              : Kind::kGetReal);
  }
}

// On 32-bit machines the plain names are those with ids of 16 bits, where there are others.
void OwnerRecorder::add_call(std::string_view name, Kind kind) {
  bool is_group = name.contains("gid");
  Call call{.kind = kind,
            .whose = is_group ? EmulatedIds::Whose::kGroup : EmulatedIds::Whose::kUser,
            .has_short_ids = false};
  for (const SeccompNumber& number : seccomp_numbers(std::string(name))) {
    call.has_short_ids = number.is_32_bit && !name.ends_with("32") && kind != Kind::kAt;
    calls_[{number.architecture, number.number}] = call;
  }
}

void OwnerRecorder::answer() {
  std::ranges::fill(request_, 0);
  std::ranges::fill(response_, 0);
  auto* request = reinterpret_cast<seccomp_notif*>(request_.data());
  auto* response = reinterpret_cast<seccomp_notif_resp*>(response_.data());
  // ENOENT: whoever made the call is gone, or was interrupted. It need not hear of it.
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request) != 0) {
    return;
  }
  response->id = request->id;
  Answer answer = handle(*request);
  response->error = -answer.error;
  response->val = answer.value;
  ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, response);
}

// Its process id has not been given to another one since.
bool OwnerRecorder::is_waiting(std::uint64_t id) const {
  return ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

OwnerRecorder::Answer OwnerRecorder::handle(const seccomp_notif& request) {
  auto found = calls_.find({request.data.arch, static_cast<std::uint32_t>(request.data.nr)});
  if (found == calls_.end()) {
    return {ENOSYS, 0};
  }
  const Call& call = found->second;
  auto thread = static_cast<pid_t>(request.pid);
  auto id = [&](int index) { return id_of(request.data.args[index], call.has_short_ids); };
  switch (call.kind) {
    case Kind::kSetOne:
      return {ids_.set_one(thread, call.whose, id(0)), 0};
    case Kind::kSetTwo:
      return {ids_.set_two(thread, call.whose, {id(0), id(1), std::nullopt}), 0};
    case Kind::kSetThree:
      return {ids_.set_three(thread, call.whose, {id(0), id(1), id(2)}), 0};
    case Kind::kGetReal:
    case Kind::kGetEffective:
    case Kind::kGetThree:
      return get_ids(request, call);
    default:
      return {change_owner(request, call), 0};
  }
}

OwnerRecorder::Answer OwnerRecorder::get_ids(const seccomp_notif& request, const Call& call) const {
  auto thread = static_cast<pid_t>(request.pid);
  ProcessIds all = ids_.ids_of(thread);
  const IdTriple& ids = call.whose == EmulatedIds::Whose::kUser ? all.user : all.group;
  if (call.kind != Kind::kGetThree) {
    return {0, call.kind == Kind::kGetReal ? ids.real : ids.effective};
  }
  if (!is_waiting(request.id)) {
    return {ESRCH, 0};  // nobody hears it
  }
  std::array<std::uint32_t, 3> values = {ids.real, ids.effective, ids.saved};
  std::size_t size = call.has_short_ids ? sizeof(std::uint16_t) : sizeof(std::uint32_t);
  for (std::size_t index = 0; index < values.size(); ++index) {
    iovec here{&values[index], size};
    iovec there{reinterpret_cast<void*>(request.data.args[index]), size};
    if (::process_vm_writev(thread, &here, 1, &there, 1, 0) != static_cast<ssize_t>(size)) {
      return {EFAULT, 0};
    }
  }
  return {0, 0};
}

int OwnerRecorder::change_owner(const seccomp_notif& request, const Call& call) const {
  const auto& arguments = request.data.args;
  bool is_at = call.kind == Kind::kAt;
  auto flags = is_at ? static_cast<int>(arguments[4]) : 0;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
    return EINVAL;
  }
  Change change{.pid = static_cast<pid_t>(request.pid),
                .directory = AT_FDCWD,
                .path = {},
                .follow = call.kind != Kind::kLinkItself && (flags & AT_SYMLINK_NOFOLLOW) == 0,
                .uid = id_of(arguments[is_at ? 2 : 1], call.has_short_ids),
                .gid = id_of(arguments[is_at ? 3 : 2], call.has_short_ids)};
  if (is_at || call.kind == Kind::kDescriptor) {
    change.directory = static_cast<int>(arguments[0]);
  }
  if (call.kind != Kind::kDescriptor) {
    std::string text;
    if (int error = read_text(change.pid, arguments[is_at ? 1 : 0], text); error != 0) {
      return error;
    }
    if (text.empty() && (flags & AT_EMPTY_PATH) == 0) {
      return ENOENT;
    }
    if (!text.empty()) {
      change.path = std::move(text);
    }
  }
  auto [file, error] = open_file(change);
  if (!is_waiting(request.id)) {
    return ESRCH;  // nobody hears it
  }
  return file ? apply(file, change) : error;
}

// Links in /proc that lead to a process' files ("magic" ones) would be followed as ours and not as
// the caller's: ELOOP keeps us from them, and the call seems to succeed.
std::pair<Fd, int> OwnerRecorder::open_file(const Change& change) const {
  bool is_here = change.directory == AT_FDCWD;
  std::string place = is_here ? "cwd" : cat("fd/", change.directory);
  bool is_absolute = change.path && change.path->starts_with('/');
  Fd start = open_of_process(change.pid, is_absolute ? "root" : place);
  if (!start) {
    return {Fd(), is_here || is_absolute ? ENOENT : EBADF};
  }
  if (!change.path) {
    return {std::move(start), 0};
  }
  std::uint64_t resolve = RESOLVE_NO_MAGICLINKS | (is_absolute ? RESOLVE_IN_ROOT : 0);
  Fd file = open_path(start.get(), *change.path, change.follow ? 0 : O_NOFOLLOW, resolve);
  int error = file ? 0 : errno;
  return {std::move(file), error == ELOOP ? 0 : error};
}

// The kernel's own chown comes first: it says what is forbidden here, takes set-id bits and
// capabilities away and makes the overlay copy the file.
int OwnerRecorder::apply(const Fd& file, const Change& change) const {
  constexpr auto kKeep = static_cast<uid_t>(-1);
  if (::fchownat(file.get(), "", change.uid ? 0 : kKeep, change.gid ? 0 : kKeep, AT_EMPTY_PATH) !=
      0) {
    return errno;
  }
  struct stat status{};
  if ((!change.uid && !change.gid) || ::fstat(file.get(), &status) != 0 ||
      !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
    return 0;
  }
  std::string name = cat("self/fd/", file.get());
  std::array<char, 64> text;
  ssize_t size = ::getxattr(name.c_str(), base::kOwnerAttribute, text.data(), text.size());
  std::string_view recorded(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  base::RecordedOwner owner = base::parse_owner(recorded).value_or(new_owner_);
  owner.uid = change.uid.value_or(owner.uid);
  owner.gid = change.gid.value_or(owner.gid);
  std::string value = base::format_owner(owner);
  // What can't have attributes (a tmpfs, /proc) is in no layer.
  return ::setxattr(name.c_str(), base::kOwnerAttribute, value.data(), value.size(), 0) == 0 ||
                 errno == EOPNOTSUPP
             ? 0
             : errno;
}

}  // namespace slipway::builder
