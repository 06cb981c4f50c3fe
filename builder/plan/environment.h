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
#include <utility>
#include <vector>

#include "builder/plan/persistent_map.h"
#include "parser/variables.h"

namespace slipway::builder {

// Names and values in an order. Values are immutable and shared between copies; any number of
// threads may read one.
//
// An environment has three layers, so that starting a stage costs nothing however many variables
// it begins with: what was set since the stage began, over the image config's Env as it was then,
// over what the stages before left of their ARGs. One that never was `continued` has the first
// layer only.
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
  // A name set again keeps its place: the order of an image config's Env. Precondition: not
  // `continued` (asserted).
  void set_in_place(std::string_view name, std::string_view value);

  // What a stage starts with that continues one which ended with these variables and with `config`
  // as its image's Env: the variables, with all of `config` set again on top in its order. `config`
  // was never `continued` (asserted) and has every name that once was in the Env. Time is that of
  // what was set since this stage began.
  Environment continued(const Environment& config) const;

  std::size_t size() const { return total_.count; }
  bool empty() const { return total_.count == 0; }
  // Names and values in order, valid as long as this or a copy of it holds them.
  std::vector<std::pair<std::string_view, std::string_view>> items() const;
  std::vector<std::string> names() const;        // in order
  std::vector<std::string> assignments() const;  // "NAME=value", in order

  // Equal for environments with the same names and values in whatever order; different otherwise
  // but for chance. O(1).
  std::string fingerprint() const;

  // The same names, values and order.
  friend bool operator==(const Environment& left, const Environment& right) {
    return left.fingerprint() == right.fingerprint() && left.items() == right.items();
  }

 private:
  struct Variable {
    std::string value;
    std::uint64_t turn = 0;
    std::array<std::uint64_t, 2> hash{};
  };
  using Layer = PersistentMap<std::shared_ptr<const Variable>>;
  // Number and sum of hashes of variables: the order of adding them cancels out.
  struct Tally {
    std::size_t count = 0;
    std::array<std::uint64_t, 2> sum{};
    void add(const Variable& variable);
    void remove(const Variable& variable);
  };
  enum class Place { kLast, kSame };

  static const Variable* find_in(const Layer& layer, std::string_view name);
  const Variable* find_variable(std::string_view name) const;
  void put(std::string_view name, std::string_view value, Place place);

  Layer own_;
  Layer config_;     // hidden by own_
  Layer inherited_;  // hidden by both
  Tally total_;
  Tally inherited_total_;  // of inherited_ without what config_ hides
  std::uint64_t next_turn_ = 0;
};

}  // namespace slipway::builder
