#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace slipway::builder {

// Real, effective and saved.
struct IdTriple {
  std::uint32_t real = 0;
  std::uint32_t effective = 0;
  std::uint32_t saved = 0;
  friend bool operator==(const IdTriple&, const IdTriple&) = default;
};
struct ProcessIds {
  IdTriple user;
  IdTriple group;
  friend bool operator==(const ProcessIds&, const ProcessIds&) = default;
};

// A process, by one of its threads.
struct ProcessPlace {
  pid_t process = 0;
  pid_t parent = 0;               // 0: it has none that counts
  bool runs_set_user_id = false;  // its program is root's and has the bit
};

// What processes of a step take for their ids, where the kernel has but one: what they have set,
// else what their nearest ancestor has set that is known, else 0. The rules are those of setuid(2)
// and its kin: who has given up root does not get it back.
//
// An ancestor counts with what it has set by now, also where it has forked before it did.
class EmulatedIds {
 public:
  // `place` says where a thread belongs; nothing if it is gone.
  using FindPlace = std::function<std::optional<ProcessPlace>(pid_t thread)>;
  explicit EmulatedIds(FindPlace place) : place_(std::move(place)) {}

  // Of the step's first process.
  void begin(pid_t process, std::uint32_t user, std::uint32_t group);

  ProcessIds ids_of(pid_t thread) const;

  // setuid, setreuid, setresuid, or the same for groups; no value leaves an id as it is. 0 or an
  // errno.
  enum class Whose { kUser, kGroup };
  using Values = std::array<std::optional<std::uint32_t>, 3>;
  int set_one(pid_t thread, Whose whose, std::optional<std::uint32_t> id);
  int set_two(pid_t thread, Whose whose, const Values& ids);
  int set_three(pid_t thread, Whose whose, const Values& ids);

 private:
  template <typename Change>
  int change(pid_t thread, Whose whose, Change change);
  void forget_the_dead();

  FindPlace place_;
  std::map<pid_t, ProcessIds> known_;
};

}  // namespace slipway::builder
