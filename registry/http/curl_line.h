#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "registry/http/curl_library.h"

namespace slipway::registry {

template <auto CurlLibrary::* function>
struct CurlDelete {
  template <typename Handle>
  void operator()(Handle* handle) const {
    (curl_library().*function)(handle);
  }
};
using EasyHandle = std::unique_ptr<CURL, CurlDelete<&CurlLibrary::easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, CurlDelete<&CurlLibrary::multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, CurlDelete<&CurlLibrary::slist_free_all>>;

// What one exchange at a time runs on.
struct Line {
  MultiHandle multi;
  EasyHandle easy;  // destroyed before `multi`
  std::string origin;
};

// Lines that wait for their next exchange. Shared by the transport and its running exchanges;
// safe from any thread.
class LinePool {
 public:
  // One that was connected to the origin last, else any, else a new one.
  Line take(const std::string& origin);
  void give_back(Line line);

 private:
  base::Guarded<std::vector<Line>> idle_;
};

}  // namespace slipway::registry
