#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "registry/http/message.h"

namespace slipway::registry {

// A request as the embedded registry sees it.
struct ServerRequest {
  std::string method;
  std::string path;                               // decoded
  std::multimap<std::string, std::string> query;  // decoded
  Headers headers;
  bool has_body = false;
  // Hands the body over piece by piece; false if the connection ended before it did.
  std::function<bool(const std::function<void(std::string_view)>&)> read_body;

  std::optional<std::string> find_query(const std::string& name) const {
    auto found = query.find(name);
    return found == query.end() ? std::nullopt : std::optional(found->second);
  }
};

struct FilePart {
  base::Fd file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct ServerResponse {
  int status = 200;
  Headers headers;
  std::string content_type;  // of the body; empty: there is none
  std::string body;
  std::optional<FilePart> file;  // in place of `body`
};

// distribution-spec, "Error codes": {"errors":[{"code":…,"message":…}]}.
ServerResponse problem(int status, std::string_view code, std::string_view message);

}  // namespace slipway::registry
