#include "builder/sandbox/seccomp_json.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/text.h"
#include "builder/sandbox/capabilities.h"

namespace slipway::builder {

namespace {

using base::cat;
using nlohmann::json;

constexpr const char* kWhat = "the seccomp profile";
constexpr int kErrorNumberMax = 4095;  // what a system call can return
constexpr unsigned kArgumentsMax = 6;

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "arm64";
#endif

[[noreturn]] void fail(std::string message) {
  base::fail(base::ErrorKind::kInput, cat(kWhat, ": ", message));
}

bool has_capability(std::uint64_t capabilities, const std::string& name) {
  std::optional<unsigned> number = find_capability(name);
  return number && (capabilities >> *number & 1) != 0;
}

std::vector<std::string> texts(const json& object, const char* member) {
  std::vector<std::string> found;
  auto place = object.find(member);
  if (place == object.end() || place->is_null()) {
    return found;
  }
  if (!place->is_array()) {
    fail(cat(base::quote(member), " is not a list"));
  }
  for (const json& item : *place) {
    if (!item.is_string()) {
      fail(cat(base::quote(member), " has something else than names"));
    }
    found.push_back(item.get<std::string>());
  }
  return found;
}

std::uint64_t number(const json& object, const char* member) {
  auto place = object.find(member);
  if (place == object.end() || place->is_null()) {
    return 0;
  }
  if (!place->is_number_integer()) {
    fail(cat(base::quote(member), " is not a whole number"));
  }
  return place->get<std::uint64_t>();
}

// The action as an error number: 0 is allowed.
int error_of_action(const json& object, const char* member, const char* error_member) {
  std::string action = base::json_text(object, member, kWhat);
  if (action == "SCMP_ACT_ALLOW") {
    return 0;
  }
  if (action != "SCMP_ACT_ERRNO") {
    fail(cat(member, " ", base::quote(action),
             " is not supported: SCMP_ACT_ALLOW and SCMP_ACT_ERRNO are"));
  }
  std::uint64_t error = number(object, error_member);
  if (error > kErrorNumberMax) {
    fail(cat(error_member, " ", error, " is no error number"));
  }
  return error == 0 ? EPERM : static_cast<int>(error);
}

// "4.8": this kernel is that old at least.
bool has_kernel(const std::string& wanted) {
  utsname names{};
  base::check([&] { return ::uname(&names); }, "uname");
  auto version = [](std::string_view text) {
    std::vector<std::string_view> parts = base::split(text, '.');
    auto part = [&](std::size_t index) {
      return index < parts.size() ? base::parse_integer<int>(parts[index]).value_or(0) : 0;
    };
    return std::pair(part(0), part(1));
  };
  return version(names.release) >= version(wanted);
}

bool is_here(const std::vector<std::string>& architectures) {
  return std::ranges::find(architectures, kArchitecture) != architectures.end();
}

json member_object(const json& object, const char* member) {
  auto place = object.find(member);
  if (place == object.end() || place->is_null()) {
    return json::object();
  }
  if (!place->is_object()) {
    fail(cat(base::quote(member), " is no object"));
  }
  return *place;
}

// All that is named must be there: every capability, one of the architectures, the kernel.
bool is_included(const json& rule, std::uint64_t capabilities) {
  const json filter = member_object(rule, "includes");
  std::vector<std::string> architectures = texts(filter, "arches");
  std::string kernel = base::json_text(filter, "minKernel", kWhat);
  return (architectures.empty() || is_here(architectures)) &&
         (kernel.empty() || has_kernel(kernel)) &&
         std::ranges::all_of(texts(filter, "caps"), [&](const std::string& name) {
           return has_capability(capabilities, name);
         });
}

// One thing that is named and there is enough.
bool is_excluded(const json& rule, std::uint64_t capabilities) {
  const json filter = member_object(rule, "excludes");
  std::string kernel = base::json_text(filter, "minKernel", kWhat);
  return is_here(texts(filter, "arches")) || (!kernel.empty() && has_kernel(kernel)) ||
         std::ranges::any_of(texts(filter, "caps"), [&](const std::string& name) {
           return has_capability(capabilities, name);
         });
}

SeccompCondition parse_condition(const json& object) {
  using Compare = SeccompCondition::Compare;
  if (!object.is_object()) {
    fail("an item of \"args\" is no object");
  }
  SeccompCondition condition;
  std::uint64_t index = number(object, "index");
  if (index >= kArgumentsMax) {
    fail(cat("a call has no argument number ", index));
  }
  condition.argument = static_cast<unsigned>(index);
  condition.value = number(object, "value");
  std::string compare = base::json_text(object, "op", kWhat);
  if (compare == "SCMP_CMP_EQ") {
    condition.compare = Compare::kEqual;
  } else if (compare == "SCMP_CMP_NE") {
    condition.compare = Compare::kNotEqual;
  } else if (compare == "SCMP_CMP_MASKED_EQ") {
    condition.compare = Compare::kMaskedEqual;
    condition.mask = std::exchange(condition.value, number(object, "valueTwo"));
  } else {
    fail(cat("op ", base::quote(compare),
             " is not supported: SCMP_CMP_EQ, SCMP_CMP_NE and SCMP_CMP_MASKED_EQ are"));
  }
  return condition;
}

// Conditions on different arguments must all hold; of several on one argument any, as in Docker.
void add_rules(const json& object, SeccompProfile& profile) {
  SeccompRule rule{texts(object, "names"), error_of_action(object, "action", "errnoRet"), {}};
  if (std::string name = base::json_text(object, "name", kWhat); !name.empty()) {
    rule.names.push_back(name);
  }
  std::set<unsigned> arguments;
  bool is_any = false;
  const json args =
      object.contains("args") && !object["args"].is_null() ? object["args"] : json::array();
  if (!args.is_array()) {
    fail("\"args\" is not a list");
  }
  for (const json& item : args) {
    rule.conditions.push_back(parse_condition(item));
    is_any = !arguments.insert(rule.conditions.back().argument).second || is_any;
  }
  if (!is_any) {
    profile.rules.push_back(std::move(rule));
    return;
  }
  for (const SeccompCondition& condition : rule.conditions) {
    profile.rules.push_back({rule.names, rule.error_number, {condition}});
  }
}

}  // namespace

SeccompProfile parse_seccomp_profile(std::string_view text, std::uint64_t capabilities) {
  json document = base::parse_json(text, kWhat);
  if (!document.is_object()) {
    fail("it is no JSON object");
  }
  SeccompProfile profile;
  profile.default_error_number = error_of_action(document, "defaultAction", "defaultErrnoRet");
  const json calls = document.value("syscalls", json::array());
  if (!calls.is_array()) {
    fail("\"syscalls\" is not a list");
  }
  for (const json& object : calls) {
    if (!object.is_object()) {
      fail("an item of \"syscalls\" is no object");
    }
    if (is_included(object, capabilities) && !is_excluded(object, capabilities)) {
      add_rules(object, profile);
    }
  }
  return profile;
}

}  // namespace slipway::builder
