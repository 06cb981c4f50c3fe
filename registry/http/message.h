#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"
#include "registry/http/url.h"

namespace slipway::registry {

// Header fields in the order they are sent or came. Names are compared without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces every field of the name.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  // The first field of the name.
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string_view> find_all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// What is sent along. It is opened anew for each try, so that a redirect or a retry can send it
// again.
struct RequestBody {
  std::function<std::unique_ptr<base::Source>()> open;
  std::optional<std::uint64_t> size;  // unknown: chunked transfer coding
};
RequestBody body_of_text(std::string text);

struct Request {
  std::string method = "GET";
  Url url;
  Headers headers;
  std::optional<RequestBody> body;
};

// The head is here; the body comes while it is read (kNetwork if the connection breaks before its
// end). Destroying the body early closes the connection, reading it to the end keeps it for the
// next request.
struct Response {
  int status = 0;
  Headers headers;
  std::unique_ptr<base::Source> body;  // never null

  // Value of Content-Length, if it is a number.
  std::optional<std::uint64_t> content_length() const;
  // Content-Type without parameters, in lower case.
  std::string content_type() const;
};

}  // namespace slipway::registry
