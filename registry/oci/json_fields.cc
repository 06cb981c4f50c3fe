#include "registry/oci/json_fields.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/oci/manifest.h"

namespace slipway::registry::json_fields {

using base::cat;
using base::ErrorKind;
using base::fail;
using base::quote;

namespace {

[[noreturn]] void wrong_type(std::string_view name, std::string_view wanted,
                             std::string_view what) {
  fail(ErrorKind::kInput, cat(what, ": member ", quote(name), " is not ", wanted));
}

const std::string& text_of(const Json& value, std::string_view name, std::string_view wanted,
                           std::string_view what) {
  if (!value.is_string()) {
    wrong_type(name, wanted, what);
  }
  return value.get_ref<const std::string&>();
}

}  // namespace

const Json& member(const Json& object, std::string_view name) {
  static const Json kNull;
  if (!object.is_object()) {
    return kNull;
  }
  auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

void require_object(const Json& value, std::string_view what) {
  if (!value.is_object()) {
    fail(ErrorKind::kInput, cat(what, " is not a JSON object"));
  }
}

std::optional<std::vector<std::string>> find_texts(const Json& object, std::string_view name,
                                                   std::string_view what) {
  const Json& value = member(object, name);
  if (value.is_null()) {
    return std::nullopt;
  }
  if (!value.is_array()) {
    wrong_type(name, "a list of strings", what);
  }
  std::vector<std::string> result;
  result.reserve(value.size());
  for (const Json& element : value) {
    result.push_back(text_of(element, name, "a list of strings", what));
  }
  return result;
}

std::vector<std::string> texts(const Json& object, std::string_view name, std::string_view what) {
  return find_texts(object, name, what).value_or(std::vector<std::string>{});
}

std::map<std::string, std::string> text_map(const Json& object, std::string_view name,
                                            std::string_view what) {
  const Json& value = member(object, name);
  std::map<std::string, std::string> result;
  if (value.is_null()) {
    return result;
  }
  if (!value.is_object()) {
    wrong_type(name, "an object of strings", what);
  }
  for (const auto& [key, element] : value.items()) {
    // Go reads null as the empty string.
    result[key] = element.is_null() ? "" : text_of(element, name, "an object of strings", what);
  }
  return result;
}

std::set<std::string> key_set(const Json& object, std::string_view name, std::string_view what) {
  const Json& value = member(object, name);
  std::set<std::string> result;
  if (value.is_null()) {
    return result;
  }
  if (!value.is_object()) {
    wrong_type(name, "an object", what);
  }
  for (const auto& [key, element] : value.items()) {
    result.insert(key);
  }
  return result;
}

std::optional<base::Timestamp> time(const Json& object, std::string_view name,
                                    std::string_view what) {
  std::string text = base::json_text(object, name, what);
  if (text.empty()) {
    return std::nullopt;
  }
  std::optional<base::Timestamp> result = base::parse_rfc3339(text);
  if (!result) {
    fail(ErrorKind::kInput,
         cat(what, ": member ", quote(name), " is no RFC 3339 time: ", quote(text)));
  }
  return result;
}

Platform platform(const Json& object, std::string_view what) {
  return {.architecture = base::json_text(object, "architecture", what),
          .os = base::json_text(object, "os", what),
          .os_version = base::json_text(object, "os.version", what),
          .os_features = texts(object, "os.features", what),
          .variant = base::json_text(object, "variant", what)};
}

Descriptor descriptor(const Json& value, std::string_view what) {
  require_object(value, cat(what, ": descriptor"));
  std::string digest_text = base::json_text(value, "digest", what);
  auto digest = base::Digest::parse(digest_text);
  if (!digest) {
    fail(ErrorKind::kInput,
         cat(what, ": digest ", quote(digest_text), " of a descriptor: ", digest.error()));
  }
  Descriptor result{.media_type = base::json_text(value, "mediaType", what),
                    .digest = *std::move(digest),
                    .size = base::json_integer(value, "size", -1, what)};
  if (result.size < 0) {
    fail(ErrorKind::kInput, cat(what, ": descriptor ", result.digest.text(), " has no valid size"));
  }
  result.urls = texts(value, "urls", what);
  result.annotations = text_map(value, "annotations", what);
  if (std::string data = base::json_text(value, "data", what); !data.empty()) {
    std::optional<std::string> decoded = base::from_base64(data);
    if (!decoded) {
      fail(ErrorKind::kInput,
           cat(what, ": data of descriptor ", result.digest.text(), " is not base64"));
    }
    result.data = *std::move(decoded);
  }
  if (const Json& inner = member(value, "platform"); !inner.is_null()) {
    require_object(inner, cat(what, ": platform"));
    result.platform = platform(inner, what);
  }
  result.artifact_type = base::json_text(value, "artifactType", what);
  return result;
}

std::optional<Descriptor> find_descriptor(const Json& object, std::string_view name,
                                          std::string_view what) {
  const Json& value = member(object, name);
  if (value.is_null()) {
    return std::nullopt;
  }
  return descriptor(value, what);
}

std::vector<Descriptor> descriptors(const Json& object, std::string_view name,
                                    std::string_view what) {
  const Json& value = member(object, name);
  std::vector<Descriptor> result;
  if (value.is_null()) {
    return result;
  }
  if (!value.is_array()) {
    wrong_type(name, "a list of descriptors", what);
  }
  if (value.size() > kManifestEntriesMax) {
    fail(ErrorKind::kInput, cat(what, ": ", value.size(), " ", name, ", more than the ",
                                kManifestEntriesMax, " that are taken"));
  }
  result.reserve(value.size());
  for (const Json& element : value) {
    result.push_back(descriptor(element, what));
  }
  return result;
}

void put(OrderedJson& object, const char* name, const std::string& text) {
  if (!text.empty()) {
    object[name] = text;
  }
}

void put(OrderedJson& object, const char* name, const std::vector<std::string>& texts) {
  if (!texts.empty()) {
    object[name] = texts;
  }
}

void put(OrderedJson& object, const char* name, const std::map<std::string, std::string>& map) {
  if (!map.empty()) {
    object[name] = map;
  }
}

void put(OrderedJson& object, const char* name, const std::set<std::string>& keys) {
  for (const std::string& key : keys) {
    object[name][key] = OrderedJson::object();
  }
}

void put(OrderedJson& object, const char* name, const std::optional<base::Timestamp>& time) {
  if (time) {
    object[name] = base::format_rfc3339(*time);
  }
}

void put(OrderedJson& object, const char* name, std::int64_t number) {
  if (number != 0) {
    object[name] = number;
  }
}

void put(OrderedJson& object, const Platform& platform) {
  object["architecture"] = platform.architecture;
  object["os"] = platform.os;
  put(object, "os.version", platform.os_version);
  put(object, "os.features", platform.os_features);
  put(object, "variant", platform.variant);
}

OrderedJson to_json(const Descriptor& descriptor) {
  OrderedJson object;
  object["mediaType"] = descriptor.media_type;
  object["digest"] = descriptor.digest.text();
  object["size"] = descriptor.size;
  put(object, "urls", descriptor.urls);
  put(object, "annotations", descriptor.annotations);
  put(object, "data", base::to_base64(descriptor.data));
  if (descriptor.platform) {
    OrderedJson inner;
    put(inner, *descriptor.platform);
    object["platform"] = std::move(inner);
  }
  put(object, "artifactType", descriptor.artifact_type);
  return object;
}

std::string dump(const OrderedJson& value, int indentation) {
  return value.dump(indentation, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace slipway::registry::json_fields
