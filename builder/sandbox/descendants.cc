#include "builder/sandbox/descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

using base::cat;
using base::Fd;

// No process is nested deeper; whatever /proc says meanwhile, a search ends.
constexpr int kAncestorsMax = 1 << 16;

// A file of /proc at once; nothing if the process is gone.
std::optional<std::string> read_small(const Fd& proc, const std::string& name) {
  Fd file(::openat(proc.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 8192> text;
  ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return size <= 0 ? std::nullopt
                   : std::optional<std::string>(std::in_place, text.data(),
                                                static_cast<std::size_t>(size));
}

// What stands behind `name` in /proc/<pid>/status, by words.
std::vector<std::string_view> words_of(std::string_view status, std::string_view name) {
  std::size_t place = status.find(cat("\n", name, ":"));
  if (place == std::string_view::npos) {
    return {};
  }
  std::string_view rest = status.substr(place + name.size() + 2);
  return base::split(base::trim(rest.substr(0, rest.find('\n'))), '\t');
}

template <typename Number>
Number number_at(const std::vector<std::string_view>& words, std::size_t index) {
  return index < words.size() ? base::parse_integer<Number>(words[index]).value_or(Number{})
                              : Number{};
}

// Parent, group and session, which stand behind the name of the program: in brackets, and it may
// have brackets in it.
std::optional<std::array<pid_t, 3>> place_of(const Fd& proc, pid_t process) {
  std::optional<std::string> text = read_small(proc, cat(process, "/stat"));
  std::size_t end = text ? text->rfind(')') : std::string::npos;
  if (end == std::string::npos || end + 2 > text->size()) {
    return std::nullopt;
  }
  std::vector<std::string_view> words =
      base::split(base::trim(std::string_view(*text).substr(end + 1)), ' ');
  return std::array<pid_t, 3>{number_at<pid_t>(words, 1), number_at<pid_t>(words, 2),
                              number_at<pid_t>(words, 3)};
}

struct Place {
  pid_t parent = 0;
  pid_t group = 0;
};

std::map<pid_t, Place> all_places(const Fd& proc) {
  std::map<pid_t, Place> places;
  for (const base::DirectoryEntry& entry : base::list_directory(proc)) {
    std::optional<pid_t> process = base::parse_integer<pid_t>(entry.name);
    if (auto place = process ? place_of(proc, *process) : std::nullopt) {
      places[*process] = {(*place)[0], (*place)[1]};
    }
  }
  return places;
}

// What of `places` descends from `ancestor`, not through one of `spared`.
std::map<pid_t, Place> below(const std::map<pid_t, Place>& places, pid_t ancestor,
                             const std::vector<pid_t>& spared) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& [process, place] : places) {
    children.emplace(place.parent, process);
  }
  std::map<pid_t, Place> found;
  std::vector<pid_t> pending = {ancestor};
  while (!pending.empty()) {
    pid_t parent = pending.back();
    pending.pop_back();
    auto [begin, end] = children.equal_range(parent);
    for (auto child = begin; child != end; ++child) {
      bool is_spared = std::ranges::find(spared, child->second) != spared.end();
      if (!is_spared && found.emplace(child->second, places.at(child->second)).second) {
        pending.push_back(child->second);
      }
    }
  }
  return found;
}

// Whole groups first: the kernel kills those at once, where a process that forks may be faster than
// whoever kills one after the other.
void kill_all(const std::map<pid_t, Place>& processes) {
  std::set<pid_t> groups;
  for (const auto& [process, place] : processes) {
    groups.insert(place.group);
  }
  groups.erase(::getpgrp());
  groups.erase(0);
  for (pid_t group : groups) {
    // A group is within one session, and sessions begin below us.
    if (processes.contains(group)) {
      ::kill(-group, SIGKILL);
    }
  }
  for (const auto& [process, place] : processes) {
    ::kill(process, SIGKILL);
  }
}

void reap(const std::map<pid_t, Place>& processes) {
  for (const auto& [process, place] : processes) {
    ::waitpid(process, nullptr, WNOHANG);
  }
}

}  // namespace

std::optional<ProcessStatus> find_process(const Fd& proc, pid_t thread) {
  std::optional<std::string> text = read_small(proc, cat(thread, "/status"));
  std::optional<std::array<pid_t, 3>> place = place_of(proc, thread);
  if (!text || !place) {
    return std::nullopt;
  }
  ProcessStatus status;
  status.process = number_at<pid_t>(words_of(*text, "Tgid"), 0);
  status.parent = (*place)[0];
  status.group = (*place)[1];
  status.session = (*place)[2];
  std::vector<std::string_view> users = words_of(*text, "Uid");
  status.real_user = number_at<std::uint32_t>(users, 0);
  status.effective_user = number_at<std::uint32_t>(users, 1);
  status.saved_user = number_at<std::uint32_t>(users, 2);
  std::vector<std::string_view> capabilities = words_of(*text, "CapEff");
  for (char digit : capabilities.empty() ? std::string_view() : capabilities.front()) {
    status.capabilities = status.capabilities << 4 |
                          static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return status;
}

bool descends_from(const Fd& proc, pid_t process, pid_t ancestor) {
  for (int count = 0; process > 1 && process != ancestor && count < kAncestorsMax; ++count) {
    std::optional<std::array<pid_t, 3>> place = place_of(proc, process);
    if (!place) {
      return false;
    }
    process = (*place)[0];
    if (process == ancestor) {
      return true;
    }
  }
  return false;
}

std::map<pid_t, ProcessStatus> descendants_of(const Fd& proc, pid_t ancestor) {
  std::map<pid_t, ProcessStatus> found;
  for (const auto& [process, place] : below(all_places(proc), ancestor, {})) {
    if (std::optional<ProcessStatus> status = find_process(proc, process)) {
      found.emplace(process, *status);
    }
  }
  return found;
}

void kill_descendants(const Fd& proc, const std::vector<pid_t>& spared) {
  while (true) {
    std::map<pid_t, Place> found = below(all_places(proc), ::getpid(), spared);
    if (found.empty()) {
      return;
    }
    kill_all(found);
    reap(found);
    constexpr timespec kPause{0, 500'000};
    ::nanosleep(&kPause, nullptr);
  }
}

}  // namespace slipway::builder
