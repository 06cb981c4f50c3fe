#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::parser {

// Where the expander looks names up. Implement it to look somewhere else than in a list.
class Variables {
 public:
  virtual ~Variables() = default;
  // The value, valid until the variables change; nothing where the name is not set.
  virtual std::optional<std::string_view> find(std::string_view name) const = 0;
};

// Names and values in the order of their last definition: setting a name again moves it to the
// end. Setting and finding take logarithmic time.
class VariableList : public Variables {
 public:
  VariableList() = default;
  // From "NAME=value" texts in order, later ones win; one without '=' has an empty value.
  explicit VariableList(const std::vector<std::string>& assignments);

  std::optional<std::string_view> find(std::string_view name) const override;
  void set(std::string_view name, std::string_view value);
  void erase(std::string_view name);

  std::vector<std::pair<std::string, std::string>> items() const;  // in definition order
  std::vector<std::string> names() const;                          // in definition order
  std::vector<std::string> assignments() const;                    // "NAME=value"
  std::size_t size() const { return by_name_.size(); }
  bool empty() const { return by_name_.empty(); }
  bool operator==(const VariableList& other) const { return items() == other.items(); }

 private:
  struct Entry {
    std::string value;
    std::size_t turn = 0;
  };
  std::map<std::string, Entry, std::less<>> by_name_;
  std::map<std::size_t, std::string> by_turn_;
  std::size_t next_turn_ = 0;
};

}  // namespace slipway::parser
