#include "registry/http/curl_line.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace slipway::registry {

namespace {

constexpr std::size_t kIdleLinesMax = 16;

Line make_line() {
  Line line{.multi = MultiHandle(curl_library().multi_init()),
            .easy = EasyHandle(curl_library().easy_init()),
            .origin = {}};
  if (!line.multi || !line.easy) {
    base::fail(base::ErrorKind::kSystem, "curl_easy_init: out of memory");
  }
  return line;
}

}  // namespace

Line LinePool::take(const std::string& origin) {
  auto idle = idle_.lock();
  if (idle->empty()) {
    Line line = make_line();
    line.origin = origin;
    return line;
  }
  auto found = std::find_if(idle->rbegin(), idle->rend(),
                            [&](const Line& line) { return line.origin == origin; });
  auto place = found == idle->rend() ? idle->begin() : std::prev(found.base());
  Line line = std::move(*place);
  idle->erase(place);
  line.origin = origin;
  return line;
}

void LinePool::give_back(Line line) {
  auto idle = idle_.lock();
  if (idle->size() < kIdleLinesMax) {
    idle->push_back(std::move(line));
  }
}

}  // namespace slipway::registry
