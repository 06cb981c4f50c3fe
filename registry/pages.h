#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "registry/registry_host.h"

namespace slipway::registry {

enum class Pages {
  kMustBe,
  kMayBeAbsent,  // 404 for the first is an answer: false
};
// Gets a list that a registry gives in pages ("Link: <…>; rel=next") and hands each page over.
// Stops where pages come again. True if there was one.
bool each_page(RegistryHost& host, const std::string& path, const std::set<Scope>& scopes,
               std::string_view what, const std::function<void(const nlohmann::json&)>& take,
               std::stop_token stop, Pages pages = Pages::kMustBe);

}  // namespace slipway::registry
