// What npm writes: package.json of each package, and lock files.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "builder/attest/package_texts.h"

namespace slipway::builder {

namespace {

using nlohmann::json;

constexpr int kDepthMax = 64;

// Not base::parse_json: a package.json that is no JSON is no package, and no reason to fail.
json parse_quietly(std::string_view text) {
  bool too_deep = false;
  auto watch_depth = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDepthMax;
    return !too_deep;
  };
  json value = json::parse(text, watch_depth, /*allow_exceptions=*/false);
  return too_deep || value.is_discarded() ? json() : value;
}

std::string text_of(const json& object, const char* member) {
  auto found = object.find(member);
  bool is_text = found != object.end() && found->is_string();
  return is_text ? found->get_ref<const std::string&>().substr(0, kPackageFieldBytesMax)
                 : std::string();
}

const json* find_object(const json& object, const char* member) {
  auto found = object.find(member);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

bool is_set(const json& object, const char* member) {
  auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

// A text; formerly {"type": ...}, or a list of such.
std::string licence_of(const json& package) {
  if (std::string text = text_of(package, "license"); !text.empty()) {
    return text;
  }
  if (const json* object = find_object(package, "license")) {
    return text_of(*object, "type");
  }
  std::vector<std::string> all;
  auto list = package.find("licenses");
  if (list != package.end() && list->is_array()) {
    for (const json& item : *list) {
      std::string text = item.is_object() ? text_of(item, "type") : std::string();
      if (!text.empty() && all.size() < 16) {
        all.push_back(std::move(text));
      }
    }
  }
  return base::join(all, " OR ");
}

Package npm_package(std::string name, const json& object) {
  Package package{.kind = PackageKind::kNpm, .name = std::move(name)};
  package.version = text_of(object, "version");
  package.licence = licence_of(object);
  package.homepage = text_of(object, "homepage");
  return package;
}

void add(std::vector<Package>& packages, Package package) {
  if (!package.name.empty() && !package.version.empty()) {
    packages.push_back(std::move(package));
  }
}

// Versions 2 and 3: flat, by the folder of each package.
void add_by_folder(const json& folders, std::vector<Package>& packages) {
  constexpr std::string_view kFolder = "node_modules/";
  for (const auto& [folder, object] : folders.items()) {
    std::size_t last = folder.rfind(kFolder);
    bool counts = object.is_object() && last != std::string::npos && !is_set(object, "dev") &&
                  !is_set(object, "link");
    if (!counts) {
      continue;
    }
    // Under another name than its own only where "name" says so.
    std::string name = text_of(object, "name");
    add(packages,
        npm_package(name.empty() ? folder.substr(last + kFolder.size(), kPackageFieldBytesMax)
                                 : std::move(name),
                    object));
  }
}

// Version 1: by name, with what only a package itself uses inside of it.
void add_by_name(const json& dependencies, std::vector<Package>& packages) {
  std::vector<const json*> left = {&dependencies};
  while (!left.empty()) {
    const json* level = left.back();
    left.pop_back();
    for (const auto& [name, object] : level->items()) {
      if (!object.is_object() || is_set(object, "dev")) {
        continue;
      }
      add(packages, npm_package(name.substr(0, kPackageFieldBytesMax), object));
      if (const json* inner = find_object(object, "dependencies")) {
        left.push_back(inner);
      }
    }
  }
}

}  // namespace

std::vector<Package> parse_package_json(std::string_view text) {
  std::vector<Package> packages;
  json object = parse_quietly(text);
  if (object.is_object()) {
    add(packages, npm_package(text_of(object, "name"), object));
  }
  return packages;
}

std::vector<Package> parse_package_lock(std::string_view text) {
  std::vector<Package> packages;
  json object = parse_quietly(text);
  if (!object.is_object()) {
    return packages;
  }
  if (const json* folders = find_object(object, "packages")) {
    add_by_folder(*folders, packages);
  } else if (const json* dependencies = find_object(object, "dependencies")) {
    add_by_name(*dependencies, packages);
  }
  return packages;
}

}  // namespace slipway::builder
