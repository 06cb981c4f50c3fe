#pragma once

// The variables of a build stage, in versions that share what they have in common: copying one is
// O(1) and setting a name O(log n), whatever was set before. A Dockerfile of ten thousand ENV and
// RUN lines has five thousand environments of up to five thousand variables; as lists they would
// be millions of strings.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/plan/persistent_map.h"
#include "parser/variables.h"

namespace slipway::builder {

// Names and values in an order. Values are immutable and shared between copies; any number of
// threads may read one.
class Environment : public parser::Variables {
 public:
  Environment() = default;
  // From "NAME=value" texts in order; the last of a name wins. Without '=' the value is empty.
  explicit Environment(const std::vector<std::string>& assignments);

  // The value, valid as long as this or a copy of it holds it; nothing where the name is not set.
  std::optional<std::string_view> find(std::string_view name) const override;
  bool contains(std::string_view name) const { return find(name).has_value(); }

  // A name set again moves to the end: the order of a process's environment.
  void set(std::string_view name, std::string_view value);
  // A name set again keeps its place: the order of an image config's Env.
  void set_in_place(std::string_view name, std::string_view value);

  std::size_t size() const { return variables_.size(); }
  bool empty() const { return variables_.size() == 0; }
  std::vector<std::string> names() const;        // in order
  std::vector<std::string> assignments() const;  // "NAME=value", in order

  // Equal for environments with the same names and values in whatever order; different otherwise
  // but for chance. O(1).
  std::string fingerprint() const;

  // The same names, values and order.
  friend bool operator==(const Environment& left, const Environment& right) {
    return left.fingerprint() == right.fingerprint() && left.assignments() == right.assignments();
  }

 private:
  struct Variable {
    std::string value;
    std::uint64_t turn = 0;
    std::array<std::uint64_t, 2> hash{};
  };
  enum class Place { kLast, kSame };
  void put(std::string_view name, std::string_view value, Place place);

  PersistentMap<Variable> variables_;
  std::uint64_t next_turn_ = 0;
  // Sum of the variables' hashes: the order of setting them cancels out.
  std::array<std::uint64_t, 2> sum_{};
};

}  // namespace slipway::builder
