#include "builder/plan/environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/digest.h"
#include "base/text.h"

namespace slipway::builder {

namespace {

std::array<std::uint64_t, 2> hash_of(std::string_view name, std::string_view value) {
  thread_local base::Sha256 sha;
  sha.update(base::cat(name.size(), ":"));
  sha.update(name);
  sha.update(value);
  std::string raw = sha.finish_raw();
  std::array<std::uint64_t, 2> hash{};
  std::memcpy(hash.data(), raw.data(), sizeof hash);
  return hash;
}

}  // namespace

Environment::Environment(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    auto pair = base::split_once(assignment, '=');
    if (pair) {
      set(pair->before, pair->after);
    } else {
      set(assignment, "");
    }
  }
}

std::optional<std::string_view> Environment::find(std::string_view name) const {
  const Variable* found = variables_.find(name);
  if (found == nullptr) {
    return std::nullopt;
  }
  return std::string_view(found->value);
}

void Environment::set(std::string_view name, std::string_view value) {
  put(name, value, Place::kLast);
}

void Environment::set_in_place(std::string_view name, std::string_view value) {
  put(name, value, Place::kSame);
}

void Environment::put(std::string_view name, std::string_view value, Place place) {
  Variable variable{std::string(value), next_turn_, hash_of(name, value)};
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    sum_[i] += variable.hash[i];
  }
  if (const Variable* old = variables_.find(name)) {
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      sum_[i] -= old->hash[i];
    }
    if (place == Place::kSame) {
      variable.turn = old->turn;
    }
  }
  next_turn_ += variable.turn == next_turn_ ? 1 : 0;
  variables_.set(name, std::move(variable));
}

std::vector<std::string> Environment::names() const {
  std::vector<std::pair<std::uint64_t, std::string_view>> ordered;
  ordered.reserve(variables_.size());
  variables_.for_each([&](std::string_view name, const Variable& variable) {
    ordered.emplace_back(variable.turn, name);
  });
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> names;
  names.reserve(ordered.size());
  for (const auto& [turn, name] : ordered) {
    names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> Environment::assignments() const {
  std::vector<std::string> assignments = names();
  for (std::string& name : assignments) {
    std::string_view value = *find(name);
    name.append("=").append(value);
  }
  return assignments;
}

std::string Environment::fingerprint() const {
  return base::cat(variables_.size(), ".", sum_[0], ".", sum_[1]);
}

}  // namespace slipway::builder
