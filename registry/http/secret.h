#pragma once

#include <string>
#include <utility>

namespace slipway::registry {

// A password or token. Whatever prints, logs or reports it shows "***"; only the code that sends it
// calls reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

template <typename Stream>
Stream& operator<<(Stream& stream, const Secret&) {
  stream << "***";
  return stream;
}

}  // namespace slipway::registry
