#include "parser/variables.h"

namespace slipway::parser {

VariableList::VariableList(const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments) {
    std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      set(assignment, "");
    } else {
      set(std::string_view(assignment).substr(0, equals),
          std::string_view(assignment).substr(equals + 1));
    }
  }
}

std::optional<std::string_view> VariableList::find(std::string_view name) const {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    return std::nullopt;
  }
  return found->second.value;
}

void VariableList::set(std::string_view name, std::string_view value) {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    found = by_name_.emplace(std::string(name), Entry{}).first;
  } else {
    by_turn_.erase(found->second.turn);
  }
  found->second = {std::string(value), next_turn_};
  by_turn_.emplace(next_turn_, found->first);
  ++next_turn_;
}

void VariableList::erase(std::string_view name) {
  auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    by_turn_.erase(found->second.turn);
    by_name_.erase(found);
  }
}

std::vector<std::pair<std::string, std::string>> VariableList::items() const {
  std::vector<std::pair<std::string, std::string>> items;
  items.reserve(by_turn_.size());
  for (const auto& [turn, name] : by_turn_) {
    items.emplace_back(name, by_name_.find(name)->second.value);
  }
  return items;
}

std::vector<std::string> VariableList::names() const {
  std::vector<std::string> names;
  names.reserve(by_turn_.size());
  for (const auto& [turn, name] : by_turn_) {
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> VariableList::assignments() const {
  std::vector<std::string> assignments;
  assignments.reserve(by_turn_.size());
  for (const auto& [turn, name] : by_turn_) {
    assignments.push_back(name + "=" + by_name_.find(name)->second.value);
  }
  return assignments;
}

}  // namespace slipway::parser
