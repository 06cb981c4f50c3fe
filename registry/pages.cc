#include "registry/pages.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kPageBytesMax = 16 * 1024 * 1024;

// The target of Link: </v2/…>; rel="next".
std::optional<std::string> next_page(const Response& response) {
  std::string_view link = response.headers.find("Link").value_or("");
  std::size_t open = link.find('<');
  std::size_t close = link.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
      !link.substr(close).contains("next")) {
    return std::nullopt;
  }
  return std::string(link.substr(open + 1, close - open - 1));
}

}  // namespace

bool each_page(RegistryHost& host, const std::string& path, const std::set<Scope>& scopes,
               std::string_view what, const std::function<void(const nlohmann::json&)>& take,
               std::stop_token stop, Pages pages) {
  std::set<std::string> seen;
  std::optional<Url> page = host.url(path, stop);
  while (page && seen.insert(page->text()).second) {
    Request request{.url = *page};
    Response response = host.send(request, scopes, RegistryHost::Retries::kYes, stop);
    if (response.status == 404 && pages == Pages::kMayBeAbsent && seen.size() == 1) {
      read_short_body(response);
      return false;
    }
    if (response.status != 200) {
      host.fail(response, what);
    }
    take(base::parse_json(base::read_all(*response.body, kPageBytesMax, what), what));
    std::optional<std::string> next = next_page(response);
    page = next ? request.url.resolve(*next) : std::nullopt;
    if (page && !page->same_origin(request.url)) {
      page.reset();  // a list does not go on at somebody else's
    }
  }
  return true;
}

}  // namespace slipway::registry
