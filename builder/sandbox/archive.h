#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/path.h"

// Plain structs to bytes and back, between two processes of one binary: no versions, native byte
// order. A struct takes part by a function template that names its members once, for both ways:
//   template <typename Archive> void members(Archive& archive, Point& p) { archive(p.x, p.y); }

namespace slipway::builder {

class ArchiveWriter {
 public:
  template <typename... Values>
  void operator()(Values&... values) {
    (put(values), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <typename Number>
    requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>)
  void put(const Number& number) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    bytes_.append(raw, sizeof number);
  }
  void put(const std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  void put(const base::ImagePath& path) { put(path.text()); }
  void put(const std::chrono::milliseconds& time) { put(time.count()); }
  template <typename T>
  void put(std::optional<T>& value) {
    put(value.has_value());
    if (value) {
      put(*value);
    }
  }
  template <typename T>
  void put(std::vector<T>& values) {
    put(values.size());
    for (T& value : values) {
      put(value);
    }
  }
  template <typename... Choices>
  void put(std::variant<Choices...>& value) {
    put(value.index());
    std::visit([this](auto& held) { put(held); }, value);
  }
  template <typename Struct>
    requires requires(ArchiveWriter& archive, Struct& value) { members(archive, value); }
  void put(Struct& value) {
    members(*this, value);
  }

  std::string bytes_;
};

// Throws kInternal on bytes that no writer made.
class ArchiveReader {
 public:
  explicit ArchiveReader(std::string_view bytes) : left_(bytes) {}
  template <typename... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }
  std::string_view left() const { return left_; }

 private:
  std::string_view take(std::size_t count) {
    if (count > left_.size()) {
      base::fail(base::ErrorKind::kInternal, "a sandbox message is cut off");
    }
    std::string_view bytes = left_.substr(0, count);
    left_.remove_prefix(count);
    return bytes;
  }
  // Every element takes a byte at least, so no count can make us allocate more than we were sent.
  std::size_t take_count() {
    std::size_t count = 0;
    get(count);
    if (count > left_.size()) {
      base::fail(base::ErrorKind::kInternal, "a sandbox message is cut off");
    }
    return count;
  }
  template <typename Number>
    requires(std::is_arithmetic_v<Number> || std::is_enum_v<Number>)
  void get(Number& number) {
    std::memcpy(&number, take(sizeof number).data(), sizeof number);
  }
  void get(bool& value) { value = take(1).front() != 0; }
  void get(std::string& text) { text = take(take_count()); }
  void get(base::ImagePath& path) {
    std::string text;
    get(text);
    path = base::ImagePath::clean(text);
  }
  void get(std::chrono::milliseconds& time) {
    std::chrono::milliseconds::rep count = 0;
    get(count);
    time = std::chrono::milliseconds(count);
  }
  template <typename T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    value.reset();
    if (present) {
      get(value.emplace());
    }
  }
  template <typename T>
  void get(std::vector<T>& values) {
    values.clear();
    for (std::size_t count = take_count(); count > 0; --count) {
      get(values.emplace_back());
    }
  }
  template <std::size_t index = 0, typename... Choices>
  void get_choice(std::variant<Choices...>& value, std::size_t wanted) {
    if constexpr (index < sizeof...(Choices)) {
      if (wanted == index) {
        get(value.template emplace<index>());
      } else {
        get_choice<index + 1>(value, wanted);
      }
    } else {
      base::fail(base::ErrorKind::kInternal, "a sandbox message has an unknown choice");
    }
  }
  template <typename... Choices>
  void get(std::variant<Choices...>& value) {
    std::size_t wanted = 0;
    get(wanted);
    get_choice(value, wanted);
  }
  template <typename Struct>
    requires requires(ArchiveReader& archive, Struct& value) { members(archive, value); }
  void get(Struct& value) {
    members(*this, value);
  }

  std::string_view left_;  // into the caller's bytes, which outlive the reader
};

template <typename T>
std::string to_bytes(T value) {
  ArchiveWriter writer;
  writer(value);
  return writer.take();
}

template <typename T>
T from_bytes(std::string_view bytes) {
  ArchiveReader reader(bytes);
  T value;
  reader(value);
  return value;
}

}  // namespace slipway::builder
