#include "registry/http/redirect.h"

#include "base/text.h"

namespace slipway::registry {

namespace {

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

bool is_followed(const Request& request, int status) {
  switch (status) {
    case 301:
    case 302:
    case 303:
      return is_read(request);
    case 307:
    case 308:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<Request> next_hop(const Request& request, const Response& response) {
  if (!is_followed(request, response.status)) {
    return std::nullopt;
  }
  std::optional<std::string_view> location = response.headers.find("Location");
  if (!location) {
    return std::nullopt;
  }
  std::optional<Url> target = request.url.resolve(*location);
  if (!target) {
    base::fail(base::ErrorKind::kNetwork,
               base::cat(request.url.display(),
                         " redirects to what is no URL: ", base::quote(location->substr(0, 200))));
  }
  if (request.url.tls && !target->tls) {
    base::fail(base::ErrorKind::kNetwork,
               base::cat(request.url.display(), " redirects from https to ", target->display(),
                         ", which is not followed"));
  }
  Request next = request;
  if (!target->same_origin(request.url)) {
    next.headers.remove("Authorization");
    next.headers.remove("Cookie");
  }
  next.url = *std::move(target);
  return next;
}

Response send_following(Transport& transport, Request& request, std::stop_token stop) {
  for (int hops = 0; hops <= kRedirectsMax; ++hops) {
    Response response = transport.send(request, stop);
    std::optional<Request> next = next_hop(request, response);
    if (!next) {
      return response;
    }
    request = *std::move(next);
  }
  base::fail(base::ErrorKind::kNetwork,
             base::cat(request.url.display(), ": more than ", kRedirectsMax, " redirects"));
}

}  // namespace slipway::registry
