#include "builder/sandbox/emulated_ids.h"

#include <cerrno>
#include <initializer_list>

namespace slipway::builder {

namespace {

// So many processes are remembered before those that have ended are looked for.
constexpr std::size_t kKnownAtEase = 64;
// No step nests its processes deeper; whatever /proc says meanwhile, the search ends.
constexpr int kAncestorsMax = 4096;

bool is_one_of(std::optional<std::uint32_t> id, std::initializer_list<std::uint32_t> allowed) {
  if (!id) {
    return true;
  }
  for (std::uint32_t candidate : allowed) {
    if (*id == candidate) {
      return true;
    }
  }
  return false;
}

}  // namespace

void EmulatedIds::begin(pid_t process, std::uint32_t user, std::uint32_t group) {
  if (user != 0 || group != 0) {
    known_[process] = {{user, user, user}, {group, group, group}};
  }
}

ProcessIds EmulatedIds::ids_of(pid_t thread) const {
  if (known_.empty()) {
    return {};
  }
  bool runs_set_user_id = false;
  pid_t asked = thread;
  for (int count = 0; asked > 0 && count < kAncestorsMax; ++count) {
    std::optional<ProcessPlace> place = place_(asked);
    if (!place) {
      break;
    }
    if (count == 0) {
      runs_set_user_id = place->runs_set_user_id;
    }
    if (auto found = known_.find(place->process); found != known_.end()) {
      ProcessIds ids = found->second;
      if (count > 0 && runs_set_user_id) {
        ids.user.effective = ids.user.saved = 0;
      }
      return ids;
    }
    asked = place->parent;
  }
  return {};
}

template <typename Change>
int EmulatedIds::change(pid_t thread, Whose whose, Change change) {
  std::optional<ProcessPlace> place = place_(thread);
  if (!place) {
    return ESRCH;
  }
  ProcessIds before = ids_of(thread);
  ProcessIds ids = before;
  bool is_privileged = ids.user.effective == 0;
  if (int error = change(whose == Whose::kUser ? ids.user : ids.group, is_privileged); error != 0) {
    return error;
  }
  if (ids != before) {
    forget_the_dead();
    known_[place->process] = ids;
  }
  return 0;
}

void EmulatedIds::forget_the_dead() {
  if (known_.size() < kKnownAtEase) {
    return;
  }
  std::erase_if(known_, [&](const auto& entry) { return !place_(entry.first); });
}

int EmulatedIds::set_one(pid_t thread, Whose whose, std::optional<std::uint32_t> id) {
  if (!id) {
    return EINVAL;
  }
  return change(thread, whose, [&](IdTriple& ids, bool is_privileged) {
    if (is_privileged) {
      ids = {*id, *id, *id};
      return 0;
    }
    if (!is_one_of(id, {ids.real, ids.saved})) {
      return EPERM;
    }
    ids.effective = *id;
    return 0;
  });
}

int EmulatedIds::set_two(pid_t thread, Whose whose, const Values& given) {
  return change(thread, whose, [&](IdTriple& ids, bool is_privileged) {
    if (!is_privileged && !(is_one_of(given[0], {ids.real, ids.effective}) &&
                            is_one_of(given[1], {ids.real, ids.effective, ids.saved}))) {
      return EPERM;
    }
    bool saves = given[0] || (given[1] && *given[1] != ids.real);
    ids.real = given[0].value_or(ids.real);
    ids.effective = given[1].value_or(ids.effective);
    ids.saved = saves ? ids.effective : ids.saved;
    return 0;
  });
}

int EmulatedIds::set_three(pid_t thread, Whose whose, const Values& given) {
  return change(thread, whose, [&](IdTriple& ids, bool is_privileged) {
    for (const std::optional<std::uint32_t>& id : given) {
      if (!is_privileged && !is_one_of(id, {ids.real, ids.effective, ids.saved})) {
        return EPERM;
      }
    }
    ids.real = given[0].value_or(ids.real);
    ids.effective = given[1].value_or(ids.effective);
    ids.saved = given[2].value_or(ids.saved);
    return 0;
  });
}

}  // namespace slipway::builder
